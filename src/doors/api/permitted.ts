/** A door asks before it acts: what was decided goes on, a denial is the answer; recorded either way. */

import type { DecisionRecord } from '../../core/base/permit.ts'
import type { LedgerWorld } from '../../core/ledger/record.ts'
import type { Denial } from '../../core/policy/question.ts'
import { recordDenial } from '../../core/policy/record.ts'
import { shortId } from '../../life/lists/short-id.ts'
import { nameTouch } from '../../life/why/touch.ts'
import type { DenialView } from './contract.ts'
import { DenialAnswer } from './problem.ts'

type Decided = { allowed: true } | { allowed: false; denial: Denial; record: DecisionRecord }

export async function allowed<D extends Decided>(
  world: LedgerWorld,
  decision: D,
): Promise<Extract<D, { allowed: true }>> {
  if (decision.allowed) return decision as Extract<D, { allowed: true }>
  await recordDenial(world, decision.record)
  const { denial, record } = decision
  const named = await nameTouch(world.store, denial, record.taskId)
  throw new DenialAnswer(denialView(named, record))
}

export function denialView(denial: Denial, { at }: Pick<DecisionRecord, 'at'>): DenialView {
  const { where: _, ...said } = denial
  return { ...said, shortId: shortId('decision', denial.decisionId), at }
}
