import { expect, test } from 'vitest'
import {
  changeThing,
  makeThing,
  memoryThings,
  sequenceAll,
  thingTable,
} from '../../../test/support/ledger.ts'
import { openFollower } from './follow.ts'
import { Replica } from './replica.ts'

test('smoke', async () => {
  const world = await memoryThings()
  const a = await makeThing(world)
  const other = new Replica()
  const follower = await openFollower({ ...world, replica: other })
  expect(other.get(thingTable, a.id)?.state).toBe('active')
  await changeThing(world, a.id, { state: 'paused' })
  await sequenceAll(world.store)
  await follower.sync()
  console.log(follower.freshness(), other.all(thingTable))
  console.log(await world.store.query('select * from ledger_entry'))
  for (let i = 0; i < 300; i++) await makeThing(world)
  await sequenceAll(world.store)
  await follower.sync()
  console.log(follower.freshness(), other.all(thingTable).length)
  await follower.ready
})
