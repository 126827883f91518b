/**
 * A prototype that stays: it answers people from a real PostgreSQL while a managed service takes over from
 * it, under the eyes of a client that never stops asking. What the prototype had is then proven gone.
 */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { openTunnel } from '../cli/src/tunnel.ts'
import { ownerName } from '../src/core/lease/names.ts'
import type {
  AppDetail,
  AppView,
  GraduationView,
  IssuedLeaseView,
  LeaseView,
  LogCheckView,
  OffboardingView,
  RequestView,
} from '../src/doors/api/contract.ts'
import { type Client, exchangeToken } from './client.ts'
import { sharedColumns, stuckDeals, withClient } from './crm.ts'
import type { Parts } from './parts.ts'
import { type Tell, writeCertificate } from './story.ts'

const app = 'deal-board'
const service = `${app}-service`
/** So often somebody asks: thirty times a second, until all is over. */
const askEveryMs = 33
const overMs = 60_000

export type Graduated = Awaited<ReturnType<typeof playGraduation>>

export async function playGraduation(parts: Parts, tell: Tell) {
  const started = performance.now()
  await makePrototype(parts, tell)
  const first = await openDoor(parts, app)
  const board = await startBoard(first)
  const people = startPeople(board.url)
  try {
    tell(2, `${app} answers; somebody asks it 30 times a second from now on.`)
    await agree(parts, tell)
    const second = await startService(parts, tell)
    // New questions go to the new door; those under way are answered through the old one.
    board.moveTo(second)
    await first.close()
    tell(6, 'The service has a lease of its own. The old one is given back, drained.')
    const end = await waitForEnd(parts)
    const seen = await stopAsking(people, board)
    await second.close()
    return await tellEnd(parts, { end, seen, started }, tell)
  } finally {
    await board.stop()
  }
}

async function makePrototype({ maya, tom, github }: Parts, tell: Tell): Promise<void> {
  const purpose = { purpose: 'board of deals stuck > 14 days', backup: 'tom@acme.example', days: 5 }
  await maya.client.post('/v1/apps', { slug: app, roles: ['run'], ...purpose })
  await maya.client.put(`/v1/apps/${app}/manifest`, { yaml: manifestOf(app) })
  const trust = { role: 'run', preset: 'github', issuer: github.issuer, claims, reason: 'our CI' }
  await yes(tom.client, await maya.client.post<RequestView>(`/v1/apps/${app}/trust`, trust))
  const deals = { resource: 'crm.deals', actions: ['read'], columns: sharedColumns }
  const sample = { resource: 'crm.sandbox-contacts', actions: ['read', 'write'] }
  for (const each of [deals, sample]) {
    const asked = { app, ...each, reason: 'for the board' }
    await yes(tom.client, await maya.client.post<RequestView>('/v1/requests', asked))
  }
  tell(1, `Maya makes ${app}; Tom agrees that it reads crm.deals and changes sample contacts.`)
}

/** Who asked is not among who agree: the person who takes it, and who answers for the data it keeps. */
async function agree({ maya, tom, sam }: Parts, tell: Tell): Promise<void> {
  const path = `/v1/apps/${app}/graduate`
  const { checks } = await maya.client.get<GraduationView>(path)
  tell(3, `It is to stay. ${checks.filter(({ ok }) => ok).length} of ${checks.length} checks pass.`)
  const taker = { to: 'Sam Okafor', backup: 'maya@acme.example', team: 'sales-systems' }
  const asked = { ...taker, reason: 'sales uses it every day' }
  const request = await maya.client.post<RequestView>(path, asked)
  const says = 'Maya asks; Tom, for the data, and Sam, who takes it, say yes to exactly this:'
  tell(4, says, undefined, request.gives)
  for (const who of [tom, sam]) await yes(who.client, request)
}

/** As for any app, its new team says what it is for and who attests it. */
async function startService(parts: Parts, tell: Tell): Promise<Door> {
  const { sam, maya, github } = parts
  await sam.client.put(`/v1/apps/${service}/manifest`, { yaml: manifestOf(service) })
  const trust = { role: 'run', preset: 'github', issuer: github.issuer, claims, reason: 'our CI' }
  await yes(maya.client, await sam.client.post<RequestView>(`/v1/apps/${service}/trust`, trust))
  const { stage, identities } = await sam.client.get<AppDetail>(`/v1/apps/${service}`)
  tell(5, `${service} is ${stage}: ${identities.map(each => each.spiffeId).join(', ')}`)
  return openDoor(parts, service)
}

interface Door {
  readonly leaseId: string
  ask(): Promise<number>
  /** Waits for what is under way, then gives back what the app had. */
  close(): Promise<void>
}

/** What an app does when it starts: says who it is, has a lease made, opens its tunnel. */
async function openDoor(parts: Parts, slug: string): Promise<Door> {
  const { address, github } = parts
  const form = { scope: 'stuck-deals', identity: `${slug}/run` }
  const { body } = await exchangeToken(address, await github.issue({}), form)
  const token = body.access_token
  if (token === undefined) throw new Error(`${body.error}: ${body.error_description}`)
  const workload = parts.as(token)
  const wanted = { resource: 'crm.deals', actions: ['read'] }
  const { lease, handle } = await workload.post<IssuedLeaseView>('/v1/leases', wanted)
  if (handle.via !== 'proxy') throw new Error('the credential was handed over')
  const path = `/v1/leases/${lease.id}/tunnel`
  const dial = { server: new URL(address), path, token: async () => token }
  const tunnel = await openTunnel(dial, () => {})
  const at = { host: '127.0.0.1', port: tunnel.port, database: 'crm', max: 4 }
  const pool = new pg.Pool({ ...at, user: lease.principal, password: handle.word })
  pool.on('error', () => {})
  const text = 'select count(*)::int as stuck from deals where stage_since < current_date - 14'
  const ask = async () => (await pool.query<{ stuck: number }>(text)).rows[0]?.stuck ?? -1
  await ask()
  const close = async () => {
    await pool.end()
    tunnel.close()
    const { task } = await workload.get<{ task: { id: string } }>('/v1/me')
    await workload.post(`/v1/tasks/${task.id}/close`)
  }
  return { leaseId: lease.id, ask, close }
}

/** The app as people see it: one page that reads the database at each request. */
async function startBoard(first: Door) {
  let door = first
  const server: Server = createServer((_, res) => {
    void door.ask().then(
      stuck => res.writeHead(200).end(String(stuck)),
      () => res.writeHead(500).end(),
    )
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/`,
    moveTo: (next: Door) => void (door = next),
    stop: async () => {
      server.closeAllConnections()
      await new Promise<void>(done => server.close(() => done()))
    },
  }
}

/** Asks whether or not the one before was answered. An answer that is wrong or late has failed. */
function startPeople(url: string) {
  const seen = { requests: 0, failed: 0 }
  const open = new Set<Promise<void>>()
  const began = performance.now()
  const askOnce = () => {
    seen.requests++
    const asked = fetch(url, { signal: AbortSignal.timeout(5_000) })
      .then(async answer => {
        if (answer.status !== 200 || (await answer.text()) !== String(stuckDeals)) seen.failed++
      })
      .catch(() => void seen.failed++)
      .finally(() => open.delete(asked))
    open.add(asked)
  }
  // A busy machine runs a timer late: what was missed is asked then.
  const timer = setInterval(() => {
    while (seen.requests * askEveryMs < performance.now() - began) askOnce()
  }, askEveryMs)
  return {
    stop: async () => {
      clearInterval(timer)
      const seconds = (performance.now() - began) / 1000
      await Promise.all(open)
      return { ...seen, perSecond: seen.requests / seconds }
    },
  }
}

async function stopAsking(people: ReturnType<typeof startPeople>, board: { url: string }) {
  // Some more, when nothing of the prototype is left.
  await wait(1_000)
  const seen = await people.stop()
  const last = await (await fetch(board.url)).text()
  return { ...seen, answersStill: last === String(stuckDeals) }
}

/** By itself: the server has seen that the service works, and that the prototype has nothing to do. */
async function waitForEnd({ maya }: Parts): Promise<OffboardingView> {
  for (const from = performance.now(); performance.now() - from < overMs; await wait(200)) {
    const { state } = await maya.client.get<AppView>(`/v1/apps/${app}`)
    const end = await maya.client.get<OffboardingView>(`/v1/apps/${app}/end`)
    if (state === 'graduated' && end.certifiedAt !== null) return end
  }
  throw new Error(`${app} did not graduate within ${overMs / 1000} s`)
}

interface Ended {
  readonly end: OffboardingView
  readonly seen: Awaited<ReturnType<typeof stopAsking>>
  readonly started: number
}

async function tellEnd(parts: Parts, { end, seen, started }: Ended, tell: Tell) {
  const { requests, failed, perSecond, answersStill } = seen
  tell(7, `${app} ends by itself; Leasehold looks at all it ever had.`)
  const isGone = end.state === 'verified-gone'
  tell(null, `${end.green} of ${end.of} verified gone`, isGone ? 'gone' : 'refused')
  const path = `demo/${app}.end.json`
  await writeCertificate(parts, app, path)
  const overlapSeconds = await overlapOf(parts)
  const orphans = await countOrphans(parts)
  const successor = await parts.sam.client.get<AppView>(`/v1/apps/${service}`)
  const log = await parts.sam.client.post<LogCheckView>('/v1/log/check')
  const seconds = (performance.now() - started) / 1000
  tell(
    8,
    `${requests} requests, ${failed} failed; both had access for ${overlapSeconds.toFixed(1)} s`,
  )
  tell(9, `End certificate written          ${path}`)
  const holds =
    isGone && failed === 0 && answersStill && orphans === 0 && log.verified && perSecond >= 20
  const isInTime = overlapSeconds <= 60 && successor.stage === 'managed'
  tell(
    10,
    `${orphans} orphans · ${seconds.toFixed(1)} s`,
    holds && isInTime ? 'accepted' : 'refused',
  )
  return {
    end,
    seen,
    path,
    overlapSeconds,
    orphans,
    successor,
    log,
    seconds,
    holds: holds && isInTime,
  }
}

/** From the first lease of the service until the last of the prototype was seen gone. */
async function overlapOf({ sam }: Parts): Promise<number> {
  const leasesOf = async (slug: string) =>
    (await sam.client.get<{ items: LeaseView[] }>(`/v1/leases?app=${slug}`)).items
  const begins = (await leasesOf(service)).map(each => Date.parse(each.issuedAt ?? each.madeAt))
  const ends = (await leasesOf(app)).map(each => Date.parse(each.endedAt ?? ''))
  return Math.max(0, Math.max(...ends) - Math.min(...begins)) / 1000
}

/** Roles with our prefix at the database that no living app of the server's own list accounts for. */
async function countOrphans({ postgres, running: { world } }: Parts): Promise<number> {
  const known = await world.store.query<{ id: string; names: string[] }>(
    `select app.id, array(select principal from lease where app_id = app.id and state <> 'gone'
       union select holder from app_grant where app_id = app.id and state = 'live') as names
     from app where state in ('active', 'paused')`,
  )
  const installation = world.installationId()
  const names = known.flatMap(({ id, names: own }) => [
    ...own,
    ownerName(installation, id as never),
  ])
  const there = await withClient(postgres, 'postgres', async client => {
    const { rows } = await client.query<{ name: string }>(
      `select rolname as name from pg_roles where rolname ~ '^lh[go]?_'`,
    )
    return rows.map(({ name }) => name)
  })
  return there.filter(name => !names.includes(name)).length
}

function yes(who: Client, { id, bodyHash }: RequestView): Promise<RequestView> {
  return who.post(`/v1/requests/${id}/answer`, { says: 'yes', bodyHash })
}

const claims = {
  repository_id: '1001',
  repository_owner_id: '4711',
  environment: 'crm',
  job_workflow_ref: 'acme/deal-desk/.github/workflows/refresh.yml@refs/heads/main',
}

function manifestOf(slug: string): string {
  const need = '      - resource: crm.deals\n        actions: [read]\n'
  return `app: ${slug}\npurposes:\n  stuck-deals:\n    says: Shows stuck deals\n    needs:\n${need}`
}
