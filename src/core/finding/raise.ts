/**
 * Findings are raised by whoever sees something wrong, and resolved when it is right again. Once per
 * kind and thing while open; what a person answered may be raised again.
 */
import { type ActorId, newId, type PersonId } from '../base/ids.ts'
import type { JsonObject } from '../base/json.ts'
import type { ActionName, Permit } from '../base/permit.ts'
import { safeText } from '../base/text.ts'
import { entryKind } from '../ledger/kind.ts'
import { type LedgerWorld, recorded, type Scope } from '../ledger/record.ts'
import { type FindingRow, findingTable, lockOpenFinding, type Severity } from './rows.ts'

const findingRaised = entryKind('finding.raise', 'raised a finding')

export interface NewFinding {
  /** `<noun>-<what is wrong>`: `app-orphaned`. */
  kind: string
  severity: Severity
  about: string
  /** Who must look; null: whoever has the role `platform`. */
  ownerId: PersonId | null
  /** Ids, enums, numbers, instants. */
  details?: JsonObject
  /** A sentence for people, with the next step. */
  words?: string
}

/** In a transaction of its own. Open already: that one, and nothing is recorded. */
export async function raiseFinding(
  world: LedgerWorld,
  by: Permit<ActionName> | ActorId,
  input: NewFinding,
): Promise<FindingRow> {
  return recorded(world, async scope => {
    const known = await lockOpenFinding(scope.tx, input.kind, input.about)
    if (known !== undefined) return known
    scope.entry({ kind: findingRaised, by })
    return raiseIn(scope, input)
  })
}

/** In the caller's transaction, whose entry carries the row. */
export async function raiseIn(scope: Scope, input: NewFinding): Promise<FindingRow> {
  const known = await lockOpenFinding(scope.tx, input.kind, input.about)
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
  const finding = await lockOpenFinding(scope.tx, kind, about)
  if (finding === undefined) return
  await scope.save(findingTable, finding, { ...finding, state: 'resolved', closedAt: scope.at })
}
