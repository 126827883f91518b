/**
 * Paths through the tree that prove something of it to others (RFC 6962 §2.1, checked as RFC 9162
 * §2.1.3 says). Pure: hashes come in through a reader.
 */
import { assert } from '../../core/base/problem.ts'
import * as tree from '../../core/ledger/tree.ts'

/** Audit path of the leaf at `position` in the tree of `size` leaves, from the leaf upwards. */
export function inclusionPath(position: number, size: number, hashOf: tree.HashOf): tree.Hash[] {
  assert(position >= 0 && position < size, 'the leaf is in the tree')
  return descend(size, hashOf, {
    isThere: (low, high) => high - low === 1,
    isLeft: middle => position < middle,
  }).path.reverse()
}

/** Proof that the tree of `from` leaves is a prefix of the tree of `to` leaves. */
export function consistencyPath(from: number, to: number, hashOf: tree.HashOf): tree.Hash[] {
  assert(from >= 0 && from <= to, 'the earlier tree is not larger')
  if (from === 0 || from === to) return []
  const { path, low, high } = descend(to, hashOf, {
    isThere: (_, high) => high === from,
    isLeft: middle => from <= middle,
  })
  if (low > 0) path.push(tree.rangeHash(low, high, hashOf))
  return path.reverse()
}

/** From the root down to a range of leaves: at each turn the hash of the side that was not taken. */
function descend(
  size: number,
  hashOf: tree.HashOf,
  to: { isThere: (low: number, high: number) => boolean; isLeft: (middle: number) => boolean },
) {
  const path: tree.Hash[] = []
  let [low, high] = [0, size]
  while (!to.isThere(low, high)) {
    const middle = low + tree.largestPowerBelow(high - low)
    const isLeft = to.isLeft(middle)
    path.push(isLeft ? tree.rangeHash(middle, high, hashOf) : tree.rangeHash(low, middle, hashOf))
    if (isLeft) high = middle
    else low = middle
  }
  return { path, low, high }
}

/** RFC 9162 §2.1.3.2. */
export function verifyInclusion(claim: {
  leaf: tree.Hash
  position: number
  size: number
  path: readonly tree.Hash[]
  root: tree.Hash
}): boolean {
  if (!isCount(claim.position) || !isCount(claim.size) || claim.position >= claim.size) return false
  let hash = claim.leaf
  const isWhole = climb(claim.position, claim.size - 1, claim.path, (sibling, isLeft) => {
    hash = isLeft ? tree.nodeHash(sibling, hash) : tree.nodeHash(hash, sibling)
  })
  return isWhole && tree.isSame(hash, claim.root)
}

/** Up from a node, one sibling a step; true when the path ends where the tree does. */
export function climb(
  from: number,
  to: number,
  path: readonly tree.Hash[],
  visit: (sibling: tree.Hash, isLeft: boolean) => void,
): boolean {
  let [node, last] = [from, to]
  for (const sibling of path) {
    if (last === 0) return false
    const isLeft = node % 2 === 1 || node === last
    visit(sibling, isLeft)
    if (isLeft) while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)]
    ;[node, last] = [half(node), half(last)]
  }
  return last === 0
}

function half(value: number): number {
  return Math.floor(value / 2)
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}
