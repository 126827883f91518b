/** Apps: the rows, and every SQL text that reads them. Not for: what an event does (`app.ts`). */
import type { ActorId, AppId, PersonId } from '../base/ids.ts'
import { limits } from '../base/limits.ts'
import type { Instant } from '../base/time.ts'
import type { Word } from '../base/words.ts'
import { always, fact, factTable, findRow, type RowOf, text } from '../ledger/fact-table.ts'
import type { Sql } from '../store/store.ts'

/** From what anyone may read to what hurts most. `customer` and `hr` weigh the same. */
export const dataClasses = ['public', 'internal', 'customer', 'hr', 'secret'] as const
export type DataClass = (typeof dataClasses)[number]

export const appStates = ['active', 'paused', 'ending', 'ended', 'graduated'] as const
export type AppState = (typeof appStates)[number]
/** `owner` its owner or backup · `person` somebody else with the right · `drift` a control of ours. */
export type PauseCause = 'owner' | 'owner-gone' | 'drift' | 'person'

/** Ended apps stay in memory: a decision about one must say "ended", not "unknown". */
export const appTable = factTable('app', always, {
  id: fact<AppId>(),
  slug: fact<string>(),
  ownerId: fact<PersonId>(),
  backupId: fact<PersonId>(),
  offeredTo: fact<PersonId | null>(),
  team: fact<string | null>(),
  /** The organised build day it was made for; a name, so that one hold stops them all. */
  day: fact<string | null>(),
  purpose: text<string>(),
  dataClasses: fact<readonly DataClass[]>(),
  stage: fact<'prototype' | 'managed'>(),
  state: fact<AppState>(),
  endTrigger: fact<'date' | 'owner' | 'day-closes' | 'graduation'>(),
  endsAt: fact<Instant>(),
  /** No extension passes this. */
  maxEndsAt: fact<Instant>(),
  pausedBecause: fact<PauseCause | null>(),
  /** Since when no living person owns it; null while one does. */
  orphanedAt: fact<Instant | null>(),
  madeBy: fact<ActorId>(),
  madeAt: fact<Instant>(),
  endedAt: fact<Instant | null>(),
  /** Made of what was found at targets; null: made here. */
  origin: fact<'adopted' | null>(),
  /** Until then what policy denies of its use goes on, and is recorded as that. */
  watchedUntil: fact<Instant | null>(),
  /** Who may open its pages beside owner and backup; `*`: everybody who signs in here. */
  openTo: fact<readonly (PersonId | '*')[]>(),
})
export type AppRow = RowOf<typeof appTable>

export const findApp = (sql: Sql, id: AppId) => findRow(sql, appTable, id)

/** Kinds of findings of this chapter. */
export const orphaned = 'app-orphaned'
export const backupGone = 'app-backup-gone'

/** What happens to an app by itself. */
export type DueEvent = Word<'end-due owner-gone owner-back hand-over-due backup-gone backup-back'>

/**
 * Living apps to which something happens by itself, with what it is; of one app, or a page of all.
 * Nobody who was not seen since `silentSince` counts as living; who has been without an owner since
 * `orphanedSince` is paused.
 */
export function listDueApps(
  sql: Sql,
  times: { now: Instant; silentSince: Instant; orphanedSince: Instant },
  id: AppId | null = null,
): Promise<{ id: AppId; due: DueEvent }[]> {
  return sql.query(
    `with seen as (
       select app.*, owner.state = 'living' and owner.seen_at >= $2 as owner_lives,
         backup.state = 'living' and backup.seen_at >= $2 as backup_lives,
         exists (select 1 from finding where about = app.id and kind = '${backupGone}' and state = 'open') as is_told
       from app join person owner on owner.id = app.owner_id join person backup on backup.id = app.backup_id
       where app.state in ('active', 'paused') and ($4::text is null or app.id = $4)),
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
