import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  actor,
  asOwner,
  changeThing,
  emptyThings,
  makeNoteSigner,
  makeThing,
  memoryThings,
  sequenceAll,
  type ThingWorld,
  thingTable,
} from '../../../test/support/ledger.ts'
import { Problem } from '../base/problem.ts'
import type { Store } from '../store/store.ts'
import { type Follower, type FollowWorld, openFollower, startFollower } from './follow.ts'
import { entryKind } from './kind.ts'
import { recorded } from './record.ts'
import { Replica } from './replica.ts'
import type { FeedRow } from './rows.ts'
import { startSequencer } from './sequence.ts'

let world: ThingWorld
let other: FollowWorld & { faults: Problem[] }
const open: Follower[] = []
beforeAll(async () => {
  world = await memoryThings()
})
beforeEach(async () => {
  world = await emptyThings(world)
  const faults: Problem[] = []
  other = { ...world, replica: new Replica(), faults, onFault: fault => faults.push(fault) }
})
afterEach(async () => {
  for (const follower of open.splice(0)) await follower.stop()
})
afterAll(() => world.store.close())

async function follow(changes: Partial<FollowWorld> = {}): Promise<Follower> {
  const follower = await openFollower({ ...other, ...changes })
  open.push(follower)
  return follower
}

async function settled(promise: Promise<unknown>): Promise<'open' | 'resolved' | 'rejected'> {
  return Promise.race([
    promise.then(
      () => 'resolved' as const,
      () => 'rejected' as const,
    ),
    wait(5).then(() => 'open' as const),
  ])
}

describe('a follower', () => {
  test('starts from the tables and goes on with the log', async () => {
    const thing = await makeThing(world)
    await sequenceAll(world.store)
    const follower = await follow()
    expect(other.replica.get(thingTable, thing.id)?.state).toBe('active')
    await changeThing(world, thing.id, { state: 'paused' })
    expect(other.replica.get(thingTable, thing.id)?.state).toBe('active')
    await sequenceAll(world.store)
    await follower.sync()
    expect(other.replica.get(thingTable, thing.id)).toMatchObject({ state: 'paused', version: 2 })
    expect(follower.position).toBe(2)
  })

  test('holds the same images from the tables as from the log', async () => {
    const follower = await follow()
    await makeThing(world, { extra: { z: null, a: [1.5, 'ü'] }, ownerId: 'maya' })
    await sequenceAll(world.store)
    await follower.sync()
    const fromTables = new Replica()
    await follow({ replica: fromTables })
    expect(other.replica.all(thingTable)).toEqual(fromTables.all(thingTable))
    expect(other.replica.all(thingTable)).toHaveLength(1)
  })

  test('is ready only when everything committed before its start is applied', async () => {
    const thing = await makeThing(world)
    await changeThing(world, thing.id, { state: 'gone' })
    const follower = await follow()
    expect(await settled(follower.ready)).toBe('open')
    await sequenceAll(world.store)
    await follower.sync()
    expect(await settled(follower.ready)).toBe('resolved')
    expect(other.replica.all(thingTable)).toEqual([])
  })

  test('tells of each entry once, in order, after its facts are applied', async () => {
    const follower = await follow()
    const told: (FeedRow & { seen: string | undefined })[] = []
    const thing = await makeThing(world)
    const stop = follower.onEntry(entry =>
      told.push({ ...entry, seen: other.replica.get(thingTable, thing.id)?.state }),
    )
    await changeThing(world, thing.id, { state: 'paused' })
    await sequenceAll(world.store)
    await Promise.all([follower.sync(), follower.sync()])
    await follower.sync()
    expect(told.map(({ position, kind, seen }) => [position, kind, seen])).toEqual([
      [0, 'thing.make', 'active'],
      [1, 'thing.change', 'paused'],
    ])
    expect(told[0]?.subjects).toEqual([thing.id])
    stop()
    await makeThing(world)
    await sequenceAll(world.store)
    await follower.sync()
    expect(told).toHaveLength(2)
  })

  test('says when an entry is reached, before and after it is', async () => {
    const follower = await follow()
    const reached = follower.reached(1)
    const later = follower.reached(2)
    await makeThing(world)
    await sequenceAll(world.store)
    await follower.sync()
    expect(await reached).toBe(0)
    expect(await follower.reached(1)).toBe(0)
    expect(await settled(later)).toBe('open')
    await follower.stop()
    await expect(later).rejects.toThrow('was stopped')
  })

  test('that ends while a position is looked up tells who asked', async () => {
    const follower = await follow()
    const asked = follower.reached(9).catch(String)
    await follower.stop()
    expect(await asked).toContain('was stopped')
  })

  test('stops at a kind nobody declared, and skips nothing', async () => {
    const follower = await follow()
    const [thing, kind] = [await makeThing(world), 'future.kind' as ReturnType<typeof entryKind>]
    await recorded(world, async scope => scope.entry({ kind, by: actor }))
    await changeThing(world, thing.id, { state: 'paused' })
    await sequenceAll(world.store)
    await follower.sync()
    await follower.sync()
    expect(follower.position).toBe(1)
    expect(other.replica.get(thingTable, thing.id)?.state).toBe('active')
    expect(other.faults.map(fault => fault.log)).toEqual(['unknown kind future.kind'])
    world.clock.advance(11_000)
    expect(follower.freshness()).toMatchObject({ position: 1, ageMs: 11_000, regressed: false })
    await expect(follower.reached(99)).rejects.toMatchObject({ code: 'internal' })
  })

  test('that can not get ready because of an unknown kind says so', async () => {
    const kind = 'future.kind' as ReturnType<typeof entryKind>
    await recorded(world, async scope => scope.entry({ kind, by: actor }))
    const follower = await follow()
    await sequenceAll(world.store)
    await follower.sync()
    await expect(follower.ready).rejects.toMatchObject({ code: 'internal' })
  })

  test('stops at a table nobody declared', async () => {
    const follower = await follow()
    await recorded(world, async scope => {
      // What a later version would write; our own code can not name its facts so.
      const facts = { rows: [{ table: 'future', row: { id: 'x', version: 1 } }] } as never
      scope.entry({ kind: entryKind('thing.make', 'made a thing'), by: actor, facts })
    })
    await sequenceAll(world.store)
    await follower.sync()
    expect(other.faults[0]?.log).toMatch(/unknown table future/)
    expect(follower.position).toBe(0)
  })

  test('stops at a gap', async () => {
    const follower = await follow()
    for (let i = 0; i < 3; i++) await makeThing(world)
    await sequenceAll(world.store)
    await asOwner(world.store, [
      'set session_replication_role = replica',
      'delete from ledger_entry where position = 1',
      'set session_replication_role = origin',
    ])
    await follower.sync()
    expect(follower.position).toBe(1)
    expect(other.faults[0]?.log).toBe('no entry 1')
  })
})

describe('the age of the facts', () => {
  test('is that of the last look, and grows with the monotonic clock alone', async () => {
    const follower = await follow()
    await follower.sync()
    expect(follower.freshness()).toEqual({ position: 0, ageMs: 0, regressed: false })
    world.clock.advance(3_000)
    expect(follower.freshness().ageMs).toBe(3_000)
    world.clock.set(world.clock.now().replace('2026', '2020') as never)
    expect(follower.freshness().ageMs).toBe(3_000)
    await follower.sync()
    expect(follower.freshness().ageMs).toBe(0)
  })

  test('grows while the sequencer stands still, though the database answers', async () => {
    const follower = await follow()
    await makeThing(world)
    await asOwner(world.store, [`update ledger_inbox set queued_at = now() - interval '12 s'`])
    await follower.sync()
    const { ageMs } = follower.freshness()
    expect(ageMs).toBeGreaterThanOrEqual(12_000)
    expect(ageMs).toBeLessThan(20_000)
    await sequenceAll(world.store)
    await follower.sync()
    expect(follower.freshness().ageMs).toBe(0)
  })

  test('grows while the database does not answer, and the follower goes on after', async () => {
    let isSilent = false
    const store: Store = {
      ...world.store,
      query: (text, params) =>
        isSilent
          ? Promise.reject(new Problem('store-unavailable', { detail: 'away' }))
          : world.store.query(text, params),
    }
    const follower = await follow({ store })
    isSilent = true
    world.clock.advance(10_001)
    await follower.sync()
    expect(follower.freshness().ageMs).toBe(10_001)
    isSilent = false
    await makeThing(world)
    await sequenceAll(world.store)
    await follower.sync()
    expect(follower.freshness()).toEqual({ position: 1, ageMs: 0, regressed: false })
    expect(other.faults).toEqual([])
  })
})

describe('a log that was put back', () => {
  const rewind = (statements: readonly string[]) =>
    asOwner(world.store, [
      'set session_replication_role = replica',
      ...statements,
      'set session_replication_role = origin',
    ])

  test('is noticed: nothing is decided on it, nothing written, somebody is told', async () => {
    const follower = await follow()
    await makeThing(world)
    const [before] = await world.store.query<{ size: number }>('select * from ledger_head')
    await sequenceAll(world.store)
    await follower.sync()
    expect(follower.gate()).toBe(1)
    await rewind([
      'delete from ledger_words',
      'delete from ledger_entry',
      `update ledger_head set size = ${before?.size}, peaks = '', root = sha256('')`,
    ])
    await follower.sync()
    expect(follower.freshness().regressed).toBe(true)
    expect(other.faults).toMatchObject([{ code: 'ledger-regressed' }])
    expect(() => follower.gate()).toThrow('ledger-regressed')
    const gated = { ...world, gate: () => follower.gate() }
    await expect(makeThing(gated)).rejects.toMatchObject({ code: 'ledger-regressed' })
    // It does not heal by growing past the place again.
    for (let i = 0; i < 3; i++) await makeThing(world)
    await sequenceAll(world.store)
    await follower.sync()
    expect(follower.freshness().regressed).toBe(true)
  })

  test('is refused by the entry itself before any follower has noticed', async () => {
    const follower = await follow()
    await makeThing(world)
    await sequenceAll(world.store)
    await follower.sync()
    await rewind([
      'delete from ledger_words',
      'delete from ledger_entry',
      `update ledger_head set size = 0, peaks = '', root = sha256('')`,
    ])
    const gated = { ...world, gate: () => follower.gate() }
    expect(follower.freshness().regressed).toBe(false)
    await expect(makeThing(gated)).rejects.toMatchObject({ code: 'ledger-regressed' })
  })

  test('and grown past the place meanwhile is noticed by its tree', async () => {
    const follower = await follow()
    await makeThing(world)
    await sequenceAll(world.store)
    await follower.sync()
    await rewind([
      'delete from ledger_words',
      'delete from ledger_entry',
      `update ledger_head set size = 0, peaks = '', root = sha256('')`,
    ])
    for (let i = 0; i < 2; i++) await makeThing(world)
    await sequenceAll(world.store)
    await follower.sync()
    expect(follower.freshness().regressed).toBe(true)
    expect(other.faults[0]?.detail).toMatch(/not the continuation/)
  })

  test('to the same size with another history is noticed as well', async () => {
    const follower = await follow()
    await makeThing(world)
    await sequenceAll(world.store)
    await follower.sync()
    await rewind([`update ledger_head set root = sha256('another')`])
    await follower.sync()
    expect(follower.freshness().regressed).toBe(true)
  })
})

describe('notifications', () => {
  test('wake the follower; lost ones cost it the poll and nothing else', async () => {
    const deaf: Store = { ...world.store, listen: async () => async () => {} }
    const follower = await startFollower({ ...other, store: deaf })
    open.push(follower)
    await makeThing(world)
    await sequenceAll(world.store)
    expect(await follower.reached(1)).toBe(0)
  })

  test('doubled, reordered and made up ones change nothing', async () => {
    let wake: (payload: string) => void = () => {}
    const noisy: Store = {
      ...world.store,
      listen: async (_, heard) => {
        wake = heard
        return async () => {}
      },
    }
    const follower = await startFollower({ ...other, store: noisy })
    open.push(follower)
    const told: number[] = []
    follower.onEntry(entry => told.push(entry.position))
    for (let i = 0; i < 5; i++) {
      await makeThing(world)
      await sequenceAll(world.store)
      for (const payload of ['9', '1', '1', 'nonsense', '']) wake(payload)
    }
    await follower.reached(5)
    expect(told).toEqual([0, 1, 2, 3, 4])
  })

  test('bring a commit to a follower through the running sequencer', async () => {
    const sequencer = startSequencer({ ...world, signer: makeNoteSigner() })
    const follower = await startFollower(other)
    open.push(follower)
    const thing = await makeThing({ ...world, poke: sequencer.poke })
    await follower.reached(1)
    expect(other.replica.get(thingTable, thing.id)?.state).toBe('active')
    await sequencer.stop()
  })
})
