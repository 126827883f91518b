/**
 * What every check here begins with: the key table, the keys it names, the one spelling of their bytes,
 * and the fault of what does not hold. A table is believed for a root key that was pinned, and for nothing else.
 */
import { createPublicKey, hash, verify } from 'node:crypto'
import { exits, Problem } from '../problem.ts'

/** What does not hold, and where: JSON paths inside the file that was checked. */
export class Fault extends Problem {
  readonly fields: readonly string[]
  readonly says: string

  constructor(fields: string | readonly string[], says: string) {
    const next = 'Trust nothing that depends on it, and tell whoever runs the server.'
    super({ code: 'LH-PROOF-15', exit: exits.failed, what: `Not proven: ${says}.`, next })
    this.says = says
    this.fields = [fields].flat()
  }
}

/** Only the one spelling of these bytes is taken, so that a changed letter is never "the same". */
export function decodeExactly(text: string, form: 'base64' | 'base64url'): Buffer | undefined {
  const bytes = Buffer.from(text, form)
  return bytes.toString(form) === text ? bytes : undefined
}

/** `x` is the raw Ed25519 key, base64url. */
export type TableKey = { kid: string; use: string; alg: string; jwk: { x: string }; state: string }

export interface KeyTable {
  readonly serial: number
  readonly installation: string
  readonly keys: readonly TableKey[]
  /** SHA-256 of the root key's 32 bytes, hex. */
  readonly rootFingerprint: string
}

const tableType = 'https://leasehold.dev/key-table/v1'

/** INVARIANT: nothing of the table is believed before a root that is trusted has signed it. */
export function openKeyTable(
  signed: { readonly body: string; readonly signature: string; readonly rootFingerprint: string },
  isTrusted: (fingerprint: string) => boolean,
): KeyTable {
  const { body, signature, rootFingerprint } = signed
  const table = parseTable(body)
  const x = table.keys.find(key => key.use === 'root' && key.state === 'active')?.jwk.x ?? ''
  const print = hash('sha256', Buffer.from(x, 'base64url'))
  const field = isTrusted(rootFingerprint) ? 'keys.body' : 'keys.rootFingerprint'
  if (print !== rootFingerprint) throw new Fault(field, 'it names another root key than the table')
  if (!isTrusted(print)) throw new Fault(field, `nothing here says to trust ${shortPrint(print)}`)
  if (!isSigned(body, decodeExactly(signature, 'base64url'), x))
    throw new Fault(['keys.body', 'keys.signature'], 'the root key did not sign this key table')
  return { ...table, rootFingerprint }
}

/** Not signed yet: anything may stand there. */
function parseTable(body: string): KeyTable {
  try {
    const table = JSON.parse(body) as KeyTable & { readonly type?: string }
    const isKey = (key: TableKey) =>
      [key.use, key.state, key.jwk.x].every(each => typeof each === 'string')
    if (table.type === tableType && table.keys.every(isKey)) return table
  } catch {}
  throw new Fault('keys.body', 'it is not a key table')
}

/** Ed25519 (RFC 8032). False for whatever is no key or no signature. */
export function isSigned(data: string | Buffer, signature: Buffer | undefined, x: string): boolean {
  if (signature?.length !== 64 || decodeExactly(x, 'base64url')?.length !== 32) return false
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
  return verify(null, Buffer.from(data), key, signature)
}

/** Keys that may have signed something: never one that was only announced. */
export function signersOf({ keys }: KeyTable, use: string): TableKey[] {
  return keys.filter(key => key.use === use && key.alg === 'EdDSA' && key.state !== 'next')
}

/** `3f9a…c1`, as people compare it. The whole is in `--json`. */
export function shortPrint(fingerprint: string): string {
  return `${fingerprint.slice(0, 4)}…${fingerprint.slice(-2)}`
}
