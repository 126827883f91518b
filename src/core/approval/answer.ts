/** A person says yes or no to a request they were shown. */
import { sha256Hex } from '../base/hash.ts'
import type { PersonId, RequestId } from '../base/ids.ts'
import { isId } from '../base/ids.ts'
import { checkPermit, type Permit } from '../base/permit.ts'
import { Problem } from '../base/problem.ts'
import { product } from '../base/product.ts'
import { parseText } from '../base/text.ts'
import { entryKind } from '../ledger/kind.ts'
import { type LedgerWorld, recorded, type Scope } from '../ledger/record.ts'
import { isLiving } from '../people/person.ts'
import { findPerson } from '../people/rows.ts'
import { countAnswers, mayAnswer } from './approval.ts'
import {
  type AnswerRow,
  answerTable,
  listAnswers,
  lockRequest,
  type RequestRow,
  type RequestState,
  requestTable,
} from './rows.ts'

const requestAnswered = entryKind('request.answer', 'answered a request')

export interface AnswerInput {
  requestId: RequestId
  says: 'yes' | 'no'
  /** Hash of the body the person was shown. */
  bodyHash: string
  comment?: string
}

/**
 * Returns the state the answer leads to. Saying the same again answers the same and records nothing;
 * saying something else is Problem `already-exists`. `hash-mismatch`: it was something else that they saw.
 */
export async function answerRequest(
  world: LedgerWorld,
  permit: Permit<'request.answer'>,
  input: AnswerInput,
): Promise<{ state: RequestState }> {
  checkPermit(permit, 'request.answer', input.requestId)
  const personId = personOf(permit)
  const comment = input.comment === undefined ? null : parseText(input.comment, 'comment')
  return recorded(world, async scope => {
    const request = await lockRequest(scope.tx, input.requestId)
    if (request === undefined) throw noSuchRequest()
    const earlier = await listAnswers(scope.tx, request.id)
    const mine = earlier.find(answer => answer.personId === personId)
    if (mine !== undefined) return repeatAnswer(request, mine, input)
    checkAnswer(request, personId, input.bodyHash, scope)
    const answer: AnswerRow = {
      id: `${request.id}.${personId}`,
      version: 1,
      requestId: request.id,
      personId,
      says: input.says,
      bodyHash: input.bodyHash,
      comment,
      at: scope.at,
    }
    await scope.insert(answerTable, answer)
    const answers = [...earlier, answer]
    const state = countAnswers(request, answers, await livingAmong(scope, answers))
    if (state !== 'open')
      await scope.save(requestTable, request, { ...request, state, closedAt: scope.at })
    scope.entry({
      kind: requestAnswered,
      by: permit,
      subjects: [{ type: 'request', id: request.id, version: request.version }],
      facts: { says: input.says, bodyHash: input.bodyHash, state },
    })
    return { state }
  })
}

/** ATTACKER: an agent, or one of our own sweeps, that would agree in a person's place. */
function personOf(permit: Permit<'request.answer'>): PersonId {
  if (isId('person', permit.actor)) return permit.actor
  throw new Problem('human-required', {
    detail: 'Only a person can answer a request.',
    next: `Ask the person to run: ${product.command} approve`,
  })
}

function repeatAnswer(request: RequestRow, mine: AnswerRow, input: AnswerInput) {
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
  scope: Scope,
): void {
  if (!mayAnswer(request, personId))
    throw new Problem('denied', {
      detail:
        personId === request.askedBy
          ? 'Nobody agrees to their own request.'
          : 'This request is for somebody else to answer.',
      next: `Who can answer it: ${product.command} request show ${request.id}`,
    })
  if (request.state !== 'open' || request.expiresAt <= scope.at)
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

async function livingAmong(scope: Scope, answers: readonly AnswerRow[]): Promise<Set<PersonId>> {
  const living = new Set<PersonId>()
  for (const { personId } of answers) {
    const person = await findPerson(scope.tx, personId)
    if (person !== undefined && isLiving(person, scope.at)) living.add(personId)
  }
  return living
}

export function noSuchRequest(): Problem {
  return new Problem('not-found', { detail: 'There is no such request.' })
}
