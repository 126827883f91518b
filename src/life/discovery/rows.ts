/** Things that were found, and how far looks at targets are: the rows, and every SQL text that reads them. */
import type { AppId, PersonId, TargetId, ThingId } from '../../core/base/ids.ts'
import type { Json } from '../../core/base/json.ts'
import { limits } from '../../core/base/limits.ts'
import type { Instant } from '../../core/base/time.ts'
import { fact, factTable, type RowOf, text } from '../../core/ledger/fact-table.ts'
import { query, type Sql } from '../../core/store/store.ts'
import type { Found } from '../../core/target/target.ts'

/** No decision reads them: they are read where they are shown. */
export const thingTable = factTable('found_thing', () => false, {
  id: fact<ThingId>(),
  targetId: fact<TargetId>(),
  /** The target's own id of it. Ids and names there can be people's. */
  nativeId: text<string>(),
  kind: fact<Found['kind']>(),
  name: text<string>(),
  /** Who made it or answers for it, as the target names them. */
  creator: text<string | null>(),
  /** There, as far as the target knows. */
  madeAt: fact<Instant | null>(),
  lastUsedAt: fact<Instant | null>(),
  endsAt: fact<Instant | null>(),
  state: fact<'found' | 'claimed' | 'adopted' | 'gone'>(),
  /** Who said that it is theirs. */
  ownerId: fact<PersonId | null>(),
  appId: fact<AppId | null>(),
  firstSeenAt: fact<Instant>(),
  goneAt: fact<Instant | null>(),
})
export type ThingRow = RowOf<typeof thingTable>

/** Things there by the target's own ids. */
export function findNative(
  sql: Sql,
  target: TargetId,
  ids: readonly string[],
): Promise<ThingRow[]> {
  return sql.query(
    `select ${thingTable.select} from found_thing where target_id = $1 and native_id = any($2)`,
    [target, ids],
  )
}

/** Not in the log, and no new version: only what differs is written there. */
export async function markSeen(sql: Sql, target: TargetId, ids: readonly string[], at: Instant) {
  const text = 'update found_thing set seen_at = $3 where target_id = $1 and native_id = any($2)'
  await sql.query(text, [target, ids, at])
}

/** A page of those that should be there and were not seen since. */
export function listMissed(sql: Sql, target: TargetId, since: Instant): Promise<ThingRow[]> {
  return sql.query(
    `select ${thingTable.select} from found_thing
     where target_id = $1 and state <> 'gone' and (seen_at < $2) is not false
     order by id limit ${limits.pageRows}`,
    [target, since],
  )
}

/** How far it is stopped at its system, and what it was before; null: it is not. Not in the log: its entry is. */
export type HeldThing = { isHeld?: boolean; says?: string | null; was?: Json } | null

/** What an app answers for and is to be stopped, or was: those first that are not. */
export function listAdopted(sql: Sql) {
  return sql.query<ThingRow & { appId: AppId; held: HeldThing }>(
    `select ${thingTable.select}, held from found_thing where state = 'adopted' and (held is not null
       or app_id in (select id from app where state = 'paused') or exists (select from hold where state = 'set'))
     order by (held ->> 'isHeld')::boolean nulls first limit ${limits.saveRows}`,
  )
}

/** `first` only where nothing is known of that; `then` null forgets all. */
export async function putHeld(sql: Sql, id: ThingId, first: object, then: object | null) {
  await query(sql)`update found_thing set held = ${JSON.stringify(first)}::jsonb
    || coalesce(held, '{}') || ${then && JSON.stringify(then)}::jsonb where id = ${id}`
}

/** A look at a target. */
export interface Look {
  readonly targetId: TargetId
  readonly begunAt: Instant
  readonly work: LookWork | null
}
export interface LookWork {
  /** How far it is; null: at its beginning, or its end. */
  readonly cursor: string | null
  readonly isOn: boolean
  readonly things: number
  /** What was hidden from it, as hashes; and the most that was from any look that saw what is there. */
  readonly hidden: readonly string[]
  readonly before: readonly string[] | null
}

/** Targets whose look is under way, or whose last was begun before `since`; those never looked at first. */
export function listDueLooks(sql: Sql, since: Instant): Promise<Look[]> {
  return sql.query(
    `select target.id as "targetId", coalesce(begun_at, $1) as "begunAt", work
     from target left join look on target_id = target.id
     where state = 'active' and (begun_at > $1 and work ->> 'isOn' = 'false') is not true
     order by begun_at nulls first, target.id limit ${limits.pageRows}`,
    [since],
  )
}

/** Of the last look at a target; null before the first. */
export async function findWork(sql: Sql, target: TargetId): Promise<LookWork | null> {
  const text = 'select work from look where target_id = $1'
  return (await sql.query<Pick<Look, 'work'>>(text, [target]))[0]?.work ?? null
}

export async function putLook(sql: Sql, { targetId, begunAt, work }: Look): Promise<void> {
  await sql.query(
    `insert into look (target_id, begun_at, work) values ($1, $2, $3::jsonb)
     on conflict (target_id) do update set begun_at = excluded.begun_at, work = excluded.work`,
    [targetId, begunAt, JSON.stringify(work)],
  )
}

/** A thing with what people see beside it. */
export interface FoundThing extends ThingRow {
  readonly target: string
  readonly targetOwnerId: PersonId
  /** Of its app, or who claimed it. */
  readonly owner: string | null
  readonly isOwned: boolean
  readonly lastSeenAt: Instant | null
  readonly held: HeldThing
}

/** `seenBy`: of their targets and their own alone; null: all. `silentSince`: who was not seen since is not here. */
export interface FoundFilter {
  readonly seenBy: PersonId | null
  readonly silentSince: Instant
  readonly target?: string | undefined
  /** First seen after it. */
  readonly since?: Instant | undefined
  readonly id?: ThingId
  readonly skip?: number | undefined
}

const ownerId = 'coalesce(app.owner_id, thing.owner_id)'
const isOwned = "coalesce(owner.state = 'living' and owner.seen_at >= $2, false)"
const things = `from found_thing as thing join target on target.id = target_id left join app on app.id = app_id
  left join person owner on owner.id = ${ownerId}
  where ($1::text is null or $1 in (target.owner_id, ${ownerId})) and ($3::text is null or target.slug = $3)
    and ($4::text is null or thing.id = $4) and ($5::timestamptz is null or thing.first_seen_at > $5)`
const paramsOf = ({ seenBy, silentSince, target, id, since }: FoundFilter) => [
  seenBy,
  silentSince,
  target ?? null,
  id ?? null,
  since ?? null,
]

/** A page: what nobody knows first, then by target and name. */
export function listFound(sql: Sql, filter: FoundFilter): Promise<FoundThing[]> {
  const columns = thingTable.select.replaceAll(/(\w+) as/g, 'thing.$1 as')
  return sql.query(
    `select ${columns}, target.slug as target, target.owner_id as "targetOwnerId",
       owner.name as owner, ${isOwned} as "isOwned", thing.seen_at as "lastSeenAt", held ${things}
     order by array_position(array['found', 'claimed', 'adopted', 'gone'], thing.state), target.slug,
       thing.name, thing.id limit ${limits.pageRows} offset ${filter.skip ?? 0}`,
    paramsOf(filter),
  )
}

/** Three numbers of what is there: in no app, with nobody who answers, and that only a person would end. */
export async function countFound(sql: Sql, filter: FoundFilter) {
  const [row] = await sql.query<Record<'unknown' | 'ownerless' | 'neverEnding', number>>(
    `select count(*) filter (where app_id is null)::int as unknown,
       count(*) filter (where not ${isOwned})::int as ownerless,
       count(*) filter (where app_id is null and thing.ends_at is null)::int as "neverEnding"
     ${things} and thing.state <> 'gone'`,
    paramsOf(filter),
  )
  return row ?? { unknown: 0, ownerless: 0, neverEnding: 0 }
}
