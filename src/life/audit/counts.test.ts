/** How many entries came when: what the picture over the log is drawn of. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  asOwner,
  emptyThings,
  makeThing,
  memoryThings,
  sequenceAll,
  type ThingWorld,
} from '../../../test/support/ledger.ts'
import { bounds } from './bounds.ts'
import { countEntries } from './rows.ts'

let world: ThingWorld
beforeAll(async () => {
  world = await memoryThings()
})
beforeEach(async () => {
  world = await emptyThings(world)
})
afterAll(() => world.store.close())

const minute = 60_000
/** One entry after each of these times, in minutes. */
async function makeAfter(...waits: number[]): Promise<string[]> {
  const ids: string[] = []
  for (const wait of waits) {
    world.clock.advance(wait * minute)
    ids.push((await makeThing(world)).id)
  }
  await sequenceAll(world.store)
  return ids
}
const counted = async (filter = {}) =>
  (await countEntries(world.store, filter)).map(
    ({ at, until, entries, denied, from, to }) =>
      `${at.slice(5, 16)} ${until.slice(5, 16)} ${entries} ${denied} ${from}-${to}`,
  )

test('an empty log has none', async () => {
  expect(await counted()).toEqual([])
})

test('of less than an hour they are counted by five minutes, of a day by hours, of more by days', async () => {
  const day = world.clock.now().slice(5, 10)
  const hour = world.clock.now().slice(11, 13)
  await makeAfter(0, 1, 1, 5)
  expect(await counted()).toEqual([
    `${day}T${hour}:00 ${day}T${hour}:05 3 0 0-2`,
    `${day}T${hour}:05 ${day}T${hour}:10 1 0 3-3`,
  ])
  await makeAfter(120)
  const next = String(Number(hour) + 1)
  const later = String(Number(hour) + 2)
  expect(await counted()).toEqual([
    `${day}T${hour}:00 ${day}T${next}:00 4 0 0-3`,
    `${day}T${later}:00 ${day}T${Number(later) + 1}:00 1 0 4-4`,
  ])
  await makeAfter(3 * 24 * 60)
  const days = await counted()
  expect(days).toHaveLength(2)
  expect(days[0]).toMatch(/T00:00 .*T00:00 5 0 0-4$/)
  expect(days[1]).toMatch(/T00:00 .*T00:00 1 0 5-5$/)
})

test('those of a thing or of a kind alone, and a no is counted among them', async () => {
  const [first] = await makeAfter(0, 0, 0)
  await asOwner(world.store, [
    'set session_replication_role = replica',
    `update ledger_entry set kind = 'decision.deny' where position = 1`,
    'set session_replication_role = origin',
  ])
  expect(await counted({ subject: first })).toEqual([expect.stringMatching(/ 1 0 0-0$/)])
  expect(await counted({ kind: 'decision.deny' })).toEqual([expect.stringMatching(/ 1 1 1-1$/)])
  expect(await counted()).toEqual([expect.stringMatching(/ 3 1 0-2$/)])
})

test('the newest alone, however long the log is', async () => {
  await makeAfter(0)
  await asOwner(world.store, [
    'set session_replication_role = replica',
    `insert into ledger_entry (position, inbox_id, at, kind, subjects, leaf, leaf_hash, facts, facts_salt)
      select n, 1000000 + n, at, kind, subjects, leaf, leaf_hash, facts, facts_salt
      from ledger_entry, generate_series(1, ${bounds.countedEntries + 500}) as n`,
    'set session_replication_role = origin',
  ])
  const [all] = await countEntries(world.store, {})
  expect(all).toMatchObject({ entries: bounds.countedEntries, from: 501 })
})
