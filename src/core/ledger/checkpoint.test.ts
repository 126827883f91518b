import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  asOwner,
  emptyThings,
  growLog,
  makeNoteSigner,
  memoryThings,
  type ThingWorld,
} from '../../../test/support/ledger.ts'
import { signHead } from './checkpoint.ts'
import { readHead } from './rows.ts'
import { extend, leafHash, rootOf } from './tree.ts'

const signer = makeNoteSigner()
const proving = () => ({ ...world, signer })
let world: ThingWorld
beforeAll(async () => {
  world = await memoryThings()
})
beforeEach(async () => {
  world = await emptyThings(world)
})
afterAll(() => world.store.close())

describe('a checkpoint', () => {
  test('is never signed for a log that does not continue the last one', async () => {
    await growLog(world, 0, 4)
    await signHead(proving())
    await growLog(world, 4, 6)
    const [head] = [await readHead(world.store)]
    for (const root of [`sha256('forged')`, `sha256('')`]) {
      await asOwner(world.store, [`update ledger_head set root = ${root}`])
      await expect(signHead(proving())).rejects.toMatchObject({ code: 'ledger-regressed' })
    }
    await asOwner(world.store, ['update ledger_head set size = 3'])
    await expect(signHead(proving())).rejects.toMatchObject({ code: 'ledger-regressed' })
    await asOwner(world.store, [`update ledger_head set size = 6, root = '\\x${hexOf(head.root)}'`])
    expect((await signHead(proving())).size).toBe(6)
  })

  test('is never signed when what the last one covered was rewritten, head and all', async () => {
    await growLog(world, 0, 4)
    await signHead(proving())
    await growLog(world, 4, 6)
    const leaves = Array.from({ length: 6 }, (_, i) =>
      leafHash(i === 1 ? 'rewritten' : `leaf ${i + 1}`),
    )
    const { frontier } = extend({ size: 0, peaks: [] }, leaves)
    await asOwner(world.store, [
      'set session_replication_role = replica',
      `update ledger_entry set leaf_hash = '\\x${hexOf(leafHash('rewritten'))}' where position = 1`,
      'set session_replication_role = origin',
      `update ledger_head set root = '\\x${hexOf(rootOf(frontier))}'`,
    ])
    await expect(signHead(proving())).rejects.toMatchObject({ code: 'ledger-regressed' })
  })

  test('is signed although another signs a longer log meanwhile', async () => {
    await growLog(world, 0, 4)
    await signHead(proving())
    let isFirst = true
    const store = {
      ...world.store,
      query: async (text: string, params?: readonly unknown[]) => {
        const rows = await world.store.query(text, params)
        if (isFirst) {
          isFirst = false
          await growLog(world, 4, 6)
          await signHead(proving())
        }
        return rows
      },
    } as ThingWorld['store']
    expect((await signHead({ ...proving(), store })).size).toBe(6)
  })

  test('is not signed for the first time when head and entries differ', async () => {
    await growLog(world, 0, 4)
    await asOwner(world.store, [`update ledger_head set root = sha256('forged')`])
    await expect(signHead(proving())).rejects.toMatchObject({ code: 'ledger-regressed' })
    expect(await world.store.query('select 1 from ledger_checkpoint')).toEqual([])
  })

  test('is not given out when it could not be kept', async () => {
    await growLog(world, 0, 4)
    const store = {
      ...world.store,
      query: (text: string, params?: readonly unknown[]) =>
        text.includes('insert into ledger_checkpoint')
          ? Promise.reject(new Error('no room'))
          : world.store.query(text, params),
    } as ThingWorld['store']
    await expect(signHead({ ...proving(), store })).rejects.toThrow('no room')
    expect(await world.store.query('select 1 from ledger_checkpoint')).toEqual([])
  })
})

function hexOf(hash: Uint8Array): string {
  return Buffer.from(hash).toString('hex')
}
