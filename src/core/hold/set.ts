/** Sets and lifts orders to stop: on an app, a person, an identity or everything. Reversible, deletes nothing. */
import { type HoldId, isId } from '../base/ids.ts'
import { checkPermit, type Permit } from '../base/permit.ts'
import { Problem } from '../base/problem.ts'
import { product } from '../base/product.ts'
import { parseText } from '../base/text.ts'
import { entryKind } from '../ledger/kind.ts'
import { type LedgerWorld, recorded } from '../ledger/record.ts'
import { everything } from './hold.ts'
import { type HoldRow, type HoldScope, holdTable, lockHold, lockSetHold } from './rows.ts'

const holdSet = entryKind('hold.set', 'ordered a stop')
const holdLifted = entryKind('hold.lift', 'lifted a stop')

export interface NewHold {
  id: HoldId
  scope: HoldScope
  /** Id of the app, person or identity; for `everything` that word itself. */
  about: string
  reason: string
}

/** Set already on the same thing: that one, whoever set it, and nothing is recorded. */
export async function setHold(
  world: LedgerWorld,
  permit: Permit<'hold.set'>,
  input: NewHold,
): Promise<HoldRow> {
  checkPermit(permit, 'hold.set', input.id)
  const reason = parseText(input.reason, 'reason')
  if (!fits(input.scope, input.about))
    throw new Problem('invalid-field', {
      field: 'about',
      detail: `\`about\` is not the id of ${input.scope}.`,
      next: `Who and what there is: ${product.command} ls`,
    })
  return recorded(world, async scope => {
    const known = await lockSetHold(scope.tx, input.scope, input.about)
    if (known !== undefined) return known
    const hold: HoldRow = {
      ...input,
      version: 1,
      reason,
      setBy: permit.actor,
      state: 'set',
      madeAt: scope.at,
      liftedBy: null,
      liftedAt: null,
    }
    await scope.insert(holdTable, hold)
    scope.entry({
      kind: holdSet,
      by: permit,
      subjects: hold.scope === everything ? [] : [{ type: hold.scope, id: hold.about, version: 0 }],
    })
    return hold
  })
}

export async function liftHold(
  world: LedgerWorld,
  permit: Permit<'hold.lift'>,
  input: { holdId: HoldId },
): Promise<HoldRow> {
  checkPermit(permit, 'hold.lift', input.holdId)
  return recorded(world, async scope => {
    const before = await lockHold(scope.tx, input.holdId)
    if (before === undefined) throw new Problem('not-found', { detail: 'There is no such hold.' })
    if (before.state === 'lifted')
      throw new Problem('wrong-state', {
        detail: `This hold was lifted at ${before.liftedAt}.`,
        next: 'Nothing is left to do.',
      })
    const lifted = {
      ...before,
      state: 'lifted' as const,
      liftedBy: permit.actor,
      liftedAt: scope.at,
    }
    const after = await scope.save(holdTable, before, lifted)
    scope.entry({
      kind: holdLifted,
      by: permit,
      subjects:
        before.scope === everything ? [] : [{ type: before.scope, id: before.about, version: 0 }],
    })
    return after
  })
}

function fits(scope: HoldScope, about: string): boolean {
  return scope === everything ? about === everything : isId(scope, about)
}
