/** Tasks: the rows, and every SQL text that reads them. */

import type { DataClass } from '../app/rows.ts'
import type { AppId, IdentityId, PersonId, TaskId } from '../base/ids.ts'
import type { JsonObject } from '../base/json.ts'
import { limits } from '../base/limits.ts'
import type { Instant } from '../base/time.ts'
import { words } from '../base/words.ts'
import { type FactRow, factTable, findRow } from '../ledger/fact-table.ts'
import type { Sql } from '../store/store.ts'

export type TaskKind = 'job' | 'service'
export type Autonomy = 'attended' | 'unattended'
export type CloseCause = 'done' | 'expired' | 'app' | 'identity' | 'person' | 'parent'

export interface TaskRow extends FactRow<TaskId> {
  readonly appId: AppId
  readonly identityId: IdentityId
  readonly kind: TaskKind
  /** A purpose of the app's manifest, by name. */
  readonly purpose: string
  readonly autonomy: Autonomy
  readonly onBehalfOf: PersonId | null
  /** The task it works for, whose rights bound its own; missing in what was recorded before there were any. */
  readonly parentId?: TaskId | null
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
  words(
    'id version appId identityId kind purpose autonomy onBehalfOf provenance',
    'provenanceKey parentId touched state closedBecause openedAt endsAt closedAt',
  ),
  { json: ['provenance'], isResident: task => task.state === 'open' },
)

export const findTask = (sql: Sql, id: TaskId) => findRow(sql, taskTable, id)

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
         when parent.state = 'closed' then 'parent'
         when task.ends_at <= $1 then 'expired' end as because
       from task join app on app.id = task.app_id join identity on identity.id = task.identity_id
         left join person on person.id = task.on_behalf_of
         left join task parent on parent.id = task.parent_id
       where task.state = 'open') due
     where because is not null order by ends_at, id limit ${limits.pageRows}`,
    [now],
  )
}
