/**
 * A pretend Google Cloud on loopback: service accounts, policies, tokens, and an exchange for words of an
 * outside issuer. All of Google's hosts are one here: their paths differ. It keeps its own list of what
 * exists, and can be told to misbehave. What Google would refuse as nonsense is in `breaches`, which a
 * test expects to be empty.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { createLocalJWKSet, decodeJwt, jwtVerify } from 'jose'
import { type Instant, toMs } from '../../src/core/base/time.ts'
import { fetchJwks } from './federation.ts'
import { type Answer, no, routes } from './gcp/routes.ts'
import { holderOf, newState, newToken, type Provider, type State } from './gcp/state.ts'
import { newKeys } from './github/state.ts'

export interface FakeGcp extends State {
  readonly url: string
  /** What a person writes to connect it, with a key. */
  readonly config: {
    readonly project: string
    readonly key: Readonly<Record<'client_email' | 'private_key_id' | 'private_key', string>>
    readonly roles: string[]
    readonly url: string
  }
  /** Each request in order, and who asked, as its audit log has it. */
  readonly seen: { readonly asked: string; readonly status: number; readonly by: string }[]
  readonly breaches: string[]
  /** Addresses of leases' service accounts whose token would be let in now. */
  living(): string[]
  close(): Promise<void>
}

export async function startFakeGcp(clock: { now(): Instant }): Promise<FakeGcp> {
  const { publicKey, privateKey } = newKeys()
  const server = createServer((req, res) => {
    void serve(gcp, req, res).catch(thrown => {
      gcp.breaches.push(`it broke: ${String(thrown)}`)
      res.destroy()
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const state = newState(clock, publicKey)
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const gcp: FakeGcp = Object.assign(state, {
    url,
    config: {
      project: state.project,
      key: {
        client_email: state.admin,
        private_key_id: state.keyId,
        private_key: privateKey.export({ format: 'pem', type: 'pkcs8' }),
      },
      roles: ['roles/bigquery.dataViewer'],
      url,
    },
    seen: [],
    breaches: [],
    living: () => {
      const all = [...state.tokens.values()].filter(each => holderOf(state, each.value))
      const own = all
        .map(({ of }) => of)
        .filter(of => of !== state.admin && !of.startsWith('principal:'))
      return [...new Set(own)]
    },
    async close() {
      server.closeAllConnections()
      await new Promise(done => server.close(done))
    },
  })
  return gcp
}

async function serve(gcp: FakeGcp, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const { method = '', url: path = '' } = req
  let text = ''
  for await (const part of req) text += String(part)
  const asked = `${method} ${path}`
  const fault = gcp.fault(asked)
  if (fault === 'breaks-off') return void req.socket.destroy()
  if (fault === 'hangs') return
  if (typeof fault === 'object' && 'ms' in fault) await wait(fault.ms)
  const send = ({ status, body }: Answer, headers: Record<string, string> = {}) => {
    res.writeHead(status, { 'content-type': 'application/json; charset=UTF-8', ...headers })
    res.end(JSON.stringify(body))
  }
  const isStatus = typeof fault === 'object' && 'status' in fault
  const trouble = isStatus ? no(fault.status, 'UNAVAILABLE') : undefined
  if (isStatus && trouble && fault.isAfter !== true) return send(trouble, fault.headers)
  await gcp.stall(asked)
  const bearer = /^Bearer (.+)$/.exec(req.headers.authorization ?? '')?.[1] ?? ''
  const by = holderOf(gcp, bearer)?.of ?? ''
  const answer = await answerTo(gcp, { method, path, text, by })
  if (fault === 'breaks-off-after') return void req.socket.destroy()
  if (isStatus && trouble) return send(trouble, fault.headers)
  gcp.seen.push({ asked, status: answer.status, by })
  send(answer)
}

interface Asked {
  readonly method: string
  readonly path: string
  readonly text: string
  readonly by: string
}

async function answerTo(gcp: FakeGcp, { method, path, text, by }: Asked): Promise<Answer> {
  const url = new URL(path, gcp.url)
  if (method === 'POST' && url.pathname === '/token') return byKey(gcp, new URLSearchParams(text))
  if (method === 'POST' && url.pathname === '/v1/token')
    return exchange(gcp, new URLSearchParams(text))
  if (by === '') return no(401, 'UNAUTHENTICATED')
  for (const [verb, pattern, needs, run] of routes) {
    const parts = verb === method ? pattern.exec(url.pathname) : null
    if (parts === null) continue
    const isAllowed = needs === null || (by === gcp.admin && !gcp.lacks.has(needs))
    if (!isAllowed) return no(403, 'PERMISSION_DENIED')
    const body = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>)
    const breach = (what: string) => void gcp.breaches.push(what)
    return run({ state: gcp, url, body, by, breach }, parts.slice(1))
  }
  gcp.breaches.push(`no such path: ${method} ${url.pathname}`)
  return no(404, 'NOT_FOUND')
}

/** RFC 7523, and Google's own: RS256, the key by its id, Google as audience, an hour at most. */
async function byKey(gcp: FakeGcp, form: URLSearchParams): Promise<Answer> {
  const denied = { status: 400, body: { error: 'invalid_grant', error_description: 'Invalid JWT' } }
  if (form.get('grant_type') !== 'urn:ietf:params:oauth:grant-type:jwt-bearer') return denied
  const { publicKey, keyId, admin, clock } = gcp
  if (publicKey === undefined) return denied
  const word = form.get('assertion') ?? ''
  const checked = await jwtVerify(word, publicKey, {
    algorithms: ['RS256'],
    issuer: admin,
    audience: 'https://oauth2.googleapis.com/token',
    currentDate: new Date(toMs(clock.now())),
    requiredClaims: ['iat', 'exp', 'scope'],
  }).catch(() => undefined)
  const { exp = 0, iat = 0 } = checked?.payload ?? {}
  if (checked?.protectedHeader.kid !== keyId || exp - iat > 3600) return denied
  return given(gcp, admin)
}

function given(gcp: FakeGcp, of: string, more: object = {}): Answer {
  const { value } = newToken(gcp, of, 3599)
  const body = { access_token: value, expires_in: 3599, token_type: 'Bearer', ...more }
  return { status: 200, body }
}

/** RFC 8693: for a word of an issuer that a provider trusts, a token of the principal it names. */
async function exchange(gcp: FakeGcp, form: URLSearchParams): Promise<Answer> {
  const denied = (error: string) => ({ status: 400, body: { error, error_description: 'no' } })
  const type = 'urn:ietf:params:oauth:token-type'
  const isFit =
    form.get('grant_type') === 'urn:ietf:params:oauth:grant-type:token-exchange' &&
    form.get('subject_token_type') === `${type}:jwt` &&
    form.get('requested_token_type') === `${type}:access_token` &&
    form.get('scope') !== null
  if (!isFit) return denied('invalid_request')
  const provider = gcp.providers.find(({ name }) => name === form.get('audience'))
  if (provider === undefined) return denied('invalid_target')
  const subject = await subjectOf(gcp, provider, form.get('subject_token') ?? '')
  if (subject === undefined) return denied('invalid_grant')
  const pool = provider.name.slice(2).split('/providers/')[0]
  return given(gcp, `principal://${pool}/subject/${subject}`, {
    issued_token_type: `${type}:access_token`,
  })
}

/** What Google demands of a word: RS256, its own audience, a day at most, a subject of 127 bytes. */
async function subjectOf({ clock }: FakeGcp, { name, issuer, jwks }: Provider, word: string) {
  try {
    const keys = jwks ?? (await fetchJwks(issuer))
    const { payload, protectedHeader } = await jwtVerify(word, createLocalJWKSet(keys as never), {
      algorithms: ['RS256'],
      issuer,
      audience: `https:${name}`,
      currentDate: new Date(toMs(clock.now())),
      requiredClaims: ['iat', 'exp', 'sub'],
    })
    const { sub = '', iat = 0, exp = 0, aud } = payload
    const isShort = Buffer.byteLength(sub) <= 127 && exp - iat <= 86_400
    return isShort && protectedHeader.kid && typeof aud === 'string'
      ? decodeJwt(word).sub
      : undefined
  } catch {
    return undefined
  }
}
