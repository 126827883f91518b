import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  actor,
  asOwner,
  changeThing,
  emptyThings,
  makeThing,
  memoryThings,
  type ThingRow,
  type ThingWorld,
  thingChanged,
  thingMade,
  thingTable,
} from '../../../test/support/ledger.ts'
import { testPermit } from '../../../test/support/permit.ts'
import { openLeaf } from '../../life/audit/read.ts'
import { newId } from '../base/ids.ts'
import { Problem } from '../base/problem.ts'
import { StoreFault } from '../store/fault.ts'
import { always, fact, factTable } from './fact-table.ts'
import { entryKind } from './kind.ts'
import { recorded } from './record.ts'
import type { EntryRow } from './rows.ts'

let world: ThingWorld
beforeAll(async () => {
  world = await memoryThings()
})
beforeEach(async () => {
  world = await emptyThings(world)
})
afterAll(() => world.store.close())

function waiting(): Promise<EntryRow[]> {
  return world.store.query<EntryRow>(
    `select kind, at, subjects, leaf, facts, facts_salt as "factsSalt", words,
       words_salt as "wordsSalt" from ledger_inbox order by id`,
  )
}

async function count(table: string): Promise<number> {
  const rows = await world.store.query<{ n: number }>(`select count(*)::int as n from ${table}`)
  return rows[0]?.n ?? -1
}

describe('an entry', () => {
  test('holds the after-image of each row without its words, which lie beside it', async () => {
    const thing = await makeThing(world)
    const [entry] = await waiting()
    const { name, ...image } = thing
    expect(JSON.parse(entry?.facts ?? '')).toEqual({ rows: [{ table: 'thing', row: image }] })
    expect(JSON.parse(entry?.words ?? '')).toEqual({ [`${thing.id}.name`]: name })
    expect(entry?.subjects).toEqual([thing.id])
    expect(`${entry?.leaf}${entry?.facts}`).not.toContain(name)
  })

  test('binds facts and words to its leaf by salted commitments', async () => {
    await makeThing(world)
    await makeThing(world)
    const [first, second] = await waiting()
    if (first === undefined || second === undefined) throw new Error('two entries wait')
    const faults = (row: EntryRow) =>
      openLeaf({ ...row, leafHash: Buffer.alloc(32) }).faults.filter(each => each !== 'leaf-hash')
    expect(faults(first)).toEqual([])
    expect(faults({ ...first, facts: first.facts.replace('active', 'paused') })).toEqual(['facts'])
    expect(faults({ ...first, words: '{}' })).toEqual(['words'])
    expect(faults({ ...first, factsSalt: second.factsSalt })).toEqual(['facts'])
    for (const salt of [first.factsSalt, first.wordsSalt ?? ''])
      expect(Buffer.from(salt, 'base64url')).toHaveLength(32)
  })

  test('holds words only where the write changed them', async () => {
    const thing = await makeThing(world)
    await changeThing(world, thing.id, { state: 'paused' })
    await changeThing(world, thing.id, { name: 'Desk two' })
    const words = (await waiting()).map(entry => entry.words)
    expect(words[1]).toBeNull()
    expect(JSON.parse(words[2] ?? '')).toEqual({ [`${thing.id}.name`]: 'Desk two' })
  })

  test('keeps the decisions of its permit once, and seals their hashes', async () => {
    const permit = testPermit('app.make', newId('person'), newId('app'))
    for (const times of [1, 2])
      await recorded(world, async scope => {
        await scope.insert(thingTable, row({ tags: [`${times}`] }))
        scope.decided(...permit.decisions)
        scope.entry({ kind: thingMade, by: permit })
      })
    const [entry] = await waiting()
    const { id, hash } = permit.decisions[0] ?? { id: '', hash: '' }
    expect(JSON.parse(entry?.facts ?? '').decisions).toEqual([{ id, hash }])
    expect(openLeaf({ ...(entry as EntryRow), leafHash: Buffer.alloc(32) }).body.actor).toBe(
      permit.actor,
    )
    expect(await world.store.query('select id, hash from decision')).toEqual([{ id, hash }])
  })

  test('names further subjects, and its time is the scope’s', async () => {
    world.clock.advance(1_234)
    const about = newId('identity')
    await recorded(world, async scope => {
      const subjects = [{ type: 'identity', id: about, version: 7 }]
      scope.entry({ kind: thingChanged, by: actor, subjects, facts: { count: 2 } })
    })
    const [entry] = await waiting()
    expect(entry?.subjects).toEqual([about])
    expect(entry?.at).toBe('2026-11-22T14:00:01.234Z')
  })
})

describe('a change and its entry', () => {
  test('are kept together, and shown to this process at once', async () => {
    const thing = await makeThing(world)
    expect(await count('thing')).toBe(1)
    expect(await count('ledger_inbox')).toBe(1)
    expect(world.replica.get(thingTable, thing.id)?.state).toBe('active')
  })

  test('are both gone when the work fails after the write', async () => {
    const work = recorded(world, async scope => {
      await scope.insert(thingTable, row())
      scope.entry({ kind: thingMade, by: actor })
      throw new Problem('wrong-state', { detail: 'no' })
    })
    await expect(work).rejects.toThrow('wrong-state')
    expect([await count('thing'), await count('ledger_inbox')]).toEqual([0, 0])
    expect(world.replica.all(thingTable)).toEqual([])
  })

  test('are both gone when the entry is refused after the fact was written', async () => {
    await asOwner(world.store, [
      `create function no_entries() returns trigger language plpgsql as $$
       begin raise exception 'no room'; end $$`,
      'create trigger no_entries before insert on ledger_inbox execute function no_entries()',
    ])
    await expect(makeThing(world)).rejects.toThrow(StoreFault)
    await asOwner(world.store, ['drop trigger no_entries on ledger_inbox'])
    expect(await count('thing')).toBe(0)
    expect(world.replica.all(thingTable)).toEqual([])
  })

  test('fail with what the insert broke, not with what came after it', async () => {
    const broken = recorded(world, async scope => {
      await scope.insert(thingTable, row({ name: 'refused' }))
      await scope.tx.query('select 1')
      scope.entry({ kind: thingMade, by: actor })
    })
    await expect(broken).rejects.toMatchObject({
      sqlstate: '23514',
      constraint: 'thing_name_check',
    })
    const alone = makeThing(world, { name: 'refused' })
    await expect(alone).rejects.toMatchObject({ constraint: 'thing_name_check' })
    expect(await count('ledger_inbox')).toBe(0)
  })

  test('a row without an entry is a bug, and writes nothing', async () => {
    const silent = recorded(world, scope => scope.insert(thingTable, row()))
    await expect(silent).rejects.toThrow('a state change has an entry')
    expect(await count('thing')).toBe(0)
  })

  test('two entries in one scope are a bug', async () => {
    const twice = recorded(world, async scope => {
      scope.entry({ kind: thingMade, by: actor })
      scope.entry({ kind: thingMade, by: actor })
    })
    await expect(twice).rejects.toThrow('one entry per transaction')
  })

  test('a scope that found nothing to do leaves no entry', async () => {
    expect(await recorded(world, async () => 'already done')).toBe('already done')
    expect(await count('ledger_inbox')).toBe(0)
  })

  test('that found no room is made anew where its work runs again', async () => {
    const store: typeof world.store = {
      ...world.store,
      async transact(work, options) {
        const undone = world.store.transact(async tx => {
          await work(tx)
          throw new Problem('store-unavailable', { detail: 'no room' })
        })
        await expect(undone).rejects.toThrow('no room')
        return world.store.transact(work, options)
      },
    }
    const thing = await makeThing({ ...world, store })
    expect([await count('thing'), await count('ledger_inbox')]).toEqual([1, 1])
    expect(JSON.parse((await waiting())[0]?.facts ?? '').rows).toHaveLength(1)
    expect(world.replica.get(thingTable, thing.id)?.state).toBe('active')
  })
})

describe('a row', () => {
  test('changed by somebody else meanwhile is a conflict', async () => {
    const thing = await makeThing(world)
    await changeThing(world, thing.id, { state: 'paused' })
    const late = recorded(world, async scope => {
      await scope.save(thingTable, thing, { ...thing, state: 'gone' })
      scope.entry({ kind: thingChanged, by: actor })
    })
    await expect(late).rejects.toMatchObject({ code: 'conflict' })
    expect(await count('ledger_inbox')).toBe(2)
  })

  test('one of many changed meanwhile keeps all as they were', async () => {
    const [one, two] = [await makeThing(world), await makeThing(world)]
    await changeThing(world, two.id, { state: 'paused' })
    const pairs = [one, two].map(before => ({ before, after: { ...before, ownerId: 'sam' } }))
    const late = recorded(world, async scope => {
      await scope.saveAll(thingTable, pairs)
      scope.entry({ kind: thingChanged, by: actor })
    })
    await expect(late).rejects.toMatchObject({ code: 'conflict' })
    expect(await world.store.query('select 1 from thing where owner_id is not null')).toEqual([])
  })

  test('many of one table are written in one statement, each with its image', async () => {
    const things = [await makeThing(world), await makeThing(world)]
    const saved = await recorded(world, async scope => {
      const pairs = things.map(before => ({ before, after: { ...before, extra: { n: [1] } } }))
      scope.entry({ kind: thingChanged, by: actor })
      return scope.saveAll(thingTable, pairs)
    })
    expect(saved.map(each => each.version)).toEqual([2, 2])
    const stored = await world.store.query<ThingRow>(`select ${thingTable.select} from thing`)
    expect(new Set(stored)).toEqual(new Set(saved))
    expect(JSON.parse((await waiting())[2]?.facts ?? '').rows).toHaveLength(2)
  })
})

describe('a database behind what was seen', () => {
  test('refuses the entry and the change with it', async () => {
    const ahead = { ...world, gate: () => 1 }
    await expect(makeThing(ahead)).rejects.toMatchObject({ code: 'ledger-regressed' })
    expect(await count('thing')).toBe(0)
    await makeThing({ ...world, gate: () => 0 })
    expect(await count('thing')).toBe(1)
  })
})

describe('the runtime role', () => {
  test.each([
    'delete from ledger_inbox',
    `update ledger_inbox set kind = 'x'`,
    `update ledger_entry set kind = 'x'`,
    'delete from ledger_entry',
    'truncate ledger_entry',
    'update ledger_head set size = 0',
    'delete from ledger_checkpoint',
    `update ledger_words set words = 'x'`,
    `insert into ledger_words values (0, 'x', 'x')`,
    'delete from decision',
    `insert into ledger_node values (1, 0, ''::bytea)`,
  ])('can not: %s', async statement => {
    await expect(world.store.query(statement)).rejects.toMatchObject({ sqlstate: '42501' })
  })

  test('not even the owner can change an entry by a plain statement', async () => {
    const change = asOwner(world.store, [`update ledger_entry set kind = 'x'`])
    await expect(change).rejects.toThrow('only ever added to')
  })
})

test('a kind and a fact table are declared in one place', () => {
  expect(() => entryKind('thing.make', 'says something else')).toThrow(/declared in one place/)
  expect(entryKind('thing.make', 'made a thing')).toBe(thingMade)
  expect(() => factTable('thing', always, { id: fact<string>() })).toThrow(/declared in one place/)
})

function row(change: Partial<ThingRow> = {}): ThingRow {
  return {
    id: newId('app'),
    version: 1,
    state: 'active',
    ownerId: null,
    name: 'Deal desk',
    tags: [],
    extra: {},
    madeAt: world.clock.now(),
    ...change,
  }
}
