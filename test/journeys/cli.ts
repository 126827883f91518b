/** The real command line as a person signed in at the company types it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { signInLink } from '../../demo/people.ts'
import { type Company, expectStatus } from './company.ts'

export const main = resolve(import.meta.dirname, '../../cli/src/main.ts')

/** A folder of Sam's, who is signed in. */
export async function homeOfSam({ running }: Pick<Company, 'running'>): Promise<string> {
  const { address: url, issuer } = running
  const { token } = await signInLink(issuer, url, await running.signInLink())
  const home = await mkdtemp(join(tmpdir(), 'leasehold-cli-'))
  await mkdir(join(home, '.leasehold'), { mode: 0o700 })
  const hint = JSON.stringify({ url, issuer, token, controlUrl: url, controlWord: '-' })
  await writeFile(join(home, '.leasehold/demo.json'), hint, { mode: 0o600 })
  return home
}

export function start(home: string, words: readonly string[], env = {}): ChildProcess {
  const own = { PATH: process.env['PATH'], HOME: home, TZ: 'UTC', ...env }
  return spawn(process.execPath, [main, ...words], { cwd: home, env: own })
}

export async function ended(child: ChildProcess, input = '') {
  let [out, err] = ['', '']
  child.stdout?.on('data', chunk => (out += String(chunk)))
  child.stderr?.on('data', chunk => (err += String(chunk)))
  child.stdin?.end(input)
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, out, err }
}

/** A script of Node as a command of `run`: what it printed, one value of JSON a line. Throws unless it ended well. */
export async function told(home: string, flags: readonly string[], script: string, env = {}) {
  const command = ['--', process.execPath, '--input-type=module', '-e', script]
  const child = start(home, ['run', '--as', 'desk', ...flags, ...command], env)
  const { code, out, err } = await ended(child)
  if (code !== 0) throw new Error(`${code} ${err} ${out}`)
  const lines = out.split('\n').filter(line => line !== '')
  // oxlint-disable-next-line typescript/no-explicit-any -- a test reads whatever the wire says
  return lines.map((line): any => JSON.parse(line))
}

/** An app of Sam's for his own work by hand; of each resource, as `api:read,write`, Tom agrees to all. */
export async function makeApp(company: Company, slug: string, needs: string[]): Promise<void> {
  const [sam, tom] = [company.as('sam'), company.as('tom')]
  const parts = needs.map(need => need.split(':') as [string, string])
  const backup = { purpose: 'looks at things', backup: 'tom@acme.example', days: 5 }
  await expectStatus(201, sam('POST', '/v1/apps', { ...backup, slug }))
  const listed = parts.map(
    ([resource, actions]) => `      - resource: ${resource}\n        actions: [${actions}]\n`,
  )
  const yaml = `app: ${slug}\npurposes:\n  look:\n    says: Looks\n    needs:\n${listed.join('')}`
  await expectStatus(200, sam('PUT', `/v1/apps/${slug}/manifest`, { yaml }))
  const trust = { role: 'run', preset: 'person', claims: { as: ['owner'] }, reason: 'by hand' }
  await expectStatus(201, sam('POST', `/v1/apps/${slug}/trust`, trust))
  for (const [resource, actions] of parts) {
    const grant = { app: slug, resource, actions: actions.split(','), reason: 'to look' }
    const asked = (await expectStatus(201, sam('POST', '/v1/requests', grant))).body
    const yes = { says: 'yes', bodyHash: asked.bodyHash }
    await expectStatus(200, tom('POST', `/v1/requests/${asked.id}/answer`, yes))
  }
  await company.running.world.settle()
}

/** A resource of its target that Tom answers for. */
export async function defineWeb(company: Company, slug: string, object = {}): Promise<void> {
  const named = { slug, target: slug, object, columns: [] }
  const owned = { dataClass: 'internal', dataOwner: 'tom@acme.example' }
  await expectStatus(201, company.as('sam')('POST', '/v1/resources', { ...named, ...owned }))
}
