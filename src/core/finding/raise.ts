/**
 * Findings are raised by whoever sees something wrong, and resolved when it is right again: in the
 * transaction of what was done about it, whose entry carries the row. Once per kind and thing while
 * open; what a person answered may be raised again.
 */
import { newId } from '../base/ids.ts'
import type { JsonObject } from '../base/json.ts'
import { safeText } from '../base/text.ts'
import { lockOrWait } from '../ledger/find-row.ts'
import type { Scope } from '../ledger/record.ts'
import { type FindingRow, findingTable } from './rows.ts'

export type NewFinding = Pick<FindingRow, 'kind' | 'severity' | 'about' | 'ownerId'> & {
  details?: JsonObject
  /** A sentence for people, with the next step. */
  words?: string
}

/** Open already: that one. */
export async function raiseIn(scope: Scope, input: NewFinding): Promise<FindingRow> {
  const { kind, about } = input
  const known = await lockOrWait(scope.tx, findingTable, { kind, about, state: 'open' })
  if (known !== undefined) return known
  const finding: FindingRow = {
    ...input,
    id: newId('finding'),
    version: 1,
    details: input.details ?? {},
    words: input.words === undefined ? null : safeText(input.words, 500),
    state: 'open',
    answer: null,
    answeredBy: null,
    madeAt: scope.at,
    closedAt: null,
  }
  await scope.insert(findingTable, finding)
  return finding
}

/** The cause is gone: resolves the open finding of this kind, if there is one. */
export async function resolveIn(scope: Scope, kind: string, about: string): Promise<void> {
  const finding = await lockOrWait(scope.tx, findingTable, { kind, about, state: 'open' })
  if (finding !== undefined)
    await scope.save(findingTable, finding, { ...finding, state: 'resolved', closedAt: scope.at })
}
