/**
 * Lists for people to look at, a page at a time: SQL that reads and nothing else. No decision is made
 * from it, which is why it stands outside the core.
 */
import { type AppState, appTable } from '../../core/app/rows.ts'
import { type RequestState, requestTable } from '../../core/approval/rows.ts'
import type { AppId, PersonId, TaskId } from '../../core/base/ids.ts'
import { limits } from '../../core/base/limits.ts'
import type { Instant } from '../../core/base/time.ts'
import { findingTable } from '../../core/finding/rows.ts'
import * as data from '../../core/grant/rows.ts'
import { holdTable } from '../../core/hold/rows.ts'
import { trustRuleTable } from '../../core/identity/rows.ts'
import { leaseTable } from '../../core/lease/rows.ts'
import { findWhere, listWhere } from '../../core/ledger/fact-table.ts'
import { personTable } from '../../core/people/rows.ts'
import { first, query, type Sql, statement, verbatim } from '../../core/store/store.ts'
import { taskTable } from '../../core/task/rows.ts'

type OfApp = { appId?: AppId }
/** `apps`: of these alone; without them of all. */
type OfApps = OfApp & { apps?: readonly AppId[] }
type Page = { skip?: number | undefined }
/** `personId`: who answers for them, or is asked to. */
type AppsOf = { apps?: readonly AppId[]; personId?: PersonId | null; isSoonest?: boolean }
type Kept = { state?: AppState | undefined; day?: string | undefined }

const aPage = verbatim(`limit ${limits.pageRows}`)

/** Where the next page begins; null: there is none. */
export const nextPage = (rows: readonly unknown[], { skip = 0 }: Page) =>
  rows.length < limits.pageRows ? null : skip + limits.pageRows

export const listPeople = (sql: Sql, limit: number) =>
  listWhere(sql, personTable, {}, statement`order by made_at, id limit ${limit}`)

/** Newest first. `personId` narrows to what this person asked or may answer. */
export const listRequests = (
  sql: Sql,
  { personId = null, ...filter }: OfApp & { personId?: PersonId | null; state?: RequestState },
) =>
  listWhere(
    sql,
    requestTable,
    filter,
    statement`and (${personId}::text is null or asked_by = ${personId} or ${personId} = any(approvers))
      order by made_at desc, id ${aPage}`,
  )

/** What still needs somebody, the most severe first. */
export const listOpenFindings = (
  sql: Sql,
  { ownerId = null, ...filter }: { ownerId?: PersonId | null; about?: string },
) =>
  listWhere(
    sql,
    findingTable,
    { ...filter, state: 'open' },
    statement`and (${ownerId}::text is null or owner_id = ${ownerId} or owner_id is null)
      order by array_position(array['high', 'medium', 'low'], severity), made_at, id ${aPage}`,
  )

export const findAppBySlug = (sql: Sql, slug: string) => findWhere(sql, appTable, { slug })

/** Before the page is cut: what is left out afterwards would leave pages short, or empty. */
const among = (apps: readonly AppId[] | undefined, column = 'app_id') =>
  apps === undefined ? verbatim('') : statement`and ${verbatim(column)} = any(${apps})`

const soonest = verbatim('and ended_at is null order by ends_at, slug, id')
const livingFirst = verbatim('order by ended_at desc nulls first, slug, id')

/** Living apps first, then by name; `isSoonest`: they alone, and who ends next first. */
export const listApps = (
  sql: Sql,
  { apps, personId = null, isSoonest = false, state, day, skip = 0 }: AppsOf & Kept & Page,
) =>
  listWhere(
    sql,
    appTable,
    { ...(state && { state }), ...(day !== undefined && { day }) },
    statement`${among(apps, 'id')}
      and (${personId}::text is null or ${personId} in (owner_id, backup_id, offered_to))
      ${isSoonest ? soonest : livingFirst} ${aPage} offset ${skip}`,
  )

/** What each app was made from, as its manifest says. */
export const listTemplates = (sql: Sql, { apps }: OfApps) =>
  query<{ appId: AppId; made: string }>(sql)`
    select app_id as "appId", coalesce(says::jsonb ->> '', '') as made from manifest
    where state = 'current' ${among(apps)}`

export const findTargetBySlug = (sql: Sql, slug: string) =>
  findWhere(sql, data.targetTable, { slug })

export const listTargets = (sql: Sql) =>
  listWhere(sql, data.targetTable, {}, statement`order by slug ${aPage}`)

export const findResourceBySlug = (sql: Sql, slug: string) =>
  findWhere(sql, data.resourceTable, { slug })

export const listResources = (sql: Sql) =>
  listWhere(sql, data.resourceTable, {}, statement`order by slug ${aPage}`)

/** Live ones first, then the newest. */
export const listGrants = (sql: Sql, { apps, ...of }: OfApps) =>
  listWhere(
    sql,
    data.grantTable,
    of,
    statement`${among(apps)} order by (state = 'live') desc, made_at desc, id ${aPage}`,
  )

export const findManifest = (sql: Sql, appId: AppId) =>
  findWhere(sql, data.manifestTable, { appId, state: 'current' })

/** What each purpose of a manifest is for, by its name; by none, the template it was made from. */
export function saysOf(manifest: Pick<data.ManifestRow, 'says'>): Readonly<Record<string, string>> {
  return JSON.parse(manifest.says) as Record<string, string>
}

/** Newest first. */
export const listTasks = (sql: Sql, { apps, ...of }: OfApps) =>
  listWhere(sql, taskTable, of, statement`${among(apps)} order by opened_at desc, id ${aPage}`)

/** Newest first. `open`: only leases that may still be at a target. */
export const listLeases = (
  sql: Sql,
  { open = false, skip = 0, apps, ...of }: Page & OfApps & { taskId?: TaskId; open?: boolean },
) =>
  listWhere(
    sql,
    leaseTable,
    of,
    statement`${among(apps)} and (not ${open} or state <> 'gone') order by made_at desc, id ${aPage} offset ${skip}`,
  )

/** In the order they were added. */
export const listTrustRules = (sql: Sql, appId: AppId) =>
  listWhere(sql, trustRuleTable, { appId }, 'order by made_at, id')

/** What is held now, the oldest first. */
export const listHolds = (sql: Sql) =>
  listWhere(sql, holdTable, { state: 'set' }, statement`order by made_at, id ${aPage}`)

/** When the oldest lease was or will be due: what a watchdog looks at. */
export async function oldestDue(sql: Sql): Promise<Instant | null> {
  const oldest = await first<{ due: Instant | null }>(sql)`
    select min(due_at) as due from target, lateral (
      select due_at from lease_due where target_id = target.id order by due_at limit 1) as first`
  return oldest?.due ?? null
}
