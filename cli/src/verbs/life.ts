/** How an app begins and ends: registered, said what it is for, taken down to the last thing, proven gone. */

import { createHash } from 'node:crypto'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type * as api from '../../../src/doors/api/contract.ts'
import { type Answer, glyph } from '../answer.ts'
import { appOf, ask, type Cli, confirm, refuseAgent } from '../cli.ts'
import { readBytes, readText } from '../files.ts'
import { failed } from '../problem.ts'
import { writeCertificateFile } from '../proof/certificate.ts'
import { moment } from '../time.ts'
import { changes, fields, said, segment, stateWord, tableOf } from './kit.ts'

const manifestFile = 'leasehold.yaml'
/** Words that say nothing of what an app is about. */
const empty = 'a an and for from in into my of on or our that the their this to with'.split(' ')

export const newApp = changes('apps', appBody, (app: api.AppDetail, { host }: Cli) => [
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
  ({ slug, purposes }: api.AppDetail) => [
    [`${glyph.done} ${slug} is for:`, ...purposes.map(({ name, says }) => `  ${name}   ${says}`)],
    `status ${slug}`,
  ],
)

export async function appBody(cli: Cli, purpose = ''): Promise<api.MakeApp> {
  const { options } = cli
  return {
    slug: options.text('name') ?? slugOf(purpose),
    purpose,
    backup: options.text('backup') ?? (await askBackup(cli)),
    team: options.text('team'),
    day: options.text('day'),
    days: options.count('days'),
    dataClasses: options.list('class') as api.MakeApp['dataClasses'],
  }
}

/** Two people answer for an app; in a solo installation there is no second. */
async function askBackup(cli: Cli): Promise<string | undefined> {
  const { installation } = (await cli.api.get('/v1/me')) as api.Me
  if (installation.mode === 'solo') return undefined
  return ask(cli, 'Who answers for it when you are away?', '--backup "Tom Reyes"')
}

export function slugOf(purpose: string): string {
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

const watchMs = 60_000
const lookMs = 300

export async function endApp(cli: Cli, named?: string): Promise<Answer> {
  const slug = appOf(cli, named)
  const path = `/v1/apps/${segment(slug)}/end`
  const plan = (await cli.api.post(path, {}, { isLook: true })) as api.OffboardingView
  const lines = [
    `Ending ${slug} removes ${plan.items.length} things, in this order:`,
    ...plan.items.map(item => `  ${item.order}  ${item.kind}  ${item.name}   ${item.system}`),
  ]
  if (cli.options.is('dryRun')) return said(plan, [lines, `end ${slug}`])
  if (plan.state !== 'verified-gone') {
    for (const line of lines) cli.out.note(line)
    if (!(await confirm(cli, `End ${slug}? It can not be undone.`)))
      throw failed('Nothing was ended.', `leasehold status ${slug}`)
    const body = { planHash: plan.planHash, reason: cli.options.text('reason') }
    await cli.api.post(path, body, { timeoutMs: watchMs })
  }
  return ended(cli, slug, await watch(cli, path))
}

/** Tells of each thing once it is decided; stops when all are, or when the server will try later. */
async function watch(cli: Cli, path: string): Promise<api.OffboardingView> {
  const told = new Set<number>()
  for (const start = cli.host.now(); ; await cli.host.sleep(lookMs)) {
    const view = (await cli.api.get(path)) as api.OffboardingView
    const news = view.items.filter(({ order, state }) => state !== 'to-do' && !told.has(order))
    for (const { order, state, name, system, because } of news) {
      told.add(order)
      cli.out.note(`  ${stateWord(state)}   ${name}   ${system}   ${because ?? ''}`)
    }
    const isOver = ['verified-gone', 'not-green'].includes(view.state) && view.certifiedAt !== null
    if (isOver || cli.host.now() - start > watchMs) return view
  }
}

async function ended(cli: Cli, slug: string, view: api.OffboardingView): Promise<Answer> {
  const isGreen = view.state === 'verified-gone'
  const { green, of, nextTryAt } = view
  const lines = [`${slug}: ${isGreen ? glyph.ok : glyph.wait} ${green} of ${of} verified gone`]
  if (existsSync(join(cli.host.cwd, '.leasehold/made.json')))
    lines.push('  This folder stays, with its history; no credential was ever in it')
  if (nextTryAt !== null) lines.push(`  Looking again ${moment(nextTryAt, cli.host.now())}`)
  if (view.certifiedAt === null) return said(view, [lines, `end ${slug}`, isGreen])
  const file = (await cli.api.get(`/v1/apps/${segment(slug)}/certificate`)) as api.CertificateFile
  const name = `${slug}.end.json`
  writeFileSync(join(cli.host.cwd, name), writeCertificateFile(file))
  return said(view, [[...lines, `  End certificate written   ${name}`], `verify ${name}`, isGreen])
}

/** Alone, what people said of this app; with a thing, says that it is gone and shows a file for it. */
export async function evidence(cli: Cli, named: string, item?: string): Promise<Answer> {
  const { api, host, options } = cli
  const path = `/v1/apps/${segment(named)}/evidence`
  if (item === undefined) {
    const { items } = (await api.get(path)) as { items: api.EvidenceView[] }
    const table = tableOf(items, ['system', 'by', 'madeAt', 'recheckAt', 'fileHash'], host.now())
    return { result: { items }, table, next: `leasehold end ${named} --dry-run` }
  }
  refuseAgent(cli)
  const file = options.text('file') ?? (await ask(cli, 'Which file shows it?', '--file shot.png'))
  const bytes = readBytes(host, file)
  const says = options.text('says') ?? (await ask(cli, 'What did you see?', '--says "…"'))
  const fileHash = createHash('sha256').update(bytes).digest('hex')
  await api.post(`${path}/${fileHash}`, undefined, { method: 'PUT', bytes })
  const told = { item, fileHash, says, system: options.text('system') }
  const body = { ...told, recheckAt: options.text('until') }
  const view = (await api.post(path, body, { timeoutMs: watchMs })) as api.OffboardingView
  return ended(cli, named, view)
}
