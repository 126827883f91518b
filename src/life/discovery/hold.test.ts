/** What a pause does where a system lets nobody stop what is there, or is away. At a real one: test/journeys/hold-found.test.ts. */
import { beforeEach, expect, it } from 'vitest'
import { type LeaseTestWorld, leaseWorld } from '../../../test/support/lease-world.ts'
import { appTable } from '../../core/app/rows.ts'
import { sweepHolds } from './hold.ts'
import { sweepLooks } from './look.ts'

let world: LeaseTestWorld
const details = {}
const bot = { id: 'oid 7', kind: 'account', name: 'bot', ours: false, details } as const

beforeEach(async () => {
  world = await leaseWorld()
  world.target.strangers = [[{ ...bot, madeAt: null, lastUsedAt: null }]]
  await sweepLooks(world)
  const adopted = `update found_thing set state = 'adopted', app_id = $1, owner_id = $2`
  await world.store.query(adopted, [world.app.id, world.app.ownerId])
})

async function become(state: 'active' | 'paused') {
  const because = state === 'paused' ? 'person' : null
  const text = 'update app set state = $2, paused_because = $3, version = version + 1 where id = $1'
  await world.store.query(text, [world.app.id, state, because])
  const version = (world.replica.get(appTable, world.app.id)?.version ?? 0) + 1
  const row: typeof world.app = { ...world.app, state, version }
  world.replica.apply([{ table: appTable.name, row }])
}
const held = async () => (await world.store.query('select held from found_thing'))[0]
const entries = async () => (await world.store.query('select 1 from ledger_inbox')).length

it('what can not be stopped there says so once, and no more when its app goes on', async () => {
  await become('paused')
  const before = await entries()
  await sweepHolds(world)
  const says = 'it can not be stopped here: a person does'
  expect(await held()).toEqual({ held: { isHeld: false, says } })
  await sweepHolds(world)
  expect(await entries()).toBe(before + 1)
  await become('active')
  await sweepHolds(world)
  expect(await held()).toEqual({ held: null })
})

it('what is not paused is left alone', async () => {
  const before = await entries()
  await sweepHolds(world)
  expect(await held()).toEqual({ held: null })
  expect(await entries()).toBe(before)
})

it('a system that is away is never said to have stopped anything', async () => {
  await become('paused')
  const broken = {
    ...world,
    targets: Object.assign(Object.create(world.targets), {
      call: async () => {
        throw new Error('it is away')
      },
    }),
  }
  await expect(sweepHolds(broken)).rejects.toThrow('a sweep failed')
  expect(await held()).toEqual({ held: null })
})
