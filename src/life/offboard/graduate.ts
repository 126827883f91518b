/**
 * Graduating: a prototype that stays gets a managed app as its successor, with identities of its own and
 * what was really used, and ends with proof once that one works. People agree to exactly the plan; what is
 * made of it is `makeSuccessor`. Undone where nobody takes over in time: then it is the successor that ends.
 */
import { beginEnd } from '../../core/app/events.ts'
import type { AppRow } from '../../core/app/rows.ts'
import { type AppId, type PersonId, systemId } from '../../core/base/ids.ts'
import { limits } from '../../core/base/limits.ts'
import { problemOf } from '../../core/base/problem.ts'
import { forEachDue } from '../../core/base/sweep.ts'
import { addMs, type Instant } from '../../core/base/time.ts'
import type { Succession } from '../../core/grant/agreed.ts'
import type { GrantRow } from '../../core/grant/rows.ts'
import type { SweepWorld } from '../../core/ledger/record.ts'
import type { Sql } from '../../core/store/store.ts'
import { bounds } from './bounds.ts'
import words from './checks.json' with { type: 'json' }

/** A live or resting grant of the app itself; `used`: what a credential was made for under it. */
type Granted = Readonly<{ from: GrantRow['id']; resource: string; dataOwnerId: PersonId }> &
  Readonly<Record<'granted' | 'used', GrantRow['actions']>>

/** How far it is: each check with its next step, and of each grant what was used. Changes nothing. */
export async function checkGraduation(sql: Sql, { id, slug }: AppRow, now: Instant) {
  const params = [id, now, addMs(now, -limits.ownerSilentDays * 86_400_000)]
  const [read] = await sql.query<Record<string, boolean>>(checksText, params)
  const checks = Object.entries(words).map(([name, { says, next }]) => {
    return { name, ok: read?.[name] === true, says, next: next.replace('{app}', slug) }
  })
  const listed = `${rights} select * from rights order by resource, "from"`
  return { checks, grants: await sql.query<Granted>(listed, [id]) }
}

const rights = `with rights as (
  select g.id as "from", data_owner_id as "dataOwnerId", resource.slug as resource, actions as granted,
    array(select distinct unnest(lease.actions) from lease where grant_id = g.id and issued_at is not null) as used
  from app_grant g join resource on resource.id = resource_id
  where app_id = $1 and g.state in ('live', 'resting') and request_id is not null)`
const successors = `from request join app next on next.id = 'ap_' || substr(request.id, 4)
  where kind = 'graduate' and next.state in ('active', 'paused') and app_id`

/** Each by the name its words have. */
const checksText = `${rights}, living as (select id from person where state = 'living' and seen_at >= $3)
  select state = 'active' and ends_at > $2 and stage = 'prototype' as prototype,
    not exists (select ${successors} = $1) as once,
    2 = (select count(*) from living where id in (owner_id, backup_id)) as owner,
    exists (select from manifest where app_id = $1 and state = 'current' and jsonb_array_length(purposes) > 0) as purpose,
    exists (select from trust_rule where app_id = $1 and state = 'active' and preset <> 'person') as trust,
    exists (select from rights where cardinality(used) > 0) as used,
    coalesce(watched_until <= $2, true)
      and not exists (select from found_thing where app_id = $1 and gone_at is null) as ours,
    not exists (select from lease where app_id = $1 and (state = 'ending' or outcome = 'revoked-unverified')) as residual,
    not exists (select from rights where "dataOwnerId" not in (select id from living)) as data,
    not exists (select from finding where state = 'open' and (about = $1
      or about in (select "from" from rights union all select id from lease where app_id = $1))) as findings
  from app where id = $1`

/** What an app that is gone has become: a successor that people agreed to lives, or not. */
export async function outcomeOf(sql: Sql, appId: AppId): Promise<'graduate' | 'gone'> {
  return (await sql.query(`select ${successors} = $1`, [appId])).length > 0 ? 'graduate' : 'gone'
}

type To = Pick<Succession['successor'], 'slug' | 'ownerId' | 'backupId' | 'team' | 'endsAt'>
/** `keep`: by resource, why what was not used of it is asked for all the same. */
type Asked = Readonly<{ to: To; keep: Readonly<Record<string, string>>; now: Instant }>

/**
 * The body of the request and who must say yes, all of them: who takes it, and who answers for the data it
 * keeps. Who asks is none of them (`makeRequest`). Problem `wrong-state` says what stands in its way.
 */
export async function proposeGraduation(sql: Sql, app: AppRow, { to, keep, now }: Asked) {
  const { checks, grants: had } = await checkGraduation(sql, app, now)
  const open = checks.find(({ ok }) => !ok)
  if (open !== undefined)
    throw problemOf('not-ready-to-graduate', { slug: app.slug, says: open.says, next: open.next })
  const more = Object.keys(keep).find(name => had.every(({ resource }) => resource !== name))
  if (more !== undefined)
    throw problemOf('nothing-to-keep', { slug: app.slug, more, field: '/keep' })
  const kept = had.map(grant => {
    const because = keep[grant.resource] ?? null
    return { ...grant, actions: because === null ? grant.used : grant.granted, because }
  })
  const owners = kept.flatMap(each => (each.actions.length > 0 ? each.dataOwnerId : []))
  const approvers = [...new Set([to.ownerId, ...owners])]
  const { id: appId, version: onto, purpose, dataClasses } = app
  const successor = { ...to, purpose, dataClasses, stage: 'managed', endTrigger: 'date' } as const
  const grants = kept.map(({ dataOwnerId: _, ...grant }) => grant)
  const body = { appId, onto, successor, grants } satisfies Succession
  const of = { kind: 'graduate', appId, ownAnswer: false } as const
  return { ...of, body, approvers, quorum: approvers.length }
}

/** What people are shown and agree to. */
export type Graduation = Awaited<ReturnType<typeof proposeGraduation>>['body']

/** Begins the ends that are due; each goes on by itself until it is proven. Returns how many. */
export async function sweepGraduations(world: SweepWorld): Promise<number> {
  const since = [bounds.overlapMs, bounds.takeOverMs].map(ms => addMs(world.clock.now(), -ms))
  return forEachDue(await world.store.query<{ appId: AppId }>(dueText, since), ({ appId }) => {
    const permit = world.permitFor(systemId('app-sweep'), 'app.end', { type: 'app', id: appId })
    return beginEnd(world, permit, { appId })
  })
}

/**
 * Of a prototype whose successor works, once it has nothing to do itself any more or both have worked
 * since the first time given; and of a successor nobody has begun to use since the second.
 */
const dueText = `select case when took.at is null then next.id else app.id end as "appId"
  from request join app on app.id = app_id join app next on next.id = 'ap_' || substr(request.id, 4)
    cross join lateral (select min(issued_at) as at from lease where app_id = next.id) took
  where kind = 'graduate' and next.state = 'active' and app.state in ('active', 'paused')
    and (took.at <= $1 or took.at is null and next.made_at <= $2 or took.at is not null
      and not exists (select from task where app_id = app.id and state = 'open'))`
