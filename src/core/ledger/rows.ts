/**
 * The rows of the log and the SQL that writes and follows them; what only reads them is `life/audit`.
 * Fact rows are written by `record.ts`.
 */
import { limits } from '../base/limits.ts'
import type { DecisionRecord } from '../base/permit.ts'
import { assert } from '../base/problem.ts'
import type { Instant } from '../base/time.ts'
import { first, query, type Sql, type Statement, type Tx, verbatim } from '../store/store.ts'
import { type FactRow, type FactTable, snakeCase } from './fact-table.ts'
import type { Hash, TreeNode } from './tree.ts'

export interface HeadRow {
  readonly size: number
  readonly root: Hash
  readonly peaks: Uint8Array
}

export interface EntryRow {
  readonly position: number
  readonly inboxId: number
  readonly at: Instant
  readonly kind: string
  readonly subjects: readonly string[]
  readonly leaf: string
  readonly leafHash: Uint8Array
  readonly facts: string
  readonly factsSalt: string
  /** Null when there were none, and when they were erased: the leaf says which. */
  readonly words: string | null
  readonly wordsSalt: string | null
}

/** An entry as it is written, with the decisions it seals; its position comes later. */
export type Sealed = Omit<EntryRow, 'position' | 'inboxId' | 'leafHash'> & {
  readonly decisions: readonly DecisionRecord[]
}

/** Constraints of the inbox: the log is as long as its writer has seen it; the row was still as read. */
export const logReaches = 'log_reaches'
export const rowIsCurrent = 'row_is_current'

/**
 * The one statement that writes an entry, with the decisions it seals, the fact written last (which returns
 * its row when it was written) and what is written beside. INVARIANT: the entry reads from that fact, so its
 * id is taken after it; the database runs what nobody reads from at the end.
 */
export function writeEntry(
  tx: Tx,
  entry: Sealed & { readonly seen: number },
  write: Statement | undefined,
  beside: readonly Statement[],
): void {
  const { seen, at, kind, subjects, leaf, facts, factsSalt, words, wordsSalt } = entry
  const params: unknown[] = [seen, at, kind, subjects, leaf, facts, factsSalt, words, wordsSalt]
  const before: string[] = []
  if (write !== undefined) {
    before.push(`fact as (${write.sql(params.length + 1)})`)
    params.push(...write.params)
  }
  for (const [nth, { sql, params: more }] of beside.entries()) {
    before.push(`beside${nth} as (${sql(params.length + 1)})`)
    params.push(...more)
  }
  if (entry.decisions.length > 0)
    before.push(keepDecisions(`$${params.push(JSON.stringify(entry.decisions))}`))
  // Its failure is the transaction's, which is thrown; nobody is left to look at this one.
  tx.finish(
    `${before.length > 0 ? `with ${before.join(', ')}` : ''}
     insert into ledger_inbox
       (at, kind, subjects, leaf, facts, facts_salt, words, words_salt, log_size)
     select $2::timestamptz, $3, $4::text[], $5, $6, $7, $8, $9,
       case when written = 1 then (select size from ledger_head where size >= $1) else -1 end
     from (select ${write === undefined ? '1' : 'count(*) from fact'}) as f (written)`,
    params,
  ).catch(() => {})
}

/** A decision that carried several acts is kept once. */
const keepDecisions = (param: string) => `kept as (
  insert into decision (id, at, app_id, task_id, allowed, record, hash)
  select id, at, "appId", "taskId", allowed, body, hash
  from jsonb_to_recordset(${param}::jsonb) as d
    (id text, at timestamptz, "appId" text, "taskId" text, allowed boolean, body text, hash text)
  on conflict (id) do nothing)`

/**
 * One process at a time moves entries. A statement of its own, before the inbox is read: a lock taken
 * in the same statement would leave it reading the snapshot from before the last holder committed.
 */
export async function takeTurn(tx: Tx): Promise<boolean> {
  const turn = await first<{ mine: boolean }>(tx)`select pg_try_advisory_xact_lock(7135002) as mine`
  return turn?.mine === true
}

export async function readHead(sql: Sql): Promise<HeadRow> {
  return onlyRow(await sql.query<HeadRow>('select size, root, peaks from ledger_head'))
}

function onlyRow<T>(rows: readonly T[]): T {
  const [row] = rows
  assert(row !== undefined && rows.length === 1, 'the log has one head row')
  return row
}

type Picked = { readonly id: number; readonly leaf: string }

/**
 * The head and everything visible that waits, in id order. INVARIANT: no lower bound. An entry that
 * was numbered early and committed late must go before what could see it (tested: a bound reorders).
 */
export async function pickInbox(tx: Tx, limit: number): Promise<HeadRow & { picked: Picked[] }> {
  const rows = await query<HeadRow & { picked: Picked[] | null }>(tx)`
    select size, root, peaks, (
      select json_agg(json_build_object('id', id, 'leaf', leaf) order by id)
      from (select id, leaf from ledger_inbox order by id limit ${limit}) i) as picked
    from ledger_head`
  return { ...onlyRow(rows), picked: rows[0]?.picked ?? [] }
}

/**
 * Inbox to log, words, tree nodes, head and one wake-up: one statement, with the commit. INVARIANT: a
 * round moves exactly what it picked onto the head it read; else the head would be null, which fails.
 */
export function moveEntries(
  tx: Tx,
  entries: readonly { readonly id: number; readonly hash: Hash }[],
  from: number,
  to: HeadRow & { readonly nodes: readonly TreeNode[] },
): void {
  void tx.finish(moveText, [
    entries.map(entry => String(entry.id)),
    entries.map(entry => hex(entry.hash)),
    from,
    to.size,
    to.root,
    to.peaks,
    JSON.stringify(to.nodes.map(node => ({ ...node, hash: hex(node.hash) }))),
  ])
}

const moveText = `
  with place as (
    select id::bigint as id, decode(hash, 'hex') as leaf_hash, $3::bigint + nth - 1 as position
    from unnest($1::text[], $2::text[]) with ordinality as p (id, hash, nth)
  ), moved as (
    delete from ledger_inbox where id = any ($1::text[]::bigint[]) returning *
  ), placed as (
    insert into ledger_entry
      (position, inbox_id, at, kind, subjects, leaf, leaf_hash, facts, facts_salt)
    select position, id, at, kind, subjects, leaf, leaf_hash, facts, facts_salt
    from place join moved using (id) order by position
    returning position
  ), worded as (
    insert into ledger_words (position, words, salt)
    select position, words, words_salt from place join moved using (id) where words is not null
  ), noded as (
    insert into ledger_node (level, index, hash)
    select level, index, decode(hash, 'hex')
    from jsonb_to_recordset($7::jsonb) as n (level int, index bigint, hash text)
  )
  update ledger_head set root = $5, peaks = $6, sequenced_at = now(), size = case
    when size = $3::bigint and $4 - $3::bigint = (select count(*) from placed) then $4 end
  returning pg_notify('ledger', size::text)`

/** What a follower needs of an entry. */
export type FeedRow = Pick<
  EntryRow,
  'position' | 'inboxId' | 'at' | 'kind' | 'subjects' | 'facts' | 'leafHash'
>

/** The head, how long the oldest entry has waited for a position, and what follows `position`. */
export interface News extends Pick<HeadRow, 'size' | 'root'> {
  readonly waitingMs: number
  readonly entries: readonly FeedRow[]
}

/** In one statement, so that head and entries are of one moment. Waiting by the database's clock. */
export async function readNews(sql: Sql, position: number): Promise<News> {
  const rows = await query<News & FeedRow & { position: number | null }>(sql)`
    select h.size, h.root, coalesce((
        select extract(epoch from clock_timestamp() - queued_at) * 1000
        from ledger_inbox order by id limit 1), 0)::float8 as "waitingMs", e.*
    from ledger_head h left join lateral (
      select position, inbox_id as "inboxId", at, kind, subjects, facts, leaf_hash as "leafHash"
      from ledger_entry
      where position >= ${position} and position < h.size
      order by position limit ${limits.followBatch}) e on true
    order by e.position`
  const { size, root, waitingMs } = onlyRow(rows.slice(0, 1))
  return { size, root, waitingMs, entries: rows.filter(row => row.position !== null) }
}

export async function positionOf(sql: Sql, inboxId: number): Promise<number | undefined> {
  const placed = await first<{ position: number }>(sql)`
    select position from ledger_entry where inbox_id = ${inboxId}`
  return placed?.position
}

/** Pages of a fact table's images: every column but the words. */
export async function* readImages(tx: Tx, table: FactTable<FactRow>): AsyncGenerator<FactRow[]> {
  const columns = table.columns.filter(column => !table.words.has(column))
  const select = columns.map(column => `${snakeCase(column)} as "${column}"`).join(', ')
  for (let after = ''; ; ) {
    const rows = await query<FactRow>(tx)`
      select ${verbatim(select)} from ${verbatim(table.name)} where id > ${after}
      order by id limit ${limits.followBatch}`
    yield rows
    const last = rows.at(-1)
    if (last === undefined || rows.length < limits.followBatch) return
    after = last.id
  }
}

/** Stored hashes of each level's indexes from `low` up to `high`; level 0 are the leaves. */
export function readHashes(sql: Sql, wanted: readonly Record<'level' | 'low' | 'high', number>[]) {
  return query<TreeNode>(sql)`
    with want as (
      select * from jsonb_to_recordset(${JSON.stringify(wanted)}::jsonb)
        as w (level int, low bigint, high bigint))
    select 0 as level, position as index, leaf_hash as hash
    from want join ledger_entry on want.level = 0 and position >= low and position < high
    union all
    select n.level, n.index, n.hash
    from want join ledger_node n on n.level = want.level and n.index >= low and n.index < high`
}

export interface CheckpointRow extends Pick<HeadRow, 'size' | 'root'> {
  readonly note: string
  readonly signedAt: Instant
}

/** `rest` is what follows in the text: which, in which order. */
export function listCheckpoints(sql: Sql, rest: string, params?: readonly unknown[]) {
  const text = `select size, root, note, signed_at as "signedAt" from ledger_checkpoint ${rest}`
  return sql.query<CheckpointRow>(text, params)
}

export async function lastCheckpoint(sql: Sql): Promise<CheckpointRow | undefined> {
  return (await listCheckpoints(sql, 'order by size desc limit 1'))[0]
}

/** Keeps the first checkpoint of a size and answers the one that is kept. */
export async function keepCheckpoint(sql: Sql, row: CheckpointRow): Promise<CheckpointRow> {
  await query(sql)`
    insert into ledger_checkpoint (size, root, note, signed_at)
      values (${row.size}, ${row.root}, ${row.note}, ${row.signedAt})
    on conflict (size) do nothing`
  const [kept] = await listCheckpoints(sql, 'where size = $1', [row.size])
  return kept ?? row
}

export async function waitingIds(sql: Sql): Promise<number[]> {
  const rows = await sql.query<{ id: number }>('select id from ledger_inbox')
  return rows.map(row => row.id)
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
