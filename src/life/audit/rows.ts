/**
 * The log as it lies in the database, read by who checks it or looks at it. Written here are the counts of
 * callers nobody knows; removed are words of people, beside the leaves and never in them.
 */

import type { Instant } from '../../core/base/time.ts'
import type { EntryRow } from '../../core/ledger/rows.ts'
import type { TreeNode } from '../../core/ledger/tree.ts'
import type { Sql, Tx } from '../../core/store/store.ts'
import { bounds } from './bounds.ts'

const entryColumns = `e.position, e.inbox_id as "inboxId", e.at, e.kind, e.subjects, e.leaf,
  e.leaf_hash as "leafHash", e.facts, e.facts_salt as "factsSalt", w.words, w.salt as "wordsSalt"`

export interface EntryFilter {
  /** Id of a thing it is about. */
  readonly subject?: string | undefined
  readonly kind?: string | undefined
  /** Positions after this one, oldest first. */
  readonly after?: number | undefined
  /** Positions before this one, newest first. Newest first is also what neither gives. */
  readonly before?: number | undefined
}

export function findEntries(sql: Sql, filter: EntryFilter, limit: number): Promise<EntryRow[]> {
  const conditions: string[] = []
  const params: unknown[] = []
  const add = (condition: (nth: string) => string, value: unknown) => {
    if (value !== undefined) conditions.push(condition(`$${params.push(value)}`))
  }
  add(nth => `e.subjects @> array[${nth}]::text[]`, filter.subject)
  add(nth => `e.kind = ${nth}`, filter.kind)
  add(nth => `e.position > ${nth}`, filter.after)
  add(nth => `e.position < ${nth}`, filter.before)
  const where = conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`
  return sql.query<EntryRow>(
    `select ${entryColumns} from ledger_entry e left join ledger_words w using (position) ${where}
     order by e.position ${filter.after === undefined ? 'desc' : ''} limit ${limit}`,
    params,
  )
}

/** The one at this position. */
export const findEntry = async (sql: Sql, position: number): Promise<EntryRow | undefined> =>
  (await findEntries(sql, { after: position - 1, before: position + 1 }, 1))[0]

export function allNodes(sql: Sql): Promise<TreeNode[]> {
  return sql.query<TreeNode>('select level, index, hash from ledger_node')
}

/** Facts of entries without a position, in id order. */
export async function readWaitingFacts(sql: Sql): Promise<string[]> {
  const rows = await sql.query<{ facts: string }>('select facts from ledger_inbox order by id')
  return rows.map(row => row.facts)
}

export async function hasWaitingWords(sql: Sql, subject: string): Promise<boolean> {
  const rows = await sql.query(
    'select 1 from ledger_inbox where subjects @> $1::text[] and words is not null limit 1',
    [[subject]],
  )
  return rows.length > 0
}

export async function eraseWordsOf(tx: Tx, subject: string): Promise<number[]> {
  const rows = await tx.query<{ position: number }>(
    `delete from ledger_words w using ledger_entry e
     where e.position = w.position and e.subjects @> $1::text[] returning w.position`,
    [[subject]],
  )
  return rows.map(row => row.position).sort((a, b) => a - b)
}

export interface RefusalCount {
  readonly issuer: string
  readonly minute: Instant
  readonly reason: string
  readonly count: number
}

export async function addRefusals(sql: Sql, counts: readonly RefusalCount[]): Promise<void> {
  await sql.query(
    `insert into ledger_refusal_count as c (issuer, minute, reason, count)
     select issuer, minute, reason, count
     from jsonb_to_recordset($1::jsonb)
       as n (issuer text, minute timestamptz, reason text, count bigint)
     on conflict (issuer, minute, reason) do update set count = c.count + excluded.count`,
    [JSON.stringify(counts)],
  )
}

/** Minutes before `minute` that have counts. */
export function dueRefusals(
  sql: Sql,
  minute: Instant,
): Promise<Pick<RefusalCount, 'issuer' | 'minute'>[]> {
  return sql.query(
    `select distinct issuer, minute from ledger_refusal_count
     where minute < $1 order by minute, issuer limit $2`,
    [minute, bounds.refusalKinds],
  )
}

export function takeRefusals(tx: Tx, issuer: string, minute: Instant): Promise<RefusalCount[]> {
  return tx.query<RefusalCount>(
    `delete from ledger_refusal_count where issuer = $1 and minute = $2
     returning issuer, minute, reason, count`,
    [issuer, minute],
  )
}
