/** Task tokens: the rows, and every SQL text of the chapter. The token itself is kept nowhere. */
import type { AppId, IdentityId, TaskId, TokenId } from '../base/ids.ts'
import { limits } from '../base/limits.ts'
import type { Instant } from '../base/time.ts'
import { fact, factTable, listWhere, type RowOf } from '../ledger/fact-table.ts'
import { query, type Sql, type Tx, verbatim } from '../store/store.ts'

export const tokenTable = factTable('token', token => token.state === 'live', {
  id: fact<TokenId>(),
  /** SHA-256 of the token as it was handed out, hex: to recognise it, never to accept it. */
  hash: fact<string>(),
  identityId: fact<IdentityId>(),
  appId: fact<AppId>(),
  taskId: fact<TaskId>(),
  audience: fact<string>(),
  state: fact<'live' | 'revoked' | 'expired'>(),
  issuedAt: fact<Instant>(),
  expiresAt: fact<Instant>(),
  revokedAt: fact<Instant | null>(),
})
export type TokenRow = RowOf<typeof tokenTable>

/** Closed tasks that still have tokens to be put away. */
export const listLeftTasks = (sql: Sql) => query<{ id: TaskId }>(sql)`
  select distinct t.id from token n join task t on t.id = n.task_id
  where n.state = 'live' and t.state = 'closed' limit ${verbatim(limits.pageRows)}`

export function lockLiveTokensOf(tx: Tx, taskId: TaskId): Promise<TokenRow[]> {
  const rest = `order by id limit ${limits.pageRows} for update`
  return listWhere(tx, tokenTable, { taskId, state: 'live' }, rest)
}
