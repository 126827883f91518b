import { describe, expect, test } from 'vitest'
import { type ThingRow, thingTable } from '../../../test/support/ledger.ts'
import { parseInstant } from '../base/time.ts'
import { imageOf } from './fact-table.ts'
import { Replica, type TableImage } from './replica.ts'

const madeAt = parseInstant('2026-11-22T14:00:00.000Z') ?? ('' as never)

function image(version: number, change: Partial<ThingRow> = {}): TableImage {
  const row: ThingRow = {
    id: 'thing_1',
    version,
    state: 'active',
    ownerId: 'maya',
    name: 'Deal desk',
    tags: [],
    extra: {},
    madeAt,
    ...change,
  }
  return { table: 'thing', row: imageOf(thingTable, row) as never }
}

const gone = { state: 'gone' } as const

describe('facts in memory', () => {
  test('never hold words', () => {
    const replica = new Replica()
    replica.apply([image(1)])
    expect(Object.keys(replica.get(thingTable, 'thing_1') ?? {})).not.toContain('name')
  })

  test('keep the newest version, whatever comes late', () => {
    const replica = new Replica()
    replica.apply([image(1), image(3, { state: 'paused' }), image(2)])
    expect(replica.get(thingTable, 'thing_1')).toMatchObject({ version: 3, state: 'paused' })
  })

  test('at the same version are what the log says', () => {
    const replica = new Replica()
    replica.applyOwn([image(2, { ownerId: 'never committed' })])
    replica.apply([image(2, { ownerId: 'sam' })])
    expect(replica.get(thingTable, 'thing_1')?.ownerId).toBe('sam')
  })

  test('show our own commit before the log brings it, and pass over what came before', () => {
    const replica = new Replica()
    replica.applyOwn([image(2, { state: 'paused' })])
    replica.apply([image(1)])
    expect(replica.get(thingTable, 'thing_1')?.state).toBe('paused')
    replica.applyOwn([image(1)])
    expect(replica.get(thingTable, 'thing_1')?.state).toBe('paused')
  })

  test('a row our own commit made leave does not come back with its past', () => {
    const replica = new Replica()
    replica.apply([image(1)])
    replica.applyOwn([image(3, gone)])
    replica.apply([image(2)])
    expect(replica.get(thingTable, 'thing_1')).toBeUndefined()
    replica.applyOwn([image(2)])
    expect(replica.get(thingTable, 'thing_1')).toBeUndefined()
    replica.apply([image(3, gone)])
    expect(replica.all(thingTable)).toEqual([])
    replica.apply([image(4)])
    expect(replica.get(thingTable, 'thing_1')?.version).toBe(4)
  })

  test('are found by a column, before and after it changes', () => {
    const replica = new Replica()
    replica.apply([image(1)])
    expect(replica.by(thingTable, 'ownerId', 'maya')).toHaveLength(1)
    replica.apply([image(2, { ownerId: 'sam' })])
    expect(replica.by(thingTable, 'ownerId', 'maya')).toEqual([])
    expect(replica.by(thingTable, 'ownerId', 'sam')).toHaveLength(1)
    replica.apply([image(3, { ownerId: 'sam', ...gone })])
    expect(replica.by(thingTable, 'ownerId', 'sam')).toEqual([])
  })

  test('of a table nobody declared are refused', () => {
    expect(() => new Replica().apply([{ table: 'nothing', row: { id: 'x', version: 1 } }])).toThrow(
      /unknown table/,
    )
  })
})
