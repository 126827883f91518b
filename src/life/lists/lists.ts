/**
 * Lists for people to look at, a page at a time: SQL that reads and nothing else. No decision is made
 * from it, which is why it stands outside the core.
 */
import { type AppRow, type AppState, appTable } from '../../core/app/rows.ts'
import { type RequestRow, type RequestState, requestTable } from '../../core/approval/rows.ts'
import type { AppId, PersonId, TaskId } from '../../core/base/ids.ts'
import { limits } from '../../core/base/limits.ts'
import type { Instant } from '../../core/base/time.ts'
import { type FindingRow, findingTable } from '../../core/finding/rows.ts'
import {
  type GrantRow,
  grantTable,
  type ManifestRow,
  manifestTable,
  type ResourceRow,
  resourceTable,
  type TargetRow,
  targetTable,
} from '../../core/grant/rows.ts'
import { type HoldRow, holdTable } from '../../core/hold/rows.ts'
import { type TrustRuleRow, trustRuleTable } from '../../core/identity/rows.ts'
import { type LeaseRow, type LeaseState, leaseTable } from '../../core/lease/rows.ts'
import { findWhere } from '../../core/ledger/find-row.ts'
import { type PersonRow, personTable } from '../../core/people/rows.ts'
import { type BundleRow, bundleTable } from '../../core/policy/rows.ts'
import type { Sql } from '../../core/store/store.ts'
import { type TaskRow, taskTable } from '../../core/task/rows.ts'

export async function listPeople(sql: Sql, limit: number): Promise<PersonRow[]> {
  return sql.query<PersonRow>(
    `select ${personTable.select} from person order by made_at, id limit $1`,
    [limit],
  )
}

/** Newest first. `personId` narrows to what this person asked or may answer. */
export function listRequests(
  sql: Sql,
  filter: { personId?: PersonId; appId?: AppId; state?: RequestState },
): Promise<RequestRow[]> {
  return sql.query<RequestRow>(
    `select ${requestTable.select} from request
     where ($1::text is null or asked_by = $1 or $1 = any(approvers))
       and ($2::text is null or app_id = $2) and ($3::text is null or state = $3)
     order by made_at desc, id limit ${limits.pageRows}`,
    [filter.personId ?? null, filter.appId ?? null, filter.state ?? null],
  )
}

/** What still needs somebody, the most severe first. */
export function listOpenFindings(
  sql: Sql,
  filter: { ownerId?: PersonId; about?: string },
): Promise<FindingRow[]> {
  return sql.query<FindingRow>(
    `select ${findingTable.select} from finding
     where state = 'open' and ($1::text is null or owner_id = $1 or owner_id is null)
       and ($2::text is null or about = $2)
     order by array_position(array['high', 'medium', 'low'], severity), made_at, id
     limit ${limits.pageRows}`,
    [filter.ownerId ?? null, filter.about ?? null],
  )
}

export async function findAppBySlug(sql: Sql, slug: string): Promise<AppRow | undefined> {
  const rows = await sql.query<AppRow>(`select ${appTable.select} from app where slug = $1`, [slug])
  return rows[0]
}

/** Living apps first, then by name. */
export function listApps(
  sql: Sql,
  filter: { personId?: PersonId; state?: AppState },
): Promise<AppRow[]> {
  return sql.query<AppRow>(
    `select ${appTable.select} from app
     where ($1::text is null or $1 in (owner_id, backup_id, offered_to))
       and ($2::text is null or state = $2)
     order by ended_at desc nulls first, slug, id limit ${limits.pageRows}`,
    [filter.personId ?? null, filter.state ?? null],
  )
}

export function findTargetBySlug(sql: Sql, slug: string): Promise<TargetRow | undefined> {
  return findWhere(sql, targetTable, { slug })
}

export function listTargets(sql: Sql): Promise<TargetRow[]> {
  return sql.query<TargetRow>(
    `select ${targetTable.select} from target order by slug limit ${limits.pageRows}`,
  )
}

export function findResourceBySlug(sql: Sql, slug: string): Promise<ResourceRow | undefined> {
  return findWhere(sql, resourceTable, { slug })
}

export function listResources(sql: Sql): Promise<ResourceRow[]> {
  return sql.query<ResourceRow>(
    `select ${resourceTable.select} from resource order by slug limit ${limits.pageRows}`,
  )
}

/** Live ones first, then the newest. */
export function listGrants(
  sql: Sql,
  filter: { appId?: AppId; state?: GrantRow['state'] },
): Promise<GrantRow[]> {
  return sql.query<GrantRow>(
    `select ${grantTable.select} from app_grant
     where ($1::text is null or app_id = $1) and ($2::text is null or state = $2)
     order by (state = 'live') desc, made_at desc, id limit ${limits.pageRows}`,
    [filter.appId ?? null, filter.state ?? null],
  )
}

export function findManifest(sql: Sql, appId: AppId): Promise<ManifestRow | undefined> {
  return findWhere(sql, manifestTable, { appId, state: 'current' })
}

/** What each purpose of a manifest is for, by its name. */
export function saysOf(manifest: Pick<ManifestRow, 'says'>): Readonly<Record<string, string>> {
  return JSON.parse(manifest.says) as Record<string, string>
}

/** Newest first. */
export function listTasks(sql: Sql, filter: { appId?: AppId }): Promise<TaskRow[]> {
  return sql.query<TaskRow>(
    `select ${taskTable.select} from task where ($1::text is null or app_id = $1)
     order by opened_at desc, id limit ${limits.pageRows}`,
    [filter.appId ?? null],
  )
}

export interface LeaseFilter {
  readonly appId?: AppId | undefined
  readonly taskId?: TaskId | undefined
  readonly state?: LeaseState | undefined
  /** Only leases that may still be at a target. */
  readonly open?: boolean | undefined
}

/** Newest first. */
export async function listLeases(sql: Sql, filter: LeaseFilter): Promise<LeaseRow[]> {
  return sql.query<LeaseRow>(
    `select ${leaseTable.select} from lease
     where ($1::text is null or app_id = $1) and ($2::text is null or task_id = $2)
       and ($3::text is null or state = $3) and (not $4 or state <> 'gone')
     order by made_at desc, id limit ${limits.pageRows}`,
    [filter.appId ?? null, filter.taskId ?? null, filter.state ?? null, filter.open === true],
  )
}

/** In the order they were added. */
export function listTrustRules(sql: Sql, appId: AppId): Promise<TrustRuleRow[]> {
  return sql.query<TrustRuleRow>(
    `select ${trustRuleTable.select} from trust_rule where app_id = $1 order by made_at, id`,
    [appId],
  )
}

/** What is held now, the oldest first. */
export function listHolds(sql: Sql): Promise<HoldRow[]> {
  return sql.query<HoldRow>(
    `select ${holdTable.select} from hold where state = 'set'
     order by made_at, id limit ${limits.pageRows}`,
  )
}

/** Newest first: the history of the rules. */
export function listBundles(sql: Sql): Promise<BundleRow[]> {
  return sql.query<BundleRow>(
    `select ${bundleTable.select} from bundle order by serial desc limit ${limits.pageRows}`,
  )
}

/** When the oldest lease was or will be due: what a watchdog looks at. */
export async function oldestDue(sql: Sql): Promise<Instant | null> {
  const rows = await sql.query<{ due: Instant | null }>(
    `select min(due_at) as due from target, lateral (
       select due_at from lease_due where target_id = target.id order by due_at limit 1) as first`,
  )
  return rows[0]?.due ?? null
}
