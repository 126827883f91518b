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
import { testPermit } from '../../../test/support/permit.ts'
import { verifyTlogProof } from '../../../test/support/verify-log.ts'
import type { AnyId } from '../../core/base/ids.ts'
import { signHead } from '../../core/ledger/checkpoint.ts'
import { vkeyOf } from '../../core/ledger/note.ts'
import { extend, leafHash, packPeaks, rootOf } from '../../core/ledger/tree.ts'
import { eraseWords } from './erase.ts'
import { checkLog, type LogFault } from './fsck.ts'
import { tlogProof } from './proof.ts'
import { readEntry, readLog } from './read.ts'

const signer = makeNoteSigner()
const vkeys = [vkeyOf(signer)]
let world: ThingWorld
beforeAll(async () => {
  world = await memoryThings()
})
beforeEach(async () => {
  world = await emptyThings(world)
})
afterAll(() => world.store.close())

/** What somebody with the database's own rights does. */
function tamper(...statements: string[]): Promise<void> {
  return asOwner(world.store, [
    'set session_replication_role = replica',
    ...statements,
    'set session_replication_role = origin',
  ])
}

/** `count` things, a checkpoint after `signedAt` of them. */
async function fill(count: number, signedAt: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await makeThing(world, { name: `Thing ${i}` })
    if (i + 1 !== signedAt) continue
    await sequenceAll(world.store)
    await signHead({ ...world, signer })
  }
  await sequenceAll(world.store)
}

async function faults(): Promise<readonly LogFault[]> {
  return (await checkLog(world.store, vkeys)).faults
}

const swap = (column: string, a: number, b: number) =>
  `update ledger_entry e set ${column} = o.${column} from ledger_entry o
   where (e.position, o.position) in ((${a}, ${b}), (${b}, ${a}))`

describe('the check of the whole log', () => {
  test('finds nothing in a log that is whole, and says what it read', async () => {
    await fill(6, 4)
    const report = await checkLog(world.store, vkeys)
    expect(report).toMatchObject({ size: 6, checkpoints: 1, faults: [] })
  })

  test.each<[string, string[], LogFault[]]>([
    [
      'edited facts',
      [`update ledger_entry set facts = replace(facts, 'active', 'paused') where position = 2`],
      [{ what: 'facts', position: 2 }],
    ],
    [
      'an edited column',
      [`update ledger_entry set kind = 'thing.change' where position = 2`],
      [{ what: 'columns', position: 2 }],
    ],
    [
      'another time',
      [`update ledger_entry set at = at - interval '1 day' where position = 0`],
      [{ what: 'columns', position: 0 }],
    ],
    [
      'an edited leaf',
      [
        `update ledger_entry set leaf = replace(leaf, 'sy_genesis', 'sy_somebody') where position = 2`,
      ],
      [{ what: 'leaf-hash', position: 2 }],
    ],
    [
      'a leaf that is no longer one',
      [`update ledger_entry set leaf = 'x' where position = 2`],
      [{ what: 'leaf', position: 2 }],
    ],
    [
      'edited words',
      [`update ledger_words set words = replace(words, 'Thing', 'Think') where position = 1`],
      [{ what: 'words', position: 1 }],
    ],
    [
      'words that nobody erased',
      ['delete from ledger_words where position = 1'],
      [{ what: 'words-missing', position: 1 }],
    ],
    [
      'a leaf rewritten with its hash, before the checkpoint',
      [
        `update ledger_entry set leaf = replace(leaf, 'sy_genesis', 'sy_somebody') where position = 2`,
        `update ledger_entry set leaf_hash = sha256('\\x00' || convert_to(leaf, 'UTF8')) where position = 2`,
      ],
      [{ what: 'changed', from: 0, to: 4 }],
    ],
    [
      'a missing entry',
      ['delete from ledger_entry where position = 3'],
      [{ what: 'missing-entry', position: 3 }],
    ],
    [
      'a missing end',
      ['delete from ledger_entry where position >= 4'],
      [
        { what: 'missing-entry', position: 4 },
        { what: 'missing-entry', position: 5 },
      ],
    ],
    [
      'a head that was put back',
      [`update ledger_head set size = 0, peaks = '', root = sha256('')`],
      [{ what: 'changed', from: 4, to: 6 }],
    ],
    [
      'a forged checkpoint',
      [`update ledger_checkpoint set root = sha256('x')`],
      [{ what: 'checkpoint', size: 4 }],
    ],
  ])('names %s', async (_, statements, expected) => {
    await fill(6, 4)
    await tamper(...statements)
    // Played again, a log that lost or changed an entry is not what the tables say either.
    expect((await faults()).filter(fault => fault.what !== 'table')).toEqual(expected)
  })

  test('names entries that changed places', async () => {
    await fill(6, 4)
    const columns = [
      'inbox_id',
      'at',
      'kind',
      'subjects',
      'leaf',
      'leaf_hash',
      'facts',
      'facts_salt',
    ]
    await tamper(
      'alter table ledger_entry drop constraint ledger_entry_inbox_id_key',
      ...columns.map(column => swap(column, 4, 5)),
      `update ledger_words set position = 9 - position where position in (4, 5) and false`,
      'alter table ledger_entry add unique (inbox_id)',
    )
    const found = await faults()
    expect(found).toContainEqual({ what: 'changed', from: 4, to: 6 })
  })

  test('names the block of 256 in which something changed, and a stored node that is wrong', async () => {
    await asOwner(world.store, [
      `insert into ledger_inbox (at, kind, subjects, leaf, facts, facts_salt)
       select '2026-01-01', 'thing.make', '{}',
         '{"actor":"a","at":"2026-01-01T00:00:00.000Z","kind":"thing.make","subjects":[],"v":1,"n":' || i || '}',
         '{}', '' from generate_series(1, 600) i`,
    ])
    await sequenceAll(world.store)
    const inTree = async () => (await faults()).filter(fault => fault.what !== 'facts')
    expect(await inTree()).toEqual([])
    await tamper(`update ledger_entry set leaf_hash = sha256('x') where position = 300`)
    expect(await inTree()).toEqual([
      { what: 'leaf-hash', position: 300 },
      { what: 'changed', from: 256, to: 512 },
    ])
    await tamper(
      `update ledger_entry set leaf_hash = sha256('\\x00' || convert_to(leaf, 'UTF8'))`,
      `update ledger_node set hash = sha256('x') where index = 0`,
      `insert into ledger_node values (1, 9, sha256('y'))`,
    )
    expect(await inTree()).toEqual([
      { what: 'node', level: 1, index: 0 },
      { what: 'node', level: 1, index: 9 },
    ])
  })

  test('names a head that differs from what was signed at its size', async () => {
    await fill(4, 4)
    await tamper(`update ledger_head set root = sha256('x')`)
    expect(await faults()).toEqual([{ what: 'head' }])
  })

  test('does not believe checkpoints of another key, nor beyond the log', async () => {
    await fill(4, 4)
    const stranger = vkeyOf(makeNoteSigner())
    expect((await checkLog(world.store, [stranger])).faults).toEqual([
      { what: 'checkpoint', size: 4 },
    ])
    const [one, two] = (await readLog(world.store, { after: -1 })).map(({ leaf }) => leafHash(leaf))
    const { frontier } = extend({ size: 0, peaks: [] }, [one ?? fail(), two ?? fail()])
    const hex = (bytes: Uint8Array) => `'\\x${Buffer.from(bytes).toString('hex')}'`
    await tamper(
      'delete from ledger_entry where position >= 2',
      'delete from ledger_words where position >= 2',
      `update ledger_head set size = 2, peaks = ${hex(packPeaks(frontier))}, root = ${hex(rootOf(frontier))}`,
    )
    const inLog = (await faults()).filter(fault => fault.what !== 'table')
    expect(inLog).toEqual([{ what: 'checkpoint', size: 4 }])
  })
})

describe('the log played again', () => {
  test('differs from tables that were changed behind its back', async () => {
    const [one, two, three] = [
      await makeThing(world),
      await makeThing(world),
      await makeThing(world),
    ]
    await sequenceAll(world.store)
    await changeThing(world, two.id, { state: 'gone', extra: { z: null, a: [1.5, 'ü'] } })
    expect(await faults()).toEqual([])
    await tamper(
      `update thing set state = 'paused' where id = '${one.id}'`,
      `delete from thing where id = '${three.id}'`,
      `insert into thing select 'ap_unrecorded', 1, 'active', null, 'x', '{}', '{}', now()`,
    )
    const changed = [one.id, three.id, 'ap_unrecorded']
    expect(new Set(await faults())).toEqual(
      new Set(changed.map(id => ({ what: 'table', table: 'thing', id }))),
    )
  })

  test('does not know the words, which may be erased', async () => {
    await makeThing(world)
    await tamper(`update thing set name = 'another'`)
    expect(await faults()).toEqual([])
  })
})

describe('erasing words', () => {
  const erase = (id: AnyId) =>
    eraseWords(world, testPermit('text.erase', 'pe_0' as never, id), { id })

  test('takes text and salt of every entry about the thing, and every proof stays valid', async () => {
    const [thing, other] = [await makeThing(world), await makeThing(world)]
    await changeThing(world, thing.id, { name: 'Second name' })
    await sequenceAll(world.store)
    const proof = await tlogProof({ ...world, signer }, 0)
    expect(await erase(thing.id as AnyId)).toEqual([0, 2])
    await sequenceAll(world.store)
    expect(await world.store.query('select position from ledger_words')).toEqual([{ position: 1 }])
    const everything = JSON.stringify(await world.store.query('select * from ledger_entry'))
    expect(everything).not.toMatch(/Deal desk|Second name/)
    const { leaf } = await readEntry(world.store, 0)
    expect(verifyTlogProof(proof, leaf, vkeys).position).toBe(0)
    expect(
      verifyTlogProof(
        await tlogProof({ ...world, signer }, 2),
        (await readEntry(world.store, 2)).leaf,
        vkeys,
      ).position,
    ).toBe(2)
    expect(await faults()).toEqual([])
    const [entry] = await readLog(world.store)
    expect(entry).toMatchObject({ kind: 'text.erase', facts: { positions: [0, 2] }, faults: [] })
    expect((await readEntry(world.store, 0)).words).toBe('erased')
    expect((await readEntry(world.store, 1)).words).toEqual({ [`${other.id}.name`]: 'Deal desk' })
  })

  test('waits for words that have no position yet', async () => {
    const thing = await makeThing(world)
    await expect(erase(thing.id as AnyId)).rejects.toMatchObject({ code: 'conflict' })
    await sequenceAll(world.store)
    expect(await erase(thing.id as AnyId)).toEqual([0])
  })

  test('needs the permit for this thing', async () => {
    const thing = await makeThing(world)
    await sequenceAll(world.store)
    const permit = testPermit('text.erase', 'pe_0' as never, 'ap_other' as never)
    const wrong = eraseWords(world, permit, { id: thing.id as AnyId })
    await expect(wrong).rejects.toThrow(/permit for/)
    expect(await world.store.query('select 1 from ledger_words')).toHaveLength(1)
  })
})

describe('the log for people', () => {
  test('is found by subject and kind, page by page in both directions', async () => {
    const thing = await makeThing(world)
    for (let i = 0; i < 4; i++) {
      await makeThing(world)
      await changeThing(world, thing.id, { ownerId: `owner ${i}` })
    }
    await sequenceAll(world.store)
    const positions = async (filter: Parameters<typeof readLog>[1]) =>
      (await readLog(world.store, filter)).map(entry => entry.position)
    expect(await positions({})).toEqual([8, 7, 6, 5, 4, 3, 2, 1, 0])
    expect(await positions({ subject: thing.id })).toEqual([8, 6, 4, 2, 0])
    expect(await positions({ kind: 'thing.change', limit: 2 })).toEqual([8, 6])
    expect(await positions({ kind: 'thing.change', before: 6 })).toEqual([4, 2])
    expect(await positions({ after: 2, limit: 3 })).toEqual([3, 4, 5])
    expect(await positions({ after: 2, before: 5 })).toEqual([3, 4])
    expect(await positions({ subject: 'ap_nothing' })).toEqual([])
    expect(await positions({ limit: 0 })).toHaveLength(1)
    expect(await positions({ limit: 1e9 })).toHaveLength(9)
  })

  test('says who did what to which version, in words', async () => {
    const thing = await makeThing(world)
    await sequenceAll(world.store)
    expect(await readEntry(world.store, 0)).toMatchObject({
      position: 0,
      kind: 'thing.make',
      says: 'made a thing',
      actor: 'sy_genesis',
      subjects: [{ type: 'thing', id: thing.id, version: 1 }],
      words: { [`${thing.id}.name`]: 'Deal desk' },
      faults: [],
    })
    await expect(readEntry(world.store, 1)).rejects.toMatchObject({ code: 'not-found' })
  })

  test('shows that an entry was tampered with', async () => {
    await makeThing(world)
    await sequenceAll(world.store)
    await tamper(`update ledger_entry set facts = '{}'`)
    expect((await readEntry(world.store, 0)).faults).toEqual(['facts'])
  })
})

function fail(): never {
  throw new Error('there are two entries')
}
