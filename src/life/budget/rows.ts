/**
 * What was used of each budget. No fact: it changes with each call, and no decision reads it.
 *
 * INVARIANT: taking is one conditional statement. However many take at once, what was taken is never
 * more than what was agreed.
 */
import type { GrantId } from '../../core/base/ids.ts'
import { first, query, type Sql } from '../../core/store/store.ts'
import type { Amounts } from './budget.ts'

export interface Account {
  readonly grantId: GrantId
  readonly span: string
  readonly most: Amounts
}

/** False where that much is not left of one of them; then nothing is taken. */
export async function debit(sql: Sql, { grantId, span, most }: Account, wanted: Amounts) {
  const { calls, rows, bytes, spend } = wanted
  const taken = await sql.query(
    `insert into budget_use as used (grant_id, span, calls, row_count, bytes, spend)
     select $1, $2, $3, $4, $5, $6
       where $3::bigint <= $7 and $4::bigint <= $8 and $5::bigint <= $9 and $6::bigint <= $10
     on conflict (grant_id, span) do update
       set calls = used.calls + $3, row_count = used.row_count + $4, bytes = used.bytes + $5,
         spend = used.spend + $6
       where used.calls + $3 <= $7 and used.row_count + $4 <= $8 and used.bytes + $5 <= $9
         and used.spend + $6 <= $10
     returning span`,
    [grantId, span, calls, rows, bytes, spend, most.calls, most.rows, most.bytes, most.spend],
  )
  return taken.length === 1
}

/** What was taken and not used comes back; what was used beyond it (less than none) is added. */
export async function giveBack(sql: Sql, { grantId, span }: Account, back: Amounts): Promise<void> {
  await query(sql)`
    update budget_use set calls = calls - ${back.calls}, row_count = row_count - ${back.rows},
      bytes = bytes - ${back.bytes}, spend = spend - ${back.spend}
    where grant_id = ${grantId} and span = ${span}`
}

export const readUsed = (sql: Sql, { grantId, span }: Pick<Account, 'grantId' | 'span'>) =>
  first<Amounts>(sql)`
    select calls, row_count as rows, bytes, spend from budget_use
    where grant_id = ${grantId} and span = ${span}`

/** Spans of grants that are over are of use to nobody. */
export async function forgetUsed(sql: Sql): Promise<void> {
  await query(sql)`
    delete from budget_use using app_grant
    where app_grant.id = grant_id and app_grant.state <> 'live'`
}
