/** Kinds of entries, each declared where it is written. A follower stops at a kind nobody declared. */
import { assert } from '../base/problem.ts'

declare const kindBrand: unique symbol
export type EntryKind = string & { readonly [kindBrand]: true }

const kinds = new Map<string, string>()

/** `name` is `<noun>.<verb>`; `says` is the sentence shown to people (`made the app`). */
export function entryKind(name: string, says: string): EntryKind {
  assert((kinds.get(name) ?? says) === says, `entry kind ${name} is declared in one place`)
  kinds.set(name, says)
  return name as EntryKind
}

export function isKnownKind(name: string): name is EntryKind {
  return kinds.has(name)
}

export function kindSays(name: string): string {
  return kinds.get(name) ?? name
}
