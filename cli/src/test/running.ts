/** What `run` needs to be tested: a stub that opens tasks and issues leases, and the command itself. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { IssuedLeaseView, TaskView } from '../../../src/doors/api/contract.ts'
import { newHome } from './host.ts'
import type { Answers, Stub } from './stub.ts'
import * as views from './views.ts'

export const main = resolve(import.meta.dirname, '../main.ts')
export const closed = 'POST /v1/tasks/T-T91C0/close'
const { termEndsAt, endsAt } = views.lease
const times = { termEndsAt, endsAt, diesAt: null }

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly out: string
  readonly err: string
}

export function startCli(
  { stub, home, env }: { stub: Stub; home: string; env?: Record<string, string> },
  argv: readonly string[],
): ChildProcess {
  const own = { PATH: process.env['PATH'], HOME: home, LEASEHOLD_SERVER: stub.url, TZ: 'UTC' }
  return spawn(process.execPath, [main, ...argv], { cwd: home, env: { ...own, ...env } })
}

export async function ended(child: ChildProcess, input = ''): Promise<Ended> {
  let [out, err] = ['', '']
  child.stdout?.on('data', chunk => (out += String(chunk)))
  child.stderr?.on('data', chunk => (err += String(chunk)))
  child.stdin?.end(input)
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  return { code, signal, out, err }
}

/** A home whose person is signed in at the stub. */
export async function signedInHome({ url }: Stub): Promise<string> {
  const home = newHome()
  const servers = join(home, '.config/leasehold/servers')
  await mkdir(servers, { recursive: true, mode: 0o700 })
  const session = { accessToken: 'person-token', accessEndsAt: Date.now() * 2, refreshToken: 'r' }
  const name = `${url.replace(/[^a-z0-9.-]+/g, '_')}.json`
  await writeFile(join(servers, name), JSON.stringify({ url, session }), { mode: 0o600 })
  return home
}

/** One task, its token, and a lease whose credential is this secret. */
export function runAnswers(secret: string): Answers {
  const at = { host: '127.0.0.1', port: 5432, database: 'crm', user: 'lh_deal_desk_7k2q' }
  const issued: IssuedLeaseView = {
    lease: views.lease,
    handle: { via: 'env', connect: at, secret, ...times },
  }
  const task: TaskView = {
    id: 'tk_t91c0000000000000000000000',
    shortId: 'T-T91C0',
    app: 'deal-desk',
    identity: views.lease.identity,
    kind: 'job',
    purpose: 'board',
    autonomy: 'attended',
    onBehalfOf: 'Maya Ortiz',
    worksFor: null,
    provenance: {},
    state: 'closed',
    closedBecause: 'done',
    openedAt: views.lease.madeAt,
    endsAt: views.lease.endsAt,
    closedAt: views.lease.endsAt,
    leases: [views.endedLease],
  }
  return {
    // Asked of the server itself: of its endpoints only the path counts.
    'GET /.well-known/openid-configuration': { token_endpoint: 'http://127.0.0.1/oauth/token' },
    'POST /oauth/token': { access_token: 'task-token', expires_in: 900, task: 'T-T91C0' },
    'GET /v1/apps/deal-desk': views.app,
    'POST /v1/leases': issued,
    [closed]: task,
  }
}

/** A lease through the gateway. */
export function proxied(word: string): IssuedLeaseView {
  const connect = { database: 'crm', user: 'lh_deal_desk_7k2q' }
  return { lease: views.lease, handle: { via: 'proxy', connect, word, ...times } }
}
