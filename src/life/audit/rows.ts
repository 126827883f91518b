/**
 * The log as it lies in the database, read by who checks it or looks at it. Written here are the counts of
 * callers nobody knows; removed are words of people, beside the leaves and never in them.
 */

import type { Instant } from '../../core/base/time.ts'
import type { EntryRow } from '../../core/ledger/rows.ts'
import type { TreeNode } from '../../core/ledger/tree.ts'
import { first, query, type Sql, statement, type Tx, verbatim } from '../../core/store/store.ts'
import { bounds } from './bounds.ts'

const entryColumns =
  verbatim(`e.position, e.inbox_id as "inboxId", e.at, e.kind, e.subjects, e.leaf,
  e.leaf_hash as "leafHash", e.facts, e.facts_salt as "factsSalt", w.words, w.salt as "wordsSalt"`)

export interface EntryFilter {
  /** Id of a thing it is about. */
  readonly subject?: string | undefined
  readonly kind?: string | undefined
  /** Positions after this one, oldest first. */
  readonly after?: number | undefined
  /** Positions before this one, newest first. Newest first is also what neither gives. */
  readonly before?: number | undefined
}

const any = verbatim('')
const isAbout = ({ subject, kind }: EntryFilter) => statement`true
  ${subject === undefined ? any : statement`and e.subjects @> array[${subject}]::text[]`}
  ${kind === undefined ? any : statement`and e.kind = ${kind}`}`

export function findEntries(sql: Sql, filter: EntryFilter, limit: number): Promise<EntryRow[]> {
  const { after, before } = filter
  return query<EntryRow>(sql)`
    select ${entryColumns} from ledger_entry e left join ledger_words w using (position)
    where ${isAbout(filter)}
      ${after === undefined ? any : statement`and e.position > ${after}`}
      ${before === undefined ? any : statement`and e.position < ${before}`}
    order by e.position ${verbatim(after === undefined ? 'desc' : '')} limit ${limit}`
}

type Counted = Record<'at' | 'until', Instant> &
  Record<'entries' | 'denied' | 'from' | 'to', number>

/** The newest, counted by when they came: by five minutes, an hour or a day, as long as they reach back. */
export const countEntries = (sql: Sql, filter: EntryFilter) => query<Counted>(sql)`
  with newest as (select position, at, kind from ledger_entry e where ${isAbout(filter)}
      order by position desc limit ${bounds.countedEntries}),
    stretch as (select case when max(at) - min(at) < '1 hour' then interval '5 minutes'
      when max(at) - min(at) < '1 day' then '1 hour' else '1 day' end as step from newest)
  select min(s) as at, min(s) + min(step) as until, count(*)::int as entries,
    (count(*) filter (where kind = 'decision.deny'))::int as denied,
    min(position) as "from", max(position) as "to"
  from newest, stretch, date_bin(step, at, '2000-01-01Z') as s group by s order by s`

/** The one at this position. */
export const findEntry = async (sql: Sql, position: number): Promise<EntryRow | undefined> =>
  (await findEntries(sql, { after: position - 1, before: position + 1 }, 1))[0]

export const allNodes = (sql: Sql) =>
  query<TreeNode>(sql)`select level, index, hash from ledger_node`

/** Facts of entries without a position, in id order. */
export async function readWaitingFacts(sql: Sql): Promise<string[]> {
  const rows = await sql.query<{ facts: string }>('select facts from ledger_inbox order by id')
  return rows.map(row => row.facts)
}

export async function hasWaitingWords(sql: Sql, subject: string): Promise<boolean> {
  const waiting = await first(sql)`
    select 1 from ledger_inbox
    where subjects @> ${[subject]}::text[] and words is not null limit 1`
  return waiting !== undefined
}

export async function eraseWordsOf(tx: Tx, subject: string): Promise<number[]> {
  const rows = await query<{ position: number }>(tx)`
    delete from ledger_words w using ledger_entry e
    where e.position = w.position and e.subjects @> ${[subject]}::text[] returning w.position`
  return rows.map(row => row.position).sort((a, b) => a - b)
}

export interface RefusalCount {
  readonly issuer: string
  readonly minute: Instant
  readonly reason: string
  readonly count: number
}

export const addRefusals = (sql: Sql, counts: readonly RefusalCount[]) => query(sql)`
    insert into ledger_refusal_count as c (issuer, minute, reason, count)
    select issuer, minute, reason, count
    from jsonb_to_recordset(${JSON.stringify(counts)}::jsonb)
      as n (issuer text, minute timestamptz, reason text, count bigint)
    on conflict (issuer, minute, reason) do update set count = c.count + excluded.count`

/** Minutes before `minute` that have counts. */
export const dueRefusals = (sql: Sql, minute: Instant) =>
  query<Pick<RefusalCount, 'issuer' | 'minute'>>(sql)`
    select distinct issuer, minute from ledger_refusal_count
    where minute < ${minute} order by minute, issuer limit ${bounds.refusalKinds}`

export const takeRefusals = (tx: Tx, issuer: string, minute: Instant) => query<RefusalCount>(tx)`
  delete from ledger_refusal_count where issuer = ${issuer} and minute = ${minute}
  returning issuer, minute, reason, count`
