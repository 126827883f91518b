import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sha256 } from '../base/hash.ts'
import {
  consistencyPath,
  extend,
  type Frontier,
  type Hash,
  type HashOf,
  hashBytes,
  inclusionPath,
  isSame,
  leafHash,
  nodeHash,
  packPeaks,
  rootAt,
  rootOf,
  unpackPeaks,
  verifyConsistency,
  verifyInclusion,
} from './tree.ts'

/** RFC 6962 §2.1, word for word: the judge of everything below. */
function naiveRoot(leaves: readonly Hash[]): Hash {
  const [first] = leaves
  if (first === undefined) return sha256('')
  if (leaves.length === 1) return first
  const k = split(leaves.length)
  return nodeHash(naiveRoot(leaves.slice(0, k)), naiveRoot(leaves.slice(k)))
}

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

function split(n: number): number {
  let k = 1
  while (k * 2 < n) k *= 2
  return k
}

const empty: Frontier = { size: 0, peaks: [] }

function leavesOf(count: number): Hash[] {
  return Array.from({ length: count }, (_, i) => leafHash(`entry ${i}`))
}

function readerOf(leaves: readonly Hash[]): HashOf {
  return (level, index) => naiveRoot(leaves.slice(index * 2 ** level, (index + 1) * 2 ** level))
}

const sizes = fc.integer({ min: 1, max: 300 })
const runs = { numRuns: 60 }

describe('the tree of RFC 6962', () => {
  // The reference leaves and roots of the Certificate Transparency test data.
  const reference = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657']
    .concat('606162636465666768696a6b6c6d6e6f')
    .map(hex => leafHash(Buffer.from(hex, 'hex').toString('latin1')))
  const roots = [
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
    'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
    'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
    '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
    'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
    '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
  ]

  test.each(roots.map((root, size) => [size, root] as const))(
    'has the published root at size %i',
    (size, root) => {
      const { frontier } = extend(empty, reference.slice(0, size))
      expect(Buffer.from(rootOf(frontier)).toString('hex')).toBe(root)
    },
  )

  test('grows to the same root whatever the steps', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 80 }), { maxLength: 6 }), steps => {
        let frontier = empty
        const leaves = leavesOf(steps.reduce((sum, step) => sum + step, 0))
        for (const step of steps)
          frontier = extend(frontier, leaves.slice(frontier.size, frontier.size + step)).frontier
        expect(rootOf(frontier)).toEqual(naiveRoot(leaves))
        expect(unpackPeaks(frontier.size, packPeaks(frontier))).toEqual(frontier)
      }),
      runs,
    )
  })

  test('names each complete subtree of 256 leaves once, when it is complete', () => {
    const leaves = leavesOf(700)
    const first = extend(empty, leaves.slice(0, 255))
    const second = extend(first.frontier, leaves.slice(255))
    expect(first.nodes).toEqual([])
    expect(second.nodes).toEqual([
      { level: 1, index: 0, hash: naiveRoot(leaves.slice(0, 256)) },
      { level: 1, index: 1, hash: naiveRoot(leaves.slice(256, 512)) },
    ])
  })

  test('names a subtree of 65,536 leaves as level 2', () => {
    const leaf = leafHash('x')
    const { nodes } = extend(
      empty,
      Array.from({ length: 65_536 }, () => leaf),
    )
    const top = nodes.filter(node => node.level === 2)
    const row = Array.from({ length: 16 }).reduce<Hash>(hash => nodeHash(hash, hash), leaf)
    expect(top).toEqual([{ level: 2, index: 0, hash: row }])
    expect(nodes).toHaveLength(257)
  })

  test('peaks that do not fit the size are a bug', () => {
    expect(() => unpackPeaks(3, new Uint8Array(hashBytes))).toThrow(/peaks/)
  })
})

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
