/**
 * The two sides of the bench `token-exchange`, each a server in a process of its own, so that its
 * processor time is its own. Equal checks, equal token, no persistence on either:
 * read the form, verify the RS256 token of a CI run (issuer, audience, times), hold it against the
 * same trust rule, accept it once, sign an ES256 access token (RFC 9068) with the same claims.
 *
 * `ours` is what the product runs between the socket and the store: the door's form, `attest`, the
 * claims and the signature. `peer` is oidc-provider with a custom grant, written as its documents say.
 */
import { generateKeyPairSync } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createLocalJWKSet, exportJWK, type JSONWebKeySet, jwtVerify } from 'jose'
import { errors, type KoaContextWithOIDC, type ResourceServer } from 'oidc-provider'
import { newId } from '../src/core/base/ids.ts'
import type { JsonObject } from '../src/core/base/json.ts'
import { systemClock } from '../src/core/base/time.ts'
import { type AttestWorld, attest } from '../src/core/identity/attest.ts'
import { makeIssuerKeys } from '../src/core/identity/jwks.ts'
import { github } from '../src/core/identity/presets/github.ts'
import { matchBinding } from '../src/core/identity/presets/machine.ts'
import { isRefusal } from '../src/core/identity/refusal.ts'
import { identityTable, trustRuleTable } from '../src/core/identity/rows.ts'
import { anchorOf } from '../src/core/identity/trust.ts'
import { Replica } from '../src/core/ledger/replica.ts'
import { tokenEndsAt, writeClaims } from '../src/core/token/claims.ts'
import { signToken } from '../src/core/token/signature.ts'
import { sendJson } from '../src/doors/api/oauth/answer.ts'
import { parseForm, readFormText } from '../src/doors/api/oauth/request.ts'
import { Provider } from '../src/life/sign-in/quiet-provider.ts'
import { parseExchange } from '../src/life/token/form.ts'

export type SideName = 'ours' | 'peer'
type Handler = (req: IncomingMessage, res: ServerResponse) => Promise<void>

export interface SideOptions {
  readonly issuer: string
  readonly jwks: JSONWebKeySet
  readonly rule: JsonObject
}

export const audience = 'https://leasehold.example'
const api = `${audience}/v1`
const spiffeId = 'spiffe://example.com/app/deal-desk/run'
const grantType = 'urn:ietf:params:oauth:grant-type:token-exchange'
const [identityId, appId] = [newId('identity'), newId('app')]

/** What a side says to the bench: its port once, then its processor time whenever asked. */
export type Said = { readonly port: number } | { readonly cpuUs: number }

async function serveSide(side: SideName, options: SideOptions): Promise<void> {
  const handle = side === 'ours' ? ours(options) : await peer(options)
  const server = createServer((req, res) => void handle(req, res))
  server.listen(0, '127.0.0.1', () => say({ port: (server.address() as AddressInfo).port }))
  process.on('message', () => {
    const { user, system } = process.cpuUsage()
    say({ cpuUs: user + system })
  })
}

function say(what: Said): void {
  process.send?.(what)
}

function ours({ issuer, jwks, rule }: SideOptions): Handler {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const signer = { kid: 'bench', alg: 'ES256', privateKey } as const
  const world = attestWorld(issuer, jwks, rule)
  const seen = new Set<string>()
  return async (req, res) => {
    const request = parseExchange(parseForm(await readFormText(req)), [api])
    const now = systemClock.now()
    const { subjectToken: token, purpose } = request
    const attested = await attest(world, { token, audience, now })
    if (isRefusal(attested)) return void res.writeHead(400).end(attested.says)
    if (seen.has(attested.assertion.hash)) return void res.writeHead(400).end('used')
    seen.add(attested.assertion.hash)
    const unattended = { autonomy: 'unattended', boundTo: null } as const
    const expiresAt = tokenEndsAt(unattended, now)
    const fixed = { tokenId: newId('token'), taskId: newId('task'), issuer: audience, purpose }
    const who = { spiffeId, identityId, appId, ...unattended, actors: [] }
    const claims = { ...fixed, ...who, audience: request.audience, issuedAt: now, expiresAt }
    const body = {
      access_token: signToken(signer, writeClaims(claims)),
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      token_type: 'Bearer',
      expires_in: 300,
      scope: purpose,
    }
    sendJson(res, { status: 200, body })
  }
}

function attestWorld(issuer: string, jwks: JSONWebKeySet, claims: JsonObject): AttestWorld {
  const replica = new Replica()
  const now = systemClock.now()
  const common = { version: 1, appId, state: 'active', madeAt: now, endedAt: null } as const
  const rule = { ...common, id: newId('trustRule'), identityId, preset: 'github' } as const
  replica.apply([
    {
      table: identityTable.name,
      row: { ...common, id: identityId, role: 'run', spiffeId } as never,
    },
    {
      table: trustRuleTable.name,
      row: {
        ...rule,
        issuer,
        claims,
        anchor: anchorOf({ issuer, preset: 'github', claims }),
        requestId: null,
      } as never,
    },
  ])
  // The issuer is asked once and its keys stay; here it answers from memory.
  const fetch = async (address: string) =>
    (address.endsWith('/jwks') ? jwks : { issuer, jwks_uri: `${issuer}/jwks` }) as never
  const registry = { issuers: new Set([issuer]), allowedOrigins: new Set([new URL(issuer).origin]) }
  return {
    replica,
    issuer: audience,
    issuerKeys: makeIssuerKeys({ clock: systemClock, fetch }, registry),
    verifyPerson: () => Promise.reject(new Error('nobody signs in here')),
  }
}

async function peer({ issuer, jwks, rule }: SideOptions): Promise<Handler> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = { ...(await exportJWK(privateKey)), kid: 'bench', alg: 'ES256', use: 'sig' }
  const resourceServer: ResourceServer = {
    scope: 'board',
    audience: api,
    accessTokenTTL: 300,
    accessTokenFormat: 'jwt',
    jwt: { sign: { alg: 'ES256' } },
  }
  const provider = new Provider(audience, {
    jwks: { keys: [jwk] },
    clients: [
      {
        client_id: 'ci',
        token_endpoint_auth_method: 'none',
        grant_types: [grantType],
        response_types: [],
        redirect_uris: [],
      },
    ],
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    clientAuthMethods: ['none'],
    enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
    responseTypes: ['code'],
    scopes: ['board'],
    routes: { token: '/oauth/token' },
    cookies: { keys: ['bench'] },
    features: {
      devInteractions: { enabled: false },
      resourceIndicators: { enabled: true, getResourceServerInfo: () => resourceServer },
    },
    extraTokenClaims: () => ({
      txn: newId('task'),
      'https://leasehold.dev/work': { app: appId, autonomy: 'unattended' },
    }),
    ttl: { AccessToken: 300, ClientCredentials: 300 },
    findAccount: () => undefined,
  })
  const keys = createLocalJWKSet(jwks)
  const seen = new Set<string>()
  const exchange = async (ctx: KoaContextWithOIDC) => {
    const { client, params, provider: own } = ctx.oidc
    const token = String(params?.['subject_token'])
    const { payload } = await jwtVerify(token, keys, {
      algorithms: ['RS256'],
      typ: 'JWT',
      issuer,
      audience,
      requiredClaims: ['exp', 'iat', 'jti', 'sub'],
      maxTokenAge: 1200,
    })
    const name = `${payload.iss} ${payload.jti}`
    if (matchBinding(github, rule, payload as JsonObject) !== null || seen.has(name))
      throw new errors.InvalidGrant('not trusted')
    seen.add(name)
    if (client === undefined) throw new errors.InvalidClient('no client')
    const access = new own.AccessToken({
      accountId: spiffeId,
      client,
      gty: 'token_exchange',
      scope: 'board',
    } as never)
    access.resourceServer = new own.ResourceServer(api, resourceServer)
    ctx.body = {
      access_token: await access.save(),
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      token_type: 'Bearer',
      expires_in: 300,
      scope: 'board',
    }
  }
  provider.registerGrantType(
    grantType,
    exchange,
    ['subject_token', 'subject_token_type', 'scope'],
    [],
  )
  return provider.callback()
}

const [, , side, options] = process.argv
if (import.meta.main && (side === 'ours' || side === 'peer'))
  await serveSide(side, JSON.parse(options ?? '') as SideOptions)
