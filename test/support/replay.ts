/**
 * The log played again must equal the tables (design §8, I5): images of all entries, in order, into
 * an empty replica, against what the tables say.
 */
import { expect } from 'vitest'
import type { Instant } from '../../src/core/base/time.ts'
import { type FactRow, type FactTable, imageOf } from '../../src/core/ledger/fact-table.ts'
import { Replica } from '../../src/core/ledger/replica.ts'
import type { Sql } from '../../src/core/store/store.ts'

export interface PlayedEntry {
  readonly kind: string
  readonly at: Instant
  readonly subjects: readonly string[]
  readonly facts: { readonly rows?: readonly { table: string; row: FactRow }[] } & Record<
    string,
    unknown
  >
  readonly words: Readonly<Record<string, string>>
}

/** Everything recorded, in order, sequenced or still waiting. */
export async function readEntries(sql: Sql): Promise<PlayedEntry[]> {
  const rows = await sql.query<{
    kind: string
    at: Instant
    subjects: string[]
    facts: string
    words: string | null
  }>(
    `select kind, at, subjects, facts, words from (
       select e.inbox_id as id, e.kind, e.at, e.subjects, e.facts, w.words
       from ledger_entry e left join ledger_words w on w.position = e.position
       union all select id, kind, at, subjects, facts, words from ledger_inbox) all_entries
     order by id`,
  )
  return rows.map(row => ({
    ...row,
    facts: JSON.parse(row.facts) as PlayedEntry['facts'],
    words: JSON.parse(row.words ?? '{}') as Record<string, string>,
  }))
}

type AnyTable = { readonly name: string; readonly columns: readonly string[] }

/** Each table's resident rows equal what the log says they are. Fails when it compared no row. */
export async function expectReplay(sql: Sql, tables: readonly AnyTable[]): Promise<void> {
  const replica = new Replica()
  for (const entry of await readEntries(sql)) replica.apply(entry.facts.rows ?? [])
  for (const each of tables) {
    const table = each as unknown as FactTable<FactRow>
    const rows = await sql.query<FactRow>(`select ${table.select} from ${table.name}`)
    expect({ [table.name]: rows.length }).not.toEqual({ [table.name]: 0 })
    const images = rows.map(row => imageOf(table, row)).filter(table.isResident)
    expect({ [table.name]: byId(replica.all(table)) }).toEqual({ [table.name]: byId(images) })
  }
}

function byId(rows: readonly FactRow[]): FactRow[] {
  return [...rows].sort((a, b) => (a.id < b.id ? -1 : 1))
}
