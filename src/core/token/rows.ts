/** Task tokens: the rows, and every SQL text of the chapter. The token itself is kept nowhere. */
import type { AppId, IdentityId, TaskId, TokenId } from '../base/ids.ts'
import { limits } from '../base/limits.ts'
import type { Instant } from '../base/time.ts'
import { words } from '../base/words.ts'
import { type FactRow, factTable, listWhere } from '../ledger/fact-table.ts'
import type { Sql, Tx } from '../store/store.ts'

export interface TokenRow extends FactRow<TokenId> {
  /** SHA-256 of the token as it was handed out, hex: to recognise it, never to accept it. */
  readonly hash: string
  readonly identityId: IdentityId
  readonly appId: AppId
  readonly taskId: TaskId
  readonly audience: string
  readonly state: 'live' | 'revoked' | 'expired'
  readonly issuedAt: Instant
  readonly expiresAt: Instant
  readonly revokedAt: Instant | null
}

export const tokenTable = factTable<TokenRow>(
  'token',
  words('id version hash identityId appId taskId audience state issuedAt expiresAt revokedAt'),
  { isResident: token => token.state === 'live' },
)

/** Closed tasks that still have tokens to be put away. */
export function listLeftTasks(sql: Sql): Promise<{ id: TaskId }[]> {
  return sql.query(
    `select distinct t.id from token n join task t on t.id = n.task_id
     where n.state = 'live' and t.state = 'closed' limit ${limits.pageRows}`,
  )
}

export function lockLiveTokensOf(tx: Tx, taskId: TaskId): Promise<TokenRow[]> {
  const rest = `order by id limit ${limits.pageRows} for update`
  return listWhere(tx, tokenTable, { taskId, state: 'live' }, rest)
}
