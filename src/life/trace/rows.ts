/** SQL of the trace: one task and everything that hangs on it, with positions in the log. */

import type { LeaseId, TaskId } from '../../core/base/ids.ts'
import type { JsonObject } from '../../core/base/json.ts'
import type { Instant } from '../../core/base/time.ts'
import type { LeaseRow } from '../../core/lease/rows.ts'
import { first, query, type Sql, verbatim } from '../../core/store/store.ts'
import type { TaskRow } from '../../core/task/rows.ts'
import { decisionsSealed as sealedKind } from '../records/seal.ts'

/** Of one trace. */
const bounds = { leases: 100, entries: 1_000 }

export type TracedEntry = Awaited<ReturnType<typeof readEntries>>[number]
export type TracedCalls = Awaited<ReturnType<typeof readCalls>>[number]

export type TracedTask = Pick<TaskRow, 'id' | 'appId' | 'purpose' | 'provenance' | 'openedAt'> & {
  readonly slug: string
  readonly onBehalfOf: string | null
  /** The task it works for, and whose that is. */
  readonly parentId: TaskId | null
  readonly parentSlug: string | null
}

export type TracedLease = Pick<LeaseRow, 'id' | 'actions' | 'state' | 'outcome' | 'endedAt'> & {
  readonly resource: string
}

/** The newest task a text stands for: an app, a task, a lease, a decision, a token, or a commit's beginning. */
export async function findTracedTask(sql: Sql, thing: string): Promise<TaskId | undefined> {
  const rows = await sql.query<{ id: TaskId }>(
    `select task.id from task left join lease on lease.task_id = task.id
     where task.id = $1 or lease.id = $1 or lease.principal = $1 or task.app_id = $1
       or task.id in (select task_id from decision_kept where id = $1)
       or task.id in (select task_id from token where id = $1)
       or ($1 ~ '^[0-9a-f]{5,64}$' and task.provenance ->> 'commit' like $1 || '%')
     order by (lease.id = $1) desc nulls last, (lease.id is not null) desc, task.opened_at desc limit 1`,
    [thing],
  )
  return rows[0]?.id
}

export const readTask = (sql: Sql, id: TaskId) => first<TracedTask>(sql)`
    select task.id, task.app_id as "appId", app.slug, task.purpose, task.provenance,
      person.name as "onBehalfOf", task.opened_at as "openedAt", task.parent_id as "parentId",
      first.slug as "parentSlug"
    from task join app on app.id = task.app_id
      left join person on person.id = task.on_behalf_of
      left join task parent on parent.id = task.parent_id
      left join app first on first.id = parent.app_id
    where task.id = ${id}`

export const readLeases = (sql: Sql, id: TaskId) => query<TracedLease>(sql)`
  select lease.id, resource.slug as resource, actions, lease.state, outcome, ended_at as "endedAt"
  from lease join resource on resource.id = lease.resource_id
  where task_id = ${id} order by lease.made_at, lease.id limit ${bounds.leases}`

/** Entries about any of these things, oldest first. */
export async function readEntries(sql: Sql, subjects: readonly string[]) {
  const rows = await query<{ position: number; kind: string; at: Instant; facts: string }>(sql)`
    select position, kind, at, facts from ledger_entry
    where subjects && ${subjects}::text[] order by position limit ${bounds.entries}`
  return rows.map(row => ({ ...row, facts: JSON.parse(row.facts) as JsonObject }))
}

/** What was decided, by decision, and the number people know its policy by. */
export async function readDecisions(sql: Sql, ids: readonly string[]) {
  type Decided = { id: string; at: Instant; serial: number | null }
  /** `watched`: a yes against policy, by this rule. */
  const rows = await query<Decided & { effect: string | null; rule: string | null }>(sql)`
    select decision.id, decision.at, bundle.serial,
      record::jsonb #>> '{outcome,effect}' as effect, record::jsonb #>> '{outcome,rules,0}' as rule
    from decision left join bundle on bundle.hash = decision.record::jsonb ->> 'bundle'
    where decision.id = any(${ids})`
  return new Map(rows.map(row => [row.id, row]))
}

/**
 * What leases were used for through the gateway, call by call: how often, and which entry sealed the last;
 * null while that is on its way.
 */
export function readCalls(sql: Sql, task: TracedTask, leases: readonly LeaseId[]) {
  type Used = { leaseId: LeaseId; asked: string; count: number; lastAt: Instant }
  return query<Used & { position: number | null }>(sql)`
    with call as (
       select batch_id, at, record::jsonb #>> '{about,id}' as lease,
         (record::jsonb ->> 'asked') || case record::jsonb #>> '{outcome,effect}'
           when 'watched' then ' (watched, policy denies it)' else '' end as asked
       from decision_record
       where app_id = ${task.appId} and at >= ${task.openedAt} and task_id = ${task.id} and kind = 'own' and allowed),
     used as (
       select lease, asked, count(*)::int as count, max(at) as at,
         (array_agg(batch_id order by at desc))[1] as batch_id
       from call where lease = any(${leases}) and asked is not null group by lease, asked
       order by max(at) limit ${verbatim(bounds.entries)})
     select lease as "leaseId", asked, count, used.at as "lastAt", sealed.position from used
     left join ledger_entry as sealed on sealed.kind = '${verbatim(sealedKind)}' and sealed.at >= ${task.openedAt}
       and sealed.facts::jsonb ->> 'batchId' = used.batch_id
     order by used.at, asked`
}

/** Who opened the app's pages while the task went on, or what it shipped: how often, and the entry of the last time. */
export const readVisits = (sql: Sql, { id, appId, openedAt }: TracedTask) => query<{
  name: string | null
  count: number
  at: Instant
  position: number
}>(sql)`
    select person.name, count(*)::int as count, max(entry.at) as at, max(position) as position
    from ledger_entry as entry left join person on person.id = leaf::jsonb ->> 'actor'
    where kind = 'app.open' and subjects && ${[appId]}::text[] and entry.at >= ${openedAt}
      and coalesce(facts::jsonb ->> 'shippedBy', ${id}) = ${id}
    group by person.id, person.name order by max(position) limit ${verbatim(bounds.leases)}`
