/**
 * The leaf: the exact text that is hashed into the tree. It names no person and holds no word of
 * one; `facts` and `words` are bound to it by salted commitments, so erasing words and salt leaves
 * every proof valid and nothing to guess from.
 */
import { base64url, hmacSha256 } from '../base/hash.ts'
import { canonicalJson } from '../base/json.ts'
import type { Instant } from '../base/time.ts'

export interface Subject {
  /** Table name of the thing, e.g. `app`. */
  readonly type: string
  readonly id: string
  readonly version: number
}

export interface LeafBody {
  readonly kind: string
  readonly at: Instant
  readonly actor: string
  readonly subjects: readonly Subject[]
  /** Commitment to the canonical facts, base64url. */
  readonly facts: string
  /** Commitment to the canonical words; absent when there were none. */
  readonly words?: string | undefined
  readonly v: 1
}

/** HMAC-SHA-256 keyed by the salt (32 random bytes, base64url) over the text, base64url. */
export function commit(salt: string, text: string): string {
  return base64url(hmacSha256(Buffer.from(salt, 'base64url'), text))
}

export function leafText(body: Omit<LeafBody, 'v'>): string {
  return canonicalJson({ ...body, v: 1 })
}

/** Ids of the things an entry is about, each once: what it can be found by. */
export function subjectIds(subjects: readonly Subject[]): string[] {
  return [...new Set(subjects.map(subject => subject.id))]
}
