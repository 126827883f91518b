/**
 * Findings are raised by whoever sees something wrong, and resolved when it is right again: in the
 * transaction of what was done about it, whose entry carries the row. Once per kind and thing while
 * open; what a person answered may be raised again. Answering is a verb of its own, of a person.
 */
import { type FindingId, newId } from '../base/ids.ts'
import type { JsonObject } from '../base/json.ts'
import { requirePerson } from '../base/permit.ts'
import { problemOf } from '../base/problem.ts'
import { parseText, safeText } from '../base/text.ts'
import { lockKnown, lockOrWait } from '../ledger/fact-table.ts'
import { entryKind } from '../ledger/kind.ts'
import type { Scope } from '../ledger/record.ts'
import { verb } from '../ledger/verb.ts'
import { type FindingRow, findingTable } from './rows.ts'

const findingAnswered = entryKind('finding.answer', 'answered a finding')

export type NewFinding = Pick<FindingRow, 'kind' | 'severity' | 'about'> & {
  /** Whose it is; left out: nobody's in particular, and everybody sees it. */
  ownerId?: FindingRow['ownerId']
  details?: JsonObject
  /** A sentence for people, with the next step. */
  words?: string
}

/** Open already: that one. */
export async function raiseIn(scope: Scope, input: NewFinding): Promise<FindingRow> {
  const { kind, about } = input
  const known = await lockOrWait(scope.tx, findingTable, { kind, about, state: 'open' })
  if (known !== undefined) return known
  return scope.insert(findingTable, {
    ...input,
    id: newId('finding'),
    details: input.details ?? {},
    words: input.words === undefined ? null : safeText(input.words, 500),
    state: 'open',
  })
}

/** The cause is gone: resolves the open finding of this kind, if there is one. */
export async function resolveIn(scope: Scope, kind: string, about: string): Promise<void> {
  const finding = await lockOrWait(scope.tx, findingTable, { kind, about, state: 'open' })
  if (finding !== undefined)
    await scope.save(findingTable, finding, { ...finding, state: 'resolved', closedAt: scope.at })
}

type Answer = { findingId: FindingId; answer: string }

/** Only a person answers. The finding is closed by it, and raised anew when it is seen again. */
export const answerFinding = verb(
  'finding.answer',
  'findingId',
  async (scope, input: Answer, by) => {
    const answer = parseText(input.answer, 'answer')
    const answeredBy = requirePerson(by, 'answer a finding', 'Show it to its owner.')
    const before = await lockKnown(scope.tx, findingTable, input.findingId)
    if (before.state !== 'open') throw problemOf('finding-not-open', { state: before.state })
    scope.entry({ kind: findingAnswered, by })
    const closed = { state: 'answered', answer, answeredBy, closedAt: scope.at } as const
    return scope.save(findingTable, before, { ...before, ...closed })
  },
)
