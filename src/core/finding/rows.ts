/** Findings: the rows, and every SQL text that reads them. */
import type { FindingId, PersonId } from '../base/ids.ts'
import type { JsonObject } from '../base/json.ts'
import type { Instant } from '../base/time.ts'
import { fact, factTable, findRow, json, type RowOf, text } from '../ledger/fact-table.ts'
import type { Sql } from '../store/store.ts'

export const findingTable = factTable('finding', ({ state }) => state === 'open', {
  id: fact<FindingId>(),
  /** `<noun>-<what is wrong>`, named by the chapter that raises it: `app-orphaned`. */
  kind: fact<string>(),
  severity: fact<'low' | 'medium' | 'high'>(),
  /** Id of the thing it is about. */
  about: fact<string>(),
  /** Who must look; null: whoever has the role `platform`. */
  ownerId: fact<PersonId | null>(),
  /** Ids, enums, numbers, instants. */
  details: json<JsonObject>(),
  /** A sentence for people. */
  words: text<string | null>(),
  state: fact<'open' | 'answered' | 'resolved'>(),
  answer: text<string | null>(),
  answeredBy: fact<PersonId | null>(),
  madeAt: fact<Instant>(),
  closedAt: fact<Instant | null>(),
})
export type FindingRow = RowOf<typeof findingTable>

export const findFinding = (sql: Sql, id: FindingId) => findRow(sql, findingTable, id)
