import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { leafHash, rootAt } from '../../../src/core/ledger/tree.ts'
import { inclusionPath } from '../../../src/life/audit/paths.ts'
import { logOf, newKeys, tableOf } from '../../../test/support/signed-log.ts'
import { openKeyTable, signersOf } from './keys.ts'
import { hashLeaf, isIncluded, isPrefix, openCheckpoint } from './log.ts'

const keys = newKeys()
const leaves = Array.from({ length: 70 }, (_, i) => `leaf ${i}`)
const log = logOf(keys, leaves)
const signers = signersOf(
  openKeyTable(tableOf(keys), () => true),
  'ledger',
)
const buffers = (path: readonly Uint8Array[]) => path.map(hash => Buffer.from(hash))
const treeOf = (size: number) => ({ size, root: Buffer.from(rootAt(size, log.hashOf)) })
const growth = (from: number, to: number) => ({
  older: treeOf(from),
  newer: treeOf(to),
  path: log.consistency(from, to).path.map(hash => Buffer.from(hash, 'base64')),
})

describe('a tree of the server', () => {
  test('has each of its leaves, by our count too', () => {
    for (const size of [1, 2, 3, 7, 8, 33, 70])
      for (let index = 0; index < size; index++) {
        const path = buffers(inclusionPath(index, size, log.hashOf))
        expect(isIncluded(hashLeaf(`leaf ${index}`), index, treeOf(size), path)).toBe(true)
        expect(isIncluded(hashLeaf('other'), index, treeOf(size), path)).toBe(false)
        expect(isIncluded(hashLeaf(`leaf ${index}`), index + 1, treeOf(size), path)).toBe(false)
        expect(isIncluded(hashLeaf(`leaf ${index}`), index, treeOf(size), path.slice(1))).toBe(
          size === 1,
        )
      }
  })

  test('begins with each of its earlier trees, by our count too', () => {
    for (let from = 0; from <= 40; from++)
      for (let to = Math.max(from, 1); to <= 40; to++) {
        const { older, newer, path } = growth(from, to)
        expect(isPrefix(older, newer, path)).toBe(true)
        expect(isPrefix(older, newer, [...path, Buffer.alloc(32)])).toBe(false)
      }
  })

  test('does not begin with a tree that is larger, or another', () => {
    const { older, newer, path } = growth(20, 33)
    expect(isPrefix(newer, older, path)).toBe(false)
    expect(isPrefix({ ...older, root: Buffer.alloc(32) }, newer, path)).toBe(false)
    expect(isPrefix(older, { ...newer, root: Buffer.alloc(32) }, path)).toBe(false)
  })

  test('is told from one with any part of its proof changed', () => {
    const cases = fc.tuple(fc.integer({ min: 1, max: 69 }), fc.nat(), fc.nat({ max: 255 }))
    const run = () =>
      fc.assert(
        fc.property(cases, ([from, which, bit]) => {
          const { older, newer, path } = growth(from, 70)
          const hash = path[which % path.length]
          if (hash === undefined) return true
          hash[bit >> 3] = (hash[bit >> 3] ?? 0) ^ (1 << (bit & 7))
          return !isPrefix(older, newer, path)
        }),
      )
    expect(run).not.toThrow()
  })

  test('hashes leaves as we do', () => {
    expect(hashLeaf('x').equals(Buffer.from(leafHash('x')))).toBe(true)
  })
})

describe('a checkpoint', () => {
  test('signed by the key of the log opens', () => {
    const opened = openCheckpoint(log.note(33), signers)
    expect(opened).toMatchObject({ origin: 'acme.example/log', size: 33 })
    expect(opened.root.equals(treeOf(33).root)).toBe(true)
  })

  test('may carry other signatures beside, which are not believed', () => {
    const witness = `— witness.example ${Buffer.alloc(68).toString('base64')}\n`
    expect(openCheckpoint(log.note(33) + witness, signers).signatures).toBe(2)
    const only = log.note(33).replace(/— acme.*\n/, witness)
    expect(() => openCheckpoint(only, signers)).toThrow('no key of this installation')
  })

  test('signed by another key, or under another name, is refused', () => {
    const other = logOf(newKeys(), leaves)
    expect(() => openCheckpoint(other.note(33), signers)).toThrow('no key of this installation')
    const renamed = log.note(33).replaceAll('acme.example', 'evil.example')
    expect(() => openCheckpoint(renamed, signers)).toThrow('no key of this installation')
  })

  test('of any other form is refused', () => {
    const note = log.note(33)
    for (const text of ['', 'x', note.slice(0, -1), note.replace('33', '033'), note.trim()])
      expect(() => openCheckpoint(text, signers)).toThrow('Not proven')
    expect(() => openCheckpoint(note.replace('\n\n', '\nextension\n\n'), signers)).toThrow('Not')
  })
})
