/**
 * When a request is agreed. Pure; the only place that counts.
 *
 * INVARIANT (design §8, I6): enough distinct living people said yes to exactly this hash, the asker is
 * never one of them. Who left before the last answer does not count, who left after it does not undo it.
 */
import type { ActorId, PersonId } from '../base/ids.ts'
import type { AnswerRow, RequestRow } from './rows.ts'

type Asked = Pick<RequestRow, 'askedBy' | 'approvers' | 'quorum' | 'ownAnswer' | 'bodyHash'>
type Answer = Pick<AnswerRow, 'personId' | 'says' | 'bodyHash'>

/** One no is enough: whoever must be asked may also stop it. */
export function countAnswers(
  request: Asked,
  answers: readonly Answer[],
  living: ReadonlySet<PersonId>,
): 'open' | 'agreed' | 'denied' {
  const yes = new Set<PersonId>()
  for (const answer of answers) {
    if (!mayAnswer(request, answer.personId) || !living.has(answer.personId)) continue
    if (answer.bodyHash !== request.bodyHash) continue
    if (answer.says === 'no') return 'denied'
    yes.add(answer.personId)
  }
  return yes.size >= request.quorum ? 'agreed' : 'open'
}

export function mayAnswer(request: Omit<Asked, 'quorum' | 'bodyHash'>, actor: ActorId): boolean {
  if (actor === request.askedBy && !request.ownAnswer) return false
  return request.approvers.some(approver => approver === actor)
}
