import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  asOwner,
  emptyThings,
  growLog,
  makeNoteSigner,
  makeThing,
  memoryThings,
  type ThingWorld,
} from '../../../test/support/ledger.ts'
import {
  parseTlogProof,
  verifyConsistency,
  verifyTlogProof,
} from '../../../test/support/verify-log.ts'
import { signHead } from '../../core/ledger/checkpoint.ts'
import { vkeyOf } from '../../core/ledger/note.ts'
import { extend, type Frontier, isSame, leafHash, rootOf } from '../../core/ledger/tree.ts'
import { openCheckpoint } from './open-note.ts'
import { verifyInclusion } from './paths.ts'
import { checkpointAt, consistencyProof, inclusionProof, rootOfFirst, tlogProof } from './proof.ts'

const signer = makeNoteSigner()
const vkeys = [vkeyOf(signer)]
const proving = () => ({ ...world, signer })
let world: ThingWorld
beforeAll(async () => {
  world = await memoryThings()
})
beforeEach(async () => {
  world = await emptyThings(world)
})
afterAll(() => world.store.close())

function rootsUpTo(size: number): Uint8Array[] {
  let frontier: Frontier = { size: 0, peaks: [] }
  const roots = [rootOf(frontier)]
  for (let i = 1; i <= size; i++) {
    frontier = extend(frontier, [leafHash(`leaf ${i}`)]).frontier
    roots.push(rootOf(frontier))
  }
  return roots
}

describe('proofs from the stored tree', () => {
  test('hold at every border of the stored levels', async () => {
    await growLog(world, 0, 1_100)
    const roots = rootsUpTo(1_100)
    for (const size of [1, 2, 255, 256, 257, 511, 513, 1_024, 1_100]) {
      const root = roots[size] ?? new Uint8Array()
      expect(isSame(await rootOfFirst(world.store, size), root)).toBe(true)
      for (const position of [0, 1, 254, 255, 256, 300, 512, 1_023, 1_099]) {
        if (position >= size) continue
        const path = await inclusionProof(world.store, position, size)
        const leaf = leafHash(`leaf ${position + 1}`)
        expect(verifyInclusion({ leaf, position, size, path, root })).toBe(true)
        expect(verifyInclusion({ leaf: leafHash('no'), position, size, path, root })).toBe(false)
      }
      for (const from of [0, 1, 100, 256, 500, 1_000].filter(each => each <= size)) {
        const path = await consistencyProof(world.store, from, size)
        const fromRoot = roots[from] ?? new Uint8Array()
        expect(verifyConsistency({ from, fromRoot, to: size, toRoot: root, path })).toBe(true)
      }
    }
  })

  test('of what is not in the log are a bug of the caller', async () => {
    await growLog(world, 0, 3)
    await expect(inclusionProof(world.store, 3, 3)).rejects.toThrow(/in the tree/)
    await expect(inclusionProof(world.store, 0, 9)).rejects.toThrow(/the tree has the node/)
  })
})

describe('a checkpoint', () => {
  test('is signed on demand, kept, and the same for everybody who asks for its size', async () => {
    await growLog(world, 0, 5)
    const [first, again] = await Promise.all([
      checkpointAt(proving(), 3),
      checkpointAt({ ...world, signer: makeNoteSigner() }, 3),
    ])
    expect(again).toEqual(first)
    expect(openCheckpoint(first.note, vkeys)).toMatchObject({ size: 5 })
    await growLog(world, 5, 6)
    expect(await checkpointAt(proving(), 5)).toEqual(first)
    expect((await checkpointAt(proving(), 6)).size).toBe(6)
  })

  test('of an entry that has no position yet is for later', async () => {
    await makeThing(world)
    await expect(checkpointAt(proving(), 1)).rejects.toMatchObject({ code: 'stale' })
  })
})

describe('the proof file of an entry', () => {
  test('verifies offline against the leaf and the key, whatever came later', async () => {
    await growLog(world, 0, 300)
    const early = await tlogProof(proving(), 299)
    await growLog(world, 300, 700)
    for (const [file, position, size] of [
      [early, 299, 300],
      [await tlogProof(proving(), 299), 299, 300],
      [await tlogProof(proving(), 600), 600, 700],
    ] as const) {
      const verified = verifyTlogProof(file, `leaf ${position + 1}`, vkeys)
      expect(verified).toMatchObject({ position, checkpoint: { size } })
      expect(() => verifyTlogProof(file, `leaf ${position}`, vkeys)).toThrow(/not in the log/)
    }
    expect(parseTlogProof(early).path).toHaveLength(5)
  })

  test('is refused for an entry whose tree was tampered with', async () => {
    await growLog(world, 0, 5)
    await signHead(proving())
    await asOwner(world.store, [
      'set session_replication_role = replica',
      `update ledger_entry set leaf_hash = sha256('x') where position = 2`,
      'set session_replication_role = origin',
    ])
    await expect(tlogProof(proving(), 3)).rejects.toMatchObject({ code: 'ledger-regressed' })
  })
})
