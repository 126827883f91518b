/**
 * Rows and SQL of leases. When a lease is due and how often it was tried is the sweep's own and no
 * fact: it lies beside, in `lease_due`, for as long as the lease is not gone.
 *
 * INVARIANT: who locks a lease and its due row locks the lease first; who locks due rows of several
 * leases and no lease waits for none of them.
 */
import type * as ids from '../base/ids.ts'
import type { Json } from '../base/json.ts'
import { limits } from '../base/limits.ts'
import type { DataAction } from '../base/permit.ts'
import { assert } from '../base/problem.ts'
import type { Instant } from '../base/time.ts'
import type { Word } from '../base/words.ts'
import { fact, factTable, findRow, json, lockRow, type RowOf } from '../ledger/fact-table.ts'
import type { LedgerWorld, Scope } from '../ledger/record.ts'
import type { Sql, Statement, Tx } from '../store/store.ts'
import { first, query, statement, verbatim } from '../store/store.ts'
import type { Evidence } from '../target/target.ts'

export type LeaseState = 'intended' | 'live' | 'ending' | 'gone'
export type LeaseOutcome = 'verified-gone' | 'revoked-unverified' | 'never-made'
export type LeaseCause =
  Word<'released revoked expired unfinished failed task identity grant app hold tampered'>

export const leaseTable = factTable('lease', lease => lease.state !== 'gone', {
  id: fact<ids.LeaseId>(),
  appId: fact<ids.AppId>(),
  identityId: fact<ids.IdentityId>(),
  taskId: fact<ids.TaskId>(),
  grantId: fact<ids.GrantId>(),
  targetId: fact<ids.TargetId>(),
  resourceId: fact<ids.ResourceId>(),
  actions: fact<readonly DataAction[]>(),
  principal: fact<string>(),
  idempotencyHash: fact<string | null>(),
  state: fact<LeaseState>(),
  outcome: fact<LeaseOutcome | null>(),
  /** Harmless though not gone: can not sign in, no session, but something is left. */
  contained: fact<boolean>(),
  cause: fact<LeaseCause | null>(),
  term: fact<number>(),
  intentDeadline: fact<Instant>(),
  madeAt: fact<Instant>(),
  issuedAt: fact<Instant | null>(),
  termEndsAt: fact<Instant>(),
  endsAt: fact<Instant>(),
  diesAt: fact<Instant | null>(),
  acceptedPath: fact<string | null>(),
  evidence: json<Evidence | null>(),
  endedAt: fact<Instant | null>(),
})
export type LeaseRow = RowOf<typeof leaseTable>
export type Parents = Pick<LeaseRow, 'taskId' | 'grantId'>

const isHeld = `exists (select 1 from hold where hold.state = 'set' and (hold.scope = 'everything'
  or hold.about in (lease.app_id, lease.identity_id, app.owner_id, task.on_behalf_of, task.id,
    task.provenance ->> 'issuer', 'day/' || app.day)))`

/** A lease beside what it hangs on. */
const withParents =
  verbatim(`lease join task on task.id = lease.task_id join app on app.id = lease.app_id
  join identity on identity.id = lease.identity_id join app_grant on app_grant.id = lease.grant_id`)

/** Why it is over by what it hangs on; null while all of that runs. */
const overBy = verbatim(`case
  when app.state <> 'active' then 'app'
  when identity.state = 'revoked' then 'identity'
  when app_grant.state <> 'live' then 'grant'
  when task.state = 'closed' then 'task'
  when ${isHeld} then 'hold' end`)

/** No sweep has it, or the one that had it died. */
const isFree = (now: Instant) => statement`(held_until is null or held_until <= ${now})`

/** No late command can make it any more. */
const isSettled = (now: Instant) => statement`(lease.issued_at is not null
  or lease.intent_deadline + interval '${verbatim(limits.intentGraceMs)} ms' <= ${now})`

/** A lease with everything its end needs. */
export interface DueLease {
  readonly lease: LeaseRow
  /** How often it was tried, this time included. */
  readonly tries: number
  /** What its secret is derived from; null once it is shredded. */
  readonly salt: string | null
  /** Where its credential is. Read by SQL, for the grant may have left memory long ago. */
  readonly holder: string
  readonly object: Json
  /** Why it is over by its parents, or by its own term. */
  readonly because: LeaseCause
}

export const findLease = (sql: Sql, id: ids.LeaseId) => findRow(sql, leaseTable, id)

/** Undefined when it is gone, or a sweep has it: it may be ended at its target and not yet here. */
export async function lockLease(scope: Scope, id: ids.LeaseId): Promise<LeaseRow | undefined> {
  const row = await lockRow(scope.tx, leaseTable, id)
  const free = await first<object>(scope.tx)`
    select from lease_due where lease_id = ${id} and ${isFree(scope.at)} for update skip locked`
  return free && row
}

/**
 * Whether task, app, identity and grant are all running, under a shared lock that makes a change of
 * them wait for this commit. A decision saw memory; the rows are the truth.
 */
export async function lockParents(tx: Tx, { taskId, grantId }: Parents): Promise<boolean> {
  const parents = await first<{ running: boolean }>(tx)`
    select task.state = 'open' and app.state = 'active' and identity.state = 'active'
      and app_grant.state = 'live' as running
    from task join app on app.id = task.app_id join identity on identity.id = task.identity_id
      join app_grant on app_grant.id = ${grantId}
    where task.id = ${taskId} for share`
  return parents?.running === true
}

/** Beside a new lease: when to look again, and the salt its secret is derived from. */
export function plantBeside(scope: Scope, { id, targetId }: LeaseRow, salt: string, due: Due) {
  scope.beside(statement`insert into lease_salt (lease_id, salt) values (${id}, ${salt})`)
  scope.beside(statement`insert into lease_due (lease_id, target_id, due_at)
    values (${id}, ${targetId}, ${due.at})`)
}

/** In place of the salt: the secret its target made, sealed. */
export function keepBeside(scope: Scope, id: ids.LeaseId, sealed: string): void {
  scope.beside(statement`update lease_salt set salt = ${sealed} where lease_id = ${id}`)
}

/** When a lease is looked at again: null where it is gone, and then never. */
export interface Due {
  readonly at: Instant | null
  /** Until then it is somebody's, who sees it through. */
  readonly heldUntil?: Instant
}

export function moveDue(scope: Scope, next: ReadonlyMap<ids.LeaseId, Due>): void {
  const gone = [...next].filter(([, { at }]) => at === null).map(([id]) => id)
  const again = [...next].filter(([, { at }]) => at !== null)
  if (gone.length > 0)
    scope.beside(statement`delete from lease_due where lease_id = any (${gone}::text[])`)
  if (again.length === 0) return
  const heldUntil = again.map(([, due]) => due.heldUntil ?? null)
  scope.beside(statement`update lease_due set due_at = again.due_at::timestamptz,
      held_until = again.held_until::timestamptz
    from unnest(${again.map(([id]) => id)}::text[], ${again.map(([, { at }]) => at)}::text[],
        ${heldUntil}::text[])
      as again (id, due_at, held_until) where lease_id = again.id`)
}

export async function readSalts(sql: Sql, leaseIds: readonly ids.LeaseId[]) {
  const rows = await query<{ leaseId: string; salt: string }>(sql)`
    select lease_id as "leaseId", salt from lease_salt where lease_id = any(${leaseIds})`
  return new Map(rows.map(row => [row.leaseId, row.salt]))
}

/** After the last re-check nothing can derive the credential again. */
export const shredSalts = (sql: Sql, leaseIds: readonly ids.LeaseId[]) =>
  query(sql)`delete from lease_salt where lease_id = any(${leaseIds})`

/**
 * Pulls the consequence of a parent's end: leases of a closed task, a revoked identity, a grant or an
 * app that is over, or anything held, become due now.
 */
export const makeDueByParents = (sql: Sql, now: Instant) => query(sql)`
    with over as (
      select lease_id from ${withParents} join lease_due on lease_id = lease.id
      where due_at > ${now} and lease.state <> 'ending' and ${isSettled(now)}
        and ${overBy} is not null
      for update of lease_due skip locked)
    update lease_due set due_at = ${now} from over where over.lease_id = lease_due.lease_id`

/** `due` names leases by `lease_id` and has their `tries`. */
const dueText = statement`
  select lease.id, lease.version, due.tries, lease_salt.salt, app_grant.holder,
    resource.object, coalesce(${overBy},
      case lease.state when 'intended' then 'unfinished' else 'expired' end) as because
  from ${withParents} join due on due.lease_id = lease.id
    left join lease_salt on lease_salt.lease_id = lease.id
    join resource on resource.id = lease.resource_id`

type DueText = Pick<LeaseRow, 'id' | 'version'> & Omit<DueLease, 'lease'>

/** Most leases are in memory as they are in their table; the others are read. */
async function withLeases(world: DueWorld, due: readonly DueText[]): Promise<DueLease[]> {
  const { store, replica } = world
  const known = due.map(({ id }) => replica.get(leaseTable, id))
  const ids = due.flatMap(({ id, version }, i) => (known[i]?.version === version ? [] : [id]))
  const read = ids.length === 0 ? [] : await readLeases(store, ids)
  const byId = new Map([...known, ...read].map(lease => [lease?.id, lease]))
  return due.map(({ id, version: _, ...rest }) => {
    const lease = byId.get(id)
    assert(lease !== undefined, 'a lease is never deleted')
    return { ...rest, lease }
  })
}

export const readLeases = (sql: Sql, ids: readonly ids.LeaseId[]) => query<LeaseRow>(sql)`
  select ${verbatim(leaseTable.select)} from lease where id = any (${ids}::text[])`

export type DueWorld = Pick<LedgerWorld, 'store' | 'replica'>

/** One lease, due or not, gone or not. */
export async function findDue(world: DueWorld, id: ids.LeaseId): Promise<DueLease | undefined> {
  const rows = await query<DueText>(world.store)`
    with due as (
      select id as lease_id, coalesce(tries, 0) as tries
      from lease left join lease_due on lease_id = id where id = ${id})
    ${dueText}`
  return (await withLeases(world, rows))[0]
}

/**
 * Takes due leases of one target until `until`: another replica passes over them, and if this one
 * dies they are due again. Oldest first.
 */
export function takeDue(
  world: DueWorld,
  targetId: ids.TargetId,
  times: Taking,
): Promise<DueLease[]> {
  const mine = statement`
    select lease_id from lease_due
    where target_id = ${targetId} and due_at <= ${times.now} and ${isFree(times.now)}
    order by due_at limit ${verbatim(limits.sweepBatch)} for update skip locked`
  return takeThose(world, mine, times)
}

/**
 * Takes the open leases of one task or app, also those a sweep holds: ending twice is no harm, and who
 * closes a task waits for it. Not what may still be made at its target, nor a row locked just now.
 */
export function takeOpen(
  world: DueWorld,
  filter: { readonly taskId?: ids.TaskId; readonly appId?: ids.AppId },
  times: Taking,
): Promise<DueLease[]> {
  const { taskId = null, appId = null } = filter
  const open = statement`
    select lease_id from lease_due join lease on lease.id = lease_due.lease_id
    where lease.state in ('live', 'ending') and ${isSettled(times.now)}
      and (${taskId}::text is null or task_id = ${taskId})
      and (${appId}::text is null or app_id = ${appId})
    order by lease_id limit ${verbatim(limits.sweepBatch)} for update of lease_due skip locked`
  return takeThose(world, open, times)
}

type Taking = Readonly<Record<'now' | 'until', Instant>>

/** Makes what `these` names due now at the latest, and ours until then. */
async function takeThose(world: DueWorld, these: Statement, { now, until }: Taking) {
  const rows = await query<DueText>(world.store)`
    with these as (${these}),
    due as (
      update lease_due set due_at = least(due_at, ${now}), held_until = ${until}, tries = tries + 1
      where lease_id = any (array(select lease_id from these)) returning lease_id, tries)
    ${dueText}`
  // One can have gone between the claim and the reading.
  return (await withLeases(world, rows)).filter(({ lease }) => lease.state !== 'gone')
}

/** Those whose turn at the target did not come: due as they were, and that was no try. */
export const giveBack = (sql: Sql, leaseIds: readonly ids.LeaseId[]) => query(sql)`
    update lease_due set held_until = null, tries = greatest(tries - 1, 0)
      where lease_id = any (${leaseIds})`

export async function dueTargets(sql: Sql, now: Instant): Promise<ids.TargetId[]> {
  const rows = await query<{ id: ids.TargetId }>(sql)`
    select id from target
    where exists (select from lease_due
      where target_id = target.id and due_at <= ${now} and ${isFree(now)})`
  return rows.map(row => row.id)
}
