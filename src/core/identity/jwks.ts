/**
 * Keys of foreign issuers, fetched from each issuer's own origin and kept. Not for our own keys.
 *
 * ATTACKER: makes us fetch without end (a new `kid` in every token), mixes up two issuers that use
 * the same `kid`, takes the issuer off the net, or still holds a key that its issuer has removed.
 * So: one cache per exact issuer, one call at a time, a floor between two calls whatever tokens say
 * (which is why unknown kids need no list of their own), a failed call never empties the cache, and
 * a fetched set replaces the old one whole.
 */
import { createPublicKey, type KeyObject } from 'node:crypto'
import { isObject, type Json, type JsonObject } from '../base/json.ts'
import { limits } from '../base/limits.ts'
import { isProblem, Problem, problemOf } from '../base/problem.ts'
import type { Clock } from '../base/time.ts'
import type { AssertionAlg } from './assertion.ts'
import { type AllowedOrigins, checkAddress, type FetchJson } from './guard.ts'

/** Which issuers may ever be asked for keys: trust rules choose among these. */
export interface IssuerRegistry {
  /** Exact `iss` values; of a SPIFFE trust domain `spiffe://<domain>=<where its bundle is>`. */
  readonly issuers: ReadonlySet<string>
  readonly allowedOrigins: AllowedOrigins
}

export type IssuerKeys = ReturnType<typeof makeIssuerKeys>

type KeySet = ReadonlyMap<string, KeyObject>

interface Cached {
  readonly bundle: string | undefined
  keys: KeySet | undefined
  fetchedAtMs: number
  triedAtMs: number
  flight: Promise<void> | undefined
}

export function makeIssuerKeys(
  { clock, fetch }: { readonly clock: Clock; readonly fetch: FetchJson },
  registry: IssuerRegistry,
) {
  const cache = new Map<string, Cached>()
  for (const entry of registry.issuers) {
    const [issuer = '', bundle] = entry.startsWith('spiffe://') ? entry.split('=') : [entry]
    const never = { keys: undefined, fetchedAtMs: 0, triedAtMs: -Infinity, flight: undefined }
    cache.set(issuer, { ...never, bundle })
  }

  return {
    /** Whether this exact issuer is registered. */
    knows: (issuer: string) => cache.has(issuer),
    /**
     * The issuer's key of this id for this algorithm; undefined when it has none.
     * Problem `issuer-unavailable` when its keys are not known, or known for too long.
     */
    async keyOf(issuer: string, kid: string, alg: AssertionAlg) {
      const cached = cache.get(issuer)
      if (cached === undefined) return undefined
      const name = keyName(kid, alg)
      const known = cached.keys?.get(name)
      // Who has a fresh key waits for no call that somebody else's unknown one has caused.
      const isFresh = clock.monotonicMs() - cached.fetchedAtMs < limits.jwksFreshMs
      if (known !== undefined && isFresh) return known
      if (mayAsk(cached, clock.monotonicMs())) cached.flight ??= refresh(cached, issuer)
      await cached.flight
      return usableKeys(cached, issuer, clock.monotonicMs()).get(name)
    },
  }

  async function refresh(cached: Cached, issuer: string): Promise<void> {
    cached.triedAtMs = clock.monotonicMs()
    try {
      cached.keys = await fetchKeys(issuer, cached)
      cached.fetchedAtMs = clock.monotonicMs()
    } catch (thrown) {
      // Whoever needs the keys is told by `usableKeys`; the ones we have stay.
      if (!isProblem(thrown)) throw thrown
    } finally {
      cached.flight = undefined
    }
  }

  /**
   * OpenID Connect Discovery 1.0 §4: the document names its issuer; its keys lie at the same origin. A bundle
   * (SPIFFE Trust Domain and Bundle §4, profile `https_web`) lies where the operator said.
   */
  async function fetchKeys(issuer: string, { bundle }: Cached): Promise<KeySet> {
    if (bundle !== undefined) {
      checkAddress(bundle, 'bundle', registry.allowedOrigins)
      return importKeys(await fetch(bundle, registry.allowedOrigins), ['jwt-svid'])
    }
    const base = issuer.endsWith('/') ? issuer.slice(0, -1) : issuer
    const origin = checkAddress(issuer, 'issuer', registry.allowedOrigins).origin
    const document = await fetch(
      `${base}/.well-known/openid-configuration`,
      registry.allowedOrigins,
    )
    const { issuer: named, jwks_uri: address } = objectOf(document)
    if (named !== issuer || typeof address !== 'string')
      throw unusable('Its discovery document names another issuer or no keys.')
    if (checkAddress(address, 'jwks_uri', registry.allowedOrigins).origin !== origin)
      throw unusable('Its keys lie at another origin.')
    return importKeys(await fetch(address, registry.allowedOrigins), [undefined, 'sig'])
  }
}

/** INVARIANT: an issuer is never asked twice within the floor, whatever tokens say. */
function mayAsk(cached: Cached, nowMs: number): boolean {
  const floorMs = cached.keys === undefined ? limits.jwksRetryMs : limits.jwksRefetchMs
  return nowMs - cached.triedAtMs >= floorMs
}

function usableKeys(cached: Cached, issuer: string, nowMs: number): KeySet {
  if (cached.keys !== undefined && nowMs - cached.fetchedAtMs < limits.jwksMaxAgeMs)
    return cached.keys
  throw problemOf('issuer-keys-unreadable', { host: new URL(issuer).host })
}

/** RFC 7517. What we can not use (other types, too short, for encryption) is passed over. */
function importKeys(document: Json, uses: readonly (Json | undefined)[]): KeySet {
  const { keys } = objectOf(document)
  if (!Array.isArray(keys) || keys.length > limits.issuerKeys)
    throw unusable(`Its key set is not a list of at most ${limits.issuerKeys} keys.`)
  const found = new Map<string, KeyObject>()
  for (const each of keys as readonly Json[]) {
    const jwk = objectOf(each)
    const alg = uses.includes(jwk['use']) ? algOf(jwk) : null
    if (alg === null || typeof jwk['kid'] !== 'string') continue
    const key = importKey(jwk)
    if (key !== null) found.set(keyName(jwk['kid'], alg), key)
  }
  return found
}

function importKey(jwk: JsonObject): KeyObject | null {
  try {
    return createPublicKey({ key: jwk, format: 'jwk' })
  } catch {
    return null
  }
}

/** The one algorithm this key is for. A key that came with its private part is nobody's key. */
function algOf(jwk: JsonObject): AssertionAlg | null {
  const { kty, crv, n, alg } = jwk
  if ('d' in jwk) return null
  const isRsa = kty === 'RSA' && typeof n === 'string' && isLongEnough(n)
  const own = isRsa ? 'RS256' : kty === 'EC' && crv === 'P-256' ? 'ES256' : null
  return alg === undefined || alg === own ? own : null
}

/** 2048 bits at least; and not so long that checking one signature is work. */
function isLongEnough(modulus: string): boolean {
  const bytes = Buffer.from(modulus, 'base64url').length
  return bytes >= 256 && bytes <= 1024
}

/** A `kid` may be used for two algorithms: each is its own key. */
function keyName(kid: string, alg: AssertionAlg): string {
  return `${alg} ${kid}`
}

function objectOf(value: Json | undefined): JsonObject {
  if (isObject(value)) return value
  throw unusable('Its answer is not an object.')
}

function unusable(detail: string): Problem {
  return new Problem('issuer-unavailable', { detail })
}
