import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { leavesOf, naiveRoot } from '../../../test/support/naive-tree.ts'
import {
  extend,
  type Frontier,
  type Hash,
  hashBytes,
  leafHash,
  nodeHash,
  packPeaks,
  rootOf,
  unpackPeaks,
} from './tree.ts'

const empty: Frontier = { size: 0, peaks: [] }

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
