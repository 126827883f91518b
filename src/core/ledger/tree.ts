/**
 * The Merkle tree of RFC 6962 §2.1 (proofs checked as RFC 9162 §2.1.3-2.1.4 says). Pure: hashes come
 * in through a reader, nothing is stored here.
 *
 * A complete subtree of 2^level leaves is named (level, index): it covers the leaves from
 * index · 2^level on. Sizes and positions are safe integers, so halving is division, never a shift.
 */

import { sha256 } from '../base/hash.ts'
import { assert } from '../base/problem.ts'

export type Hash = Uint8Array

/** What the next leaf needs: the roots of the complete subtrees that make up the tree, largest first. */
export interface Frontier {
  readonly size: number
  readonly peaks: readonly Hash[]
}

export interface TreeNode {
  readonly level: number
  readonly index: number
  readonly hash: Hash
}

/** The hash of one complete subtree; level 0 is a leaf hash. */
export type HashOf = (level: number, index: number) => Hash

export const hashBytes = 32
/** Every eighth level is stored: subtrees of 256^n leaves. */
export const storedLevels = 8

export function leafHash(leaf: string): Hash {
  return sha256(Buffer.concat([Uint8Array.of(0), Buffer.from(leaf)]))
}

export function nodeHash(left: Hash, right: Hash): Hash {
  return sha256(Buffer.concat([Uint8Array.of(1), left, right]))
}

/** Adds leaves; `nodes` are the subtrees of 256^n leaves (n ≥ 1, `level` is n) this completed. */
export function extend(
  frontier: Frontier,
  leaves: readonly Hash[],
): { frontier: Frontier; nodes: TreeNode[] } {
  const peaks = [...frontier.peaks]
  const nodes: TreeNode[] = []
  let size = frontier.size
  for (const leaf of leaves) {
    let hash = leaf
    let level = 0
    for (let index = size; index % 2 === 1; index = (index - 1) / 2) {
      const left = peaks.pop()
      assert(left, 'a tree has a peak for each bit of its size')
      hash = nodeHash(left, hash)
      level++
      if (level % storedLevels === 0)
        nodes.push({ level: level / storedLevels, index: (index - 1) / 2, hash })
    }
    peaks.push(hash)
    size++
  }
  return { frontier: { size, peaks }, nodes }
}

export function rootOf(frontier: Frontier): Hash {
  const last = frontier.peaks.at(-1)
  if (last === undefined) return sha256('')
  return frontier.peaks.slice(0, -1).reduceRight((right, left) => nodeHash(left, right), last)
}

export function packPeaks(frontier: Frontier): Uint8Array {
  return Buffer.concat([...frontier.peaks])
}

export function unpackPeaks(size: number, packed: Uint8Array): Frontier {
  const peaks: Hash[] = []
  for (let i = 0; i < packed.length; i += hashBytes) peaks.push(packed.subarray(i, i + hashBytes))
  assert(peaks.length === bitsOf(size), `a tree of ${size} leaves has as many peaks as set bits`)
  return { size, peaks }
}

/** Root of the first `size` leaves of a tree that has at least as many. */
export function rootAt(size: number, hashOf: HashOf): Hash {
  return size === 0 ? sha256('') : rangeHash(0, size, hashOf)
}

/** Audit path of the leaf at `position` in the tree of `size` leaves, from the leaf upwards. */
export function inclusionPath(position: number, size: number, hashOf: HashOf): Hash[] {
  assert(position >= 0 && position < size, 'the leaf is in the tree')
  const path: Hash[] = []
  let [low, high] = [0, size]
  while (high - low > 1) {
    const middle = low + largestPowerBelow(high - low)
    if (position < middle) {
      path.push(rangeHash(middle, high, hashOf))
      high = middle
    } else {
      path.push(rangeHash(low, middle, hashOf))
      low = middle
    }
  }
  return path.reverse()
}

/** Proof that the tree of `from` leaves is a prefix of the tree of `to` leaves. */
export function consistencyPath(from: number, to: number, hashOf: HashOf): Hash[] {
  assert(from >= 0 && from <= to, 'the earlier tree is not larger')
  const path: Hash[] = []
  if (from === 0 || from === to) return path
  let [low, high] = [0, to]
  while (from !== high) {
    const middle = low + largestPowerBelow(high - low)
    if (from <= middle) {
      path.push(rangeHash(middle, high, hashOf))
      high = middle
    } else {
      path.push(rangeHash(low, middle, hashOf))
      low = middle
    }
  }
  if (low > 0) path.push(rangeHash(low, high, hashOf))
  return path.reverse()
}

/** RFC 9162 §2.1.3.2. */
export function verifyInclusion(claim: {
  leaf: Hash
  position: number
  size: number
  path: readonly Hash[]
  root: Hash
}): boolean {
  if (!isCount(claim.position) || !isCount(claim.size) || claim.position >= claim.size) return false
  let hash = claim.leaf
  const isWhole = climb(claim.position, claim.size - 1, claim.path, (sibling, isLeft) => {
    hash = isLeft ? nodeHash(sibling, hash) : nodeHash(hash, sibling)
  })
  return isWhole && isSame(hash, claim.root)
}

/** RFC 9162 §2.1.4.2; the empty tree is a prefix of every tree. */
export function verifyConsistency(claim: {
  from: number
  fromRoot: Hash
  to: number
  toRoot: Hash
  path: readonly Hash[]
}): boolean {
  const { from, to, fromRoot, toRoot } = claim
  if (!isCount(from) || !isCount(to) || from > to) return false
  if (from === 0) return claim.path.length === 0 && isSame(fromRoot, sha256(''))
  if (from === to) return claim.path.length === 0 && isSame(fromRoot, toRoot)
  const path = bitsOf(from) === 1 ? [fromRoot, ...claim.path] : claim.path
  const [first, ...rest] = path
  if (first === undefined) return false
  let [node, last] = [from - 1, to - 1]
  while (node % 2 === 1) [node, last] = [half(node), half(last)]
  let [old, now] = [first, first]
  const isWhole = climb(node, last, rest, (sibling, isLeft) => {
    if (isLeft) old = nodeHash(sibling, old)
    now = isLeft ? nodeHash(sibling, now) : nodeHash(now, sibling)
  })
  return isWhole && isSame(old, fromRoot) && isSame(now, toRoot)
}

/** Up from a node, one sibling a step; true when the path ends where the tree does. */
function climb(
  from: number,
  to: number,
  path: readonly Hash[],
  visit: (sibling: Hash, isLeft: boolean) => void,
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

export function isSame(a: Hash, b: Hash): boolean {
  return Buffer.compare(a, b) === 0
}

/** Hash of the leaves from `low` up to `high`; `low` is where the tree itself would split. */
function rangeHash(low: number, high: number, hashOf: HashOf): Hash {
  const count = high - low
  const left = largestPowerBelow(count)
  if (left * 2 === count || count === 1) return hashOf(Math.log2(count), low / count)
  return nodeHash(rangeHash(low, low + left, hashOf), rangeHash(low + left, high, hashOf))
}

/** The largest power of two smaller than `count` (1 for 1): where RFC 6962 splits a tree. */
function largestPowerBelow(count: number): number {
  let power = 1
  while (power * 2 < count) power *= 2
  return power
}

function bitsOf(size: number): number {
  let bits = 0
  for (let rest = size; rest > 0; rest = half(rest)) bits += rest % 2
  return bits
}

function half(value: number): number {
  return Math.floor(value / 2)
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}
