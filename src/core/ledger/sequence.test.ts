import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  asOwner,
  changeThing,
  emptyThings,
  makeNoteSigner,
  makeThing,
  memoryThings,
  sequenceAll,
  type ThingWorld,
} from '../../../test/support/ledger.ts'
import { checkLog } from '../../life/audit/fsck.ts'
import type { Store } from '../store/store.ts'
import { vkeyOf } from './note.ts'
import { readHead } from './rows.ts'
import { makeBell, sequenceRound, startSequencer } from './sequence.ts'

let world: ThingWorld
beforeAll(async () => {
  world = await memoryThings()
})
beforeEach(async () => {
  world = await emptyThings(world)
})
afterAll(() => world.store.close())

async function entries(): Promise<{ position: number; inboxId: number; kind: string }[]> {
  return world.store.query(
    'select position, inbox_id as "inboxId", kind from ledger_entry order by position',
  )
}

describe('a round', () => {
  test('moves what waits, in the order it was written, words apart', async () => {
    const thing = await makeThing(world)
    await changeThing(world, thing.id, { state: 'paused' })
    expect(await sequenceRound(world)).toBe(2)
    expect(await entries()).toEqual([
      { position: 0, inboxId: 1, kind: 'thing.make' },
      { position: 1, inboxId: 2, kind: 'thing.change' },
    ])
    expect(await world.store.query('select position from ledger_words')).toEqual([{ position: 0 }])
    expect(await world.store.query('select 1 from ledger_inbox')).toEqual([])
    expect((await checkLog(world.store, [])).faults).toEqual([])
  })

  test('with nothing to move changes nothing', async () => {
    const before = await readHead(world.store)
    expect(await sequenceRound(world)).toBe(0)
    expect(await readHead(world.store)).toEqual(before)
  })

  test('takes an entry that was numbered early and committed late before later ones', async () => {
    // Numbers 1 to 3; the transaction of 2 commits when 3 has its position already.
    for (let i = 0; i < 3; i++) await makeThing(world)
    await asOwner(world.store, [
      'create table held_back as select * from ledger_inbox where id = 2',
      'delete from ledger_inbox where id = 2',
    ])
    await sequenceAll(world.store)
    await makeThing(world)
    await asOwner(world.store, [
      `insert into ledger_inbox overriding system value select * from held_back`,
      'drop table held_back',
    ])
    await sequenceAll(world.store)
    expect((await entries()).map(entry => entry.inboxId)).toEqual([1, 3, 2, 4])
  })

  test('that can not finish moves nothing, and the next one moves it', async () => {
    await makeThing(world)
    const head = await readHead(world.store)
    await asOwner(world.store, [
      `create function no_head() returns trigger language plpgsql as $$
       begin raise exception 'no room'; end $$`,
      'create trigger no_head before update on ledger_head execute function no_head()',
    ])
    await expect(sequenceRound(world)).rejects.toThrow('no room')
    expect(await entries()).toEqual([])
    expect(await readHead(world.store)).toEqual(head)
    await asOwner(world.store, ['drop function no_head cascade'])
    expect(await sequenceRound(world)).toBe(1)
  })

  test.each([
    ['an entry that is not there any more', { more: [{ id: 99, leaf: 'x' }], head: {} }],
    ['entries for another head', { more: [], head: { size: 1, peaks: new Uint8Array(32) } }],
  ])('that would move %s moves nothing', async (_, { more, head: other }) => {
    await makeThing(world)
    const head = await readHead(world.store)
    const misread: Store = {
      ...world.store,
      transact: (work, options) =>
        world.store.transact(tx => {
          const query: typeof tx.query = async (text, params) => {
            const rows = await tx.query<{ picked: object[] }>(text, params)
            if (text.includes('ledger_head'))
              for (const row of rows)
                Object.assign(row, other, { picked: [...row.picked, ...more] })
            return rows as never
          }
          return work({ ...tx, query })
        }, options),
    }
    await expect(sequenceRound({ store: misread })).rejects.toThrow('null value')
    expect(await readHead(world.store)).toEqual(head)
    expect(await entries()).toEqual([])
    expect(await sequenceRound(world)).toBe(1)
  })

  test('whose answer was lost is not done again', async () => {
    await makeThing(world)
    const forgetful: Store = {
      ...world.store,
      async transact(work, options) {
        await world.store.transact(work, options)
        throw new Error('the connection was cut after the commit')
      },
    }
    await expect(sequenceRound({ store: forgetful })).rejects.toThrow('was cut')
    expect(await sequenceRound(world)).toBe(0)
    expect(await entries()).toHaveLength(1)
  })

  test('does not extend a log that is behind what this process has seen', async () => {
    await makeThing(world)
    await sequenceAll(world.store)
    await makeThing(world)
    const round = sequenceRound({ store: world.store, gate: () => 2 })
    await expect(round).rejects.toMatchObject({ code: 'ledger-regressed' })
    expect(await entries()).toHaveLength(1)
    expect(await sequenceRound({ store: world.store, gate: () => 1 })).toBe(1)
  })

  test('keeps the roots of complete subtrees of 256 entries', async () => {
    for (let i = 0; i < 4; i++)
      await asOwner(world.store, [
        `insert into ledger_inbox (at, kind, subjects, leaf, facts, facts_salt)
         select now(), 'thing.make', '{}', 'leaf ' || i, '{}', '' from generate_series(1, 130) i`,
      ])
    await sequenceAll(world.store)
    const nodes = await world.store.query('select level, index from ledger_node order by 1, 2')
    expect(nodes).toEqual([
      { level: 1, index: 0 },
      { level: 1, index: 1 },
    ])
  })

  test('wakes followers once, however many entries it moved', async () => {
    const wakes: string[] = []
    const unlisten = await world.store.listen('ledger', payload => wakes.push(payload))
    for (let i = 0; i < 5; i++) await makeThing(world)
    expect(wakes).toEqual([])
    await sequenceAll(world.store)
    await wait(10)
    expect(wakes).toEqual(['5'])
    await unlisten()
  })
})

describe('the sequencer', () => {
  test('moves what it is poked for, signs it, and stops', async () => {
    const signer = makeNoteSigner()
    const faults: unknown[] = []
    const clock = { now: () => world.clock.now(), monotonicMs: () => performance.now() }
    const sequencer = startSequencer({
      ...world,
      clock,
      signer,
      onFault: each => faults.push(each),
    })
    for (let i = 0; i < 20; i++) await makeThing({ ...world, poke: sequencer.poke })
    while ((await entries()).length < 20) await wait(5)
    while ((await checkLog(world.store, [vkeyOf(signer)])).checkpoints < 2) await wait(20)
    await sequencer.stop()
    expect((await checkLog(world.store, [vkeyOf(signer)])).faults).toEqual([])
    expect(faults).toEqual([])
    await makeThing({ ...world, poke: sequencer.poke })
    await wait(30)
    expect(await entries()).toHaveLength(20)
  })

  test('goes on after a round that failed', async () => {
    let broken = 2
    const store: Store = {
      ...world.store,
      transact: (work, options) =>
        options?.role === 'sequencer' && broken-- > 0
          ? Promise.reject(new Error('no database'))
          : world.store.transact(work, options),
    }
    const faults: unknown[] = []
    const signer = makeNoteSigner()
    const sequencer = startSequencer({
      ...world,
      store,
      signer,
      onFault: fault => faults.push(fault),
    })
    await makeThing({ ...world, poke: sequencer.poke })
    while ((await entries()).length < 1) await wait(5)
    await sequencer.stop()
    expect(faults.length).toBeGreaterThanOrEqual(2)
  })
})

test('a bell rung while nobody waits is heard by the next who does', async () => {
  const bell = makeBell()
  bell.ring()
  await bell.wait(60_000)
  const before = performance.now()
  await bell.wait(20)
  expect(performance.now() - before).toBeGreaterThanOrEqual(15)
})
