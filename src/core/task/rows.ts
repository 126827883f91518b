/** Tasks: the rows, and every SQL text that reads them. */

import type { DataClass } from '../app/rows.ts'
import type { AppId, IdentityId, PersonId, TaskId } from '../base/ids.ts'
import type { JsonObject } from '../base/json.ts'
import { limits } from '../base/limits.ts'
import type { Instant } from '../base/time.ts'
import { factTable } from '../ledger/fact-table.ts'
import { findRow, lockRow } from '../ledger/find-row.ts'
import type { Sql, Tx } from '../store/store.ts'

export type TaskKind = 'job' | 'service'
export type Autonomy = 'attended' | 'unattended'
export type CloseCause = 'done' | 'expired' | 'app' | 'identity' | 'person' | 'hold'

export interface TaskRow {
  readonly id: TaskId
  readonly version: number
  readonly appId: AppId
  readonly identityId: IdentityId
  readonly kind: TaskKind
  /** A purpose of the app's manifest, by name. */
  readonly purpose: string
  readonly autonomy: Autonomy
  readonly onBehalfOf: PersonId | null
  /** What attestation said: commit, run, workflow, digests. Ids only. */
  readonly provenance: JsonObject
  /** Equal for two calls of the same run, so that the second joins. */
  readonly provenanceKey: string
  /** Classes of data it was given access to. Only ever grows. */
  readonly touched: readonly DataClass[]
  readonly state: 'open' | 'closed'
  readonly closedBecause: CloseCause | null
  readonly openedAt: Instant
  readonly endsAt: Instant
  readonly closedAt: Instant | null
}

export const taskTable = factTable<TaskRow>(
  'task',
  // biome-ignore format: a list of names
  [
    'id', 'version', 'appId', 'identityId', 'kind', 'purpose', 'autonomy', 'onBehalfOf',
    'provenance', 'provenanceKey', 'touched', 'state', 'closedBecause', 'openedAt', 'endsAt',
    'closedAt',
  ],
  { json: ['provenance'], isResident: task => task.state === 'open' },
)

export function findTask(sql: Sql, id: TaskId): Promise<TaskRow | undefined> {
  return findRow(sql, taskTable, id)
}

export function lockTask(tx: Tx, id: TaskId): Promise<TaskRow | undefined> {
  return lockRow(tx, taskTable, id)
}

/** Newest first. */
export function listTasks(sql: Sql, filter: { appId?: AppId }): Promise<TaskRow[]> {
  return sql.query<TaskRow>(
    `select ${taskTable.select} from task where ($1::text is null or app_id = $1)
     order by opened_at desc, id limit ${limits.pageRows}`,
    [filter.appId ?? null],
  )
}
