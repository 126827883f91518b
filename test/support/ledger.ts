/**
 * What tests of the log record: a table of its own with every form of column, so that they need no
 * later chapter. `thing` rows leave the memory when they are gone.
 */
import { generateKeyPairSync, sign } from 'node:crypto'
import { newId, systemId } from '../../src/core/base/ids.ts'
import type { Instant } from '../../src/core/base/time.ts'
import { fact, factTable, json, type RowOf, text } from '../../src/core/ledger/fact-table.ts'
import { entryKind } from '../../src/core/ledger/kind.ts'
import type { NoteSigner } from '../../src/core/ledger/note.ts'
import { type LedgerWorld, recorded } from '../../src/core/ledger/record.ts'
import { Replica } from '../../src/core/ledger/replica.ts'
import { sequenceRound } from '../../src/core/ledger/sequence.ts'
import type { Store } from '../../src/core/store/store.ts'
import { type HandClock, handClock } from './clock.ts'
import { memoryStore } from './store.ts'

export const thingTable = factTable('thing', image => image.state !== 'gone', {
  id: fact<string>(),
  state: fact<'active' | 'paused' | 'gone'>(),
  ownerId: fact<string | null>(),
  name: text<string>(),
  tags: fact<readonly string[]>(),
  extra: json<Readonly<Record<string, unknown>>>(),
  madeAt: fact<Instant>(),
})
export type ThingRow = RowOf<typeof thingTable>

export const thingMade = entryKind('thing.make', 'made a thing')
export const thingChanged = entryKind('thing.change', 'changed a thing')
export const actor = systemId('genesis')

/** What the owner of the database runs after the migrations. */
export const thingSchema = [
  `create table thing (
     id text primary key, version bigint not null, state text not null, owner_id text,
     name text not null check (name <> 'refused'), tags text[] not null, extra jsonb not null,
     made_at timestamptz not null)`,
  'grant select, insert, update, delete on thing to leasehold_runtime',
]

export interface ThingWorld extends LedgerWorld {
  readonly clock: HandClock
}

export function thingWorld(store: Store): ThingWorld {
  return { store, clock: handClock(), replica: new Replica(), poke: () => {} }
}

/** A world on a database of its own that knows things. */
export async function memoryThings(): Promise<ThingWorld> {
  const store = await memoryStore()
  await asOwner(store, thingSchema)
  return thingWorld(store)
}

/** The same database as if nothing had happened: quicker than another one. */
export async function emptyThings(world: ThingWorld): Promise<ThingWorld> {
  await asOwner(world.store, [
    'set session_replication_role = replica',
    `truncate thing, ledger_inbox, ledger_words, ledger_entry, ledger_node, ledger_checkpoint,
       decision, ledger_refusal_count restart identity`,
    `update ledger_head set size = 0, peaks = '', root = sha256('')`,
    'set session_replication_role = origin',
  ])
  return thingWorld(world.store)
}

/** Embedded only: what an attacker with the database's own rights could do. */
export async function asOwner(store: Store, statements: readonly string[]): Promise<void> {
  await store.query('reset role')
  try {
    for (const statement of statements) await store.query(statement)
  } finally {
    await store.query('set role leasehold_runtime')
  }
}

export async function makeThing(
  world: LedgerWorld,
  draft: Partial<ThingRow> = {},
): Promise<ThingRow> {
  const row: ThingRow = {
    id: newId('app'),
    version: 1,
    state: 'active',
    ownerId: null,
    name: 'Deal desk',
    tags: ['a', 'b c'],
    extra: { b: 1, a: ['x'] },
    madeAt: world.clock.now(),
    ...draft,
  }
  return recorded(world, async scope => {
    await scope.insert(thingTable, row)
    scope.entry({ kind: thingMade, by: actor })
    return row
  })
}

export function changeThing(
  world: LedgerWorld,
  id: string,
  change: Partial<ThingRow>,
): Promise<ThingRow> {
  return recorded(world, async scope => {
    const [before] = await scope.tx.query<ThingRow>(
      `select ${thingTable.select} from thing where id = $1 for update`,
      [id],
    )
    if (before === undefined) throw new Error('no such thing')
    const after = await scope.save(thingTable, before, { ...before, ...change })
    scope.entry({ kind: thingChanged, by: actor })
    return after
  })
}

/** Everything that waits gets its position. */
export async function sequenceAll(store: Store): Promise<void> {
  while ((await sequenceRound({ store })) !== 0);
}

/** A log key that lives as long as the test. */
export function makeNoteSigner(name = 'example.com/log'): NoteSigner {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  return {
    name,
    publicKey: Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url'),
    sign: bytes => sign(null, bytes, privateKey),
  }
}

/** Leaves `leaf 1 …`, sequenced in one go; the stored levels begin at 256 of them. */
export async function growLog(world: ThingWorld, from: number, to: number): Promise<void> {
  await asOwner(world.store, [
    `insert into ledger_inbox (at, kind, subjects, leaf, facts, facts_salt)
     select now(), 'thing.make', '{}', 'leaf ' || i, '{}', '' from generate_series(${from + 1}, ${to}) i`,
  ])
  await sequenceAll(world.store)
}
