/**
 * A build day of many teams: opened from one file, worked on, and closed with proof. PostgreSQL is real,
 * the other systems are pretend ones that keep their own lists. Three things are made by hand meanwhile, and
 * the day is not closed before each has an end. Then a day at a database that lies about deleting.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { runCli } from '../cli/src/run-cli.ts'
import type {
  AppDetail,
  FoundView,
  IssuedLeaseView,
  RequestView,
} from '../src/doors/api/contract.ts'
import { newUser } from '../test/fakes/aws/state.ts'
import type { PretendSystems } from '../test/support/pretend-systems.ts'
import { exchangeToken } from './client.ts'
import { withClient } from './crm.ts'
import { headOf, kindOf, teamOf, teamText, yamlOf } from './day-file.ts'
import { connect } from './everywhere.ts'
import type { Parts } from './parts.ts'
import { type SignedIn, signInCompany, visitCompany } from './people.ts'
import { countOrphans, type Tell } from './story.ts'

const day = 'claude-day'
const roleByHand = 'shadow_report'
const userByHand = 'nightly-export'
const keyByHand = 'temp-bot'

interface Stage {
  readonly parts: Parts
  readonly systems: PretendSystems
  readonly teams: number
}

/** Two people a team. */
export function peopleOf(teams: number) {
  const numbers = Array.from({ length: teams }, (_, i) => i + 1)
  return numbers.flatMap(n =>
    ['driver', 'engineer'].map(role => ({
      sub: `${role}-${n}`,
      name: `${role === 'driver' ? 'Dana' : 'Eli'} ${n}`,
      email: `${role}-${n}@acme.example`,
    })),
  )
}

export async function playDay(stage: Stage, tell: Tell) {
  const { parts, systems, teams } = stage
  const started = performance.now()
  // Its App may see who can write to repositories, or nobody would find a key there.
  systems.github.installation.permissions['administration'] = 'read'
  await connect(parts, systems, tell)
  const drivers = await signInAll(stage)
  tell(2, `${teams * 2} people of ${teams} teams have signed in once.`)
  const cli = await openCli(parts)
  try {
    cli.file('day.yaml', yamlOf(day, teams))
    const open = await openTheDay(stage, { cli, drivers }, tell)
    const leases = await work(stage, drivers, tell)
    await plant(stage)
    tell(
      6,
      'Meanwhile somebody makes by hand: a role in PostgreSQL, a user at AWS, a deploy key at GitHub.',
    )
    const first = await cli.run('day', 'close', 'day.yaml', '--yes', '--json')
    const named = refusedFor(first)
    tell(
      7,
      'Sam closes the day.',
      'refused',
      named.map(({ about, system }) => `${system}: ${about}`),
    )
    await settle(stage, drivers)
    tell(
      8,
      'The role and the user are revoked; Dana 1 claims the key, and it is adopted with an end.',
    )
    const last = await cli.run('day', 'close', 'day.yaml', '--yes', '--json')
    if (last.code !== 0) throw new Error(`the day was not closed: ${last.text}`)
    const { bornOutside, removed, gone, report } = last.result
    tell(9, `${String(gone)} of ${String(removed)} checked gone`, 'gone', [
      `report ${String(report)}`,
    ])
    const verified = await cli.run(
      'verify',
      String(report),
      '--root',
      await rootOf(parts),
      '--json',
    )
    if (verified.code !== 0) throw new Error(`the report is not proven: ${verified.text}`)
    const identities = await countIdentities(stage)
    const lying = await closeAtLiar(stage, cli, tell)
    const residue = (await countOrphans(parts)) + left(systems)
    const seconds = {
      open,
      close: first.seconds,
      total: Number(((performance.now() - started) / 1000).toFixed(1)),
    }
    tell(11, `residue ${residue} · opened in ${open} s · closed in ${first.seconds} s`)
    return {
      day,
      teams,
      identities,
      leases,
      objects: removed,
      seconds,
      residue,
      bornOutside: grouped(bornOutside as Outside[]),
      report: { path: report, verified: verified.code === 0, certificates: teams },
      lying,
    }
  } finally {
    cli.close()
  }
}

async function countIdentities({ parts, teams }: Stage): Promise<number> {
  parts.sam = await parts.sam.renew()
  const { client } = parts.sam
  const numbers = Array.from({ length: teams }, (_, i) => i)
  const apps = await spread(numbers, i => client.get<AppDetail>(`/v1/apps/${teamOf(i)}`))
  return apps.reduce((sum, { identities }) => sum + identities.length, 0)
}

interface Outside {
  readonly name: string
  readonly kind: string
  readonly system: string
  readonly state: string
  readonly owner: string | null
  readonly endsAt: string | null
}

/** One role is at a server, however often that is connected. */
function grouped(outside: readonly Outside[]) {
  return [...Map.groupBy(outside, ({ name }) => name)].map(([name, some]) => ({
    name,
    kind: some[0]?.kind,
    systems: some.map(({ system }) => system),
    end: some.every(({ state }) => state === 'gone')
      ? 'revoked'
      : `${some[0]?.owner}, ${some[0]?.endsAt}`,
  }))
}

async function signInAll({ parts, teams }: Stage): Promise<SignedIn[]> {
  const numbers = Array.from({ length: teams }, (_, i) => i + 1)
  return spread(numbers, async n => {
    await visitCompany(parts.issuer, `engineer-${n}`)
    return signInCompany(parts.issuer, parts.address, `driver-${n}`)
  })
}

async function openTheDay(
  { parts, teams }: Stage,
  { cli, drivers }: { cli: DayCli; drivers: readonly SignedIn[] },
  tell: Tell,
): Promise<number> {
  const checked = await cli.run('day', 'check', 'day.yaml', '--json')
  if (checked.code !== 0) throw new Error(`the day was not opened: ${checked.text}`)
  const opened = await cli.run('day', 'open', 'day.yaml', '--json')
  if (opened.code !== 0) throw new Error(`the day was not opened: ${opened.text}`)
  tell(3, `day.yaml is checked and opened: ${teams} teams in ${opened.seconds} s.`)
  await answerAll(parts)
  await spread(drivers, async ({ client }, i) => {
    await client.post(`/v1/apps/${teamOf(i)}/accept`, {})
  })
  const ready = await cli.run('day', 'check', 'day.yaml', '--json')
  if (ready.result['ready'] !== teams) throw new Error(`not all can begin: ${ready.text}`)
  tell(
    4,
    `Tom says yes to each, every driver accepts: ${teams}/${teams} can have their first lease.`,
  )
  return Number((checked.seconds + opened.seconds + ready.seconds).toFixed(1))
}

/** Who answers for the data says yes to exactly what each asks. */
async function answerAll(parts: Parts): Promise<void> {
  const tom = await signInCompany(parts.issuer, parts.address, 'tom')
  for (;;) {
    const { items } = await tom.client.get<{ items: RequestView[] }>('/v1/requests?state=open')
    if (items.length === 0) return
    await spread(items, async ({ id, bodyHash }) => {
      await tom.client.post(`/v1/requests/${id}/answer`, { says: 'yes', bodyHash })
    })
  }
}

/** Each driver by hand: one task, and a lease of each thing the team needs, left alive. */
async function work({ parts }: Stage, drivers: readonly SignedIn[], tell: Tell): Promise<number> {
  const made = await spread(drivers, async (driver, i) => {
    const [purpose, , more] = kindOf(i)
    const { body } = await exchangeToken(parts.address, driver.token, {
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      identity: `${teamOf(i)}/run`,
      scope: purpose,
      run: crypto.randomUUID(),
    })
    if (body.access_token === undefined) throw new Error(body.error_description ?? 'no task')
    const workload = parts.as(body.access_token)
    for (const resource of ['crm.deals', ...(more === undefined ? [] : [more])]) {
      const via = resource === 'bucket' ? 'env' : 'proxy'
      await workload.post<IssuedLeaseView>('/v1/leases', { resource, actions: ['read'], via })
    }
    return more === undefined ? 1 : 2
  })
  const leases = made.reduce((sum, each) => sum + each, 0)
  tell(5, `They work: ${leases} leases are live at once.`)
  return leases
}

async function plant({ parts, systems }: Stage): Promise<void> {
  await withClient(parts.postgres, 'postgres', async client => {
    await client.query(`create role ${roleByHand} login`)
  })
  newUser(systems.aws, userByHand)
  const made = { created_at: systems.clock.now(), added_by: 'eli', read_only: false }
  systems.github.repositories[0]?.keys.push({ id: 77, title: keyByHand, ...made })
}

/** Two are revoked where they were made; the third is somebody's, with an end. */
async function settle({ parts, systems }: Stage, [driver]: readonly SignedIn[]): Promise<void> {
  await withClient(parts.postgres, 'postgres', async client => {
    await client.query(`drop role ${roleByHand}`)
  })
  systems.aws.users.delete(userByHand)
  const [sam, dana] = [await parts.sam.renew(), await driver?.renew()]
  parts.sam = sam
  const { items } = await sam.client.get<{ items: FoundView[] }>('/v1/found?target=github')
  const key = items.find(({ name }) => name === keyByHand)
  if (key === undefined || dana === undefined) throw new Error('the deploy key was not found')
  await dana.client.post(`/v1/found/${key.id}/claim`)
  const app = { app: 'mirror-bot', purpose: 'mirrors one branch', backup: 'tom@acme.example' }
  await sam.client.post(`/v1/found/${key.id}/adopt`, { ...app, days: 14 })
}

type Block = { readonly about: string; readonly system: string | null; readonly says: string }

/** Exactly the three, and nothing of an app. */
function refusedFor({ code, result, text }: Ran): Block[] {
  const blocks = (result['blocks'] ?? []) as Block[]
  const names = new Set(blocks.map(({ about }) => about))
  const wanted = [roleByHand, userByHand, keyByHand]
  const isExact = names.size === wanted.length && wanted.every(each => names.has(each))
  if (code === 1 && isExact) return blocks
  throw new Error(`close said otherwise: ${code} ${JSON.stringify(blocks)} ${text.slice(0, 300)}`)
}

/** A day at a database that answers "dropped": close refuses and says where, until it is true. */
async function closeAtLiar(stage: Stage, cli: DayCli, tell: Tell) {
  const { parts } = stage
  const name = 'liar-day'
  const people = { driver: 'maya@acme.example', engineer: 'tom@acme.example' }
  cli.file(
    'liar.yaml',
    headOf(
      name,
      'invoices: billing.invoices:read',
      teamText('old-books', { ...people, kind: 'books' }),
      'books',
      'invoices',
    ),
  )
  const opened = await cli.run('day', 'open', 'liar.yaml', '--json')
  if (opened.code !== 0) throw new Error(`the liar's day was not opened: ${opened.text}`)
  await answerAll(parts)
  const maya = await parts.maya.renew()
  await maya.client.post('/v1/apps/old-books/accept', {})
  const { body } = await exchangeToken(parts.address, maya.token, {
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    identity: 'old-books/run',
    scope: 'books',
    run: crypto.randomUUID(),
  })
  const lease = { resource: 'billing.invoices', actions: ['read'] }
  await parts.as(body.access_token ?? '').post('/v1/leases', lease)
  parts.liar.honest = false
  const first = await cli.run('day', 'close', 'liar.yaml', '--yes', '--json')
  const blocks = (first.result['blocks'] ?? []) as Block[]
  const isNamed = blocks.length > 0 && blocks.every(({ system }) => system === 'old-billing')
  if (first.code !== 1 || !isNamed) throw new Error(`the liar was believed: ${first.text}`)
  tell(10, 'A day at a database that lies about deleting: close names it.', 'refused', [
    `${blocks[0]?.system}: ${blocks[0]?.says}`,
  ])
  parts.liar.honest = true
  let last = await cli.run('day', 'close', 'liar.yaml', '--yes', '--json')
  // Each try waits longer than the one before; so do we.
  for (let tries = 0; last.code !== 0 && tries < 20; tries++) {
    await new Promise(done => setTimeout(done, 3_000))
    last = await cli.run('day', 'close', 'liar.yaml', '--yes', '--json')
  }
  return { system: blocks[0]?.system, refused: first.code === 1, closedWhenHonest: last.code === 0 }
}

// ── the command line, as Sam types it ──

interface Ran {
  readonly code: number
  readonly text: string
  readonly seconds: number
  readonly result: Readonly<Record<string, unknown>>
}
type DayCli = Awaited<ReturnType<typeof openCli>>

async function openCli(parts: Parts) {
  const home = mkdtempSync(join(tmpdir(), 'leasehold-day-'))
  const rootFingerprint = await rootOf(parts)
  mkdirSync(join(home, '.leasehold'), { mode: 0o700 })
  const { address: url, issuer } = parts
  return {
    home,
    file: (name: string, text: string) => writeFileSync(join(home, name), text),
    read: (name: string) => readFileSync(join(home, name), 'utf8'),
    close: () => rmSync(home, { recursive: true, force: true }),
    async run(...argv: string[]): Promise<Ran> {
      parts.sam = await parts.sam.renew()
      const own = { url, issuer, token: parts.sam.token, rootFingerprint }
      const hint = { ...own, controlUrl: url, controlWord: '-' }
      writeFileSync(join(home, '.leasehold/demo.json'), JSON.stringify(hint), { mode: 0o600 })
      const from = performance.now()
      let [out, err] = ['', '']
      const code = await runCli({
        argv,
        env: { HOME: home, NO_COLOR: '1' },
        cwd: home,
        stdin: Object.assign(Readable.from(['']), { isTTY: false }),
        stdout: { write: text => void (out += text) },
        stderr: { write: text => void (err += text) },
        now: Date.now,
        sleep: ms => new Promise(done => setTimeout(done, ms)),
        umask: 0o022,
      })
      const seconds = Number(((performance.now() - from) / 1000).toFixed(1))
      const said = (out === '' ? {} : JSON.parse(out)) as { result?: Ran['result'] }
      return { code, text: `${out}${err}`.slice(0, 4_000), seconds, result: said.result ?? {} }
    },
  }
}

async function rootOf({ sam }: Parts): Promise<string> {
  const { rootFingerprint } = await sam.client.get<{ rootFingerprint: string }>('/v1/installation')
  return rootFingerprint
}

/** A few beside each other, as people are. */
async function spread<T, R>(items: readonly T[], run: (item: T, i: number) => Promise<R>) {
  const results: R[] = []
  const next = items.entries()
  const worker = async () => {
    for (const [i, item] of next) results[i] = await run(item, i)
  }
  await Promise.all(Array.from({ length: 6 }, worker))
  return results
}

/** By the systems' own lists; of GitHub what is for whole installations is what the server looks with. */
function left({ aws, gcp, azure, github }: PretendSystems): number {
  const ours = github.living().filter(({ repositoryIds }) => repositoryIds !== null)
  return [...aws.living(), ...gcp.living(), ...azure.living(), ...ours].length
}
