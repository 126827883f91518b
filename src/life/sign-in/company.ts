/**
 * Sign-in at the company's OpenID provider (authorization code, PKCE, state, nonce, signed ID token)
 * by `openid-client`. Says who came; whether they may is for sign-in.ts.
 *
 * ATTACKER: may replay an answer, bring one from another browser, another provider, or another
 * sign-in. So each sign-in is one row, bound to a cookie, taken once.
 */

import * as oidc from 'openid-client'
import { sha256Hex } from '../../core/base/hash.ts'
import { limits } from '../../core/base/limits.ts'
import { Problem, problemOf, problemsAlike } from '../../core/base/problem.ts'
import { safeText } from '../../core/base/text.ts'
import { addSeconds, type Clock } from '../../core/base/time.ts'
import { parseEmail } from '../../core/people/person.ts'
import { bounds } from './bounds.ts'
import { insertSignIn, takeSignIn } from './rows.ts'
import { newSecret, type SessionWorld, secretHash } from './session.ts'

export interface CompanyProvider {
  /** Shown on the button: `Sign in with Acme`. */
  readonly name: string
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret?: string
  /** Ours, exactly as registered there. */
  readonly redirectUri: string
  /** Says that an issuer on this machine may be plain http. Nothing else may. */
  readonly allowLoopbackHttp?: boolean
}

export type CompanySignIn = ReturnType<typeof companySignIn>

/** What one sign-in remembers between leaving us and coming back. */
type UnderWay = Readonly<Record<'state' | 'nonce' | 'verifier' | 'returnTo', string>>

export function companySignIn(world: SessionWorld, provider: CompanyProvider) {
  checkProvider(provider)
  const configuration = cachedDiscovery(world.clock, provider)
  return {
    name: provider.name,
    /** Where to send the browser, and the cookie that ties the answer to it. */
    async begin({ returnTo, loginHint }: { returnTo: string; loginHint?: string | undefined }) {
      const known = await configuration()
      const [state, nonce] = [oidc.randomState(), oidc.randomNonce()]
      const verifier = oidc.randomPKCECodeVerifier()
      const secret = await remember(world, { state, nonce, verifier, returnTo })
      const url = oidc.buildAuthorizationUrl(known, {
        redirect_uri: provider.redirectUri,
        scope: 'openid profile email',
        state,
        nonce,
        code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        ...(loginHint === undefined ? {} : { login_hint: loginHint }),
      })
      return { url: url.href, secret }
    },
    /** `search` is the query the provider sent back. Problem `not-signed-in` for all that does not fit. */
    async finish({ search, secret }: { search: string; secret: string }) {
      const hash = secretHash(secret)
      const body = hash && (await takeSignIn(world.store, hash, world.clock.now()))
      if (body === undefined) throw notOurs('no sign-in under way has this cookie')
      const underWay = JSON.parse(body) as UnderWay
      // From what we registered, never from the request's Host.
      const answer = new URL(provider.redirectUri)
      answer.search = search
      const claims = await redeem(await configuration(), answer, underWay)
      const { iss, sub } = claims
      return { iss, sub, ...wordsOf(claims), returnTo: underWay.returnTo }
    },
  }
}

async function remember({ store, clock }: SessionWorld, underWay: UnderWay): Promise<string> {
  const [secret, now] = [newSecret(), clock.now()]
  const signIn = {
    hash: sha256Hex(secret),
    body: JSON.stringify(underWay),
    expiresAt: addSeconds(now, bounds.signInSeconds),
  }
  if (await insertSignIn(store, signIn, { now, most: bounds.signInsOpen })) return secret
  throw problemOf('too-many-sign-ins')
}

/** RFC 9207 `iss`, state, PKCE, and the ID token with its signature, are checked in here. */
async function redeem(configuration: oidc.Configuration, answer: URL, underWay: UnderWay) {
  try {
    const tokens = await oidc.authorizationCodeGrant(configuration, answer, {
      expectedState: underWay.state,
      expectedNonce: underWay.nonce,
      pkceCodeVerifier: underWay.verifier,
      idTokenExpected: true,
    })
    const claims = tokens.claims()
    if (claims === undefined) throw notOurs('no ID token')
    return claims
  } catch (cause) {
    if (cause instanceof Problem) throw cause
    if (cause instanceof oidc.AuthorizationResponseError)
      throw problemOf('company-refused', { error: safeText(cause.error, 60), cause })
    if (isUnreachable(cause)) throw unavailable(cause)
    throw notOurs(codeOf(cause), cause)
  }
}

/** Metadata, read once and then again after a day; the old one serves while the provider is down. */
function cachedDiscovery(
  clock: Clock,
  provider: CompanyProvider,
): () => Promise<oidc.Configuration> {
  let known: { configuration: oidc.Configuration; atMs: number } | undefined
  return async () => {
    const nowMs = clock.monotonicMs()
    if (known !== undefined && nowMs - known.atMs < limits.jwksMaxAgeMs) return known.configuration
    try {
      const configuration = await discover(provider)
      known = { configuration, atMs: nowMs }
      return configuration
    } catch (cause) {
      if (known !== undefined) return known.configuration
      throw unavailable(cause)
    }
  }
}

async function discover(provider: CompanyProvider): Promise<oidc.Configuration> {
  const { issuer, clientId, clientSecret } = provider
  const authentication =
    clientSecret === undefined ? oidc.None() : oidc.ClientSecretBasic(clientSecret)
  // Signed answers are checked even when they came straight from the token endpoint.
  const execute = [oidc.enableNonRepudiationChecks]
  if (new URL(issuer).protocol === 'http:') execute.push(oidc.allowInsecureRequests)
  return oidc.discovery(new URL(issuer), clientId, {}, authentication, {
    execute,
    timeout: limits.issuerCallMs / 1000,
    [oidc.customFetch]: boundedFetch,
  })
}

/** An answer that is longer than any honest one is cut off as a failure. */
const boundedFetch: oidc.CustomFetch = async (url, options) => {
  const response = await fetch(url, options as RequestInit)
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length
    if (bytes > limits.issuerResponseBytes) throw new TypeError('the answer is too large')
    chunks.push(chunk)
  }
  const { status, headers } = response
  const isEmpty = status === 204 || status === 304
  return new Response(isEmpty ? null : Buffer.concat(chunks), { status, headers })
}

/** A misconfigured provider stops the start, it does not weaken the sign-in. */
function checkProvider({ issuer, clientId, allowLoopbackHttp }: CompanyProvider): void {
  const url = URL.parse(issuer)
  const isLoopback = ['localhost', '127.0.0.1', '[::1]'].includes(url?.hostname ?? '')
  const isPlain = url?.protocol === 'http:' && isLoopback && allowLoopbackHttp === true
  const isSafe = url !== null && (url.protocol === 'https:' || isPlain) && url.username === ''
  if (isSafe && clientId !== '') return
  throw problemOf('company-needs-https', { field: isSafe ? 'clientId' : 'issuer' })
}

function isUnreachable(cause: unknown): boolean {
  if (cause instanceof oidc.ResponseBodyError) return cause.status >= 500
  const code = codeOf(cause)
  if (['OAUTH_TIMEOUT', 'OAUTH_RESPONSE_IS_NOT_CONFORM', 'OAUTH_PARSE_ERROR'].includes(code))
    return true
  return cause instanceof TypeError && code === ''
}

function codeOf(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : ''
  return typeof code === 'string' ? code : ''
}

const notOurs = problemsAlike('not-signed-in', {
  detail: 'The answer of the company provider does not belong to a sign-in of this browser.',
  next: 'Start again from the sign-in page.',
})

function unavailable(cause: unknown): Problem {
  const log = cause instanceof Error ? cause.message : 'unknown'
  return problemOf('company-does-not-answer', { log, cause })
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** What a provider sends as a name is foreign text: made harmless, never a reason to fail. */
export function wordsOf(said: { name?: unknown; email?: unknown; sub: string }) {
  const shown = [said.name, said.email, said.sub]
    .map(text => safeText(textOf(text) ?? '', limits.personNameChars).trim())
    .find(text => text !== '')
  return { name: shown ?? 'somebody', email: emailOf(said.email) }
}

function emailOf(said: unknown): string | null {
  try {
    return parseEmail(textOf(said) ?? null)
  } catch {
    return null
  }
}
