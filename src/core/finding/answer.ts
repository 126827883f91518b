/** A person says what they make of a finding, or that what was wrong is right again. */
import { type FindingId, isId } from '../base/ids.ts'
import { checkPermit, type Permit } from '../base/permit.ts'
import { Problem } from '../base/problem.ts'
import { parseText } from '../base/text.ts'
import { entryKind } from '../ledger/kind.ts'
import { type LedgerWorld, recorded } from '../ledger/record.ts'
import { type FindingRow, findingTable, lockFinding } from './rows.ts'

const findingAnswered = entryKind('finding.answer', 'answered a finding')
const findingResolved = entryKind('finding.resolve', 'resolved a finding')

/** Only a person answers. The finding is closed by it, and raised anew when it is seen again. */
export async function answerFinding(
  world: LedgerWorld,
  permit: Permit<'finding.answer'>,
  input: { findingId: FindingId; answer: string },
): Promise<FindingRow> {
  const answer = parseText(input.answer, 'answer')
  const { actor } = permit
  if (!isId('person', actor))
    throw new Problem('human-required', {
      detail: 'Only a person can answer a finding.',
      next: 'Show it to its owner.',
    })
  return closeFinding(world, permit, input.findingId, {
    state: 'answered',
    answer,
    answeredBy: actor,
  })
}

/** By whoever sees that the cause is gone: a person, or the sweep that raised it. */
export async function resolveFinding(
  world: LedgerWorld,
  permit: Permit<'finding.answer'>,
  input: { findingId: FindingId },
): Promise<FindingRow> {
  return closeFinding(world, permit, input.findingId, { state: 'resolved' })
}

async function closeFinding(
  world: LedgerWorld,
  permit: Permit<'finding.answer'>,
  id: FindingId,
  change: Pick<FindingRow, 'state'> & Partial<FindingRow>,
): Promise<FindingRow> {
  checkPermit(permit, 'finding.answer', id)
  return recorded(world, async scope => {
    const before = await lockFinding(scope.tx, id)
    if (before === undefined)
      throw new Problem('not-found', { detail: 'There is no such finding.' })
    const mayGo =
      before.state === 'open' || (before.state === 'answered' && change.state === 'resolved')
    if (!mayGo)
      throw new Problem('wrong-state', {
        detail: `This finding is ${before.state} already.`,
        next: 'Nothing is left to do; it is raised again if it is seen again.',
      })
    const after = await scope.save(findingTable, before, {
      ...before,
      ...change,
      closedAt: scope.at,
    })
    scope.entry({
      kind: change.state === 'answered' ? findingAnswered : findingResolved,
      by: permit,
    })
    return after
  })
}
