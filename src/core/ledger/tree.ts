/**
 * The Merkle tree of RFC 6962 §2.1. Pure: hashes come in through a reader, nothing is stored here.
 * Paths that prove something of it to others are `life/audit`.
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
export function extend(frontier: Frontier, leaves: readonly Hash[]) {
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
  const bits = size.toString(2).replaceAll('0', '').length
  assert(peaks.length === bits, `a tree of ${size} leaves has as many peaks as set bits`)
  return { size, peaks }
}

/** Root of the first `size` leaves of a tree that has at least as many. */
export function rootAt(size: number, hashOf: HashOf): Hash {
  return size === 0 ? sha256('') : rangeHash(0, size, hashOf)
}

export function isSame(a: Hash, b: Hash): boolean {
  return Buffer.compare(a, b) === 0
}

/** Hash of the leaves from `low` up to `high`; `low` is where the tree itself would split. */
export function rangeHash(low: number, high: number, hashOf: HashOf): Hash {
  const count = high - low
  const left = largestPowerBelow(count)
  if (left * 2 === count || count === 1) return hashOf(Math.log2(count), low / count)
  return nodeHash(rangeHash(low, low + left, hashOf), rangeHash(low + left, high, hashOf))
}

/** The largest power of two smaller than `count` (1 for 1): where RFC 6962 splits a tree. */
export function largestPowerBelow(count: number): number {
  let power = 1
  while (power * 2 < count) power *= 2
  return power
}
