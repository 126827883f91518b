/** Kept decisions and the rules they were reached by: read again, for people and for replay. */

import type { AppId, DecisionId } from '../../core/base/ids.ts'
import { limits } from '../../core/base/limits.ts'
import type { DecisionRecord } from '../../core/base/permit.ts'
import type { Instant } from '../../core/base/time.ts'
import { findWhere } from '../../core/ledger/fact-table.ts'
import { bundleTable } from '../../core/policy/rows.ts'
import { query, type Sql, type Statement, statement, verbatim } from '../../core/store/store.ts'
import { bounds } from './bounds.ts'

/** Any of that hash: each holds the same text. */
export const findBundleByHash = (sql: Sql, hash: string) => findWhere(sql, bundleTable, { hash })

/** Kept decisions; `rest` is what stands after the name of their table. */
const listKept = (sql: Sql, rest: Statement) => query<DecisionRecord>(sql)`
  select ${keptColumns} from decision_kept ${rest}`

const keptColumns = verbatim(
  'id, at, app_id as "appId", task_id as "taskId", allowed, record as body, hash',
)

export async function findDecision(sql: Sql, id: DecisionId): Promise<DecisionRecord | undefined> {
  return (await listKept(sql, statement`where id = ${id}`))[0]
}

/** In the order they were made; the page after `last`. */
export function listDecisions(
  sql: Sql,
  last: { readonly at: Instant; readonly id: string } | null,
): Promise<DecisionRecord[]> {
  // Each table by its own index and no further than the page: of the view, all that follows is sorted.
  const { at = '-infinity', id = '' } = last ?? {}
  const page = statement`order by at, id limit ${verbatim(bounds.replayBatch)}`
  const after = statement`at >= ${at} and (at, id) > (${at}::timestamptz, ${id}::text)`
  const columns = verbatim('id, at, app_id, task_id, allowed, record, hash')
  return query<DecisionRecord>(sql)`
    select ${keptColumns} from (
      (select ${columns} from decision where ${after} ${page})
      union all
      (select ${columns} from decision_record where kind = 'own' and ${after} ${page})) as kept
    ${page}`
}

const newest = verbatim('order by at desc, id desc limit')

/** Of one app, newest first. */
export const listDecisionsOf = (sql: Sql, appId: AppId) =>
  listKept(sql, statement`where app_id = ${appId} ${newest} ${verbatim(limits.pageRows)}`)

export async function lastDenied(sql: Sql, appId: AppId): Promise<DecisionRecord | undefined> {
  return (await listKept(sql, statement`where app_id = ${appId} and not allowed ${newest} 1`))[0]
}
