import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  emptyThings,
  memoryThings,
  sequenceAll,
  type ThingWorld,
} from '../../../test/support/ledger.ts'
import { bounds } from './bounds.ts'
import { readLog } from './read.ts'
import { RefusalTally, sealRefusals } from './refusals.ts'

const issuer = 'https://issuer.example'
let world: ThingWorld
let tally: RefusalTally
beforeAll(async () => {
  world = await memoryThings()
})
beforeEach(async () => {
  world = await emptyThings(world)
  tally = new RefusalTally()
})
afterAll(() => world.store.close())

function refuse(times: number, reason: string, by: string | null = issuer): void {
  for (let i = 0; i < times; i++) tally.count(by, reason, world.clock.now())
}

async function sealed(): Promise<unknown[]> {
  await sequenceAll(world.store)
  const entries = await readLog(world.store, { kind: 'refusal.seal', after: -1 })
  return entries.map(entry => entry.facts)
}

test('refused callers are counted, and one entry per issuer and past minute says how many', async () => {
  refuse(3, 'signature')
  refuse(2, 'expired')
  refuse(4, 'signature', null)
  expect(await sealRefusals(world, tally)).toBe(0)
  expect(await sealed()).toEqual([])
  world.clock.advance(60_000)
  refuse(1, 'signature')
  expect(await sealRefusals(world, tally)).toBe(2)
  expect(await sealed()).toEqual([
    { issuer, minute: '2026-11-22T14:00:00.000Z', counts: { signature: 3, expired: 2 } },
    { issuer: 'unknown', minute: '2026-11-22T14:00:00.000Z', counts: { signature: 4 } },
  ])
  world.clock.advance(60_000)
  expect(await sealRefusals(world, tally)).toBe(1)
  expect(await sealRefusals(world, tally)).toBe(0)
})

test('counts of several processes and moments become one entry', async () => {
  const other = new RefusalTally()
  refuse(3, 'signature')
  await sealRefusals(world, tally)
  refuse(2, 'signature')
  other.count(issuer, 'signature', world.clock.now())
  world.clock.advance(60_000)
  await Promise.all([sealRefusals(world, tally), sealRefusals(world, other)])
  await sealRefusals(world, tally)
  const total = (await sealed()) as { counts: { signature: number } }[]
  expect(total.reduce((sum, each) => sum + each.counts.signature, 0)).toBe(6)
})

test('a minute somebody else has sealed leaves no second entry', async () => {
  refuse(1, 'signature')
  await sealRefusals(world, tally)
  world.clock.advance(60_000)
  await Promise.all([sealRefusals(world, tally), sealRefusals(world, tally)])
  expect(await sealed()).toHaveLength(1)
})

test('a flood of different reasons is bounded', async () => {
  for (let i = 0; i < bounds.refusalKinds + 100; i++)
    tally.count(issuer, `reason ${i}`, world.clock.now())
  expect(tally.take()).toHaveLength(bounds.refusalKinds)
  expect(tally.take()).toEqual([])
})

test('what could not be written is counted again', async () => {
  refuse(3, 'signature')
  const away = {
    ...world,
    store: { ...world.store, query: () => Promise.reject(new Error('away')) },
  }
  await expect(sealRefusals(away, tally)).rejects.toThrow('away')
  world.clock.advance(60_000)
  await sealRefusals(world, tally)
  expect(await sealed()).toMatchObject([{ counts: { signature: 3 } }])
})
