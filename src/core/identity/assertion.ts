/**
 * A token from outside, read into types before anything about it is believed. Pure; it knows no key,
 * no rule and no signature: see `attest.ts`.
 *
 * ATTACKER: sends what makes a reader spend (a megabyte of dots), trust a header (`jwk`, `jku`, `x5c`,
 * `crit`, `alg: none`), or see another type than the one that is checked (`iss` as a list).
 */
import { sha256Hex } from '../base/hash.ts'
import { isObject, type Json, type JsonObject, parseJson } from '../base/json.ts'
import { limits } from '../base/limits.ts'
import { isProblem } from '../base/problem.ts'
import { type AttestRefusal, refuse } from './refusal.ts'

export const assertionAlgs = ['RS256', 'ES256'] as const
export type AssertionAlg = (typeof assertionAlgs)[number]

/** All claims, as they were said; these are there and of these types. */
export interface AssertionClaims extends JsonObject {
  readonly iss: string
  readonly sub: string
  readonly aud: string
  readonly jti: string
  /** Whole seconds since 1970 (RFC 7519 NumericDate). */
  readonly exp: number
  readonly iat: number
  readonly nbf?: number
}

export type Assertion = Exclude<ReturnType<typeof readAssertion>, AttestRefusal>

/**
 * RFC 7515 compact form with the claims of RFC 7519. Every claim named here must be there; an SVID of a
 * trust domain that `knows` lets in may lack the first and the fourth.
 */
export function readAssertion(token: string, knows: (issuer: string) => boolean) {
  if (token.length > limits.foreignTokenBytes)
    return malformed('token', 'too long', `at most ${limits.foreignTokenBytes} characters`)
  const [, head = '', body = '', signature = ''] =
    /^([\w-]+)\.([\w-]+)\.([\w-]+)$/.exec(token) ?? []
  if (signature === '') return malformed('token', 'something else', 'three parts in base64url')
  const header = readPart(head)
  const claims = asSvid(withAudience(readPart(body)), body, knows)
  if (header === null) return malformed('header', 'not readable', 'a JSON object')
  if (claims === null) return malformed('claims', 'not readable', 'a JSON object')
  const fault = checkHeader(header) ?? checkClaims(claims)
  if (fault !== null) return fault
  const { iss, jti } = claims as AssertionClaims
  return {
    alg: header['alg'] as AssertionAlg,
    kid: header['kid'] as string,
    /** Lower case, `jwt` where the header has none. */
    typ: (typeof header['typ'] === 'string' ? header['typ'] : 'jwt').toLowerCase(),
    claims: claims as AssertionClaims,
    /**
     * The one name it is remembered by: issuer, id, and the claims as they were signed. Not the whole
     * token, whose signature has many spellings (in base64url, and in ECDSA itself).
     */
    hash: sha256Hex(`${iss}\n${jti}\n${body}`),
    /** Header and claims as they were signed, for the check of the signature alone. */
    signed: Buffer.from(`${head}.${body}`, 'latin1'),
    signature: Buffer.from(signature, 'base64url'),
  }
}

/** Headers that tell a verifier where to find the key, or how else to read the token. */
const steering = ['crit', 'b64', 'zip', 'jwk', 'jku', 'x5c', 'x5u', 'enc']

function checkHeader(header: JsonObject): AttestRefusal | null {
  const { alg, kid, typ } = header
  if (!assertionAlgs.some(known => known === alg))
    return malformed('alg', alg, assertionAlgs.join(' or '))
  const steered = steering.find(name => name in header)
  if (steered !== undefined) return malformed(steered, 'in the header', 'not there')
  if (!isName(kid)) return malformed('kid', kid, 'the name of a key')
  if (typ !== undefined && !isName(typ)) return malformed('typ', typ, 'JWT')
  return null
}

/** RFC 7519 §4.1.3: one audience, by itself or in a list. Of several nobody says which is meant. */
function withAudience(claims: JsonObject | null): JsonObject | null {
  const aud = claims?.['aud']
  if (claims === null || !Array.isArray(aud) || aud.length !== 1) return claims
  return { ...claims, aud: aud[0] as Json }
}

/**
 * SPIFFE JWT-SVID §3: whose it is, its subject says; its issuer is that subject's trust domain.
 * ATTACKER: another issuer may write such a subject. Then the keys that count are the trust domain's.
 */
function asSvid(claims: JsonObject | null, body: string, knows: (issuer: string) => boolean) {
  const subject = claims?.['sub']
  if (claims === null || typeof subject !== 'string') return claims
  const [domain] = /^spiffe:\/\/[a-z0-9._-]{1,255}(?=\/)/.exec(subject) ?? []
  if (domain === undefined || !knows(domain)) return claims
  return { jti: sha256Hex(body), ...claims, iss: domain, spiffe_id: subject }
}

function checkClaims(claims: JsonObject): AttestRefusal | null {
  for (const name of ['iss', 'sub', 'aud', 'jti'])
    if (!isName(claims[name])) return malformed(name, claims[name], 'one text')
  const times = 'nbf' in claims ? ['exp', 'iat', 'nbf'] : ['exp', 'iat']
  const odd = times.find(name => !isSeconds(claims[name]))
  return odd === undefined ? null : malformed(odd, claims[odd], 'whole seconds since 1970')
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

function readPart(part: string): JsonObject | null {
  try {
    const bytes = Buffer.from(part, 'base64url')
    const value = parseJson(utf8.decode(bytes), limits.foreignTokenBytes)
    return isObject(value) ? value : null
  } catch (thrown) {
    if (isProblem(thrown) || thrown instanceof TypeError) return null
    throw thrown
  }
}

function isName(value: Json | undefined): value is string {
  return typeof value === 'string' && value !== '' && value.length <= limits.claimChars
}

/** A NumericDate we can compute with: a whole second before the year 10000. */
function isSeconds(value: Json | undefined): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) < 253_402_300_800
}

function malformed(claim: string, is: Json | undefined, needs: string): AttestRefusal {
  return refuse('malformed', claim, is, needs)
}
