/**
 * Sealing: AES-256-GCM with a header that names format and key, bound to the place the value lies in.
 * Pure: keys are given. Not for signing (pair.ts), nor for choosing a key (keys.ts).
 *
 * ATTACKER: who can write to the database can move a sealed value to another row or column, cut it,
 * or bring back an older header. The place and the header are authenticated, so all of it is noticed.
 */
import type { KeyObject } from 'node:crypto'
import { createCipheriv, createDecipheriv, createSecretKey, randomBytes } from 'node:crypto'
import { base64url, hmacSha256 } from '../base/hash.ts'
import { type Problem, problemOf } from '../base/problem.ts'

/** 256 bits under a name; the name is public and is what a sealed value says it was sealed with. */
export interface SealKey {
  readonly name: string
  readonly secret: KeyObject
}

const version = 's1'
const nonceBytes = 12
const tagBytes = 16

/** `s1.<key name>.<nonce ‖ ciphertext ‖ tag, base64url>`. `place` is `table/id/column`. */
export function sealWith(key: SealKey, plaintext: Uint8Array, place: string): string {
  const nonce = randomBytes(nonceBytes)
  const header = `${version}.${key.name}`
  const cipher = createCipheriv('aes-256-gcm', key.secret, nonce, { authTagLength: tagBytes })
  cipher.setAAD(boundTo(header, place))
  const body = Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
  return `${header}.${base64url(body)}`
}

export const isSealed = (text: string): boolean => text.startsWith(`${version}.`)

/** Throws `Problem` `internal` when it is not exactly what was sealed, at exactly this place. */
export function unsealWith(
  keyNamed: (name: string) => SealKey | undefined,
  sealed: string,
  place: string,
): Buffer {
  const [format, name, text, ...rest] = sealed.split('.')
  const key = name === undefined ? undefined : keyNamed(name)
  const body = Buffer.from(text ?? '', 'base64url')
  if (format !== version || key === undefined || rest.length > 0)
    throw unopened(place, key === undefined ? 'its key is not known' : 'its header is not known')
  if (body.length < nonceBytes + tagBytes || base64url(body) !== text)
    throw unopened(place, 'it is cut')
  const decipher = createDecipheriv('aes-256-gcm', key.secret, body.subarray(0, nonceBytes), {
    authTagLength: tagBytes,
  })
  decipher.setAAD(boundTo(`${format}.${name}`, place))
  decipher.setAuthTag(body.subarray(-tagBytes))
  try {
    return Buffer.concat([decipher.update(body.subarray(nonceBytes, -tagBytes)), decipher.final()])
  } catch {
    throw unopened(place, 'its tag does not fit')
  }
}

/** A key from 32 bytes. Without a name of its own it is named by what it is, which tells nothing of it. */
export function sealKey(bytes: Uint8Array, name?: string): SealKey {
  if (bytes.length !== 32) throw new Error('a key has 32 bytes')
  return {
    name: name ?? base64url(hmacSha256(bytes, 'leasehold: the name of this key')).slice(0, 16),
    secret: createSecretKey(bytes),
  }
}

function boundTo(header: string, place: string): Buffer {
  return Buffer.from(`${header}\n${place}`)
}

function unopened(place: string, why: string): Problem {
  return problemOf('sealed-value-unreadable', { log: `${place}: ${why}` })
}
