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
export type CloseCause = 'done' | 'expired' | 'app' | 'identity' | 'person'

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

/** What makes two calls one task: the same identity, purpose and run. */
export interface TaskKey {
  readonly identityId: IdentityId
  readonly purpose: string
  readonly provenanceKey: string
}

/** The open task of this key, locked. Two first calls of one run wait for each other here. */
export async function lockOpenTask(tx: Tx, key: TaskKey): Promise<TaskRow | undefined> {
  const { identityId, purpose, provenanceKey } = key
  await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 7135006))', [
    `${identityId} ${purpose} ${provenanceKey}`,
  ])
  const rows = await tx.query<TaskRow>(
    `select ${taskTable.select} from task
     where identity_id = $1 and purpose = $2 and provenance_key = $3 and state = 'open' for update`,
    [identityId, purpose, provenanceKey],
  )
  return rows[0]
}

/** Open tasks that are over by themselves or by their parents, and why. A page at a time. */
export function listDueTasks(
  sql: Sql,
  now: Instant,
): Promise<{ id: TaskId; because: CloseCause }[]> {
  return sql.query(
    `select id, because from (
       select task.id, task.ends_at, case
         when app.state in ('ending', 'ended', 'graduated') then 'app'
         when identity.state = 'revoked' then 'identity'
         when person.state = 'left' then 'person'
         when task.ends_at <= $1 then 'expired' end as because
       from task join app on app.id = task.app_id join identity on identity.id = task.identity_id
         left join person on person.id = task.on_behalf_of
       where task.state = 'open') due
     where because is not null order by ends_at, id limit ${limits.pageRows}`,
    [now],
  )
}
