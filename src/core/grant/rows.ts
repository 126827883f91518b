/**
 * Targets, resources, grants and manifests: the rows, and every SQL text that reads them.
 *
 * A target's configuration holds its credential. It is sealed, and lies in a table of its own that is
 * no fact table: not even sealed does it get into the log or into memory.
 */
import type { DataClass } from '../app/rows.ts'
import type * as ids from '../base/ids.ts'
import type { Json } from '../base/json.ts'
import { limits } from '../base/limits.ts'
import type { DataAction } from '../base/permit.ts'
import type { Instant } from '../base/time.ts'
import type { IdentityRole } from '../identity/spiffe.ts'
import { always, fact, factTable, findRow, json, type RowOf, text } from '../ledger/fact-table.ts'
import { first, query, type Sql, type Tx, verbatim } from '../store/store.ts'

export const targetTable = factTable('target', always, {
  id: fact<ids.TargetId>(),
  slug: fact<string>(),
  /** Kind of the connector that speaks to it. */
  connector: fact<string>(),
  /** Where it is, without any secret. */
  address: fact<string>(),
  production: fact<boolean>(),
  /** Who answers for the credential we use there. */
  ownerId: fact<ids.PersonId>(),
  adminEndsAt: fact<Instant>(),
  adminRotatedAt: fact<Instant>(),
  preflightState: fact<'never' | 'passed' | 'failed'>(),
  preflightAt: fact<Instant | null>(),
  state: fact<'active' | 'retired'>(),
  madeAt: fact<Instant>(),
})
export type TargetRow = RowOf<typeof targetTable>

export interface Column {
  readonly name: string
  readonly class: DataClass
  /** Never offered to anyone. */
  readonly hidden: boolean
}

export const resourceTable = factTable('resource', always, {
  id: fact<ids.ResourceId>(),
  /** What people say: `crm.deals`. */
  slug: fact<string>(),
  targetId: fact<ids.TargetId>(),
  /** Where it is at the target, in the connector's own form. */
  object: json<Json>(),
  /** Empty for a resource that has no columns. */
  columns: json<readonly Column[]>(),
  dataClass: fact<DataClass>(),
  dataOwnerId: fact<ids.PersonId>(),
  sandboxTwinId: fact<ids.ResourceId | null>(),
  isSandbox: fact<boolean>(),
  state: fact<'active' | 'retired'>(),
  madeAt: fact<Instant>(),
})
export type ResourceRow = RowOf<typeof resourceTable>

export const grantTable = factTable('app_grant', grant => grant.state === 'live', {
  id: fact<ids.GrantId>(),
  appId: fact<ids.AppId>(),
  roles: fact<readonly IdentityRole[]>(),
  resourceId: fact<ids.ResourceId>(),
  targetId: fact<ids.TargetId>(),
  actions: fact<readonly DataAction[]>(),
  /** Columns that may be read; empty only where the resource has none. */
  columns: fact<readonly string[]>(),
  unattended: fact<boolean>(),
  budget: json<Budget | null>(),
  /** Null for one that was taken by breaking the glass. */
  requestId: fact<ids.RequestId | null>(),
  /** Deterministic name of what holds these rights at the target. */
  holder: fact<string>(),
  /** `resting`: not used for long, so its right is taken away; one word takes it up again. */
  state: fact<'live' | 'resting' | 'dropped' | 'ended'>(),
  madeAt: fact<Instant>(),
  endsAt: fact<Instant>(),
  usedAt: fact<Instant | null>(),
  /** When somebody said that it stays, used or not. */
  keptAt: fact<Instant | null>(),
  /** Who broke the glass for it: one lease, of their own attended work, whatever policy says. */
  glassBy: fact<ids.PersonId | null>(),
  endedAt: fact<Instant | null>(),
})
export type GrantRow = RowOf<typeof grantTable>

/** The most that may be used under a grant in one task or one day (UTC); what is not named has no bound. */
export interface Budget {
  readonly per: 'task' | 'day'
  readonly calls?: number
  readonly rows?: number
  readonly bytes?: number
  readonly spendCents?: number
}

/** Images of before there was such a thing do not say. */
export function isGlass({ glassBy }: Pick<GrantRow, 'glassBy'>): boolean {
  return typeof glassBy === 'string'
}

/** One purpose of a manifest: what a task opened with this name may need. */
export interface Purpose {
  readonly name: string
  readonly needs: readonly { readonly resource: string; readonly actions: readonly DataAction[] }[]
  readonly egress: readonly string[]
}

export const manifestTable = factTable('manifest', manifest => manifest.state === 'current', {
  id: fact<ids.ManifestId>(),
  appId: fact<ids.AppId>(),
  /** SHA-256 of the canonical manifest, hex. */
  digest: fact<string>(),
  purposes: json<readonly Purpose[]>(),
  /** Canonical JSON: what each purpose is for, in people's words, by its name. */
  says: text<string>(),
  state: fact<'current' | 'superseded'>(),
  madeAt: fact<Instant>(),
})
export type ManifestRow = RowOf<typeof manifestTable>

/** The sealed configuration; open it with `targetConfigAad`. */
export async function findSealedConfig(sql: Sql, id: ids.TargetId): Promise<string | undefined> {
  const kept = await first<{ sealed: string }>(sql)`
    select sealed from target_config where target_id = ${id}`
  return kept?.sealed
}

/** As a person gave it, who says whether others use it too. The one before is kept until it was seen refused. */
export const putSealedConfig = (tx: Tx, id: ids.TargetId, sealed: string, shared = false) =>
  query(tx)`insert into target_config as known (target_id, sealed, is_shared)
    values (${id}, ${sealed}, ${shared}) on conflict (target_id) do update set
      sealed = excluded.sealed, is_shared = excluded.is_shared, pending = null,
      previous = array_remove(known.previous || known.sealed || known.pending, null)`

/** What the seal is bound to, so that no row's secret can be moved to another row. */
export function targetConfigAad(id: ids.TargetId): string {
  return `target_config:${id}`
}

export const findGrant = (sql: Sql, id: ids.GrantId) => findRow(sql, grantTable, id)

/** The finding of a grant that is not used, about it. */
export const unusedKind = 'grant-unused'

/**
 * Grants that are over by themselves or by their parents, or have columns that are not offered any more:
 * with the columns that are left, none of one that is over.
 */
export const listDueGrants = (sql: Sql, now: Instant) =>
  query<{ id: ids.GrantId; columns: readonly string[] }>(sql)`
    select id, columns from (
       select g.id, g.ends_at, case
         when g.ends_at <= ${now} or app.state in ('ending', 'ended', 'graduated')
           or resource.state = 'retired' or target.state = 'retired' then '{}'
         when not g.columns <@ offered.names
           then array(select unnest(g.columns) intersect select unnest(offered.names)) end as columns
       from app_grant g join app on app.id = g.app_id join resource on resource.id = g.resource_id
         join target on target.id = g.target_id
         cross join lateral (select coalesce(array_agg(c ->> 'name'), '{}') as names
           from jsonb_array_elements(resource.columns) c where not (c ->> 'hidden')::boolean) offered
       where g.state in ('live', 'resting')) found
     where columns is not null order by ends_at, id limit ${verbatim(limits.pageRows)}`
