/** Bundles and kept decisions: the rows, and every SQL text that reads them. */
import type { AppId, BundleId, DecisionId, RequestId } from '../base/ids.ts'
import { limits } from '../base/limits.ts'
import type { DecisionRecord } from '../base/permit.ts'
import type { Instant } from '../base/time.ts'
import { factTable } from '../ledger/fact-table.ts'
import type { Sql, Tx } from '../store/store.ts'

export interface BundleRow {
  readonly id: BundleId
  readonly version: number
  /** 1, 2, 3, …: what people see of it (`policy v3`). */
  readonly serial: number
  readonly hash: string
  /** Canonical JSON of the schema and every file; its SHA-256 is `hash`. */
  readonly body: string
  /** What people agreed to; null for what came with the program. */
  readonly requestId: RequestId | null
  readonly state: 'active' | 'superseded'
  readonly madeAt: Instant
}

/** Every replica keeps the one in force in memory, text and all. */
export const bundleTable = factTable<BundleRow>(
  'bundle',
  ['id', 'version', 'serial', 'hash', 'body', 'requestId', 'state', 'madeAt'],
  { isResident: bundle => bundle.state === 'active' },
)

/** The one in force, locked: two changes at once wait for each other. */
export async function lockActiveBundle(tx: Tx): Promise<BundleRow | undefined> {
  const rows = await tx.query<BundleRow>(
    `select ${bundleTable.select} from bundle where state = 'active' for update`,
  )
  return rows[0]
}

export async function findBundleOf(sql: Sql, requestId: RequestId): Promise<BundleRow | undefined> {
  const rows = await sql.query<BundleRow>(
    `select ${bundleTable.select} from bundle where request_id = $1`,
    [requestId],
  )
  return rows[0]
}

export async function findBundleByHash(sql: Sql, hash: string): Promise<BundleRow | undefined> {
  const rows = await sql.query<BundleRow>(
    `select ${bundleTable.select} from bundle where hash = $1 order by serial limit 1`,
    [hash],
  )
  return rows[0]
}

/** Newest first: the history of the rules. */
export function listBundles(sql: Sql): Promise<BundleRow[]> {
  return sql.query<BundleRow>(
    `select ${bundleTable.select} from bundle order by serial desc limit ${limits.pageRows}`,
  )
}

const decisionColumns =
  'id, at, app_id as "appId", task_id as "taskId", allowed, record as body, hash'

export async function findDecision(sql: Sql, id: DecisionId): Promise<DecisionRecord | undefined> {
  const rows = await sql.query<DecisionRecord>(
    `select ${decisionColumns} from decision where id = $1`,
    [id],
  )
  return rows[0]
}

/** In the order they were made; the page after `last`. */
export function listDecisions(
  sql: Sql,
  last: { readonly at: Instant; readonly id: string } | null,
): Promise<DecisionRecord[]> {
  return sql.query<DecisionRecord>(
    `select ${decisionColumns} from decision
     where $1::timestamptz is null or (at, id) > ($1::timestamptz, $2::text)
     order by at, id limit ${limits.replayBatch}`,
    [last?.at ?? null, last?.id ?? null],
  )
}

/** Of one app, newest first. */
export function listDecisionsOf(sql: Sql, appId: AppId): Promise<DecisionRecord[]> {
  return sql.query<DecisionRecord>(
    `select ${decisionColumns} from decision where app_id = $1
     order by at desc, id desc limit ${limits.pageRows}`,
    [appId],
  )
}

export async function lastDenied(sql: Sql, appId: AppId): Promise<DecisionRecord | undefined> {
  const rows = await sql.query<DecisionRecord>(
    `select ${decisionColumns} from decision where app_id = $1 and not allowed
     order by at desc, id desc limit 1`,
    [appId],
  )
  return rows[0]
}
