/** Rows and SQL of leases. `due_at` and `tries` are the sweep's own and no facts. */
import type {
  AppId,
  GrantId,
  IdentityId,
  LeaseId,
  ResourceId,
  TargetId,
  TaskId,
} from '../base/ids.ts'
import type { Json } from '../base/json.ts'
import { limits } from '../base/limits.ts'
import type { DataAction } from '../base/permit.ts'
import type { Instant } from '../base/time.ts'
import { factTable } from '../ledger/fact-table.ts'
import { findRow, findWhere } from '../ledger/find-row.ts'
import type { Sql, Tx } from '../store/store.ts'
import type { Evidence } from '../target/target.ts'

export type LeaseState = 'intended' | 'live' | 'ending' | 'gone'
export type LeaseOutcome = 'verified-gone' | 'revoked-unverified' | 'never-made'
export type LeaseCause =
  | 'released'
  | 'revoked'
  | 'expired'
  | 'unfinished'
  | 'failed'
  | 'task'
  | 'identity'
  | 'grant'
  | 'app'
  | 'hold'
  | 'tampered'

export interface LeaseRow {
  readonly id: LeaseId
  readonly version: number
  readonly appId: AppId
  readonly identityId: IdentityId
  readonly taskId: TaskId
  readonly grantId: GrantId
  readonly targetId: TargetId
  readonly resourceId: ResourceId
  readonly actions: readonly DataAction[]
  readonly principal: string
  readonly idempotencyHash: string | null
  readonly state: LeaseState
  readonly outcome: LeaseOutcome | null
  /** Harmless though not gone: can not sign in, no session, but something is left. */
  readonly contained: boolean
  readonly cause: LeaseCause | null
  readonly term: number
  readonly intentDeadline: Instant
  readonly madeAt: Instant
  readonly issuedAt: Instant | null
  readonly termEndsAt: Instant
  readonly endsAt: Instant
  readonly diesAt: Instant | null
  readonly acceptedPath: string | null
  readonly evidence: Evidence | null
  readonly endedAt: Instant | null
}

export const leaseTable = factTable<LeaseRow>(
  'lease',
  // biome-ignore format: a list of names
  [
    'id', 'version', 'appId', 'identityId', 'taskId', 'grantId', 'targetId', 'resourceId',
    'actions', 'principal', 'idempotencyHash', 'state', 'outcome', 'contained', 'cause', 'term',
    'intentDeadline', 'madeAt', 'issuedAt', 'termEndsAt', 'endsAt', 'diesAt', 'acceptedPath',
    'evidence', 'endedAt',
  ],
  { json: ['evidence'], isResident: lease => lease.state !== 'gone' },
)

const qualified = leaseTable.select.replaceAll(/(^|, )(\w+) as/g, '$1lease.$2 as')

const isHeld = `exists (select 1 from hold where hold.state = 'set' and (hold.scope = 'everything'
  or hold.about in (lease.app_id, lease.identity_id, app.owner_id, task.on_behalf_of)))`

/** What the sweep knows of a lease it has taken: the row, and how often it was tried. */
export interface DueLease {
  readonly lease: LeaseRow
  readonly tries: number
}

export const findLease = (sql: Sql, id: LeaseId) => findRow(sql, leaseTable, id)

export async function lockLeases(
  tx: Tx,
  ids: readonly LeaseId[],
): Promise<ReadonlyMap<string, LeaseRow>> {
  const rows = await tx.query<LeaseRow>(
    `select ${leaseTable.select} from lease where id = any($1) order by id for update`,
    [ids],
  )
  return new Map(rows.map(row => [row.id, row]))
}

/** The reverse look-up: a principal found at a target to the lease that made it. */
export const findLeaseByPrincipal = (sql: Sql, principal: string) =>
  findWhere(sql, leaseTable, { principal })

export interface LeaseFilter {
  readonly appId?: AppId | undefined
  readonly taskId?: TaskId | undefined
  readonly state?: LeaseState | undefined
  /** Only leases that may still be at a target. */
  readonly open?: boolean | undefined
}

export async function listLeases(sql: Sql, filter: LeaseFilter): Promise<LeaseRow[]> {
  return sql.query<LeaseRow>(
    `select ${leaseTable.select} from lease
     where ($1::text is null or app_id = $1) and ($2::text is null or task_id = $2)
       and ($3::text is null or state = $3) and (not $4 or state <> 'gone')
     order by made_at desc, id limit ${limits.pageRows}`,
    [filter.appId ?? null, filter.taskId ?? null, filter.state ?? null, filter.open === true],
  )
}

/**
 * Whether task, app, identity and grant are all running, under a shared lock that makes a change of
 * them wait for this commit. A decision saw memory; the rows are the truth.
 */
export async function lockParents(tx: Tx, taskId: TaskId, grantId: GrantId): Promise<boolean> {
  const rows = await tx.query<{ running: boolean }>(
    `select task.state = 'open' and app.state = 'active' and identity.state = 'active'
       and app_grant.state = 'live' as running
     from task join app on app.id = task.app_id join identity on identity.id = task.identity_id
       join app_grant on app_grant.id = $2
     where task.id = $1 for share`,
    [taskId, grantId],
  )
  return rows[0]?.running === true
}

export async function setDueAll(
  tx: Tx,
  due: readonly { readonly id: LeaseId; readonly dueAt: Instant }[],
): Promise<void> {
  if (due.length === 0) return
  await tx.query(
    `update lease set due_at = new.due_at
     from jsonb_to_recordset($1::jsonb) as new(id text, due_at timestamptz) where lease.id = new.id`,
    [JSON.stringify(due.map(({ id, dueAt }) => ({ id, due_at: dueAt })))],
  )
}

/** In one statement: when to look again, and the salt its secret is derived from. */
export async function plantSalt(
  tx: Tx,
  leaseId: LeaseId,
  salt: string,
  dueAt: Instant,
): Promise<void> {
  await tx.query(
    `with planted as (insert into lease_salt (lease_id, salt) values ($1, $2))
     update lease set due_at = $3 where id = $1`,
    [leaseId, salt, dueAt],
  )
}

export async function readSalts(
  sql: Sql,
  leaseIds: readonly LeaseId[],
): Promise<ReadonlyMap<string, string>> {
  const rows = await sql.query<{ leaseId: string; salt: string }>(
    'select lease_id as "leaseId", salt from lease_salt where lease_id = any($1)',
    [leaseIds],
  )
  return new Map(rows.map(row => [row.leaseId, row.salt]))
}

/** After the last re-check nothing can derive the credential again. */
export async function shredSalts(sql: Sql, leaseIds: readonly LeaseId[]): Promise<void> {
  await sql.query('delete from lease_salt where lease_id = any($1)', [leaseIds])
}

/**
 * Pulls the consequence of a parent's end: leases of a closed task, a revoked identity, a grant or an
 * app that is over, or anything held, become due now. Returns how many.
 */
export async function makeDueByParents(sql: Sql, now: Instant): Promise<number> {
  const rows = await sql.query<{ id: string }>(
    `update lease set due_at = $1
     from task, app, identity, app_grant
     where lease.state <> 'gone' and lease.due_at > $1 and lease.state <> 'ending'
       and task.id = lease.task_id and app.id = lease.app_id
       and identity.id = lease.identity_id and app_grant.id = lease.grant_id
       and (lease.state <> 'intended' or lease.intent_deadline < $1)
       and (task.state = 'closed' or app.state not in ('draft', 'active') or identity.state = 'revoked'
         or app_grant.state <> 'live' or ${isHeld})
     returning lease.id`,
    [now],
  )
  return rows.length
}

/**
 * Takes due leases of one target for `holdMs`: another replica passes over them, and if this one
 * dies they are due again. Oldest first.
 */
export async function takeDue(
  sql: Sql,
  targetId: TargetId,
  now: Instant,
  until: Instant,
  limit: number,
): Promise<DueLease[]> {
  const rows = await sql.query<LeaseRow & { tries: number }>(
    `with due as (
       select id from lease where target_id = $1 and state <> 'gone' and due_at <= $2
       order by due_at limit $4 for update skip locked)
     update lease set due_at = $3, tries = tries + 1 from due where lease.id = due.id
     returning ${qualified}, tries`,
    [targetId, now, until, limit],
  )
  return rows.map(({ tries, ...lease }) => ({ lease, tries }))
}

/**
 * Takes the open leases of one task or app, except what may still be under way: an intent before its
 * deadline, or a lease another sweep holds.
 */
export async function takeOpen(
  sql: Sql,
  filter: { readonly taskId?: TaskId; readonly appId?: AppId },
  until: Instant,
): Promise<DueLease[]> {
  const rows = await sql.query<LeaseRow & { tries: number }>(
    `with open as (
       select id from lease where state in ('live', 'ending')
         and ($1::text is null or task_id = $1) and ($2::text is null or app_id = $2)
       order by id limit ${limits.sweepBatch} for update skip locked)
     update lease set due_at = $3, tries = tries + 1 from open where lease.id = open.id
     returning ${qualified}, tries`,
    [filter.taskId ?? null, filter.appId ?? null, until],
  )
  return rows.map(({ tries, ...lease }) => ({ lease, tries }))
}

export async function dueTargets(sql: Sql, now: Instant): Promise<TargetId[]> {
  const rows = await sql.query<{ id: TargetId }>(
    `select distinct target_id as id from lease where state <> 'gone' and due_at <= $1`,
    [now],
  )
  return rows.map(row => row.id)
}

/** Age of the oldest overdue lease: what a watchdog looks at. */
export async function oldestDue(sql: Sql): Promise<Instant | null> {
  const rows = await sql.query<{ due: Instant | null }>(
    `select min(due_at) as due from lease where state <> 'gone'`,
  )
  return rows[0]?.due ?? null
}

/** Why a lease is over, from its parents: read when the sweep takes it. */
export async function readCauses(
  sql: Sql,
  leaseIds: readonly LeaseId[],
): Promise<ReadonlyMap<string, LeaseCause>> {
  const rows = await sql.query<{ id: string; cause: LeaseCause }>(
    `select lease.id, case
         when app.state not in ('draft', 'active') then 'app'
         when identity.state = 'revoked' then 'identity'
         when app_grant.state <> 'live' then 'grant'
         when task.state = 'closed' then 'task'
         when ${isHeld} then 'hold'
         when lease.state = 'intended' then 'unfinished'
         else 'expired' end as cause
     from lease join task on task.id = lease.task_id join app on app.id = lease.app_id
       join identity on identity.id = lease.identity_id join app_grant on app_grant.id = lease.grant_id
     where lease.id = any($1)`,
    [leaseIds],
  )
  return new Map(rows.map(row => [row.id, row.cause]))
}

export interface LeasePlace {
  readonly holder: string
  readonly object: Json
}

/** Where a lease's credential is: by SQL, for the grant may have left memory long ago. */
export async function readPlaces(
  sql: Sql,
  leaseIds: readonly LeaseId[],
): Promise<ReadonlyMap<string, LeasePlace>> {
  const rows = await sql.query<LeasePlace & { id: string }>(
    `select lease.id, app_grant.holder, resource.object
     from lease join app_grant on app_grant.id = lease.grant_id
       join resource on resource.id = lease.resource_id where lease.id = any($1)`,
    [leaseIds],
  )
  return new Map(rows.map(({ id, ...place }) => [id, place]))
}
