/** A person says yes or no to a request they were shown. */
import { sha256Hex } from '../base/hash.ts'
import { isId, type PersonId } from '../base/ids.ts'
import { checkPermit, type Permit } from '../base/permit.ts'
import { Problem } from '../base/problem.ts'
import { product } from '../base/product.ts'
import { parseText } from '../base/text.ts'
import type { Instant } from '../base/time.ts'
import { lockKnown } from '../ledger/find-row.ts'
import { entryKind } from '../ledger/kind.ts'
import { type LedgerWorld, recorded } from '../ledger/record.ts'
import { livingOf } from '../people/rows.ts'
import { countAnswers, mayAnswer } from './approval.ts'
import {
  type AnswerRow,
  answerTable,
  listAnswers,
  type RequestRow,
  type RequestState,
  requestTable,
} from './rows.ts'

const requestAnswered = entryKind('request.answer', 'answered a request')

type Answer = Pick<AnswerRow, 'requestId' | 'says' | 'bodyHash'> & { comment?: string }

/**
 * Returns the state the answer leads to. Saying the same again answers the same and records nothing;
 * saying something else is Problem `already-exists`. `hash-mismatch`: it was something else that they saw.
 */
export async function answerRequest(
  world: LedgerWorld,
  permit: Permit<'request.answer'>,
  input: Answer,
): Promise<{ state: RequestState }> {
  checkPermit(permit, 'request.answer', input.requestId)
  const personId = permit.actor
  // ATTACKER: an agent, or one of our own sweeps, that would agree in a person's place.
  if (!isId('person', personId))
    throw new Problem('human-required', {
      detail: 'Only a person can answer a request.',
      next: `Ask the person to run: ${product.command} approve`,
    })
  const comment = input.comment === undefined ? null : parseText(input.comment, 'comment')
  return recorded(world, async scope => {
    const request = await lockKnown(scope.tx, requestTable, input.requestId)
    const earlier = await listAnswers(scope.tx, request.id)
    const mine = earlier.find(answer => answer.personId === personId)
    if (mine !== undefined) return repeatAnswer(request, mine, input)
    checkAnswer(request, personId, input.bodyHash, scope.at)
    const answer: AnswerRow = {
      ...input,
      id: `${request.id}.${personId}`,
      version: 1,
      personId,
      comment,
      at: scope.at,
    }
    await scope.insert(answerTable, answer)
    const answers = [...earlier, answer]
    const people = answers.map(each => each.personId)
    const state = countAnswers(request, answers, await livingOf(scope.tx, people, scope.at))
    if (state !== 'open')
      await scope.save(requestTable, request, { ...request, state, closedAt: scope.at })
    const { id, version } = request
    const subjects = [{ type: 'request', id, version }]
    const { says, bodyHash } = answer
    scope.entry({ kind: requestAnswered, by: permit, subjects, facts: { says, bodyHash, state } })
    return { state }
  })
}

function repeatAnswer(request: RequestRow, mine: AnswerRow, input: Answer) {
  if (mine.says === input.says && mine.bodyHash === input.bodyHash) return { state: request.state }
  throw new Problem('already-exists', {
    detail: 'You have answered this request already, differently.',
    next: 'An answer stays. Let it be withdrawn and asked again.',
  })
}

function checkAnswer(
  request: RequestRow,
  personId: PersonId,
  bodyHash: string,
  now: Instant,
): void {
  if (!mayAnswer(request, personId))
    throw new Problem('denied', {
      detail:
        personId === request.askedBy
          ? 'Nobody agrees to their own request.'
          : 'This request is for somebody else to answer.',
      next: `Who can answer it: ${product.command} request show ${request.id}`,
    })
  if (request.state !== 'open' || request.expiresAt <= now)
    throw new Problem('wrong-state', {
      detail: `This request is ${request.state === 'open' ? 'expired' : request.state}.`,
      next: `Ask again: ${product.command} ask`,
    })
  // The stored body is hashed again: what is agreed is the text itself, not a column beside it.
  if (bodyHash !== request.bodyHash || sha256Hex(request.body) !== request.bodyHash)
    throw new Problem('hash-mismatch', {
      field: 'bodyHash',
      detail: 'What you were shown is not what is asked.',
      next: `Look again: ${product.command} request show ${request.id}`,
    })
}
