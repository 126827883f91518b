/** The tree of RFC 6962 by its definition alone: slow, and the judge of ours. */
import { sha256 } from '../../src/core/base/hash.ts'
import { type Hash, leafHash, nodeHash } from '../../src/core/ledger/tree.ts'

/** RFC 6962 §2.1, word for word. */
export function naiveRoot(leaves: readonly Hash[]): Hash {
  const [first] = leaves
  if (first === undefined) return sha256('')
  if (leaves.length === 1) return first
  const k = split(leaves.length)
  return nodeHash(naiveRoot(leaves.slice(0, k)), naiveRoot(leaves.slice(k)))
}

export function split(n: number): number {
  let k = 1
  while (k * 2 < n) k *= 2
  return k
}

export function leavesOf(count: number): Hash[] {
  return Array.from({ length: count }, (_, i) => leafHash(`entry ${i}`))
}
