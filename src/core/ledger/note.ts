/**
 * Signed notes (c2sp.org/signed-note@v1.0.0) with Ed25519, the only signature type we make. Pure but
 * for the signer, whose key lives elsewhere. Reading what was signed is `life/audit`.
 */
import { sha256 } from '../base/hash.ts'

export interface NoteSigner {
  /** Key name, without spaces or `+`; for a log its origin. */
  readonly name: string
  /** 32 bytes, RFC 8032. */
  readonly publicKey: Uint8Array
  sign(bytes: Uint8Array): Uint8Array
}

/** `<name>+<key id, hex>+<base64(type, public key)>`: what a verifier is given. */
export type Vkey = string

/** The signature type: the first byte of a key and of what names it. */
export const ed25519 = Uint8Array.of(1)
export const keyIdBytes = 4

export function vkeyOf(signer: Pick<NoteSigner, 'name' | 'publicKey'>): Vkey {
  const key = Buffer.concat([ed25519, signer.publicKey])
  return `${signer.name}+${keyId(signer.name, key).toString('hex')}+${key.toString('base64')}`
}

/** `text` ends in a newline and holds no other control character. */
export function signNote(text: string, signer: NoteSigner): string {
  const key = Buffer.concat([ed25519, signer.publicKey])
  const signature = signer.sign(Buffer.from(text))
  const blob = Buffer.concat([keyId(signer.name, key), signature]).toString('base64')
  return `${text}\n— ${signer.name} ${blob}\n`
}

/** Of a key with its type before it. */
export function keyId(name: string, key: Uint8Array): Buffer {
  return sha256(Buffer.concat([Buffer.from(`${name}\n`), key])).subarray(0, keyIdBytes)
}
