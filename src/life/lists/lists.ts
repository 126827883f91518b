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
import { type FactRow, type FactTable, findWhere } from '../../core/ledger/fact-table.ts'
import { personTable } from '../../core/people/rows.ts'
import { query, type Sql } from '../../core/store/store.ts'
import { taskTable } from '../../core/task/rows.ts'

type OfApp = { appId?: AppId | null }

/** Rows of one table; `rest` is what stands after its name. */
function listRows<R extends FactRow>(
  sql: Sql,
  table: FactTable<R>,
  rest: string,
  params: readonly unknown[] = [],
): Promise<R[]> {
  return sql.query<R>(`select ${table.select} from ${table.name} ${rest}`, params)
}

const aPage = `limit ${limits.pageRows}`

export const listPeople = (sql: Sql, limit: number) =>
  listRows(sql, personTable, 'order by made_at, id limit $1', [limit])

/** Newest first. `personId` narrows to what this person asked or may answer. */
export const listRequests = (
  sql: Sql,
  filter: { personId?: PersonId; appId?: AppId; state?: RequestState },
) =>
  listRows(
    sql,
    requestTable,
    `where ($1::text is null or asked_by = $1 or $1 = any(approvers))
       and ($2::text is null or app_id = $2) and ($3::text is null or state = $3)
     order by made_at desc, id ${aPage}`,
    [filter.personId ?? null, filter.appId ?? null, filter.state ?? null],
  )

/** What still needs somebody, the most severe first. */
export const listOpenFindings = (sql: Sql, filter: { ownerId?: PersonId; about?: string }) =>
  listRows(
    sql,
    findingTable,
    `where state = 'open' and ($1::text is null or owner_id = $1 or owner_id is null)
       and ($2::text is null or about = $2)
     order by array_position(array['high', 'medium', 'low'], severity), made_at, id ${aPage}`,
    [filter.ownerId ?? null, filter.about ?? null],
  )

export const findAppBySlug = (sql: Sql, slug: string) => findWhere(sql, appTable, { slug })

/** Living apps first, then by name. */
export const listApps = (sql: Sql, filter: { personId?: PersonId; state?: AppState | undefined }) =>
  listRows(
    sql,
    appTable,
    `where ($1::text is null or $1 in (owner_id, backup_id, offered_to))
       and ($2::text is null or state = $2)
     order by ended_at desc nulls first, slug, id ${aPage}`,
    [filter.personId ?? null, filter.state ?? null],
  )

export const findTargetBySlug = (sql: Sql, slug: string) =>
  findWhere(sql, data.targetTable, { slug })

export const listTargets = (sql: Sql) => listRows(sql, data.targetTable, `order by slug ${aPage}`)

export const findResourceBySlug = (sql: Sql, slug: string) =>
  findWhere(sql, data.resourceTable, { slug })

export const listResources = (sql: Sql) =>
  listRows(sql, data.resourceTable, `order by slug ${aPage}`)

const ofApp = '($1::text is null or app_id = $1)'

/** Live ones first, then the newest. */
export const listGrants = (sql: Sql, { appId = null }: OfApp) =>
  listRows(
    sql,
    data.grantTable,
    `where ${ofApp} order by (state = 'live') desc, made_at desc, id ${aPage}`,
    [appId],
  )

export const findManifest = (sql: Sql, appId: AppId) =>
  findWhere(sql, data.manifestTable, { appId, state: 'current' })

/** What each purpose of a manifest is for, by its name; by none, the template it was made from. */
export function saysOf(manifest: Pick<data.ManifestRow, 'says'>): Readonly<Record<string, string>> {
  return JSON.parse(manifest.says) as Record<string, string>
}

/** Newest first. */
export const listTasks = (sql: Sql, { appId = null }: OfApp) =>
  listRows(sql, taskTable, `where ${ofApp} order by opened_at desc, id ${aPage}`, [appId])

/** Newest first. `open`: only leases that may still be at a target. */
export const listLeases = (
  sql: Sql,
  { appId = null, taskId = null, open = false }: OfApp & { taskId?: TaskId | null; open?: boolean },
) =>
  listRows(
    sql,
    leaseTable,
    `where ${ofApp} and ($2::text is null or task_id = $2) and (not $3 or state <> 'gone')
     order by made_at desc, id ${aPage}`,
    [appId, taskId, open],
  )

/** In the order they were added. */
export const listTrustRules = (sql: Sql, appId: AppId) =>
  listRows(sql, trustRuleTable, 'where app_id = $1 order by made_at, id', [appId])

/** What is held now, the oldest first. */
export const listHolds = (sql: Sql) =>
  listRows(sql, holdTable, `where state = 'set' order by made_at, id ${aPage}`)

/** When the oldest lease was or will be due: what a watchdog looks at. */
export async function oldestDue(sql: Sql): Promise<Instant | null> {
  const rows = await query<{ due: Instant | null }>(sql)`
    select min(due_at) as due from target, lateral (
      select due_at from lease_due where target_id = target.id order by due_at limit 1) as first`
  return rows[0]?.due ?? null
}
