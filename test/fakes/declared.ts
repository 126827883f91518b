/**
 * A system nobody foresaw, on loopback: Keyring, which makes keys for the projects of a team. It keeps its
 * own list of what exists, with which a lie is found out, and can be told to misbehave. What it is asked
 * that it does not know is in `breaches`, which a test expects to be empty.
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { addMs, type Instant, parseInstant } from '../../src/core/base/time.ts'

/** What an end does after it was answered: as said, nothing, or later on one path or both. */
export type Ending = 'honest' | 'lies' | { readonly ms: number; readonly path?: 'list' | 'key' }

export interface FakeKey {
  readonly id: string
  readonly label: string
  readonly project: string
  readonly scopes: readonly string[]
  readonly token: string
  readonly createdAt: Instant
  expires: Instant | null
  usedAt: Instant | null
  isDisabled: boolean
  endedAt: Instant | null
  ending: Ending
}

type Fault = {
  readonly status: number
  readonly headers?: Record<string, string>
  readonly isAfter?: true
}

export interface FakeKeyring {
  readonly url: string
  readonly clock: { now(): Instant }
  readonly team: string
  adminToken: string
  readonly probe: string
  /** Empty: our admin credential may do nothing. */
  adminMay: string[]
  readonly keys: Map<string, FakeKey>
  /** Of the next end. */
  ending: Ending
  /** What ended stays in its list, and is said to be. */
  keepsEnded: boolean
  fault: (asked: string) => Fault | undefined
  /** By what key something was asked, by its label. */
  readonly seen: { readonly by: string; readonly asked: string }[]
  readonly asked: string[]
  readonly breaches: string[]
  living(): FakeKey[]
  isListed(key: FakeKey): boolean
  isTaken(key: FakeKey): boolean
  /** Somebody brings an ended one back. */
  undelete(label: string): void
  close(): Promise<void>
}

const newToken = () => `kr_${randomBytes(24).toString('hex')}`
const newId = () => `key_${randomBytes(8).toString('hex')}`
const scopesOf: Readonly<Record<string, string>> = {
  'GET /api/items': 'items.read',
  'POST /api/items': 'items.write',
  'DELETE /api/items': 'items.destroy',
}

export async function startFakeKeyring(clock: FakeKeyring['clock']): Promise<FakeKeyring> {
  const server = createServer(
    (req, res) => void serve(keyring, req, res).catch(() => req.destroy()),
  )
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const later = (key: FakeKey, path: 'list' | 'key') => {
    const { endedAt, ending } = key
    if (endedAt === null || ending === 'lies') return true
    if (ending === 'honest' || (ending.path !== undefined && ending.path !== path)) return false
    return clock.now() < addMs(endedAt, ending.ms)
  }
  const isOver = ({ expires }: FakeKey) => expires !== null && expires <= clock.now()
  const keyring: FakeKeyring = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api`,
    clock,
    team: 'acme',
    adminToken: newToken(),
    probe: newToken(),
    adminMay: ['keys.read', 'keys.write'],
    keys: new Map(),
    ending: 'honest',
    keepsEnded: false,
    fault: () => undefined,
    seen: [],
    asked: [],
    breaches: [],
    isListed: key => later(key, 'list'),
    isTaken: key => later(key, 'key') && !isOver(key) && !isStopped(key),
    living: () => [...keyring.keys.values()].filter(key => later(key, 'key') && !isOver(key)),
    undelete(label) {
      for (const key of keyring.keys.values())
        if (key.label === label) Object.assign(key, { endedAt: null, isDisabled: false })
    },
    async close() {
      server.closeAllConnections()
      await new Promise(done => server.close(done))
    },
  }
  return keyring
}

/** What lies about its end, or ends late, does not stop it either. */
function isStopped({ isDisabled, endedAt }: FakeKey): boolean {
  return isDisabled && endedAt === null
}

export function plantKey(
  keyring: FakeKeyring,
  label: string,
  made: Partial<FakeKey> = {},
): FakeKey {
  const key: FakeKey = {
    id: newId(),
    label,
    project: 'other',
    scopes: [],
    token: newToken(),
    createdAt: keyring.clock.now(),
    expires: null,
    usedAt: null,
    isDisabled: false,
    endedAt: null,
    ending: 'honest',
    ...made,
  }
  keyring.keys.set(key.id, key)
  return key
}

interface Asking {
  readonly asked: string
  readonly at: URL
  readonly body: Readonly<Record<string, unknown>>
  readonly headers: IncomingMessage['headers']
}
interface Answer {
  readonly status: number
  readonly body?: object
}
const no = (status: number, error: string): Answer => ({ status, body: { error } })

async function serve(keyring: FakeKeyring, req: IncomingMessage, res: ServerResponse) {
  const at = new URL(req.url ?? '', keyring.url)
  let text = ''
  for await (const part of req) text += String(part)
  const asked = `${req.method} ${at.pathname}`
  keyring.asked.push(`${req.method} ${req.url}`)
  const fault = keyring.fault(asked)
  const fail = ({ status, headers }: Fault) => res.writeHead(status, headers).end('trouble')
  if (fault !== undefined && !fault.isAfter) return void fail(fault)
  const body = text === '' ? {} : (JSON.parse(text) as Asking['body'])
  const answer = answerTo(keyring, { asked, at, body, headers: req.headers })
  if (fault !== undefined) return void fail(fault)
  res.writeHead(answer.status, { 'content-type': 'application/json' })
  res.end(answer.body === undefined ? undefined : JSON.stringify(answer.body))
}

function answerTo(keyring: FakeKeyring, asking: Asking): Answer {
  const { asked, headers } = asking
  if (headers['x-key'] !== undefined) return asHolder(keyring, asking)
  if (headers['x-keyring-version'] !== '2') keyring.breaches.push(`${asked} without a version`)
  if (headers.authorization !== `Token ${keyring.adminToken}`) return no(401, 'unknown_token')
  const [, rest] = /^\S+ \/api\/teams\/acme\/keys(\/.*)?$/.exec(asked) ?? [undefined, null]
  if (rest === null) {
    keyring.breaches.push(`${asked} is nothing here`)
    return no(404, 'no_such_thing')
  }
  const right = asked.startsWith('GET ') ? 'keys.read' : 'keys.write'
  if (!keyring.adminMay.includes(right)) return no(403, 'not_allowed')
  if (rest === undefined)
    return asked.startsWith('GET ') ? page(keyring, asking) : make(keyring, asking)
  return change(keyring, asking, rest)
}

/** As the holder of a key has it. */
function asHolder(keyring: FakeKeyring, { asked, headers }: Asking): Answer {
  const shown = headers['x-key']
  if (shown === keyring.probe) return { status: 200, body: { label: 'probe' } }
  const key = [...keyring.keys.values()].find(each => each.token === shown)
  if (key === undefined || !keyring.isTaken(key))
    return no(401, key?.isDisabled && key.endedAt === null ? 'disabled_key' : 'unknown_key')
  key.usedAt = keyring.clock.now()
  keyring.seen.push({ by: key.label, asked })
  if (asked === 'GET /api/whoami') return { status: 200, body: { label: key.label } }
  const scope = scopesOf[asked]
  if (scope === undefined || !key.scopes.includes(scope)) return no(403, 'not_allowed')
  return { status: 200, body: { items: [] } }
}

function make(keyring: FakeKeyring, { asked, body }: Asking): Answer {
  const { label, project, scopes, expires, ...strange } = body
  const isOne = typeof label === 'string' && /^[a-z0-9_]{1,63}$/.test(label)
  const ends = typeof expires === 'string' ? parseInstant(expires) : null
  if (!isOne || typeof project !== 'string' || !Array.isArray(scopes) || ends === null)
    return no(422, 'not_understood')
  for (const name of Object.keys(strange)) keyring.breaches.push(`${asked} with ${name}`)
  const isThere = [...keyring.keys.values()].some(
    key => key.label === label && key.endedAt === null,
  )
  if (isThere) return no(409, 'label_taken')
  const key = plantKey(keyring, label, { project, scopes: scopes.map(String), expires: ends })
  const { id: key_id, token } = key
  return { status: 201, body: { key: { key_id, token, expires: ends } } }
}

function page(keyring: FakeKeyring, { at }: Asking): Answer {
  const [limit, after] = [Number(at.searchParams.get('limit') ?? 20), at.searchParams.get('after')]
  const isShown = (key: FakeKey) => keyring.isListed(key) || keyring.keepsEnded
  const all = [...keyring.keys.values()].filter(isShown)
  const from = after === null ? 0 : all.findIndex(key => key.id === after) + 1
  const rows = all.slice(from, from + Math.min(limit, 100))
  const more = from + rows.length < all.length
  const data = rows.map(key => ({
    key_id: key.id,
    label: key.label,
    created: key.createdAt,
    last_used: key.usedAt,
    expires: key.expires,
    made_by: { name: 'maya' },
    state: keyring.isListed(key) ? 'active' : 'archived',
  }))
  return { status: 200, body: { data, more, cursor: more ? rows.at(-1)?.id : null } }
}

function change(keyring: FakeKeyring, { asked, body }: Asking, rest: string): Answer {
  const [, id = '', verb] = rest.split('/')
  const key = keyring.keys.get(id)
  if (key === undefined || (key.endedAt !== null && !keyring.isListed(key)))
    return no(404, 'no_such_key')
  const method = asked.split(' ')[0]
  if (method === 'DELETE' && verb === undefined) {
    key.endedAt ??= keyring.clock.now()
    key.ending = keyring.ending
    return { status: 204 }
  }
  if (method === 'POST' && (verb === 'disable' || verb === 'enable')) {
    key.isDisabled = verb === 'disable'
    return { status: 200, body: {} }
  }
  const ends = typeof body['expires'] === 'string' ? parseInstant(body['expires']) : null
  if (method !== 'PATCH' || ends === null) return no(422, 'not_understood')
  key.expires = ends
  return { status: 200, body: { key: { key_id: key.id, expires: ends } } }
}
