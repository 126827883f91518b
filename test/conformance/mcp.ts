/**
 * MCP through the gateway: the protocol's own conformance suite asks a reference server by the address
 * and word that `run` gives a command, and the same server directly. Counts as failed what fails
 * through us and not without us. Both revisions. And our own authorization server, of which every check
 * that fails counts.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { signInLink } from '../../demo/people.ts'
import { type Company, expectStatus, startCompany } from '../journeys/company.ts'
import { askAuthorization } from './mcp/authorization.ts'
import { countClientSuite } from './mcp/client-suite.ts'
import { type Revision, revisions, startReference } from './mcp/reference.ts'
import type { Outcome } from './mcp/results.ts'
import { runServerSuite } from './mcp/suite.ts'

/** Beside what the sets require: those that a gateway could break. */
const more: Readonly<Record<Revision, readonly string[]>> = {
  '2025-11-25': ['server-session-lifecycle', 'json-schema-2020-12', 'server-sse-polling'],
  '2026-07-28': [
    'json-schema-2020-12',
    'http-header-validation',
    'http-custom-header-server-validation',
  ],
}

export async function runMcp(_args: string[], say: (text: string) => void) {
  const tally = { passed: 0, failed: 0 }
  const signIn = await askAuthorization()
  const refused = signIn.filter(each => !each.passed || each.detail.startsWith('warning'))
  for (const each of refused) say(`✕ authorization ${nameOf(each)} ${each.detail}`)
  say(`authorization: ${signIn.length} checks, ${refused.length} fail`)
  tally.passed += signIn.length - refused.length
  tally.failed += refused.length
  const company = await startCompany()
  try {
    for (const revision of revisions) {
      const reference = await startReference(revision)
      try {
        const asked = { revision, also: more[revision] }
        const alone = failuresOf(await runServerSuite({ ...asked, url: reference.url }))
        const ours = await throughGateway(
          company,
          { url: reference.url, name: revision },
          ({ url, word }) =>
            runServerSuite({ ...asked, url, headers: { authorization: `Bearer ${word}` } }),
        )
        const failed = ours.filter(each => !each.passed && !alone.has(nameOf(each)))
        for (const each of failed) say(`✕ ${revision} ${nameOf(each)} ${each.detail}`)
        say(`${revision}: ${ours.length} checks, ${failed.length} fail through the gateway alone`)
        tally.passed += ours.length - failed.length
        tally.failed += failed.length
      } finally {
        await reference.close()
      }
    }
    await countClientSuite(tally, say)
    return tally
  } finally {
    await company.stop()
  }
}

const nameOf = ({ scenario, check }: Outcome) => `${scenario} ${check}`
const failuresOf = (outcomes: readonly Outcome[]) =>
  new Set(outcomes.filter(({ passed }) => !passed).map(nameOf))

export interface Door {
  readonly url: string
  readonly word: string
}

interface Asked {
  readonly url: string
  /** Of the target, the resource and the app. */
  readonly name: string
  /** The class of each tool. */
  readonly tools?: Readonly<Record<string, string>>
}

/** What reads there is granted; the real command line holds the door open. */
export async function throughGateway<T>(
  company: Company,
  { url, name, tools = { '*': 'read' } }: Asked,
  use: (door: Door) => Promise<T>,
): Promise<T> {
  const slug = `mcp-${name.replaceAll('.', '-')}`
  await furnish(company, slug, url, { tools })
  const home = await mkdtemp(join(tmpdir(), 'leasehold-mcp-'))
  const child = await openDoor(company, home, slug)
  try {
    const [said] = (await once(child.stdout ?? child, 'data')) as [Buffer]
    return await use(JSON.parse(String(said)) as Door)
  } finally {
    child.kill('SIGTERM')
    if (child.exitCode === null) await once(child, 'close')
    await rm(home, { recursive: true })
  }
}

export async function furnish(
  { as, running }: Company,
  slug: string,
  url: string,
  object: object = { tools: { '*': 'read' } },
): Promise<void> {
  const [sam, tom] = [as('sam'), as('tom')]
  const target = { slug, connector: 'mcp', config: { url }, production: false }
  await expectStatus(201, sam('POST', '/v1/targets', target))
  const owned = { dataClass: 'internal', dataOwner: 'tom@acme.example', columns: [] }
  await expectStatus(201, sam('POST', '/v1/resources', { slug, target: slug, object, ...owned }))
  const backup = { purpose: 'asks a server', backup: 'tom@acme.example', days: 5 }
  await expectStatus(201, sam('POST', '/v1/apps', { ...backup, slug }))
  const needs = `    needs:\n      - resource: ${slug}\n        actions: [read]\n`
  const yaml = `app: ${slug}\npurposes:\n  ask:\n    says: Asks\n${needs}`
  await expectStatus(200, sam('PUT', `/v1/apps/${slug}/manifest`, { yaml }))
  const trust = { role: 'run', preset: 'person', claims: { as: ['owner'] }, reason: 'by hand' }
  await expectStatus(201, sam('POST', `/v1/apps/${slug}/trust`, trust))
  const grant = { app: slug, resource: slug, actions: ['read'], reason: 'to ask' }
  const asked = (await expectStatus(201, sam('POST', '/v1/requests', grant))).body
  const yes = { says: 'yes', bodyHash: asked.bodyHash }
  await expectStatus(200, tom('POST', `/v1/requests/${asked.id}/answer`, yes))
  await running.world.settle()
}

async function openDoor({ running }: Company, home: string, slug: string): Promise<ChildProcess> {
  const { address: url, issuer } = running
  const { token } = await signInLink(issuer, url, await running.signInLink())
  await mkdir(join(home, '.leasehold'), { mode: 0o700 })
  const hint = { url, issuer, token, controlUrl: url, controlWord: '-' }
  await writeFile(join(home, '.leasehold/demo.json'), JSON.stringify(hint), { mode: 0o600 })
  const names = slug.toUpperCase().replaceAll('-', '_')
  const script = `console.log(JSON.stringify({ url: process.env.${names}_URL, word: process.env.${names}_TOKEN }))
    setInterval(() => {}, 1000)`
  const main = resolve(import.meta.dirname, '../../cli/src/main.ts')
  const words = [
    'run',
    '--as',
    slug,
    '--need',
    `${slug}:read`,
    '--',
    process.execPath,
    '-e',
    script,
  ]
  const env = { PATH: process.env['PATH'], HOME: home, TZ: 'UTC' }
  return spawn(process.execPath, [main, ...words], {
    cwd: home,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}
