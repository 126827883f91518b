/** A person says what they make of a finding. */
import { type FindingId, isId } from '../base/ids.ts'
import { checkPermit, type Permit } from '../base/permit.ts'
import { Problem } from '../base/problem.ts'
import { parseText } from '../base/text.ts'
import { lockKnown } from '../ledger/find-row.ts'
import { entryKind } from '../ledger/kind.ts'
import { type LedgerWorld, recorded } from '../ledger/record.ts'
import { type FindingRow, findingTable } from './rows.ts'

const findingAnswered = entryKind('finding.answer', 'answered a finding')

/** Only a person answers. The finding is closed by it, and raised anew when it is seen again. */
export async function answerFinding(
  world: LedgerWorld,
  permit: Permit<'finding.answer'>,
  input: { findingId: FindingId; answer: string },
): Promise<FindingRow> {
  checkPermit(permit, 'finding.answer', input.findingId)
  const answer = parseText(input.answer, 'answer')
  const answeredBy = permit.actor
  if (!isId('person', answeredBy))
    throw new Problem('human-required', {
      detail: 'Only a person can answer a finding.',
      next: 'Show it to its owner.',
    })
  return recorded(world, async scope => {
    const before = await lockKnown(scope.tx, findingTable, input.findingId)
    if (before.state !== 'open')
      throw new Problem('wrong-state', {
        detail: `This finding is ${before.state} already.`,
        next: 'Nothing is left to do; it is raised again if it is seen again.',
      })
    scope.entry({ kind: findingAnswered, by: permit })
    const closed = { state: 'answered', answer, answeredBy, closedAt: scope.at } as const
    return scope.save(findingTable, before, { ...before, ...closed })
  })
}
