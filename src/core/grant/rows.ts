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
import { words } from '../base/words.ts'
import type { IdentityRole } from '../identity/spiffe.ts'
import { type FactRow, factTable, findRow } from '../ledger/fact-table.ts'
import type { Sql, Tx } from '../store/store.ts'

export interface TargetRow extends FactRow<ids.TargetId> {
  readonly slug: string
  /** Kind of the connector that speaks to it. */
  readonly connector: string
  /** Where it is, without any secret. */
  readonly address: string
  readonly production: boolean
  /** Who answers for the credential we use there. */
  readonly ownerId: ids.PersonId
  readonly adminEndsAt: Instant
  readonly adminRotatedAt: Instant
  readonly preflightState: 'never' | 'passed' | 'failed'
  readonly preflightAt: Instant | null
  readonly state: 'active' | 'retired'
  readonly madeAt: Instant
}

export interface Column {
  readonly name: string
  readonly class: DataClass
  /** Never offered to anyone. */
  readonly hidden: boolean
}

export interface ResourceRow extends FactRow<ids.ResourceId> {
  /** What people say: `crm.deals`. */
  readonly slug: string
  readonly targetId: ids.TargetId
  /** Where it is at the target, in the connector's own form. */
  readonly object: Json
  /** Empty for a resource that has no columns. */
  readonly columns: readonly Column[]
  readonly dataClass: DataClass
  readonly dataOwnerId: ids.PersonId
  readonly sandboxTwinId: ids.ResourceId | null
  readonly isSandbox: boolean
  readonly state: 'active' | 'retired'
  readonly madeAt: Instant
}

export interface GrantRow extends FactRow<ids.GrantId> {
  readonly appId: ids.AppId
  readonly roles: readonly IdentityRole[]
  readonly resourceId: ids.ResourceId
  readonly targetId: ids.TargetId
  readonly actions: readonly DataAction[]
  /** Columns that may be read; empty only where the resource has none. */
  readonly columns: readonly string[]
  readonly unattended: boolean
  readonly budget: Budget | null
  /** Null for one that was taken by breaking the glass. */
  readonly requestId: ids.RequestId | null
  /** Deterministic name of what holds these rights at the target. */
  readonly holder: string
  readonly state: 'live' | 'dropped' | 'ended'
  readonly madeAt: Instant
  readonly endsAt: Instant
  readonly usedAt: Instant | null
  /** Who broke the glass for it: one lease, of their own attended work, whatever policy says. */
  readonly glassBy: ids.PersonId | null
  readonly endedAt: Instant | null
}

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

export interface ManifestRow extends FactRow<ids.ManifestId> {
  readonly appId: ids.AppId
  /** SHA-256 of the canonical manifest, hex. */
  readonly digest: string
  readonly purposes: readonly Purpose[]
  /** Canonical JSON: what each purpose is for, in people's words, by its name. */
  readonly says: string
  readonly state: 'current' | 'superseded'
  readonly madeAt: Instant
}

export const targetTable = factTable<TargetRow>(
  'target',
  words(
    'id version slug connector address production ownerId adminEndsAt adminRotatedAt',
    'preflightState preflightAt state madeAt',
  ),
)

export const resourceTable = factTable<ResourceRow>(
  'resource',
  words(
    'id version slug targetId object columns dataClass dataOwnerId sandboxTwinId',
    'isSandbox state madeAt',
  ),
  { json: ['object', 'columns'] },
)

export const grantTable = factTable<GrantRow>(
  'app_grant',
  words(
    'id version appId roles resourceId targetId actions columns unattended budget requestId',
    'holder state madeAt endsAt usedAt glassBy endedAt',
  ),
  { json: ['budget'], isResident: grant => grant.state === 'live' },
)

export const manifestTable = factTable<ManifestRow, 'says'>(
  'manifest',
  words('id version appId digest purposes says state madeAt'),
  { json: ['purposes'], words: ['says'], isResident: manifest => manifest.state === 'current' },
)

/** The sealed configuration; open it with `targetConfigAad`. */
export async function findSealedConfig(sql: Sql, id: ids.TargetId): Promise<string | undefined> {
  const text = 'select sealed from target_config where target_id = $1'
  return (await sql.query<{ sealed: string }>(text, [id]))[0]?.sealed
}

export async function putSealedConfig(tx: Tx, id: ids.TargetId, sealed: string): Promise<void> {
  await tx.query(
    `insert into target_config (target_id, sealed) values ($1, $2)
     on conflict (target_id) do update set sealed = excluded.sealed`,
    [id, sealed],
  )
}

/** What the seal is bound to, so that no row's secret can be moved to another row. */
export function targetConfigAad(id: ids.TargetId): string {
  return `target_config:${id}`
}

export const findGrant = (sql: Sql, id: ids.GrantId) => findRow(sql, grantTable, id)

/**
 * Live grants that are over by themselves or by their parents, or have columns that are not offered any
 * more: with the columns that are left, none of one that is over.
 */
export function listDueGrants(
  sql: Sql,
  now: Instant,
): Promise<{ id: ids.GrantId; columns: readonly string[] }[]> {
  return sql.query(
    `select id, columns from (
       select g.id, g.ends_at, case
         when g.ends_at <= $1 or app.state in ('ending', 'ended', 'graduated')
           or resource.state = 'retired' or target.state = 'retired' then '{}'
         when not g.columns <@ offered.names
           then array(select unnest(g.columns) intersect select unnest(offered.names)) end as columns
       from app_grant g join app on app.id = g.app_id join resource on resource.id = g.resource_id
         join target on target.id = g.target_id
         cross join lateral (select coalesce(array_agg(c ->> 'name'), '{}') as names
           from jsonb_array_elements(resource.columns) c where not (c ->> 'hidden')::boolean) offered
       where g.state = 'live') found
     where columns is not null order by ends_at, id limit ${limits.pageRows}`,
    [now],
  )
}
