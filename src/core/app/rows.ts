/** Apps: the rows, and every SQL text that reads them. Not for: what an event does (`app.ts`). */
import type { ActorId, AppId, PersonId } from '../base/ids.ts'
import { limits } from '../base/limits.ts'
import type { Instant } from '../base/time.ts'
import { factTable } from '../ledger/fact-table.ts'
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
  [
    'id',
    'version',
    'slug',
    'ownerId',
    'backupId',
    'offeredTo',
    'team',
    'purpose',
    'dataClasses',
    'stage',
    'state',
    'endTrigger',
    'endsAt',
    'maxEndsAt',
    'pausedBecause',
    'orphanedAt',
    'madeBy',
    'madeAt',
    'endedAt',
  ],
  { words: ['purpose'] },
)

export async function findApp(sql: Sql, id: AppId): Promise<AppRow | undefined> {
  const rows = await sql.query<AppRow>(`select ${appTable.select} from app where id = $1`, [id])
  return rows[0]
}

export async function lockApp(tx: Tx, id: AppId): Promise<AppRow | undefined> {
  const rows = await tx.query<AppRow>(
    `select ${appTable.select} from app where id = $1 for update`,
    [id],
  )
  return rows[0]
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
