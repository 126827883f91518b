/** Kept decisions and the rules they were reached by: read again, for people and for replay. */

import type { AppId, DecisionId } from '../../core/base/ids.ts'
import { limits } from '../../core/base/limits.ts'
import type { DecisionRecord } from '../../core/base/permit.ts'
import type { Instant } from '../../core/base/time.ts'
import { findWhere } from '../../core/ledger/fact-table.ts'
import { bundleTable } from '../../core/policy/rows.ts'
import type { Sql } from '../../core/store/store.ts'
import { bounds } from './bounds.ts'

/** Any of that hash: each holds the same text. */
export const findBundleByHash = (sql: Sql, hash: string) => findWhere(sql, bundleTable, { hash })

/** Kept decisions; `rest` is what stands after the name of their table. */
function listKept(sql: Sql, rest: string, params: readonly unknown[]): Promise<DecisionRecord[]> {
  return sql.query<DecisionRecord>(`select ${keptColumns} from decision_kept ${rest}`, params)
}

const keptColumns = 'id, at, app_id as "appId", task_id as "taskId", allowed, record as body, hash'

export async function findDecision(sql: Sql, id: DecisionId): Promise<DecisionRecord | undefined> {
  return (await listKept(sql, 'where id = $1', [id]))[0]
}

/** In the order they were made; the page after `last`. */
export function listDecisions(
  sql: Sql,
  last: { readonly at: Instant; readonly id: string } | null,
): Promise<DecisionRecord[]> {
  // Each table by its own index and no further than the page: of the view, all that follows is sorted.
  const page = `order by at, id limit ${bounds.replayBatch}`
  const after = 'at >= $1 and (at, id) > ($1::timestamptz, $2::text)'
  const columns = 'id, at, app_id, task_id, allowed, record, hash'
  return sql.query<DecisionRecord>(
    `select ${keptColumns} from (
       (select ${columns} from decision where ${after} ${page})
       union all
       (select ${columns} from decision_record where kind = 'own' and ${after} ${page})) as kept
     ${page}`,
    [last?.at ?? '-infinity', last?.id ?? ''],
  )
}

const newestOf = (isDenied: boolean, limit: number) =>
  `where app_id = $1 ${isDenied ? 'and not allowed' : ''} order by at desc, id desc limit ${limit}`

/** Of one app, newest first. */
export const listDecisionsOf = (sql: Sql, appId: AppId) =>
  listKept(sql, newestOf(false, limits.pageRows), [appId])

export async function lastDenied(sql: Sql, appId: AppId): Promise<DecisionRecord | undefined> {
  return (await listKept(sql, newestOf(true, 1), [appId]))[0]
}
