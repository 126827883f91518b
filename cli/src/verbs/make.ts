/** `new`: an app with an owner, a purpose and an end; and its manifest. */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AppDetail, MakeApp, Me } from '../../../src/doors/api/contract.ts'
import { glyph } from '../answer.ts'
import { ask, type Cli } from '../cli.ts'
import { readText } from '../files.ts'
import { changes, fields } from './kit.ts'

const manifestFile = 'leasehold.yaml'
/** Words that say nothing of what an app is about. */
const empty = 'a an and for from in into my of on or our that the their this to with'.split(' ')

export const newApp = changes('apps', appBody, (app: AppDetail, { host }: Cli) => [
  [
    `${glyph.done} ${app.slug}   ${app.purpose}`,
    ...fields(app, ['owner', 'backup', 'stage', 'endsAt'], host.now()),
    ...app.identities.map(({ spiffeId }) => `  ${spiffeId}`),
    ...markFolder(host.cwd, app.slug),
  ],
  'resource ls',
])

/** Sends `leasehold.yaml`: what the app is for, and what each purpose needs. */
export const pushManifest = changes(
  'PUT apps/:folder/manifest',
  (cli, file = manifestFile) => ({ yaml: readText(cli.host, file) }),
  ({ slug, purposes }: AppDetail) => [
    [`${glyph.done} ${slug} is for:`, ...purposes.map(({ name, says }) => `  ${name}   ${says}`)],
    `status ${slug}`,
  ],
)

async function appBody(cli: Cli, purpose = ''): Promise<MakeApp> {
  const { options } = cli
  return {
    slug: options.text('name') ?? slugOf(purpose),
    purpose,
    backup: options.text('backup') ?? (await askBackup(cli)),
    team: options.text('team'),
    days: options.count('days'),
    dataClasses: options.list('class') as MakeApp['dataClasses'],
  }
}

/** Two people answer for an app; in a solo installation there is no second. */
async function askBackup(cli: Cli): Promise<string | undefined> {
  const { installation } = (await cli.api.get('/v1/me')) as Me
  if (installation.mode === 'solo') return undefined
  return ask(cli, 'Who answers for it when you are away?', '--backup "Tom Reyes"')
}

function slugOf(purpose: string): string {
  const words = purpose.toLowerCase().match(/[a-z][a-z0-9]*/g) ?? []
  const told = words.filter(word => !empty.includes(word))
  return told.slice(0, 2).join('-')
}

/** The folder is the app's from now on; a manifest that is there is left alone. */
function markFolder(folder: string, slug: string): string[] {
  const path = join(folder, manifestFile)
  if (existsSync(path)) return []
  writeFileSync(path, `app: ${slug}\n`, { flag: 'wx', mode: 0o644 })
  return [`  ${manifestFile} says which app this folder is`]
}
