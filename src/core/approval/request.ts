/**
 * Asks people for something, and takes their answers: a request is bound to the hash of exactly what
 * is asked, and a person says yes or no to the request they were shown.
 */
import { sha256Hex } from '../base/hash.ts'
import type { PasskeyId, PersonId } from '../base/ids.ts'
import { canonicalJson, type JsonObject } from '../base/json.ts'
import { limits } from '../base/limits.ts'
import { requirePerson } from '../base/permit.ts'
import { problemOf } from '../base/problem.ts'
import { product } from '../base/product.ts'
import { parseText } from '../base/text.ts'
import { addSeconds, type Instant } from '../base/time.ts'
import { lockKnown, type NewRow } from '../ledger/fact-table.ts'
import { entryKind } from '../ledger/kind.ts'
import { type Scope, subjectOf } from '../ledger/record.ts'
import { verb } from '../ledger/verb.ts'
import { findInstallation, livingOf } from '../people/rows.ts'
import { countAnswers, mayAnswer } from './approval.ts'
import * as rows from './rows.ts'

const requestMade = entryKind('request.make', 'asked for something')
const requestAnswered = entryKind('request.answer', 'answered a request')

/** `ownAnswer` is refused outside a solo installation; whether the matter allows it, the caller knows. */
export type NewRequest = { body: JsonObject } & Pick<
  rows.RequestRow,
  'id' | 'kind' | 'appId' | 'reason' | 'approvers' | 'quorum' | 'ownAnswer'
> & { readonly openSeconds?: number }

/** The same call again answers the same request. Problem `already-exists` for another body under that id. */
export const makeRequest = verb('request.make', 'id', async (scope, input: NewRequest, by) => {
  const { openSeconds = limits.requestOpenDays * 24 * 3600, ...asked } = input
  const body = canonicalJson(asked.body)
  if (Buffer.byteLength(body) > limits.bodyBytes)
    throw problemOf('request-too-large', { field: 'body' })
  const bodyHash = sha256Hex(body)
  const reason = parseText(input.reason, 'reason')
  const known = await rows.findRequest(scope.tx, input.id)
  if (known?.bodyHash === bodyHash) return known
  if (known !== undefined) throw problemOf('request-id-taken')
  const people = input.approvers.filter(each => input.ownAnswer || each !== by.actor)
  const living = await livingOf(scope.tx, people, scope.at)
  const request: NewRow<rows.RequestRow> = {
    ...asked,
    askedBy: by.actor,
    body,
    bodyHash,
    reason,
    approvers: [...new Set(people)].filter(each => living.has(each)),
    state: 'open',
    expiresAt: addSeconds(scope.at, openSeconds),
  }
  await checkPeople(scope, request)
  scope.entry({ kind: requestMade, by, facts: { kind: input.kind, appId: input.appId } })
  return scope.insert(rows.requestTable, request)
})

async function checkPeople(scope: Scope, request: NewRow<rows.RequestRow>): Promise<void> {
  const { quorum, approvers } = request
  if (approvers.length < Math.max(quorum, 1))
    throw problemOf('too-few-can-agree', { quorum, others: approvers.length })
  if (request.ownAnswer && (await findInstallation(scope.tx))?.mode !== 'solo')
    throw problemOf('not-ones-own-request')
}

type Answer = Pick<rows.AnswerRow, 'requestId' | 'says' | 'bodyHash'> & {
  comment?: string
  /** The passkey it was said with. */
  provenBy?: PasskeyId | null
}

/**
 * Returns the state the answer leads to. Saying the same again answers the same and records nothing;
 * saying something else is Problem `already-exists`. `hash-mismatch`: it was something else that they saw.
 */
export const answerRequest = verb(
  'request.answer',
  'requestId',
  async (scope, input: Answer, by) => {
    const next = `Ask the person to run: ${product.command} approve`
    const personId = requirePerson(by, 'answer a request', next)
    const comment = input.comment === undefined ? null : parseText(input.comment, 'comment')
    const request = await lockKnown(scope.tx, rows.requestTable, input.requestId)
    const earlier = await rows.listAnswers(scope.tx, request.id)
    const mine = earlier.find(answer => answer.personId === personId)
    if (mine !== undefined) return repeatAnswer(request, mine, input)
    checkAnswer(request, personId, input.bodyHash, scope.at)
    const id = `${request.id}.${personId}`
    const { provenBy = null, ...given } = input
    const said = { ...given, id, personId, comment, at: scope.at }
    const answer = await scope.insert(rows.answerTable, said)
    const answers = [...earlier, answer]
    const people = answers.map(each => each.personId)
    const state = countAnswers(request, answers, await livingOf(scope.tx, people, scope.at))
    if (state !== 'open')
      await scope.save(rows.requestTable, request, { ...request, state, closedAt: scope.at })
    const subjects = [subjectOf(rows.requestTable, request)]
    const { says, bodyHash } = answer
    scope.entry({ kind: requestAnswered, by, subjects, facts: { says, bodyHash, state, provenBy } })
    return { state }
  },
)

function repeatAnswer(request: rows.RequestRow, mine: rows.AnswerRow, input: Answer) {
  if (mine.says === input.says && mine.bodyHash === input.bodyHash) return { state: request.state }
  throw problemOf('answered-otherwise')
}

function checkAnswer(request: rows.RequestRow, personId: PersonId, bodyHash: string, now: Instant) {
  const { id, askedBy, state } = request
  if (!mayAnswer(request, personId))
    throw personId === askedBy ? problemOf('own-request', { id }) : problemOf('not-asked', { id })
  if (state !== 'open' || request.expiresAt <= now)
    throw problemOf('request-closed', { is: state === 'open' ? 'expired' : state })
  // The stored body is hashed again: what is agreed is the text itself, not a column beside it.
  if (bodyHash !== request.bodyHash || sha256Hex(request.body) !== request.bodyHash)
    throw problemOf('shown-is-not-asked', { id: request.id, field: 'bodyHash' })
}
