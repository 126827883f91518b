/**
 * Our own authorization server: `oidc-provider` for the command line (RFC 8628 device flow) and for MCP
 * clients (code and PKCE): refresh tokens used once, RFC 9068 access tokens of five minutes.
 * Construction only; doors mount it. Not for workloads (token/), and not for pages: answering a device
 * (device.ts) and letting an MCP client act (client.ts) are ours, and so is the authorization endpoint.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Adapter, Configuration, KoaContextWithOIDC, ResourceServer } from 'oidc-provider'
import { isId } from '../../core/base/ids.ts'
import { product } from '../../core/base/product.ts'
import type { Pair } from '../../core/keys/pair.ts'
import { findPerson } from '../../core/people/rows.ts'
import { bounds } from './bounds.ts'
import { oidcState } from './oidc-state.ts'
import { errors, Provider } from './quiet-provider.ts'
import { findClientWork } from './rows.ts'
import { newSecret, type SessionWorld } from './session.ts'
import { findMcp, isStanding, mcpUri, type WorkWorld } from './work.ts'

/** Public: it runs on the person's machine and can keep no secret. */
export const cliClientId = 'leasehold-cli'
/** The one scope of a token for an MCP server: what may be done there is decided with each call. */
export const clientScope = 'mcp'
export const tokenExchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange'

export type TokenSigner = Pick<Pair, 'kid' | 'alg' | 'privateKey'>

export interface AuthorizationServerWorld extends SessionWorld, Pick<WorkWorld, 'replica'> {
  /** Origin of the issuer, without a path: `http://localhost:4400`. */
  readonly issuer: string
  /** The one audience of people's tokens. */
  readonly apiAudience: string
  /** The key that signs now. Asked at each request, so that a rotation needs no restart. */
  readonly signer: () => TokenSigner
  /** For the operator: something broke inside. Never a secret. */
  readonly warn: (text: string) => void
}

/** By the library's names of what is there. */
export const oauthPaths = {
  token: '/oauth/token',
  introspection: '/oauth/introspect',
  revocation: '/oauth/revoke',
  jwks: '/oauth/jwks',
  device_authorization: '/oauth/device',
  authorization: '/oauth/authorize',
  /** Our page where a person types a device's code. */
  code_verification: '/d',
} as const

const clientIds = /^https?:\/\/[\x21-\x7e]{1,500}$/

type Handler = (req: IncomingMessage, res: ServerResponse) => Promise<void>

/**
 * Keys are fixed when a provider is built, so a new key means a new provider over the same state:
 * refresh tokens go on, and old access tokens verify by the published set until they end.
 */
export function authorizationServer(world: AuthorizationServerWorld): Handler {
  let current: { kid: string; handle: Handler } | undefined
  return (req, res) => {
    const signer = world.signer()
    if (current?.kid !== signer.kid)
      current = { kid: signer.kid, handle: buildProvider(world, signer) }
    return current.handle(req, res)
  }
}

function buildProvider(world: AuthorizationServerWorld, signer: TokenSigner): Handler {
  const provider = new Provider(world.issuer, configurationOf(world, signer))
  // The door replaces what callers say of themselves (Forwarded, X-Forwarded-*) by what is true.
  provider.proxy = true
  provider.use(async (ctx: KoaContextWithOIDC, next) => {
    await next()
    if (ctx.oidc?.route !== 'discovery') return
    const body = ctx.body as {
      grant_types_supported?: string[]
      response_modes_supported?: string[]
    }
    body.grant_types_supported?.push(tokenExchangeGrant)
    body.response_modes_supported = ['query']
  })
  provider.on('server_error', (_ctx, error) => world.warn(`authorization server: ${error.message}`))
  return provider.callback()
}

function configurationOf(world: AuthorizationServerWorld, signer: TokenSigner): Configuration {
  const privateJwk = signer.privateKey.export({ format: 'jwk' })
  const { kid, alg } = signer
  return {
    adapter: adapterOf(world),
    discovery: { client_id_metadata_document_supported: true },
    jwks: { keys: [{ ...privateJwk, kid, alg, use: 'sig' }] },
    clients: [
      {
        client_id: cliClientId,
        client_name: `${product.name} command line`,
        application_type: 'native',
        token_endpoint_auth_method: 'none',
        grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
        response_types: [],
        redirect_uris: [],
      },
    ],
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    clientAuthMethods: ['none'],
    enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
    responseTypes: ['code'],
    scopes: [],
    claims: { openid: ['sub'] },
    pkce: { required: () => true },
    routes: oauthPaths,
    features: featuresOf(world),
    findAccount: async (_ctx, sub, token) => findAccount(world, sub, token),
    issueRefreshToken: () => true,
    rotateRefreshToken: true,
    expiresWithSession: () => false,
    // Ties each access token to its sign-in, so that ending the one ends the other (person-token.ts).
    extraTokenClaims: (_ctx, token) =>
      'grantId' in token && token.grantId !== undefined ? { sid: token.grantId } : undefined,
    renderError: (ctx, out) => {
      ctx.type = 'text/plain'
      ctx.body = `${out.error}: ${out.error_description ?? ''}\n`
    },
    interactions: { url: () => '/sign-in' },
    ttl: ttlOf(),
    // Never set: browsers come to our own pages. Were one added, they must not be forgeable.
    cookies: { keys: [newSecret()], short: { sameSite: 'lax' }, long: { sameSite: 'lax' } },
  }
}

function featuresOf(world: AuthorizationServerWorld): Configuration['features'] {
  return {
    devInteractions: { enabled: false },
    userinfo: { enabled: false },
    rpInitiatedLogout: { enabled: false },
    pushedAuthorizationRequests: { enabled: false },
    dPoP: { enabled: true },
    claimsParameter: { enabled: false },
    introspection: { enabled: true, allowedPolicy: (_c, client, token) => isOwn(client, token) },
    revocation: { enabled: true, allowedPolicy: (_c, client, token) => isOwn(client, token) },
    deviceFlow: {
      enabled: true,
      mask: '****-****',
      charset: 'base-20',
      deviceInfo: ctx => ({ ip: ctx.ip, ua: ctx.get('user-agent').slice(0, 200) }),
    },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => world.apiAudience,
      useGrantedResource: () => true,
      getResourceServerInfo: (_ctx, resource, { clientId }) =>
        resourceServerOf(world, resource, clientId),
    },
  }
}

/** RFC 8707: the API for the command line, one MCP server each for everybody else, and no crossing. */
function resourceServerOf(
  world: AuthorizationServerWorld,
  audience: string,
  clientId: string,
): ResourceServer {
  const isCli = clientId === cliClientId
  const slug = audience.slice(mcpUri(world, '').length)
  const isServed = isCli
    ? audience === world.apiAudience
    : audience === mcpUri(world, slug) && findMcp(world.replica, slug) !== undefined
  if (!isServed) throw new errors.InvalidTarget()
  return {
    scope: isCli ? 'api' : clientScope,
    audience,
    accessTokenTTL: bounds.personTokenSeconds,
    accessTokenFormat: 'jwt',
    jwt: { sign: { alg: 'ES256' } },
  }
}

/**
 * Whoever has an address for an id is a public client here: what it may have hangs on codes and grants,
 * which name their client. Its document is read when a person is asked (client.ts), never at the token
 * endpoint: nobody's request makes us call an address.
 */
function adapterOf({ store, clock }: AuthorizationServerWorld): (kind: string) => Adapter {
  const state = oidcState(store, clock)
  const findClient: Adapter['find'] = async id =>
    clientIds.test(id)
      ? {
          client_id: id,
          application_type: 'native',
          token_endpoint_auth_method: 'none',
          grant_types: ['authorization_code', 'refresh_token'],
          response_types: ['code'],
          // Asked for, and never used: where the answer went is part of the code.
          redirect_uris: ['http://127.0.0.1/'],
        }
      : undefined
  return kind => (kind === 'Client' ? { ...state(kind), find: findClient } : state(kind))
}

function isOwn(client: { clientId: string }, token: { clientId?: string | undefined }): boolean {
  return token.clientId === client.clientId
}

/**
 * A person who left has no account: nothing is issued or renewed for them. Nor for an MCP client whose
 * work does not stand now; asked before its refresh token is used up, so that it may stand again.
 */
async function findAccount(
  world: AuthorizationServerWorld,
  sub: string,
  token?: { clientId?: string | undefined; grantId?: string | undefined },
) {
  const person = isId('person', sub) ? await findPerson(world.store, sub) : undefined
  if (person === undefined || person.state !== 'living') return undefined
  const { clientId = '', grantId = '' } = token ?? {}
  if (clientId !== cliClientId) {
    const signIn = { grantId, clientId, personId: person.id, now: world.clock.now() }
    const work = await findClientWork(world.store, signIn)
    if (work === undefined || !isStanding(world, person.id, work)) return undefined
  }
  return { accountId: person.id, claims: () => ({ sub: person.id }) }
}

/** Every one is set: the library prints to stdout about each it must guess. */
function ttlOf(): Configuration['ttl'] {
  const now = () => Math.floor(Date.now() / 1000)
  return {
    AccessToken: bounds.personTokenSeconds,
    AuthorizationCode: bounds.codeSeconds,
    ClientCredentials: bounds.personTokenSeconds,
    BackchannelAuthenticationRequest: bounds.deviceCodeSeconds,
    DeviceCode: bounds.deviceCodeSeconds,
    Grant: bounds.sessionSeconds,
    IdToken: bounds.personTokenSeconds,
    Interaction: bounds.signInSeconds,
    Session: bounds.sessionSeconds,
    // Renewing does not prolong: all of a family end with the first.
    RefreshToken: (_ctx, token) =>
      Math.max(1, (token.iiat ?? now()) + bounds.sessionSeconds - now()),
  }
}
