/**
 * The key table: which keys speak for this installation, signed by the root key that stays offline.
 * Pure, and all that a verifier needs: pin the root's fingerprint once, then trust what it signed.
 */
import { createPublicKey, verify } from 'node:crypto'
import { z } from 'zod'
import { equalInConstantTime, sha256Hex } from '../base/hash.ts'
import { canonicalJson, parseJson } from '../base/json.ts'
import { limits } from '../base/limits.ts'
import { type Problem, problemOf } from '../base/problem.ts'
import { product } from '../base/product.ts'
import { safeText } from '../base/text.ts'
import { type Pair, type PublicJwk, signWith, thumbprint } from './pair.ts'

export type SignedKeyTable = Readonly<ReturnType<typeof signKeyTable>>

/** In the signed bytes, so that nothing else the root may ever sign reads as a key table. */
const tableType = `${product.typeBase}/key-table/v1`

const keyShape = z.strictObject({
  /** RFC 7638 thumbprint of `jwk`. */
  kid: z.string(),
  /** `root`, `ledger`, `certificate` or `token`. */
  use: z.string(),
  alg: z.string(),
  jwk: z.strictObject({
    kty: z.string(),
    crv: z.string(),
    x: z.string(),
    y: z.string().exactOptional(),
  }),
  /** `next`: published, signs nothing yet. `retired` and `destroyed`: what it signed before still holds. */
  state: z.string(),
  /** It signs nothing before this instant. */
  notBefore: z.string(),
})
export type TableKey = Readonly<z.infer<typeof keyShape>>

const tableShape = z.object({
  type: z.literal(tableType),
  /** Grows by one with each change; a verifier that remembers a greater one refuses. */
  serial: z.int(),
  installation: z.string(),
  keys: z.array(keyShape),
})
export type KeyTable = Readonly<z.infer<typeof tableShape>>

export function signKeyTable(root: Pair, table: Omit<KeyTable, 'type'>) {
  const body = canonicalJson({ ...table, type: tableType })
  return {
    /** Canonical JSON of a `KeyTable`: exactly what is signed. */
    body,
    /** Ed25519 by the root key, base64url. */
    signature: signWith(root, Buffer.from(body)).toString('base64url'),
    /** SHA-256 of the root's 32 public bytes, hex: what a person compares and a client pins. */
    rootFingerprint: fingerprint(root.publicJwk),
  }
}

/** The table, or `Problem` `not-verified` naming what does not hold. `rootFingerprint` is the pinned one. */
export function verifyKeyTable(body: string, signature: string, rootFingerprint: string): KeyTable {
  const { data: table } = tableShape.safeParse(parseJson(body, limits.keyTableBytes))
  if (table === undefined) throw refuse('it is no key table')
  const root = table.keys.find(key => key.use === 'root' && key.state === 'active')
  if (root === undefined || !equalInConstantTime(fingerprint(root.jwk), rootFingerprint))
    throw refuse('its root key is not the one that was pinned')
  if (!isSignedBy(root.jwk, body, signature)) throw refuse('the root key did not sign it')
  const wrong = table.keys.find(each => each.kid !== thumbprint(each.jwk))
  if (wrong !== undefined) throw refuse(`\`${safeText(wrong.kid, 60)}\` is not the name of its key`)
  return table
}

function isSignedBy({ kty, crv, x }: PublicJwk, body: string, signature: string): boolean {
  if (kty !== 'OKP' || crv !== 'Ed25519') return false
  try {
    const key = createPublicKey({ key: { kty, crv, x }, format: 'jwk' })
    return verify(null, Buffer.from(body), key, Buffer.from(signature, 'base64url'))
  } catch {
    return false
  }
}

export function fingerprint(jwk: PublicJwk): string {
  return sha256Hex(Buffer.from(jwk.x, 'base64url'))
}

function refuse(why: string): Problem {
  return problemOf('key-table-broken', { why })
}
