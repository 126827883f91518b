/**
 * Vendors whose files ship, on loopback, each strict: it answers what its own pages say, and what they do
 * not know is a breach. Their state is here, so a lie is found out. OpenAI: project service accounts.
 * OpenBao: leases of a dynamic engine.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { addSeconds, type Instant, toSeconds } from '../../src/core/base/time.ts'

interface Clock {
  now(): Instant
}
interface Asked {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly body: Readonly<Record<string, unknown>>
  readonly headers: IncomingHttpHeaders
}
type Answer = readonly [status: number, body?: object]

async function serving(answerTo: (asked: Asked) => Answer) {
  const server = createServer((req, res) => {
    const work = async () => {
      let text = ''
      for await (const part of req) text += String(part)
      const at = new URL(req.url ?? '', 'http://localhost')
      const [status, body] = answerTo({
        method: req.method ?? '',
        path: at.pathname,
        query: at.searchParams,
        body: text === '' ? {} : (JSON.parse(text) as Asked['body']),
        headers: req.headers,
      })
      res.writeHead(status, { 'content-type': 'application/json' })
      res.end(body === undefined ? undefined : JSON.stringify(body))
    }
    work().catch(() => req.destroy())
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections()
      await new Promise(done => server.close(done))
    },
  }
}

interface Account {
  readonly id: string
  readonly name: string
  readonly key: string
  readonly createdAt: number
  readonly expiresAt: number | null
  deleted: boolean
}

/** `honoursEnd`: whether it takes `expires_in_seconds`, which older ones did not know. */
export async function startFakeOpenai(clock: Clock) {
  const adminKey = `sk-admin-${randomBytes(20).toString('base64url')}`
  const probe = `sk-proj-${randomBytes(20).toString('base64url')}`
  const breaches: string[] = []
  const state = { honoursEnd: true, isAddressAllowed: true, accounts: [] as Account[] }
  const base = '/v1/organization/projects/proj_acme/service_accounts'
  const error = (status: number, code: string): Answer => [
    status,
    { error: { message: '…', type: 'invalid_request_error', param: null, code } },
  ]
  const shown = ({ id, name, createdAt }: Account) => ({
    object: 'organization.project.service_account',
    id,
    name,
    role: 'member',
    created_at: createdAt,
  })
  const there = () => state.accounts.filter(each => !each.deleted)

  function create({ name, expires_in_seconds: seconds = null, ...strange }: Asked['body']): Answer {
    for (const member of Object.keys(strange)) breaches.push(`created with ${member}`)
    const isEnd = typeof seconds === 'number' && seconds >= 1 && seconds <= 31_536_000
    if (typeof name !== 'string' || (seconds !== null && !isEnd)) return error(400, 'invalid_value')
    const now = toSeconds(clock.now())
    const account: Account = {
      id: `svc_acct_${randomBytes(10).toString('hex')}`,
      name,
      key: `sk-svcacct-${randomBytes(30).toString('base64url')}`,
      createdAt: now,
      expiresAt: isEnd && state.honoursEnd ? now + seconds : null,
      deleted: false,
    }
    state.accounts.push(account)
    const api_key = {
      object: 'organization.project.service_account.api_key',
      id: `key_${randomBytes(8).toString('hex')}`,
      value: account.key,
      name: 'Secret Key',
      created_at: now,
      expires_at: account.expiresAt,
    }
    return [200, { ...shown(account), api_key }]
  }

  function list(query: URLSearchParams): Answer {
    const limit = Number(query.get('limit') ?? 20)
    if (!(limit >= 1 && limit <= 100)) return error(400, 'invalid_value')
    const all = there()
    const after = query.get('after')
    const from = after === null ? 0 : all.findIndex(({ id }) => id === after) + 1
    const data = all.slice(from, from + limit).map(shown)
    const has_more = from + limit < all.length
    return [200, { object: 'list', data, first_id: data[0]?.id ?? null, has_more }]
  }

  function answerTo({ method, path, query, body, headers }: Asked): Answer {
    const key = headers.authorization?.replace(/^Bearer /, '')
    if (!state.isAddressAllowed) return error(401, 'ip_not_authorized')
    if (path === '/v1/models' && method === 'GET') {
      const own = there().find(each => each.key === key)
      const isOver = (own?.expiresAt ?? Infinity) <= toSeconds(clock.now())
      const isLet = key === probe || (own !== undefined && !isOver)
      return isLet ? [200, { object: 'list', data: [] }] : error(401, 'invalid_api_key')
    }
    if (key !== adminKey) return error(401, 'invalid_api_key')
    if (path === base && method === 'POST') return create(body)
    if (path === base && method === 'GET') return list(query)
    const id = path.startsWith(`${base}/`) ? path.slice(base.length + 1) : undefined
    if (id === undefined || method !== 'DELETE') breaches.push(`${method} ${path} is nothing here`)
    const account = there().find(each => each.id === id)
    if (account === undefined) return error(404, 'not_found')
    account.deleted = true
    return [200, { object: 'organization.project.service_account.deleted', id, deleted: true }]
  }

  return { ...(await serving(answerTo)), adminKey, probe, breaches, state, there }
}

interface BaoLease {
  readonly id: string
  readonly madeAt: Instant
  endsAt: Instant
}

export async function startFakeOpenbao(clock: Clock) {
  const token = `s.${randomBytes(18).toString('base64url')}`
  const breaches: string[] = []
  const state = {
    leaseSeconds: 3600,
    leases: new Map<string, BaoLease>(),
    revokes: true,
    loses: false,
  }
  const errors = (status: number, ...all: string[]): Answer => [status, { errors: all }]
  const find = (id: unknown) => {
    const lease = typeof id === 'string' ? state.leases.get(id) : undefined
    return lease !== undefined && lease.endsAt > clock.now() ? lease : undefined
  }
  const wrapped = { renewable: true, wrap_info: null, warnings: null, auth: null }

  function creds(): Answer {
    const id = `database/creds/readonly/${randomBytes(12).toString('base64url')}`
    const endsAt = addSeconds(clock.now(), state.leaseSeconds)
    state.leases.set(id, { id, madeAt: clock.now(), endsAt })
    if (state.loses) return errors(500, 'internal error')
    const data = {
      username: `v-token-readonly-${randomBytes(8).toString('hex')}`,
      password: randomBytes(20).toString('base64url'),
    }
    const request_id = randomUUID()
    return [200, { request_id, lease_id: id, lease_duration: state.leaseSeconds, data, ...wrapped }]
  }

  const verbs: Readonly<Record<string, (body: Asked['body']) => Answer>> = {
    'GET /v1/database/creds/readonly': creds,
    'POST /v1/sys/leases/lookup': ({ lease_id: id }) => {
      const lease = find(id)
      if (lease === undefined) return errors(400, 'invalid lease')
      const { madeAt: issue_time, endsAt: expire_time } = lease
      return [200, { data: { id, issue_time, expire_time, last_renewal: null, renewable: true } }]
    },
    'POST /v1/sys/leases/renew': ({ lease_id: id, increment }) => {
      const lease = find(id)
      if (lease === undefined) return errors(400, 'lease not found')
      const seconds = Number(increment ?? state.leaseSeconds)
      lease.endsAt = addSeconds(clock.now(), seconds)
      return [200, { lease_id: id, lease_duration: seconds, ...wrapped }]
    },
    'POST /v1/sys/leases/revoke': ({ lease_id: id, sync }) => {
      if (sync !== true) breaches.push('a revocation that nobody waits for')
      if (state.revokes) state.leases.delete(String(id))
      return [204]
    },
  }

  function answerTo({ method, path, body, headers }: Asked): Answer {
    if (headers['x-vault-token'] !== token) return errors(403, 'permission denied')
    const verb = verbs[`${method} ${path}`]
    if (verb !== undefined) return verb(body)
    if (!path.includes('/creds/')) breaches.push(`${method} ${path} is nothing here`)
    return errors(400, 'unknown role')
  }

  return { ...(await serving(answerTo)), token, breaches, state }
}
