/**
 * The shadow: now and then a question that the compiled engine has answered is asked of cedar-wasm too.
 * Where the two differ it is a finding with what was asked; the answer that was given stands.
 */
import { systemId } from '../../core/base/ids.ts'
import { raiseIn } from '../../core/finding/raise.ts'
import { entryKind } from '../../core/ledger/kind.ts'
import { type LedgerWorld, recorded } from '../../core/ledger/record.ts'
import { compareEngines, type Difference } from '../../core/policy/engine/shadow.ts'
import { type AppQuestion, callOf } from './ask.ts'
import { bounds } from './bounds.ts'
import type { AppRules } from './text.ts'

const differed = entryKind('engine.differ', 'saw two engines differ')

export type Shadow = (rules: AppRules, asked: AppQuestion, decisionId: string) => void

/** `onFault` is told where a difference could not be written down. */
export function makeShadow(
  world: LedgerWorld & { readonly onFault: (fault: unknown) => void },
  every: number = bounds.shadowEvery,
): Shadow {
  let asked = 0
  return (rules, question, decisionId) => {
    asked++
    if (asked % every !== 0) return
    const { differs } = compareEngines(rules.engine, rules.cedar, callOf(rules, question))
    if (differs.length > 0)
      void tellDifference(world, rules.hash, { decisionId, differs }).catch(world.onFault)
  }
}

/** Once for a set of rules while it is open. */
export async function tellDifference(
  world: LedgerWorld,
  hash: string,
  { decisionId, differs }: { decisionId: string; differs: readonly Difference[] },
): Promise<void> {
  await recorded(world, async scope => {
    await raiseIn(scope, {
      kind: 'engine-differs',
      severity: 'high',
      about: hash,
      details: { decisionId, differs: [...differs] },
      words: `The compiled engine and cedar-wasm differ in ${differs.join(', ')} on decision ${decisionId}. The answer that was given is the compiled engine's. Tell whoever makes this program, with that decision.`,
    })
    scope.entry({ kind: differed, by: systemId('schedule'), facts: { hash, decisionId, differs } })
  })
}
