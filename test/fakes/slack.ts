/**
 * A pretend Slack on loopback: a workspace with our app in it, people, bots, and what else is installed.
 * It keeps its own list of what exists, and can be told to misbehave. As Slack does, it takes GET and POST
 * for everything, and says no with HTTP 200.
 *
 * Where LEASEHOLD_VENDOR_API names Slack's own description of its API, each request and each yes is held
 * to it; what differs is in `breaches`, which a test expects to be empty.
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { addMs, type Instant } from '../../src/core/base/time.ts'
import { complete } from '../support/contract.ts'
import { slackContract } from '../support/slack-contract.ts'

type Row = Record<string, unknown>

/** What the end of the app does after it was answered. */
export type Ending =
  | 'honest'
  /** Nothing, ever. */
  | 'lies'
  /** It is there for a while yet: to its token, in the list, or both. */
  | { readonly ms: number; readonly path?: 'token' | 'list' }

/** Done to one request; undefined: it is answered well. */
export type Fault =
  | 'hangs'
  | 'breaks-off'
  | { readonly status: number; readonly headers?: Record<string, string>; readonly isAfter?: true }
  /** Said with HTTP 200. */
  | { readonly error: string }
  | { readonly ms: number }

export interface FakeSlack {
  readonly url: string
  readonly clock: { now(): Instant }
  /** What a person writes to connect it, on the plan Enterprise. */
  readonly config: Readonly<Record<string, string>>
  readonly app: {
    readonly id: string
    readonly user: string
    endedAt: Instant | null
    ending: Ending
  }
  /** Of our token, and of the person who looks for us; empty: it is revoked. */
  readonly scopes: { bot: string[]; admin: string[] }
  /** Where there is none, the plan has no such list. */
  plan: 'free' | 'paid' | 'enterprise'
  users: Row[]
  logs: Row[]
  approved: Row[]
  restricted: Row[]
  /** Our app was invited to those that say so. */
  channels: Row[]
  /** What was written in them, and what our app was let post, the oldest first. */
  messages: Row[]
  /** Of the end that comes next. */
  ending: Ending
  fault: (asked: string) => Fault | undefined
  readonly seen: string[]
  readonly breaches: string[]
  /** Is the app there, to its token or in the list. */
  isThere(path?: 'token' | 'list'): boolean
  close(): Promise<void>
}

const digits = (n: number) => Array.from(randomBytes(n), byte => byte % 10).join('')

export async function startFakeSlack(clock: FakeSlack['clock']): Promise<FakeSlack> {
  const server = createServer((req, res) => void serve(slack, req, res).catch(() => req.destroy()))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const app: FakeSlack['app'] = {
    id: 'A0LEASE',
    user: 'U0LEASEBOT',
    endedAt: null,
    ending: 'honest',
  }
  const slack: FakeSlack = {
    url,
    clock,
    config: {
      botToken: `xoxb-${digits(12)}-${randomBytes(12).toString('hex')}`,
      adminToken: `xoxp-${digits(12)}-${randomBytes(12).toString('hex')}`,
      clientId: `${digits(10)}.${digits(10)}`,
      clientSecret: randomBytes(16).toString('hex'),
      plan: 'enterprise',
      enterpriseId: 'E0ACME',
      url,
    },
    app,
    scopes: {
      bot: ['chat:write', 'users:read'],
      admin: ['admin', 'users:read', 'admin.apps:read'],
    },
    plan: 'enterprise',
    users: [person('U0MAYA'), bot('U0POLLBOT', 'A0POLL')],
    logs: [],
    approved: [],
    restricted: [],
    channels: [{ id: 'C0SALES00', name: 'sales', is_member: true }],
    messages: [],
    ending: 'honest',
    fault: () => undefined,
    seen: [],
    breaches: [],
    isThere(path) {
      const { endedAt, ending } = app
      if (endedAt === null || ending === 'lies') return true
      if (ending === 'honest') return false
      const isOnPath = path === undefined || ending.path === undefined || ending.path === path
      return isOnPath && clock.now() < addMs(endedAt, ending.ms)
    },
    async close() {
      server.closeAllConnections()
      await new Promise(done => server.close(done))
    },
  }
  return slack
}

export const person = (id: string): Row => ({ id, name: id.toLowerCase(), is_bot: false })
export const bot = (id: string, app: string): Row => ({
  id,
  name: id.toLowerCase(),
  is_bot: true,
  deleted: false,
  updated: 1_700_000_000,
  profile: { api_app_id: app, bot_id: `B${id.slice(1)}00` },
})

async function serve(slack: FakeSlack, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const at = new URL(req.url ?? '', slack.url)
  let text = ''
  for await (const part of req) text += String(part)
  const asked = `${req.method} ${at.pathname}`
  slack.seen.push(asked)
  const fault = slack.fault(asked)
  if (fault === 'breaks-off') return void req.socket.destroy()
  if (fault === 'hangs') return
  if (typeof fault === 'object' && 'ms' in fault) await wait(fault.ms)
  const isStatus = typeof fault === 'object' && 'status' in fault
  const fail = () => isStatus && res.writeHead(fault.status, fault.headers).end('Server trouble')
  if (isStatus && !fault.isAfter) return void fail()
  const given = new URLSearchParams([...at.searchParams, ...new URLSearchParams(text)])
  const method = at.pathname.replace('/api/', '')
  const as = /^Bearer (.+)$/.exec(req.headers.authorization ?? '')?.[1] ?? ''
  const isNo = typeof fault === 'object' && 'error' in fault
  const said = isNo ? no(fault.error) : answerTo(slack, { method, given, as })
  if (isStatus) return void fail()
  // A secret in an address is written into logs on the way.
  if (/xox|client_secret/.test(at.search)) slack.breaches.push(`a secret in ${at.pathname}`)
  const body = judged(slack, { method, given, said })
  res.writeHead(200, { 'content-type': 'application/json; charset=utf-8' })
  res.end(JSON.stringify(body))
}

interface Asking {
  readonly method: string
  readonly given: URLSearchParams
  readonly as: string
}

const no = (error: string, more: Row = {}): Row => ({ ok: false, error, ...more })
const needed: Readonly<Record<string, string>> = {
  'users.list': 'users:read',
  'users.info': 'users:read',
  'team.integrationLogs': 'admin',
  'admin.apps.approved.list': 'admin.apps:read',
  'admin.apps.restricted.list': 'admin.apps:read',
}

function answerTo(slack: FakeSlack, { method, given, as }: Asking): Row {
  const { config, scopes, app } = slack
  const isBot = as === config['botToken']
  if (isBot && !slack.isThere('token')) return no('token_revoked')
  const isPerson = as === config['adminToken'] && scopes.admin.length > 0
  if (!isBot && !isPerson) return no('invalid_auth')
  const scope = needed[method]
  const has = isBot ? scopes.bot : scopes.admin
  if (scope !== undefined && !has.includes(scope)) return no('missing_scope', { needed: scope })
  switch (method) {
    case 'auth.test':
      return { ok: true, ...who, user: 'x', user_id: isBot ? app.user : 'U0ADMIN' }
    case 'users.list':
      return paged(given, allUsers(slack), 'members')
    case 'users.info': {
      const user = allUsers(slack).find(({ id }) => id === given.get('user'))
      return user ? { ok: true, user } : no('user_not_found')
    }
    case 'team.integrationLogs':
      return slack.plan === 'free' ? no('paid_only') : logsOf(given, slack.logs)
    case 'admin.apps.approved.list':
    case 'admin.apps.restricted.list': {
      if (slack.plan !== 'enterprise') return no('feature_not_enabled')
      const list = method === 'admin.apps.approved.list' ? 'approved' : 'restricted'
      return paged(given, slack[list], `${list}_apps`)
    }
    case 'apps.uninstall': {
      const [id, secret] = [given.get('client_id'), given.get('client_secret')]
      if (id !== config['clientId']) return no('invalid_client_id')
      return secret === config['clientSecret'] ? endOf(slack, {}) : no('bad_client_secret')
    }
    case 'auth.revoke':
      return endOf(slack, { revoked: true })
    case 'conversations.list':
      return paged(given, slack.channels, 'channels')
    case 'conversations.history': {
      const oldest = Number(given.get('oldest') ?? 0)
      const isAsked = (row: Row) =>
        row['channel'] === given.get('channel') && Number(row['ts']) > oldest
      return { ok: true, messages: slack.messages.filter(isAsked).toReversed() }
    }
    case 'chat.postMessage': {
      const [channel, text, thread] = ['channel', 'text', 'thread_ts'].map(name => given.get(name))
      const message = { channel, text, thread_ts: thread, user: app.user, bot_id: 'B0LEASE' }
      slack.messages.push({ ...message, ts: (Date.now() / 1000).toFixed(6) })
      return { ok: true, channel, ts: '1.2', message: {} }
    }
    default:
      return no('unknown_method')
  }
}

const who = { url: 'https://acme.slack.com/', team: 'Acme', team_id: 'T0ACME000' }

function endOf(slack: FakeSlack, more: Row): Row {
  slack.app.endedAt ??= slack.clock.now()
  slack.app.ending = slack.ending
  return { ok: true, ...more }
}

/** Slack keeps the row of a bot whose app is gone. */
function allUsers(slack: FakeSlack): Row[] {
  const own = { ...bot(slack.app.user, slack.app.id), deleted: !slack.isThere('list') }
  return [own, ...slack.users]
}

function paged(given: URLSearchParams, rows: readonly Row[], member: string): Row {
  const start = Number(given.get('cursor') ?? 0)
  const end = start + Number(given.get('limit') ?? 100)
  const next_cursor = end < rows.length ? String(end) : ''
  return { ok: true, [member]: rows.slice(start, end), response_metadata: { next_cursor } }
}

/** A hundred at most, whatever is asked for. */
function logsOf(given: URLSearchParams, rows: readonly Row[]): Row {
  const count = Math.min(100, Number(given.get('count') ?? 100))
  const page = Number(given.get('page') ?? 1)
  const pages = Math.max(1, Math.ceil(rows.length / count))
  const logs = rows.slice((page - 1) * count, page * count)
  return { ok: true, logs, paging: { count, total: rows.length, page, pages } }
}

/** A yes whole, once Slack's description agrees with both sides. Its lists of errors are not whole. */
function judged(
  { breaches }: FakeSlack,
  { method, given, said }: { method: string; given: URLSearchParams; said: Row },
): Row {
  const contract = slackContract()
  if (contract === undefined) return said
  const asked = { method: 'GET', path: `/${method}?${given.toString()}` }
  breaches.push(...contract.judgeRequest(asked, undefined))
  const schema = contract.answerOf(asked, 200)
  if (said['ok'] !== true || schema === undefined) return said
  const whole = complete(contract, schema, said)
  breaches.push(...contract.judgeAnswer(asked, 200, whole))
  return whole as Row
}
