/** Hashes, encodings and comparisons of secrets. Nothing here holds a key. */
import { createHmac, hash, timingSafeEqual } from 'node:crypto'

export function sha256(data: string | Uint8Array): Buffer {
  return hash('sha256', data, 'buffer')
}

export function sha256Hex(data: string | Uint8Array): string {
  return hash('sha256', data, 'hex')
}

export function hmacSha256(key: Uint8Array, data: string | Uint8Array): Buffer {
  return createHmac('sha256', key).update(data).digest()
}

export function base64url(data: Uint8Array): string {
  return Buffer.from(data).toString('base64url')
}

/** Equal without telling by time where they differ. Lengths may be known to the caller. */
export function equalInConstantTime(a: string | Uint8Array, b: string | Uint8Array): boolean {
  return timingSafeEqual(sha256(a), sha256(b))
}
