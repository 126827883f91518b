/**
 * Task tokens in their one written form: compact, ES256, type `at+jwt`, signed with our own key. For
 * nobody else's tokens: those are read by a library (identity/attest).
 *
 * INVARIANT: a header is never parsed. It is one of the few texts we write ourselves, one for each
 * key that is published; whatever else it could say (`alg`, `jwk`, `crit`, another `typ`) is another
 * text, and no token of ours. The signature has one spelling too, so a token has one hash.
 */
import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import type { JSONWebKeySet, JWK } from 'jose'
import { base64url } from '../base/hash.ts'
import { limits } from '../base/limits.ts'
import type { Clock } from '../base/time.ts'
import { type Pair, signWith } from '../keys/pair.ts'

export type TokenSigner = Pick<Pair, 'kid' | 'alg' | 'privateKey'>

/** RFC 7515 §3.1, with the type of RFC 9068 §2.1. */
export function signToken(signer: TokenSigner, claims: object): string {
  const text = `${headerOf(signer.kid)}.${encode(claims)}`
  return `${text}.${base64url(signWith(signer, Buffer.from(text)))}`
}

/** The published keys by the header that names them. */
export type TokenKeys = (header: string) => KeyObject | undefined

/** Reads `tokenJwks` again once a second, so that a key that was withdrawn is withdrawn here. */
export function makeTokenKeys(world: {
  readonly clock: Clock
  readonly tokenJwks: () => JSONWebKeySet
}): TokenKeys {
  let keys = new Map<string, KeyObject>()
  let readAtMs = Number.NEGATIVE_INFINITY
  return header => {
    const nowMs = world.clock.monotonicMs()
    if (nowMs - readAtMs >= limits.tokenKeysReadMs) {
      readAtMs = nowMs
      const ours = world.tokenJwks().keys.filter(jwk => jwk.crv === 'P-256')
      const keyIn = (jwk: JWK) => createPublicKey({ key: { ...jwk }, format: 'jwk' })
      keys = new Map(ours.map(jwk => [headerOf(jwk.kid ?? ''), keyIn(jwk)]))
    }
    return keys.get(header)
  }
}

/** The claims of a token one of our keys has signed, whoever it was signed for; else null. */
export function openToken(keyOf: TokenKeys, token: string): Record<string, unknown> | null {
  if (token.length > limits.foreignTokenBytes) return null
  const [header = '', body = '', signature = '', ...rest] = token.split('.', 4)
  const key = keyOf(header)
  if (key === undefined || rest.length > 0) return null
  const bytes = Buffer.from(signature, 'base64url')
  if (bytes.length !== 64 || base64url(bytes) !== signature) return null
  const text = Buffer.from(`${header}.${body}`)
  if (!verify('sha256', text, { key, dsaEncoding: 'ieee-p1363' }, bytes)) return null
  return JSON.parse(Buffer.from(body, 'base64url').toString()) as Record<string, unknown>
}

/** By key id, of our own keys: as few as those. */
const headers = new Map<string, string>()

function headerOf(kid: string): string {
  return headers.getOrInsertComputed(kid, () => encode({ alg: 'ES256', typ: 'at+jwt', kid }))
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
