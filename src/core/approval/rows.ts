/**
 * Requests and their answers: the rows, and every SQL text that reads them.
 * Not for: what a state means (`approval.ts`).
 *
 * `body` and `reason` are words: the body may hold a policy's text. Its hash is a fact, and is what
 * people agree to.
 */
import type { ActorId, AppId, PersonId, RequestId } from '../base/ids.ts'
import { limits } from '../base/limits.ts'
import type { Instant } from '../base/time.ts'
import { words } from '../base/words.ts'
import { type FactRow, factTable, findRow, listWhere } from '../ledger/fact-table.ts'
import type { Sql } from '../store/store.ts'

/** `call`: one thing through a gateway that waits for a person. */
export type RequestKind = 'grant' | 'policy' | 'trust' | 'call'
export type RequestState = 'open' | 'agreed' | 'denied' | 'withdrawn' | 'expired' | 'used'

export interface RequestRow extends FactRow<RequestId> {
  readonly kind: RequestKind
  readonly appId: AppId | null
  readonly askedBy: ActorId
  /** Canonical JSON of what is asked. */
  readonly body: string
  /** SHA-256 of `body`, hex. */
  readonly bodyHash: string
  readonly reason: string
  /** Who may answer; the asker is among them only with `ownAnswer`. */
  readonly approvers: readonly PersonId[]
  readonly quorum: number
  /** The asker may answer: in a solo installation alone. */
  readonly ownAnswer: boolean
  readonly state: RequestState
  readonly madeAt: Instant
  readonly expiresAt: Instant
  readonly closedAt: Instant | null
}

export interface AnswerRow extends FactRow {
  readonly requestId: RequestId
  readonly personId: PersonId
  readonly says: 'yes' | 'no'
  /** Hash of the body the person saw. */
  readonly bodyHash: string
  readonly comment: string | null
  readonly at: Instant
}

export const requestTable = factTable<RequestRow, 'body' | 'reason'>(
  'request',
  words(
    'id version kind appId askedBy body bodyHash reason approvers quorum ownAnswer state',
    'madeAt expiresAt closedAt',
  ),
  {
    words: ['body', 'reason'],
    // Open, or a yes that is yet to be used; others are read where they are needed.
    isResident: ({ state, kind }) => state === 'open' || (kind === 'call' && state === 'agreed'),
  },
)

/** Counted by SQL under the request's lock, so no follower keeps them. */
export const answerTable = factTable<AnswerRow, 'comment'>(
  'answer',
  words('id version requestId personId says bodyHash comment at'),
  { words: ['comment'], isResident: () => false },
)

export const findRequest = (sql: Sql, id: RequestId) => findRow(sql, requestTable, id)

export const listAnswers = (sql: Sql, requestId: RequestId) =>
  listWhere(sql, answerTable, { requestId }, 'order by at, id')

export function listOverdueRequests(sql: Sql, now: Instant): Promise<{ id: RequestId }[]> {
  return sql.query(
    `select id from request
     where (state = 'open' or kind = 'call' and state = 'agreed') and expires_at <= $1
     order by expires_at limit ${limits.pageRows}`,
    [now],
  )
}
