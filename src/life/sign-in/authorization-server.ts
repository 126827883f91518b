/**
 * Our own authorization server: `oidc-provider` for the command line (RFC 8628 device flow, refresh
 * tokens used once, RFC 9068 access tokens of five minutes). Construction only; doors mount it.
 * Not for workloads (token/), and not for pages: answering a device is ours (device.ts).
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Configuration, KoaContextWithOIDC, ResourceServer } from 'oidc-provider'
import { isId } from '../../core/base/ids.ts'
import { product } from '../../core/base/product.ts'
import type { Pair } from '../../core/keys/pair.ts'
import { findPerson } from '../../core/people/rows.ts'
import { bounds } from './bounds.ts'
import { oidcState } from './oidc-state.ts'
import { errors, Provider } from './quiet-provider.ts'
import { newSecret, type SessionWorld } from './session.ts'

/** Public: it runs on the person's machine and can keep no secret. */
export const cliClientId = 'leasehold-cli'
export const tokenExchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange'

export type TokenSigner = Pick<Pair, 'kid' | 'alg' | 'privateKey'>

export interface AuthorizationServerWorld extends SessionWorld {
  /** Origin of the issuer, without a path: `http://localhost:4400`. */
  readonly issuer: string
  /** The one audience of people's tokens. */
  readonly apiAudience: string
  /** The key that signs now. Asked at each request, so that a rotation needs no restart. */
  readonly signer: () => TokenSigner
  /** For the operator: something broke inside. Never a secret. */
  readonly warn: (text: string) => void
}

export const oauthPaths = {
  token: '/oauth/token',
  introspect: '/oauth/introspect',
  revoke: '/oauth/revoke',
  jwks: '/oauth/jwks',
  device: '/oauth/device',
  authorize: '/oauth/authorize',
  /** Our page where a person types a device's code. */
  deviceAnswer: '/d',
} as const

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
    const body = ctx.body as { grant_types_supported?: string[] } | undefined
    if (ctx.oidc?.route === 'discovery') body?.grant_types_supported?.push(tokenExchangeGrant)
  })
  provider.on('server_error', (_ctx, error) => world.warn(`authorization server: ${error.message}`))
  return provider.callback()
}

function configurationOf(world: AuthorizationServerWorld, signer: TokenSigner): Configuration {
  const privateJwk = signer.privateKey.export({ format: 'jwk' })
  const { kid, alg } = signer
  return {
    adapter: oidcState(world.store, world.clock),
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
    routes: routesOf(),
    features: featuresOf(world),
    findAccount: async (_ctx, sub) => findAccount(world, sub),
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
    // Never set: no client here comes by a browser. Were one added, they must not be forgeable.
    cookies: { keys: [newSecret()], short: { sameSite: 'lax' }, long: { sameSite: 'lax' } },
  }
}

function routesOf(): Configuration['routes'] {
  return {
    authorization: oauthPaths.authorize,
    code_verification: oauthPaths.deviceAnswer,
    device_authorization: oauthPaths.device,
    introspection: oauthPaths.introspect,
    jwks: oauthPaths.jwks,
    revocation: oauthPaths.revoke,
    token: oauthPaths.token,
  }
}

function featuresOf(world: AuthorizationServerWorld): Configuration['features'] {
  const resourceServer: ResourceServer = {
    scope: 'api',
    audience: world.apiAudience,
    accessTokenTTL: bounds.personTokenSeconds,
    accessTokenFormat: 'jwt',
    jwt: { sign: { alg: 'ES256' } },
  }
  return {
    devInteractions: { enabled: false },
    userinfo: { enabled: false },
    rpInitiatedLogout: { enabled: false },
    pushedAuthorizationRequests: { enabled: false },
    dPoP: { enabled: false },
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
      getResourceServerInfo: (_ctx, resource) => {
        if (resource !== world.apiAudience) throw new errors.InvalidTarget()
        return resourceServer
      },
    },
  }
}

function isOwn(client: { clientId: string }, token: { clientId?: string | undefined }): boolean {
  return token.clientId === client.clientId
}

/** A person who left has no account: nothing is issued or renewed for them. */
async function findAccount(world: SessionWorld, sub: string) {
  const person = isId('person', sub) ? await findPerson(world.store, sub) : undefined
  if (person === undefined || person.state !== 'living') return undefined
  return { accountId: person.id, claims: () => ({ sub: person.id }) }
}

/** Every one is set: the library prints to stdout about each it must guess. */
function ttlOf(): Configuration['ttl'] {
  const now = () => Math.floor(Date.now() / 1000)
  return {
    AccessToken: bounds.personTokenSeconds,
    AuthorizationCode: 60,
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
