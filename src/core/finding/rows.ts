/** Findings: the rows, and every SQL text that reads them. */
import type { FindingId, PersonId } from '../base/ids.ts'
import type { JsonObject } from '../base/json.ts'
import type { Instant } from '../base/time.ts'
import { words } from '../base/words.ts'
import { type FactRow, factTable, findRow } from '../ledger/fact-table.ts'
import type { Sql } from '../store/store.ts'

export interface FindingRow extends FactRow<FindingId> {
  /** `<noun>-<what is wrong>`, named by the chapter that raises it: `app-orphaned`. */
  readonly kind: string
  readonly severity: 'low' | 'medium' | 'high'
  /** Id of the thing it is about. */
  readonly about: string
  /** Who must look; null: whoever has the role `platform`. */
  readonly ownerId: PersonId | null
  /** Ids, enums, numbers, instants. */
  readonly details: JsonObject
  /** A sentence for people. */
  readonly words: string | null
  readonly state: 'open' | 'answered' | 'resolved'
  readonly answer: string | null
  readonly answeredBy: PersonId | null
  readonly madeAt: Instant
  readonly closedAt: Instant | null
}

export const findingTable = factTable<FindingRow, 'words' | 'answer'>(
  'finding',
  words(
    'id version kind severity about ownerId details words state answer answeredBy madeAt',
    'closedAt',
  ),
  { json: ['details'], words: ['words', 'answer'], isResident: ({ state }) => state === 'open' },
)

export const findFinding = (sql: Sql, id: FindingId) => findRow(sql, findingTable, id)
