/** Apps: the rows, and every SQL text that reads them. Not for: what an event does (`app.ts`). */
import type { ActorId, AppId, PersonId } from '../base/ids.ts'
import { limits } from '../base/limits.ts'
import type { Instant } from '../base/time.ts'
import { factTable } from '../ledger/fact-table.ts'
import { findRow, lockRow, shareRow } from '../ledger/find-row.ts'
import type { Sql, Tx } from '../store/store.ts'

/** From what anyone may read to what hurts most. `customer` and `hr` weigh the same. */
export const dataClasses = ['public', 'internal', 'customer', 'hr', 'secret'] as const
export type DataClass = (typeof dataClasses)[number]

export const appStates = ['draft', 'active', 'paused', 'ending', 'ended', 'graduated'] as const
export type AppState = (typeof appStates)[number]
export type Stage = 'prototype' | 'managed'
/** `owner` its owner or backup · `person` somebody else with the right · `drift` a control of ours. */
export type PauseCause = 'owner' | 'owner-gone' | 'drift' | 'person'
export type EndTrigger = 'date' | 'owner' | 'day-closes' | 'graduation'

export interface AppRow {
  readonly id: AppId
  readonly version: number
  readonly slug: string
  readonly ownerId: PersonId
  readonly backupId: PersonId
  readonly offeredTo: PersonId | null
  readonly team: string | null
  readonly purpose: string
  readonly dataClasses: readonly DataClass[]
  readonly stage: Stage
  readonly state: AppState
  readonly endTrigger: EndTrigger
  readonly endsAt: Instant
  /** No extension passes this. */
  readonly maxEndsAt: Instant
  readonly pausedBecause: PauseCause | null
  /** Since when no living person owns it; null while one does. */
  readonly orphanedAt: Instant | null
  readonly madeBy: ActorId
  readonly madeAt: Instant
  readonly endedAt: Instant | null
}

/** Ended apps stay in memory: a decision about one must say "ended", not "unknown". */
export const appTable = factTable<AppRow, 'purpose'>(
  'app',
  // biome-ignore format: a list of names
  [
    'id', 'version', 'slug', 'ownerId', 'backupId', 'offeredTo', 'team', 'purpose', 'dataClasses',
    'stage', 'state', 'endTrigger', 'endsAt', 'maxEndsAt', 'pausedBecause', 'orphanedAt',
    'madeBy', 'madeAt', 'endedAt',
  ],
  { words: ['purpose'] },
)

export function findApp(sql: Sql, id: AppId): Promise<AppRow | undefined> {
  return findRow(sql, appTable, id)
}

export function lockApp(tx: Tx, id: AppId): Promise<AppRow | undefined> {
  return lockRow(tx, appTable, id)
}

/** As it is until the commit: many may look at once, and a change waits for them. */
export function shareApp(tx: Tx, id: AppId): Promise<AppRow | undefined> {
  return shareRow(tx, appTable, id)
}

/** The living app of that name, else the one that ended last. */
export async function findAppBySlug(sql: Sql, slug: string): Promise<AppRow | undefined> {
  const rows = await sql.query<AppRow>(
    `select ${appTable.select} from app where slug = $1
     order by ended_at desc nulls first limit 1`,
    [slug],
  )
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

/** Kinds of findings of this chapter. */
export const orphaned = 'app-orphaned'
export const backupGone = 'app-backup-gone'

export interface DueApp {
  readonly id: AppId
  readonly due:
    | 'end-due'
    | 'owner-gone'
    | 'owner-back'
    | 'hand-over-due'
    | 'backup-gone'
    | 'backup-back'
}

export interface DueTimes {
  readonly now: Instant
  /** Nobody who was not seen since then counts as living. */
  readonly silentSince: Instant
  /** Whoever has been without an owner since before then is paused. */
  readonly orphanedSince: Instant
}

/** Living apps to which something happens by itself, with what it is; of one app, or a page of all. */
export function listDueApps(sql: Sql, times: DueTimes, id: AppId | null = null): Promise<DueApp[]> {
  return sql.query<DueApp>(
    `with seen as (
       select app.*, owner.state = 'living' and owner.seen_at >= $2 as owner_lives,
         backup.state = 'living' and backup.seen_at >= $2 as backup_lives,
         exists (select 1 from finding where about = app.id and kind = '${backupGone}' and state = 'open') as is_told
       from app join person owner on owner.id = app.owner_id join person backup on backup.id = app.backup_id
       where app.state in ('draft', 'active', 'paused') and ($4::text is null or app.id = $4)),
     due as (
       select id, ends_at, case
         when ends_at <= $1 then 'end-due'
         when not owner_lives and orphaned_at is null then 'owner-gone'
         when owner_lives and orphaned_at is not null then 'owner-back'
         when state = 'active' and orphaned_at <= $3 then 'hand-over-due'
         when not backup_lives and owner_id <> backup_id and not is_told then 'backup-gone'
         when backup_lives and is_told then 'backup-back' end as due
       from seen)
     select id, due from due where due is not null order by ends_at, id limit ${limits.pageRows}`,
    [times.now, times.silentSince, times.orphanedSince, id],
  )
}
