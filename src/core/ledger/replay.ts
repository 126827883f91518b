/**
 * The log played again from its first entry, held against the tables (design §8, I5): what the
 * tables say and no entry says was changed behind our back.
 */
import { canonicalJson } from '../base/json.ts'
import type { Store, Tx } from '../store/store.ts'
import { type FactRow, factTables } from './fact-table.ts'
import type { TableImage } from './replica.ts'
import { readFeed, readHead, readImages, readWaitingFacts } from './rows.ts'

export interface Difference {
  readonly table: string
  readonly id: string
  /** The log's version and the table's; null where there is no such row. */
  readonly logVersion: number | null
  readonly tableVersion: number | null
}

/** Rows that are not what the log says, in one snapshot; entries that wait for a position count. */
export function compareReplay(store: Store): Promise<Difference[]> {
  return store.transact(
    async tx => {
      const played = await playAll(tx)
      const differences: Difference[] = []
      for (const table of factTables().values()) {
        const rows = played.get(table.name) ?? new Map<string, FactRow>()
        for await (const page of readImages(tx, table))
          for (const image of page) {
            const said = rows.get(image.id)
            rows.delete(image.id)
            if (said === undefined || canonicalJson(said) !== canonicalJson(image))
              differences.push(difference(table.name, said, image))
          }
        for (const said of rows.values()) differences.push(difference(table.name, said, undefined))
      }
      return differences
    },
    { isolation: 'repeatable read', readOnly: true },
  )
}

/** The last image of each row, by table and id. */
async function playAll(tx: Tx): Promise<Map<string, Map<string, FactRow>>> {
  const played = new Map<string, Map<string, FactRow>>()
  const play = (facts: string) => {
    for (const { table, row } of (JSON.parse(facts) as { rows?: TableImage[] }).rows ?? []) {
      const rows = played.get(table) ?? new Map<string, FactRow>()
      played.set(table, rows.set(row.id, row))
    }
  }
  const { size } = await readHead(tx)
  for (let position = 0; position < size; ) {
    const page = await readFeed(tx, position, size)
    if (page.length === 0) throw new Error(`the log has no entry ${position}`)
    for (const row of page) play(row.facts)
    position += page.length
  }
  for (const facts of await readWaitingFacts(tx)) play(facts)
  return played
}

function difference(
  table: string,
  said: FactRow | undefined,
  found: FactRow | undefined,
): Difference {
  return {
    table,
    id: (said ?? found)?.id ?? '',
    logVersion: said?.version ?? null,
    tableVersion: found?.version ?? null,
  }
}
