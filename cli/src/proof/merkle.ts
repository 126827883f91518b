/**
 * RFC 6962 trees, read from the top: a second implementation, apart from the server's. What it
 * computes it compares; it never takes a hash for true.
 */
import { createHash } from 'node:crypto'

export type Hash = Buffer

export type Tree = { readonly size: number; readonly root: Hash }

export function hashLeaf(leaf: string): Hash {
  return createHash('sha256').update(Uint8Array.of(0)).update(leaf).digest()
}

/** True when the leaf stands at `index` of this tree (RFC 6962 §2.1.1). */
export function isIncluded(leaf: Hash, index: number, tree: Tree, path: readonly Hash[]): boolean {
  const rest = [...path]
  const climb = (at: number, size: number): Hash | undefined => {
    if (size === 1) return leaf
    const left = split(size)
    const sibling = rest.pop()
    const below = at < left ? climb(at, left) : climb(at - left, size - left)
    return at < left ? hashNode(below, sibling) : hashNode(sibling, below)
  }
  if (!(index < tree.size)) return false
  const root = climb(index, tree.size)
  return rest.length === 0 && root?.equals(tree.root) === true
}

/** True when the older tree is exactly the beginning of the newer one (RFC 6962 §2.1.2). */
export function isPrefix(older: Tree, newer: Tree, path: readonly Hash[]): boolean {
  const rest = [...path]
  /** What the proof says the older and the newer root are. */
  const climb = (m: number, n: number, isWhole: boolean): (Hash | undefined)[] => {
    if (m === n) return [isWhole ? older.root : rest.pop()].flatMap(same => [same, same])
    const left = split(n)
    const sibling = rest.pop()
    const [was, is] = m <= left ? climb(m, left, isWhole) : climb(m - left, n - left, false)
    if (m <= left) return [was, hashNode(is, sibling)]
    return [hashNode(sibling, was), hashNode(sibling, is)]
  }
  if (older.size === 0 || older.size > newer.size) return older.size === 0 && path.length === 0
  const [was, is] = climb(older.size, newer.size, true)
  return rest.length === 0 && was?.equals(older.root) === true && is?.equals(newer.root) === true
}

/** Undefined where the path was too short: that is never a root. */
function hashNode(left: Hash | undefined, right: Hash | undefined): Hash | undefined {
  if (left === undefined || right === undefined) return undefined
  return createHash('sha256').update(Uint8Array.of(1)).update(left).update(right).digest()
}

/** Where RFC 6962 splits: the largest power of two below `size`. */
function split(size: number): number {
  let power = 1
  while (power * 2 < size) power *= 2
  return power
}
