/** SQL of decision records at volume: their partitions, batches, and how far each segment was taken. */
import type { Instant } from '../../core/base/time.ts'
import { words } from '../../core/base/words.ts'
import { first, query, type Sql } from '../../core/store/store.ts'
import type { Kept } from './line.ts'

/** Bytes of a segment that are in the database. */
export async function sentOf(sql: Sql, segment: string): Promise<number> {
  const known = await first<{ sent: number }>(sql)`
    select sent from decision_spool where segment = ${segment}`
  return known?.sent ?? 0
}

/** Bytes of a segment, up to `to`. */
type Span = Readonly<Record<'from' | 'to', number>>

/** Locks the segment's row and moves it on; false where it was not at `from`: somebody has sent that already. */
export async function advance(sql: Sql, segment: string, { from, to }: Span): Promise<boolean> {
  const rows = await sql.query(
    from === 0
      ? `insert into decision_spool (segment, sent) select $1, $3 where $2::bigint = 0
         on conflict (segment) do nothing returning 1`
      : 'update decision_spool set sent = $3 where segment = $1 and sent = $2 returning 1',
    [segment, from, to],
  )
  return rows.length === 1
}

export async function forgetSegment(sql: Sql, segment: string): Promise<void> {
  await query(sql)`delete from decision_spool where segment = ${segment}`
}

/** A partition for each day that these were made on; most are there. */
export async function keepPartitions(sql: Sql, days: readonly string[]): Promise<void> {
  await query(sql)`select keep_partition(day::date) from unnest(${days}::text[]) as day`
}

/** Columns as lines of one text each: an array of texts would have every quote of every record escaped. */
export async function insertRecords(sql: Sql, batchId: string, records: readonly Kept[]) {
  const columns = members.map(name => records.map(each => String(each[name] ?? '')).join('\n'))
  await sql.query(insertText, [batchId, ...columns])
}

const members = words('id at appId taskId allowed body hash kind')
const listed = members.map((_, nth) => `string_to_array($${nth + 2}::text, E'\\n')`)

const insertText = `
  insert into decision_record
    (batch_id, nth, id, at, app_id, task_id, allowed, record, hash, kind)
  select $1, nth, id, at::timestamptz, nullif(app_id, ''), nullif(task_id, ''), allowed::boolean,
    record, hash, kind
  from unnest(${listed.join(', ')}) with ordinality
    as r (id, at, app_id, task_id, allowed, record, hash, kind, nth)`

export interface SealedBatch {
  readonly batchId: string
  readonly count: number
  /** Hex, as the entry says it. */
  readonly root: string
  readonly firstAt: Instant
  readonly lastAt: Instant
}

/** Hashes of the records of one batch, in their order; `record` is hashed again by who checks. */
export function recordsOf(sql: Sql, batch: SealedBatch) {
  const { batchId, firstAt, lastAt } = batch
  return query<{ body: string }>(sql)`
    select record as body from decision_record
    where batch_id = ${batchId} and at between ${firstAt} and ${lastAt} order by nth`
}
