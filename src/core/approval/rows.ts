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
import { fact, factTable, findRow, listWhere, type RowOf, text } from '../ledger/fact-table.ts'
import { query, type Sql, verbatim } from '../store/store.ts'

/** `call`: one thing through a gateway that waits for a person. */
export type RequestKind = 'grant' | 'policy' | 'trust' | 'call' | 'watch' | 'graduate' | 'share'
export type RequestState = 'open' | 'agreed' | 'denied' | 'withdrawn' | 'expired' | 'used'

export const requestTable = factTable(
  'request', // Open, or a yes that is yet to be used; others are read where they are needed.
  ({ state, kind }) => state === 'open' || (kind === 'call' && state === 'agreed'),
  {
    id: fact<RequestId>(),
    kind: fact<RequestKind>(),
    appId: fact<AppId | null>(),
    askedBy: fact<ActorId>(),
    /** Canonical JSON of what is asked. */
    body: text<string>(),
    /** SHA-256 of `body`, hex. */
    bodyHash: fact<string>(),
    reason: text<string>(),
    /** Who may answer; the asker is among them only with `ownAnswer`. */
    approvers: fact<readonly PersonId[]>(),
    quorum: fact<number>(),
    /** The asker may answer: in a solo installation alone. */
    ownAnswer: fact<boolean>(),
    state: fact<RequestState>(),
    madeAt: fact<Instant>(),
    expiresAt: fact<Instant>(),
    closedAt: fact<Instant | null>(),
  },
)
export type RequestRow = RowOf<typeof requestTable>

/** Counted by SQL under the request's lock, so no follower keeps them. */
export const answerTable = factTable('answer', () => false, {
  id: fact<string>(),
  requestId: fact<RequestId>(),
  personId: fact<PersonId>(),
  says: fact<'yes' | 'no'>(),
  /** Hash of the body the person saw. */
  bodyHash: fact<string>(),
  comment: text<string | null>(),
  at: fact<Instant>(),
})
export type AnswerRow = RowOf<typeof answerTable>

export const findRequest = (sql: Sql, id: RequestId) => findRow(sql, requestTable, id)

export const listAnswers = (sql: Sql, requestId: RequestId) =>
  listWhere(sql, answerTable, { requestId }, 'order by at, id')

export const listOverdueRequests = (sql: Sql, now: Instant) => query<{ id: RequestId }>(sql)`
  select id from request
  where (state = 'open' or kind = 'call' and state = 'agreed') and expires_at <= ${now}
  order by expires_at limit ${verbatim(limits.pageRows)}`
