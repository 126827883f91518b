/** Rows and SQL of offboardings. What was seen is work, not facts: facts are the verdicts. */
import type * as ids from '../../core/base/ids.ts'
import { limits } from '../../core/base/limits.ts'
import type { Instant } from '../../core/base/time.ts'
import { manifestTable } from '../../core/grant/rows.ts'
import { identityTable, trustRuleTable } from '../../core/identity/rows.ts'
import type { RowOf } from '../../core/ledger/fact-table.ts'
import { always, fact, factTable, findWhere, listWhere } from '../../core/ledger/fact-table.ts'
import { first, query, type Sql, type Tx, verbatim } from '../../core/store/store.ts'
import type { Found } from '../../core/target/target.ts'
import type { PlanItem } from './item.ts'

export const offboardingTable = factTable('offboarding', always, {
  id: fact<ids.OffboardingId>(),
  appId: fact<ids.AppId>(),
  planHash: fact<string>(),
  state: fact<'running' | 'not-green' | 'verified-gone'>(),
  /** SHA-256 of the newest certificate's payload, hex. */
  certificateHash: fact<string | null>(),
  certifiedAt: fact<Instant | null>(),
  rechecks: fact<number>(),
  madeAt: fact<Instant>(),
})
export type OffboardingRow = RowOf<typeof offboardingTable>

export interface OffboardingWork {
  readonly plan: string
  readonly items: readonly PlanItem[]
  /** The newest certificate file, as JSON text. */
  readonly certificate: string | null
  readonly dueAt: Instant | null
  readonly tries: number
}

export const findOffboarding = (sql: Sql, appId: ids.AppId) =>
  findWhere(sql, offboardingTable, { appId })

export const findWork = (sql: Sql, id: ids.OffboardingId) => first<OffboardingWork>(sql)`
  select plan, items, certificate, due_at as "dueAt", tries
  from offboarding_work where offboarding_id = ${id}`

/** What a look left to do; the certificate of the one before stays. */
export const putWork = (
  tx: Tx,
  id: ids.OffboardingId,
  { plan, items, dueAt, tries }: Omit<OffboardingWork, 'certificate'>,
) => query(tx)`
    insert into offboarding_work (offboarding_id, plan, items, due_at, tries)
    values (${id}, ${plan}, ${JSON.stringify(items)}::jsonb, ${dueAt}, ${tries})
    on conflict (offboarding_id) do update set plan = excluded.plan, items = excluded.items,
      due_at = excluded.due_at, tries = excluded.tries`

const setWork =
  (column: 'certificate' | 'due_at') => (sql: Sql, id: ids.OffboardingId, to: string | null) =>
    query(sql)`
      update offboarding_work set ${verbatim(column)} = ${to} where offboarding_id = ${id}`

export const keepCertificate = setWork('certificate')
export const setNextLook = setWork('due_at')

/**
 * Apps whose end is under way or due for another look; also those that began to end by themselves. First
 * those nobody has looked at, then who has waited longest.
 */
export async function dueOffboardings(sql: Sql, now: Instant): Promise<ids.AppId[]> {
  const rows = await query<{ id: ids.AppId }>(sql)`
    select app.id from app left join offboarding on offboarding.app_id = app.id
      left join offboarding_work on offboarding_work.offboarding_id = offboarding.id
    where (app.state = 'ending' and (offboarding.id is null or offboarding_work.due_at <= ${now}))
      or (app.state in ('ended', 'graduated') and offboarding_work.due_at <= ${now})
    order by offboarding_work.due_at nulls first, app.id limit ${verbatim(limits.pageRows)}`
  return rows.map(row => row.id)
}

type AtTarget = { readonly targetId: ids.TargetId; readonly target: string }
type AppThing = AtTarget &
  Pick<Found, 'kind' | 'name'> & { id: ids.ThingId; nativeId: string; goneAt: Instant | null }
export type AppThings = Awaited<ReturnType<typeof readAppThings>>

/** Everything this app ever had that could be left somewhere. */
export async function readAppThings(sql: Sql, appId: ids.AppId) {
  const [leases, found, holders, identities, rules, manifests] = await Promise.all([
    query<AtTarget & { id: ids.LeaseId; principal: string }>(sql)`
      select lease.id, principal, target_id as "targetId", target.slug as target
      from lease join target on target.id = lease.target_id
      where app_id = ${appId} and outcome is distinct from 'never-made'
      order by lease.made_at, lease.id`,
    query<AppThing>(sql)`
      select thing.id, thing.name, kind, native_id as "nativeId", gone_at as "goneAt",
        target_id as "targetId", target.slug as target
      from found_thing as thing join target on target.id = target_id
      where app_id = ${appId} order by first_seen_at, thing.id`,
    query<AtTarget & { id: ids.GrantId; holder: string; resource: string }>(sql)`
      select app_grant.id, holder, app_grant.target_id as "targetId", target.slug as target,
        resource.slug as resource
      from app_grant join target on target.id = app_grant.target_id
        join resource on resource.id = app_grant.resource_id
      where app_id = ${appId} order by app_grant.made_at, app_grant.id`,
    listWhere(sql, identityTable, { appId }, 'order by role, id'),
    listWhere(sql, trustRuleTable, { appId }, 'order by made_at, id'),
    listWhere(sql, manifestTable, { appId }),
  ])
  // Systems that its manifest names, current or older: what should have been looked at.
  const purposes = manifests.flatMap(each => each.purposes)
  const egress = named(purposes.flatMap(each => each.egress))
  const needs = named(purposes.flatMap(each => each.needs.map(need => need.resource)))
  const known = await query<{ slug: string }>(
    sql,
  )`select slug from resource where slug = any(${needs}::text[])`
  const unshown = needs.filter(need => !known.some(({ slug }) => slug === need))
  return { leases, found, holders, identities, rules, egress, needs, unshown }
}

const named = (names: readonly string[]) => [...new Set(names)].sort()

/** What of an app could still act: open tasks, and tokens that would be accepted. */
export async function countLive(sql: Sql, appId: ids.AppId) {
  const live = await first<{ tasks: number; tokens: number }>(sql)`
    select (select count(*)::int from task where app_id = ${appId} and state = 'open') as tasks,
      (select count(*)::int from token join task on task.id = token.task_id
       where token.app_id = ${appId} and token.state = 'live' and task.state = 'open') as tokens`
  return live ?? { tasks: 0, tokens: 0 }
}

/** True for one caller at a time; whoever dies with it loses it at `until`. */
export async function claimOffboarding(
  sql: Sql,
  appId: ids.AppId,
  { now, until }: { now: Instant; until: Instant },
): Promise<boolean> {
  const rows = await query(sql)`
    insert into offboarding_claim (app_id, until) values (${appId}, ${until})
    on conflict (app_id) do update set until = excluded.until
      where offboarding_claim.until <= ${now}
    returning app_id`
  return rows.length === 1
}

export const releaseOffboarding = (sql: Sql, appId: ids.AppId) =>
  query(sql)`delete from offboarding_claim where app_id = ${appId}`
