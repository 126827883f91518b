import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { leavesOf, naiveRoot, split } from '../../../test/support/naive-tree.ts'
import { verifyConsistency } from '../../../test/support/verify-log.ts'
import { sha256 } from '../../core/base/hash.ts'
import {
  type Hash,
  type HashOf,
  isSame,
  leafHash,
  nodeHash,
  rootAt,
} from '../../core/ledger/tree.ts'
import { consistencyPath, inclusionPath, verifyInclusion } from './paths.ts'

function naivePath(m: number, leaves: readonly Hash[]): Hash[] {
  if (leaves.length <= 1) return []
  const k = split(leaves.length)
  return m < k
    ? [...naivePath(m, leaves.slice(0, k)), naiveRoot(leaves.slice(k))]
    : [...naivePath(m - k, leaves.slice(k)), naiveRoot(leaves.slice(0, k))]
}

function naiveProof(m: number, leaves: readonly Hash[], isWhole = true): Hash[] {
  if (m === leaves.length) return isWhole ? [] : [naiveRoot(leaves)]
  const k = split(leaves.length)
  return m <= k
    ? [...naiveProof(m, leaves.slice(0, k), isWhole), naiveRoot(leaves.slice(k))]
    : [...naiveProof(m - k, leaves.slice(k), false), naiveRoot(leaves.slice(0, k))]
}

function readerOf(leaves: readonly Hash[]): HashOf {
  return (level, index) => naiveRoot(leaves.slice(index * 2 ** level, (index + 1) * 2 ** level))
}

const sizes = fc.integer({ min: 1, max: 300 })
const runs = { numRuns: 60 }

describe('an inclusion proof', () => {
  test('is the path of the RFC and verifies', () => {
    fc.assert(
      fc.property(sizes, fc.nat(), (size, seed) => {
        const leaves = leavesOf(size)
        const position = seed % size
        const path = inclusionPath(position, size, readerOf(leaves))
        expect(path).toEqual(naivePath(position, leaves))
        const claim = { leaf: leafHash(`entry ${position}`), position, size, path }
        expect(verifyInclusion({ ...claim, root: naiveRoot(leaves) })).toBe(true)
      }),
      runs,
    )
  })

  test('with any one thing changed does not verify', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 300 }), fc.nat(), fc.nat(), (size, seed, where) => {
        const leaves = leavesOf(size)
        const position = seed % size
        const path = inclusionPath(position, size, readerOf(leaves))
        const good = {
          leaf: leafHash(`entry ${position}`),
          position,
          size,
          path,
          root: naiveRoot(leaves),
        }
        const nth = where % path.length
        const wrongPath = path.map((hash, i) => (i === nth ? flipped(hash) : hash))
        for (const change of [
          { leaf: leafHash('another') },
          { position: (position + 1) % size },
          { position: size },
          { position: -1 },
          { size: size * 2 },
          { root: flipped(good.root) },
          { path: wrongPath },
          { path: path.slice(1) },
          { path: [...path, leafHash('one more')] },
        ])
          expect(verifyInclusion({ ...good, ...change })).toBe(false)
      }),
      runs,
    )
  })

  test('holds for logs beyond 2^32 entries', () => {
    // Every leaf the same: a subtree's hash depends on its level alone.
    const level: Hash[] = [leafHash('x')]
    const hashOf: HashOf = at => {
      for (let i = level.length; i <= at; i++)
        level.push(nodeHash(level[i - 1] ?? fail(), level[i - 1] ?? fail()))
      return level[at] ?? fail()
    }
    const [size, position, from] = [2 ** 40 + 12_345, 2 ** 35 + 7, 2 ** 33 + 3]
    const root = rootAt(size, hashOf)
    const path = inclusionPath(position, size, hashOf)
    expect(verifyInclusion({ leaf: hashOf(0, 0), position, size, path, root })).toBe(true)
    // Another position of these equal leaves fits too, if its path has the same turns; the last does not.
    expect(verifyInclusion({ leaf: hashOf(0, 0), position: size - 1, size, path, root })).toBe(
      false,
    )
    const proof = consistencyPath(from, size, hashOf)
    const claim = { from, fromRoot: rootAt(from, hashOf), to: size, toRoot: root, path: proof }
    expect(verifyConsistency(claim)).toBe(true)
  })
})

describe('a consistency proof', () => {
  test('is the proof of the RFC and verifies', () => {
    fc.assert(
      fc.property(sizes, fc.nat(), (to, seed) => {
        const leaves = leavesOf(to)
        const from = seed % (to + 1)
        const path = consistencyPath(from, to, readerOf(leaves))
        expect(path).toEqual(from === 0 ? [] : naiveProof(from, leaves))
        const fromRoot = naiveRoot(leaves.slice(0, from))
        expect(verifyConsistency({ from, fromRoot, to, toRoot: naiveRoot(leaves), path })).toBe(
          true,
        )
      }),
      runs,
    )
  })

  test('does not verify for a log that was rewritten, at any entry of the past', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 200 }), fc.nat(), fc.nat(), (to, a, b) => {
        const from = 1 + (a % (to - 1))
        const leaves = leavesOf(to)
        const rewritten = leaves.map((leaf, i) => (i === b % from ? leafHash('rewritten') : leaf))
        const path = consistencyPath(from, to, readerOf(rewritten))
        const fromRoot = naiveRoot(leaves.slice(0, from))
        const toRoot = naiveRoot(rewritten)
        expect(verifyConsistency({ from, fromRoot, to, toRoot, path })).toBe(false)
      }),
      runs,
    )
  })

  test('with any one thing changed does not verify', () => {
    const leaves = leavesOf(13)
    const good = {
      from: 6,
      fromRoot: naiveRoot(leaves.slice(0, 6)),
      to: 13,
      toRoot: naiveRoot(leaves),
      path: consistencyPath(6, 13, readerOf(leaves)),
    }
    expect(verifyConsistency(good)).toBe(true)
    for (const change of [
      { from: 7 },
      { from: 14 },
      { from: 0 },
      { from: 13 },
      { from: 1.5 },
      { to: 40 },
      { fromRoot: flipped(good.fromRoot) },
      { toRoot: flipped(good.toRoot) },
      { path: [] },
      { path: good.path.slice(1) },
      { path: [...good.path, leafHash('more')] },
      ...good.path.map((_, nth) => ({
        path: good.path.map((hash, i) => (i === nth ? flipped(hash) : hash)),
      })),
    ])
      expect(verifyConsistency({ ...good, ...change })).toBe(false)
  })

  test('from an empty log has nothing to show, and only the empty root fits', () => {
    const toRoot = naiveRoot(leavesOf(5))
    const claim = { from: 0, fromRoot: sha256(''), to: 5, toRoot, path: [] }
    expect(verifyConsistency(claim)).toBe(true)
    expect(verifyConsistency({ ...claim, fromRoot: toRoot })).toBe(false)
    expect(verifyConsistency({ ...claim, path: [toRoot] })).toBe(false)
  })
})

function flipped(hash: Hash): Hash {
  const copy = Buffer.from(hash)
  copy[5] = (copy[5] ?? 0) ^ 1
  expect(isSame(copy, hash)).toBe(false)
  return copy
}

function fail(): never {
  throw new Error('no such level')
}
