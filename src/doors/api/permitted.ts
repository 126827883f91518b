/** A door asks before it acts: the permit, or the denial as an answer, recorded either way. */

import { shortId } from '../../core/base/ids.ts'
import type { ActionName, DecisionRecord, Permit } from '../../core/base/permit.ts'
import { type Denial, decide, type Question } from '../../core/policy/decide.ts'
import { readRecord, recordDenial, summarize } from '../../core/policy/record.ts'
import type { DenialView } from './contract.ts'
import { DenialAnswer } from './problem.ts'
import type { ApiWorld } from './world.ts'

export async function permitted<A extends ActionName>(
  world: ApiWorld,
  question: Question<A>,
): Promise<Permit<A>> {
  const decision = decide(world, question)
  if (decision.allowed) return decision.permit
  await recordDenial(world, decision.record)
  throw new DenialAnswer(denialView(decision.denial, decision.record))
}

export function denialView(denial: Denial, record: DecisionRecord): DenialView {
  return {
    decisionId: record.id,
    shortId: shortId('decision', record.id),
    at: record.at,
    what: summarize(readRecord(record.body)),
    rule: denial.rule,
    says: denial.says,
    because: denial.because.map(each => ({ ...each })),
    wouldPassIf: denial.wouldPassIf,
    instead: denial.instead.map(each => ({ ...each })),
  }
}
