/** Tasks: the rows, and every SQL text that reads them. */

import type { DataClass } from '../app/rows.ts'
import type { AppId, IdentityId, PersonId, TaskId } from '../base/ids.ts'
import type { JsonObject } from '../base/json.ts'
import { limits } from '../base/limits.ts'
import type { Instant } from '../base/time.ts'
import { fact, factTable, findRow, json, type RowOf } from '../ledger/fact-table.ts'
import { query, type Sql, verbatim } from '../store/store.ts'

export type TaskKind = 'job' | 'service'
export type Autonomy = 'attended' | 'unattended'
export type CloseCause = 'done' | 'expired' | 'app' | 'identity' | 'person' | 'parent'

export const taskTable = factTable('task', task => task.state === 'open', {
  id: fact<TaskId>(),
  appId: fact<AppId>(),
  identityId: fact<IdentityId>(),
  kind: fact<TaskKind>(),
  /** A purpose of the app's manifest, by name. */
  purpose: fact<string>(),
  autonomy: fact<Autonomy>(),
  onBehalfOf: fact<PersonId | null>(),
  /** The task it works for, whose rights bound its own. */
  parentId: fact<TaskId | null>(),
  /** What attestation said: commit, run, workflow, digests. Ids only. */
  provenance: json<JsonObject>(),
  /** Equal for two calls of the same run, so that the second joins. */
  provenanceKey: fact<string>(),
  /** Classes of data it was given access to. Only ever grows. */
  touched: fact<readonly DataClass[]>(),
  state: fact<'open' | 'closed'>(),
  closedBecause: fact<CloseCause | null>(),
  openedAt: fact<Instant>(),
  endsAt: fact<Instant>(),
  closedAt: fact<Instant | null>(),
})
export type TaskRow = RowOf<typeof taskTable>

export const findTask = (sql: Sql, id: TaskId) => findRow(sql, taskTable, id)

/** Open tasks that are over by themselves or by their parents, and why. A page at a time. */
export const listDueTasks = (sql: Sql, now: Instant) =>
  query<{ id: TaskId; because: CloseCause }>(sql)`
    select id, because from (
       select task.id, task.ends_at, case
         when app.state in ('ending', 'ended', 'graduated') then 'app'
         when identity.state = 'revoked' then 'identity'
         when person.state = 'left' then 'person'
         when parent.state = 'closed' then 'parent'
         when task.ends_at <= ${now} then 'expired' end as because
       from task join app on app.id = task.app_id join identity on identity.id = task.identity_id
         left join person on person.id = task.on_behalf_of
         left join task parent on parent.id = task.parent_id
       where task.state = 'open') due
     where because is not null order by ends_at, id limit ${verbatim(limits.pageRows)}`
