/**
 * A pretend Azure on loopback: Entra's token endpoint, Microsoft Graph and Resource Manager, whose paths
 * differ. It keeps its own list of what exists, and can be told to misbehave. What Azure would refuse as
 * nonsense is in `breaches`, which a test expects to be empty.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { createLocalJWKSet, decodeJwt, jwtVerify } from 'jose'
import { type Instant, toMs } from '../../src/core/base/time.ts'
import { type Answer, no, routes } from './azure/routes.ts'
import { type FakeTrust, holderOf, living, newState, newToken, type State } from './azure/state.ts'
import { fetchJwks } from './federation.ts'
import { newKeys } from './github/state.ts'

export interface FakeAzure extends State {
  readonly url: string
  /** What a person writes to connect it, with a secret. */
  readonly config: {
    readonly tenant: string
    readonly clientId: string
    readonly clientSecret: string
    readonly roles: Readonly<Record<string, string>>
    readonly url: string
  }
  /** Each request in order, and who asked, by the name of their application. */
  readonly seen: { readonly asked: string; readonly status: number; readonly by: string }[]
  readonly breaches: string[]
  living(): string[]
  close(): Promise<void>
}

const audiences = { graph: 'https://graph.microsoft.com', arm: 'https://management.azure.com' }

export async function startFakeAzure(clock: { now(): Instant }): Promise<FakeAzure> {
  const server = createServer((req, res) => {
    void serve(azure, req, res).catch(thrown => {
      azure.breaches.push(`it broke: ${String(thrown)}`)
      res.destroy()
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const state = newState(clock, newKeys().privateKey)
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const azure: FakeAzure = Object.assign(state, {
    url,
    config: {
      tenant: state.tenant,
      clientId: state.admin.clientId,
      clientSecret: state.adminSecret ?? '',
      roles: {
        Reader: 'acdd72a7-3385-48ef-bd42-f606fba81ae7',
        'Tag Contributor': '4a9ae827-6dc8-4573-8ac7-8239d42aa03f',
      },
      url,
    },
    seen: [],
    breaches: [],
    living: () => living(state),
    async close() {
      server.closeAllConnections()
      await new Promise(done => server.close(done))
    },
  })
  return azure
}

async function serve(azure: FakeAzure, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const { method = '', url: path = '' } = req
  let text = ''
  for await (const part of req) text += String(part)
  const asked = `${method} ${path}`
  const fault = azure.fault(asked)
  if (fault === 'breaks-off') return void req.socket.destroy()
  if (fault === 'hangs') return
  if (typeof fault === 'object' && 'ms' in fault) await wait(fault.ms)
  const send = ({ status, body }: Answer, headers: Record<string, string> = {}) => {
    res.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers })
    res.end(body === undefined ? undefined : JSON.stringify(body))
  }
  const isStatus = typeof fault === 'object' && 'status' in fault
  const trouble = isStatus ? no(fault.status, 'ServiceUnavailable') : undefined
  if (isStatus && trouble && fault.isAfter !== true) return send(trouble, fault.headers)
  await azure.stall(asked)
  const bearer = /^Bearer (.+)$/.exec(req.headers.authorization ?? '')?.[1] ?? ''
  const prefer = String(req.headers['prefer'] ?? '')
  const answer = await answerTo(azure, { method, path, text, bearer, prefer })
  if (fault === 'breaks-off-after') return void req.socket.destroy()
  if (isStatus && trouble) return send(trouble, fault.headers)
  const own = azure.principals.get(String(azure.tokens.includes(bearer) && decodeJwt(bearer).oid))
  azure.seen.push({ asked, status: answer.status, by: own?.displayName ?? '' })
  send(answer)
}

interface Asked {
  readonly method: string
  readonly path: string
  readonly text: string
  readonly bearer: string
  readonly prefer: string
}

async function answerTo(azure: FakeAzure, asked: Asked): Promise<Answer> {
  const { method, path, text, bearer, prefer } = asked
  const url = new URL(path, azure.url)
  if (method === 'POST' && url.pathname === `/${azure.tenant}/oauth2/v2.0/token`)
    return giveToken(azure, new URLSearchParams(text))
  for (const route of routes) {
    const parts = route.method === method ? route.path.exec(url.pathname) : null
    if (parts === null) continue
    const by = holderOf(azure, bearer, audiences[route.host])
    if (by === undefined) return no(401, 'InvalidAuthenticationToken')
    if (route.host === 'arm' && !url.searchParams.get('api-version')?.startsWith('2022-'))
      azure.breaches.push(`no version: ${path}`)
    const { needs } = route
    const isOurs = by === azure.admin.oid
    if (needs !== undefined && (!isOurs || azure.lacks.has(needs)))
      return no(403, route.host === 'arm' ? 'AuthorizationFailed' : 'Authorization_RequestDenied')
    const body = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>)
    const breach = (what: string) => void azure.breaches.push(what)
    return route.run({ state: azure, url, body, by, prefer, breach }, parts.slice(1))
  }
  azure.breaches.push(`no such path: ${method} ${url.pathname}`)
  return no(404, 'NotFound')
}

const denied = (code: number): Answer => ({
  status: code === 700016 || code === 70021 ? 400 : 401,
  body: { error: 'invalid_client', error_description: `AADSTS${code}`, error_codes: [code] },
})

/** Client credentials, by a secret or by a word of an issuer that the application trusts. */
async function giveToken(azure: FakeAzure, form: URLSearchParams): Promise<Answer> {
  const [, resource = ''] = /^(https:\/\/[^/]+)\/\.default$/.exec(form.get('scope') ?? '') ?? []
  if (form.get('grant_type') !== 'client_credentials' || resource === '')
    azure.breaches.push(`no request for a token: ${[...form.keys()].join(' ')}`)
  const clientId = form.get('client_id') ?? ''
  const isAdmin = clientId === azure.admin.clientId
  const app = [...azure.apps.values()].find(each => each.appId === clientId && !each.isDeleted)
  if (!isAdmin && (app === undefined || app.unheard-- > 0)) return denied(700016)
  const principal = [...azure.principals.values()].find(each => each.appId === clientId)
  const isThere = principal !== undefined && !principal.isDeleted
  if (!isAdmin && !isThere) return denied(7000229)
  if (!isAdmin && !principal?.accountEnabled) return denied(7000112)
  const word = form.get('client_assertion')
  const trusts = isAdmin ? azure.adminTrusts : (app?.trusts ?? [])
  const now = azure.clock.now()
  const secrets = isAdmin
    ? [azure.adminSecret]
    : app?.passwords.filter(each => each.endDateTime > now).map(({ secret }) => secret)
  const isGood = word === null ? secrets?.includes(form.get('client_secret') ?? '') : false
  if (word === null && !isGood) return denied(7000215)
  if (word !== null && !(await isTrusted(azure, trusts, word))) return denied(70021)
  const oid = isAdmin ? azure.admin.oid : (principal?.id ?? '')
  const { token, seconds } = await newToken(azure, oid, clientId, resource)
  return { status: 200, body: { access_token: token, expires_in: seconds, token_type: 'Bearer' } }
}

/** What Entra demands of a word: RS256, exactly one audience, issuer and subject as they were written. */
async function isTrusted(azure: FakeAzure, trusts: readonly FakeTrust[], word: string) {
  try {
    const { iss = '', sub = '', aud } = decodeJwt(word)
    const trust = trusts.find(each => each.issuer === iss && each.subject === sub)
    if (trust === undefined || typeof aud !== 'string' || sub.length > 600) return false
    const keys = azure.jwks ?? (await fetchJwks(iss))
    await jwtVerify(word, createLocalJWKSet(keys as never), {
      algorithms: ['RS256'],
      issuer: trust.issuer,
      subject: trust.subject,
      audience: [...trust.audiences],
      currentDate: new Date(toMs(azure.clock.now())),
      requiredClaims: ['exp'],
    })
    return true
  } catch {
    return false
  }
}
