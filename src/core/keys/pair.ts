/** Key pairs: made, named by their thumbprint, and used to sign. Pure but for randomness. */
import type { KeyObject } from 'node:crypto'
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import { base64url, sha256 } from '../base/hash.ts'
import { canonicalJson } from '../base/json.ts'

export type PairAlg = 'EdDSA' | 'ES256'

/** The public part as RFC 7517 says it; `y` for the curve of ES256. */
export interface PublicJwk {
  readonly kty: string
  readonly crv: string
  readonly x: string
  readonly y?: string
}

/** `kid` is the RFC 7638 thumbprint of the public part. */
export type Pair = Readonly<ReturnType<typeof pairOf>>

export function makePair(alg: PairAlg): Pair {
  const { privateKey } =
    alg === 'EdDSA'
      ? generateKeyPairSync('ed25519')
      : generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return pairOf(alg, privateKey)
}

export function pairOf(alg: PairAlg, privateKey: KeyObject) {
  const { kty, crv, x, y } = createPublicKey(privateKey).export({ format: 'jwk' }) as PublicJwk
  const publicJwk: PublicJwk = { kty, crv, x, ...(y === undefined ? {} : { y }) }
  return { kid: thumbprint(publicJwk), alg, publicJwk, privateKey }
}

export function privateBytes(pair: Pair): Buffer {
  return pair.privateKey.export({ format: 'der', type: 'pkcs8' })
}

export function pairFromBytes(alg: PairAlg, bytes: Buffer): Pair {
  return pairOf(alg, createPrivateKey({ key: bytes, format: 'der', type: 'pkcs8' }))
}

/** RFC 7638: the hash of the required members alone, in order. */
export function thumbprint({ kty, crv, x, y }: PublicJwk): string {
  return base64url(sha256(canonicalJson({ kty, crv, x, y })))
}

/** Ed25519 (RFC 8032, 64 bytes) or ES256 (RFC 7518 §3.4, r ‖ s). */
export function signWith(pair: Pick<Pair, 'alg' | 'privateKey'>, bytes: Uint8Array): Buffer {
  return pair.alg === 'EdDSA'
    ? sign(null, bytes, pair.privateKey)
    : sign('sha256', bytes, { key: pair.privateKey, dsaEncoding: 'ieee-p1363' })
}
