/**
 * A pretend Notion on loopback: a workspace with people, bots and personal access tokens, our own token
 * of one kind or another, the OAuth endpoints of a public connection and the Admin API. It keeps its own
 * list of what exists, and can be told to misbehave. Nobody's description of the API judges it.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { addMs, type Instant } from '../../src/core/base/time.ts'
import type { Ending, Fault } from './slack.ts'

type Row = Record<string, unknown>

export interface FakeNotion {
  readonly url: string
  readonly clock: { now(): Instant }
  /** Parts of what a person writes to connect it. */
  readonly config: {
    readonly token: string
    readonly probeToken: string
    readonly clientId: string
    readonly clientSecret: string
    readonly admin: { readonly token: string; readonly spaceId: string }
    readonly url: string
  }
  /** What our token is of. */
  connection: 'internal' | 'personal' | 'public'
  /** Of our own token; `list` is introspection, or the list of the Admin API. */
  readonly own: { readonly bot: string; endedAt: Instant | null; ending: Ending }
  users: Row[]
  tokens: Row[]
  adminScopes: string[]
  isProbeTaken: boolean
  seesUsers: boolean
  /** Of the end that comes next. */
  ending: Ending
  fault: (asked: string) => Exclude<Fault, { readonly error: string }> | undefined
  readonly seen: string[]
  isThere(path?: 'token' | 'list'): boolean
  /** A person deletes it in Notion's settings. */
  deleteByHand(): void
  close(): Promise<void>
}

const newToken = () => `ntn_${randomBytes(24).toString('hex')}`
const allScopes = ['personal-access-token:read', 'personal-access-token:write-high-impact']

export async function startFakeNotion(
  clock: FakeNotion['clock'],
  connection: FakeNotion['connection'],
): Promise<FakeNotion> {
  const server = createServer((req, res) => void serve(notion, req, res).catch(() => req.destroy()))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const own: FakeNotion['own'] = { bot: randomUUID(), endedAt: null, ending: 'honest' }
  const notion: FakeNotion = {
    url,
    clock,
    config: {
      token: newToken(),
      probeToken: newToken(),
      clientId: randomUUID(),
      clientSecret: `secret_${randomBytes(20).toString('hex')}`,
      admin: { token: newToken(), spaceId: randomUUID() },
      url,
    },
    connection,
    own,
    users: [
      { object: 'user', id: randomUUID(), type: 'person', name: 'Maya' },
      bot('Roadmap bot', { type: 'workspace', workspace: true }),
    ],
    tokens: [],
    adminScopes: allScopes,
    isProbeTaken: true,
    seesUsers: true,
    ending: 'honest',
    fault: () => undefined,
    seen: [],
    isThere(path) {
      const { endedAt, ending } = own
      if (endedAt === null || ending === 'lies') return true
      if (ending === 'honest') return false
      const isOnPath = path === undefined || ending.path === undefined || ending.path === path
      return isOnPath && clock.now() < addMs(endedAt, ending.ms)
    },
    deleteByHand: () => end(notion),
    async close() {
      server.closeAllConnections()
      await new Promise(done => server.close(done))
    },
  }
  return notion
}

export function bot(name: string, owner: Row): Row {
  const about = { owner, workspace_name: 'Acme' }
  return { object: 'user', id: randomUUID(), type: 'bot', name, bot: about }
}

function end(notion: FakeNotion): void {
  notion.own.endedAt ??= notion.clock.now()
  notion.own.ending = notion.ending
}

async function serve(notion: FakeNotion, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const at = new URL(req.url ?? '', notion.url)
  let text = ''
  for await (const part of req) text += String(part)
  const asked = `${req.method} ${at.pathname}`
  notion.seen.push(asked)
  const fault = notion.fault(asked)
  if (fault === 'breaks-off') return void req.socket.destroy()
  if (fault === 'hangs') return
  if (typeof fault === 'object' && 'ms' in fault) await wait(fault.ms)
  const isStatus = typeof fault === 'object' && 'status' in fault
  const fail = () => isStatus && res.writeHead(fault.status, fault.headers).end('Server trouble')
  if (isStatus && !fault.isAfter) return void fail()
  const answer = answerTo(notion, {
    asked,
    at,
    body: text === '' ? {} : (JSON.parse(text) as Row),
    authorization: req.headers.authorization ?? '',
    version: String(req.headers['notion-version']),
  })
  if (isStatus) return void fail()
  res.writeHead(answer.status, { 'content-type': 'application/json; charset=utf-8' })
  res.end(answer.status === 204 ? undefined : JSON.stringify(answer.body))
}

interface Asking {
  readonly asked: string
  readonly at: URL
  readonly body: Row
  readonly authorization: string
  readonly version: string
}
interface Answer {
  readonly status: number
  readonly body: Row
}

const ok = (body: Row): Answer => ({ status: 200, body })
const no = (status: number, code: string): Answer => ({
  status,
  body: { object: 'error', status, code },
})

function answerTo(notion: FakeNotion, asking: Asking): Answer {
  const { asked, version } = asking
  if (asked.includes(' /admin/'))
    return version === '2026-06-01' ? ofAdmin(notion, asking) : no(400, 'missing_version')
  if (version !== '2025-09-03') return no(400, 'missing_version')
  if (asked.includes(' /v1/oauth/')) return ofClient(notion, asking)
  const { config, isProbeTaken } = notion
  const as = asking.authorization.replace(/^Bearer /, '')
  const isOwn = as === config.token && notion.isThere('token')
  const isProbe = as === config.probeToken && isProbeTaken
  if (!isOwn && !isProbe) return no(401, 'unauthorized')
  if (asked === 'GET /v1/users/me')
    return ok({ object: 'user', id: isOwn ? notion.own.bot : randomUUID(), type: 'bot' })
  if (asked === 'POST /v1/search') return ok({ object: 'list', results: [], has_more: false })
  if (asked !== 'GET /v1/users') return no(404, 'object_not_found')
  return notion.seesUsers ? paged(asking, notion.users) : no(403, 'restricted_resource')
}

function ofClient(notion: FakeNotion, { asked, body, authorization }: Asking): Answer {
  const { clientId, clientSecret, token } = notion.config
  const basic = Buffer.from(`${clientId}:${clientSecret}`).toString('base64')
  if (authorization !== `Basic ${basic}`) return no(401, 'unauthorized')
  const isOurs = notion.connection === 'public' && body['token'] === token
  if (asked === 'POST /v1/oauth/introspect') {
    const active = isOurs && notion.isThere('list')
    return ok({ active, ...(active && { scope: 'read_content', iat: 1 }) })
  }
  if (asked !== 'POST /v1/oauth/revoke') return no(404, 'object_not_found')
  if (!isOurs) return no(400, 'invalid_grant')
  end(notion)
  return ok({})
}

function ofAdmin(notion: FakeNotion, asking: Asking): Answer {
  const { admin } = notion.config
  const base = `/admin/v1/spaces/${admin.spaceId}/personal_access_tokens`
  if (asking.authorization !== `Bearer ${admin.token}` || notion.adminScopes.length === 0)
    return no(401, 'unauthorized')
  const [read, write] = allScopes.map(each => notion.adminScopes.includes(each))
  if (asking.asked === `GET ${base}`) {
    if (!read) return no(403, 'restricted_resource')
    // What was revoked stays in the list, and is said to be.
    const status = notion.isThere('list') ? 'active' : 'revoked'
    const own =
      notion.connection === 'personal' ? [{ id: notion.own.bot, name: 'ours', status }] : []
    return paged(asking, [...notion.tokens, ...own])
  }
  if (asking.asked !== `DELETE ${base}/${notion.own.bot}`) return no(404, 'object_not_found')
  if (!write) return no(403, 'restricted_resource')
  if (notion.connection !== 'personal') return no(404, 'object_not_found')
  end(notion)
  return { status: 204, body: {} }
}

function paged({ at }: Asking, rows: readonly Row[]): Answer {
  const start = Number(at.searchParams.get('start_cursor') ?? 0)
  const next = start + Number(at.searchParams.get('page_size') ?? 100)
  const hasMore = next < rows.length
  const results = rows.slice(start, next)
  const next_cursor = hasMore ? String(next) : null
  return ok({ object: 'list', results, has_more: hasMore, next_cursor })
}
