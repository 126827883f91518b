/**
 * The life of one app, played through the doors a company would use. Invented people; the database,
 * the keys, the tokens and the proofs are real. Each step tells what happened, not what should have.
 */
import { writeFile } from 'node:fs/promises'
import pg from 'pg'
import { openTunnel } from '../cli/src/tunnel.ts'
import type {
  AppDetail,
  DenialView,
  IssuedLeaseView,
  LeaseView,
  LogCheckView,
  OffboardingView,
  ReplayView,
  RequestView,
  TaskView,
  TraceView,
} from '../src/doors/api/contract.ts'
import { exchangeToken, Refused } from './client.ts'
import { dealColumns, hiddenColumns, sharedColumns, stuckDeals, withClient } from './crm.ts'
import type { Parts } from './parts.ts'

export interface Stolen {
  readonly lease: string
  readonly leaseId: string
  readonly user: string
  readonly word: string
  readonly taskToken: string
  readonly ciToken: string
  readonly aliveFrom: string
  aliveTo: string
}

export interface Told {
  readonly app: { readonly slug: string; readonly owner: string; readonly endsAt: string }
  readonly lease: LeaseView
  readonly denied: DenialView
  readonly trace: TraceView
  readonly certificate: { readonly state: string; readonly path: string }
  readonly offboarding: OffboardingView
  readonly log: LogCheckView
  readonly replay: ReplayView
  readonly orphans: number
  readonly stolen: Stolen
  readonly seconds: number
}

/** Called once a step is over; `mark` is how it ended. */
export type Tell = (
  step: number | null,
  text: string,
  mark?: 'accepted' | 'refused' | 'gone',
  more?: readonly string[],
) => void

export async function playStory(parts: Parts, tell: Tell): Promise<Told> {
  const started = performance.now()
  const app = await makeApp(parts, tell)
  await agree(parts, tell)
  const ciToken = await parts.github.issue({})
  const taskToken = await attest(parts, ciToken, tell)
  const { stolen, denied } = await work(parts, { ciToken, taskToken }, tell)
  const lease = await finishTask(parts, taskToken, stolen, tell)
  const trace = await parts.sam.client.get<TraceView>(`/v1/trace/${lease.id}`)
  const offboarding = await endApp(parts, tell)
  const path = 'demo/deal-desk.end.json'
  await writeCertificate(parts, 'deal-desk', path)
  tell(11, `End certificate written          ${path}`)
  const log = await parts.sam.client.post<LogCheckView>('/v1/log/check')
  const replay = await parts.sam.client.post<ReplayView>('/v1/policy/try', { text: parts.stricter })
  const orphans = await countOrphans(parts)
  const seconds = (performance.now() - started) / 1000
  tell(
    12,
    `${log.entries} log entries, ${log.verified ? 'signed' : 'NOT VERIFIED'}           ${orphans} orphans · ${seconds.toFixed(1)} s`,
  )
  return {
    app: { slug: app.slug, owner: app.owner.name, endsAt: app.endsAt },
    lease,
    denied,
    trace,
    certificate: { state: offboarding.state, path },
    offboarding,
    log,
    replay,
    orphans,
    stolen,
    seconds,
  }
}

async function makeApp({ maya }: Parts, tell: Tell): Promise<AppDetail> {
  const app = await maya.client.post<AppDetail>('/v1/apps', {
    slug: 'deal-desk',
    purpose: 'board of deals stuck > 14 days',
    backup: 'tom@acme.example',
    dataClasses: ['internal'],
    days: 5,
  })
  tell(1, 'Maya (sales ops) makes  deal-desk: "board of deals stuck > 14 days"', undefined, [
    `owner Maya · backup Tom · ${app.stage} · ends ${dayAndTime(app.endsAt)}`,
  ])
  return app
}

/** What the app is for, which CI may speak for it, and what it may read: each agreed by somebody else. */
async function agree({ maya, tom, github }: Parts, tell: Tell): Promise<void> {
  await maya.client.put('/v1/apps/deal-desk/manifest', { yaml: manifest })
  const trust = await maya.client.post<RequestView>('/v1/apps/deal-desk/trust', {
    role: 'run',
    preset: 'github',
    issuer: github.issuer,
    claims: {
      repository_id: '1001',
      repository_owner_id: '4711',
      environment: 'crm',
      job_workflow_ref: 'acme/deal-desk/.github/workflows/refresh.yml@refs/heads/main',
    },
    reason: 'the app runs from this repository',
  })
  const ask = await maya.client.post<RequestView>('/v1/requests', {
    app: 'deal-desk',
    resource: 'crm.deals',
    actions: ['read'],
    columns: sharedColumns,
    reason: 'to see which deals are stuck',
  })
  for (const request of [trust, ask])
    await tom.client.post(`/v1/requests/${request.id}/answer`, {
      says: 'yes',
      bodyHash: request.bodyHash,
    })
  tell(
    2,
    `It asks to read crm.deals. Tom owns that data and says yes: ${sharedColumns.length} of ${dealColumns.length} columns, ${hiddenColumns.length} hidden.`,
  )
}

async function attest({ address, github }: Parts, ciToken: string, tell: Tell): Promise<string> {
  const form = { scope: 'stuck-deals', identity: 'deal-desk/run' }
  const accepted = await exchangeToken(address, ciToken, form)
  if (!accepted.ok || accepted.body.access_token === undefined)
    throw new Error(
      `the CI token was refused: ${accepted.body.error_description ?? accepted.body.error}`,
    )
  tell(3, 'CI run 41 of commit 9f2c1 says who it is. No key is stored anywhere.', 'accepted')
  const fork = await exchangeToken(
    address,
    await github.issue({ repository_owner_id: '9001', repository_id: '2002' }),
    form,
  )
  if (fork.ok) throw new Error('a fork was let in')
  tell(4, 'A fork of the same name says the same.', 'refused', [
    String(fork.body.error_description),
  ])
  return accepted.body.access_token
}

async function work(
  parts: Parts,
  tokens: { ciToken: string; taskToken: string },
  tell: Tell,
): Promise<{ stolen: Stolen; denied: DenialView }> {
  const workload = parts.as(tokens.taskToken)
  const { lease, handle } = await workload.post<IssuedLeaseView>(
    '/v1/leases',
    { resource: 'crm.deals', actions: ['read'] },
    { 'idempotency-key': 'run-41' },
  )
  tell(5, '"May it read the deals, now, for this task?"  yes, rule prototype-read', undefined, [
    `PostgreSQL user ${lease.principal}`,
    `is made for this task, until ${timeOf(lease.termEndsAt)} at most${' '.repeat(18)}${lease.shortId}`,
    'Its password stays here: the app gets a word for this run.',
  ])
  if (handle.via !== 'proxy') throw new Error('the credential was handed over')
  const held = { leaseId: lease.id, user: lease.principal, word: handle.word }
  const rows = await throughGateway(parts, held, tokens.taskToken)
  if (rows !== stuckDeals) throw new Error(`${rows} deals were read, ${stuckDeals} are stuck`)
  tell(6, `It reads ${rows} deals, through the gateway.`)
  const denied = await beRefused(() =>
    workload.post('/v1/leases', { resource: 'crm.contacts', actions: ['write'] }),
  )
  tell(7, 'It tries to change a customer contact.', 'refused', [
    `rule ${denied.rule}: ${denied.says}`,
    ...denied.instead.slice(0, 1).map(each => `Allowed instead: ${each.says}`),
  ])
  const stolen = {
    lease: lease.shortId,
    ...held,
    ...tokens,
    aliveFrom: lease.issuedAt ?? lease.madeAt,
    aliveTo: '',
  }
  tell(8, 'A thief copies all the app holds. (We kept the copy for you.)')
  return { stolen, denied }
}

async function finishTask(
  parts: Parts,
  taskToken: string,
  stolen: Stolen,
  tell: Tell,
): Promise<LeaseView> {
  const workload = parts.as(taskToken)
  const { task } = await workload.get<{ task: { id: string } }>('/v1/me')
  const closed = await workload.post<TaskView>(`/v1/tasks/${task.id}/close`)
  const [lease] = closed.leases
  if (lease?.outcome !== 'verified-gone')
    throw new Error(`the lease is ${lease?.outcome ?? lease?.state}`)
  stolen.aliveTo = lease.endedAt ?? ''
  tell(
    9,
    'The task is done. User dropped, 0 sessions left, and the key was tried: refused.',
    undefined,
  )
  tell(null, `${lease.shortId} verified gone`, 'gone')
  return lease
}

async function endApp({ maya }: Parts, tell: Tell): Promise<OffboardingView> {
  const plan = await maya.client.post<OffboardingView>('/v1/apps/deal-desk/end', {})
  const done = await maya.client.post<OffboardingView>('/v1/apps/deal-desk/end', {
    planHash: plan.planHash,
  })
  tell(10, `Maya ends the app: ${countText(done)}.`)
  tell(
    null,
    `${done.green} of ${done.of} verified gone`,
    done.green === done.of ? 'gone' : 'refused',
  )
  return done
}

export async function writeCertificate(parts: Parts, app: string, path: string): Promise<void> {
  const file = await parts.sam.client.text(`/v1/apps/${app}/certificate`)
  await writeFile(parts.file(path), file)
  const { rootFingerprint } = await parts.sam.client.get<{ rootFingerprint: string }>(
    '/v1/installation',
  )
  await writeFile(parts.file('demo/trusted-key.pub'), `${rootFingerprint}\n`)
}

/** As `run` does for an app: a door on this machine, and behind it the gateway. */
export async function throughGateway(
  { address }: Parts,
  { leaseId, user, word }: Pick<Stolen, 'leaseId' | 'user' | 'word'>,
  taskToken: string,
): Promise<number> {
  const path = `/v1/leases/${leaseId}/tunnel`
  const dial = { server: new URL(address), path, token: async () => taskToken }
  const refused: string[] = []
  const { port, close } = await openTunnel(dial, why => refused.push(why))
  try {
    return await readDeals({ host: '127.0.0.1', port, user, word })
  } catch (thrown) {
    throw refused.length > 0 ? new Error(refused.join()) : thrown
  } finally {
    close()
  }
}

/** As the app would: with the leased user and the word, and nothing else. */
export async function readDeals(at: {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly word: string
}): Promise<number> {
  const { host, port, user, word: password } = at
  const client = new pg.Client({ host, port, database: 'crm', user, password })
  client.on('error', () => {})
  await client.connect()
  try {
    const { rows } = await client.query(
      'select id, title, stage from deals where stage_since < current_date - 14',
    )
    return rows.length
  } finally {
    await client.end()
  }
}

async function beRefused(call: () => Promise<unknown>): Promise<DenialView> {
  try {
    await call()
  } catch (thrown) {
    if (thrown instanceof Refused && thrown.denial !== undefined) return thrown.denial
    throw thrown
  }
  throw new Error('what should have been refused was allowed')
}

/** Judged by the server's own list: roles with our prefix that nothing live accounts for. */
export async function countOrphans(parts: Parts): Promise<number> {
  const { items } = await parts.sam.client.get<{ items: LeaseView[] }>('/v1/leases?open=true')
  const known = new Set(items.map(lease => lease.principal))
  const names = await withClient(parts.postgres, 'postgres', async client => {
    const { rows } = await client.query<{ name: string }>(
      `select rolname as name from pg_roles where rolname ~ '^lh_'`,
    )
    return rows.map(row => row.name)
  })
  return names.filter(name => !known.has(name)).length
}

const names: Record<string, readonly [string, string]> = {
  lease: ['database user', 'database users'],
  grant: ['grant', 'grants'],
  'owner-role': ['owner role', 'owner roles'],
  identity: ['identity', 'identities'],
  'trust-rule': ['trust rule', 'trust rules'],
}

/** `more`: other names of some kinds. */
export function countText(view: OffboardingView, more: typeof names = {}): string {
  const counts = Map.groupBy(view.items, item => item.kind)
  return [...counts]
    .map(
      ([kind, items]) =>
        `${items.length} ${{ ...names, ...more }[kind]?.[items.length === 1 ? 0 : 1] ?? kind}`,
    )
    .join(', ')
}

function dayAndTime(instant: string): string {
  const date = new Date(instant)
  const day = date.toLocaleDateString('en-GB', { weekday: 'short', day: 'numeric', month: 'short' })
  return `${day.replace(',', '')} ${timeOf(instant)}`
}

function timeOf(instant: string): string {
  return new Date(instant).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' })
}

const manifest = `app: deal-desk
purposes:
  stuck-deals:
    says: Shows which deals have not moved for 14 days
    needs:
      - resource: crm.deals
        actions: [read]
      - resource: crm.contacts
        actions: [write]
`
