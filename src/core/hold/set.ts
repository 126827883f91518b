/** Sets and lifts orders to stop, from one tool to everything. Reversible, deletes nothing. */
import { type HoldId, isId } from '../base/ids.ts'
import { limits } from '../base/limits.ts'
import { checkPermit, type Permit } from '../base/permit.ts'
import { Problem } from '../base/problem.ts'
import { product } from '../base/product.ts'
import { parseText } from '../base/text.ts'
import { lockKnown, lockOrWait } from '../ledger/fact-table.ts'
import { entryKind } from '../ledger/kind.ts'
import type { Subject } from '../ledger/leaf.ts'
import { type LedgerWorld, recorded } from '../ledger/record.ts'
import { everything } from './hold.ts'
import { type HoldRow, type HoldScope, holdTable } from './rows.ts'

const holdSet = entryKind('hold.set', 'ordered a stop')
const holdLifted = entryKind('hold.lift', 'lifted a stop')

/** Set already on the same thing: that one, whoever set it, and nothing is recorded. */
export async function setHold(
  world: LedgerWorld,
  permit: Permit<'hold.set'>,
  input: Pick<HoldRow, 'id' | 'scope' | 'about' | 'reason'>,
): Promise<HoldRow> {
  checkPermit(permit, 'hold.set', input.id)
  const reason = parseText(input.reason, 'reason')
  const { scope: held, about } = input
  if (!isNamed(held, about))
    throw new Problem('invalid-field', {
      field: 'about',
      detail: `\`about\` is not the id of ${input.scope}.`,
      next: `Who and what there is: ${product.command} ls`,
    })
  return recorded(world, async scope => {
    const known = await lockOrWait(scope.tx, holdTable, { scope: held, about, state: 'set' })
    if (known !== undefined) return known
    scope.entry({ kind: holdSet, by: permit, subjects: thingOf(input) })
    return scope.insert(holdTable, { ...input, reason, setBy: permit.actor, state: 'set' })
  })
}

function isNamed(scope: HoldScope, about: string): boolean {
  if (scope === everything) return about === everything
  if (scope === 'tool') return /^tg_\w{26}\/[\w./-]{1,128}$/.test(about)
  if (scope === 'day') return /^day\/[a-z][a-z0-9-]{0,79}$/.test(about)
  if (scope === 'issuer') return URL.canParse(about) && about.length <= limits.textChars
  return isId(scope, about)
}

export async function liftHold(
  world: LedgerWorld,
  permit: Permit<'hold.lift'>,
  input: { holdId: HoldId },
): Promise<HoldRow> {
  checkPermit(permit, 'hold.lift', input.holdId)
  return recorded(world, async scope => {
    const before = await lockKnown(scope.tx, holdTable, input.holdId)
    if (before.state === 'lifted')
      throw new Problem('wrong-state', {
        detail: `This hold was lifted at ${before.liftedAt}.`,
        next: 'Nothing is left to do.',
      })
    scope.entry({ kind: holdLifted, by: permit, subjects: thingOf(before) })
    const lifted = { state: 'lifted', liftedBy: permit.actor, liftedAt: scope.at } as const
    return scope.save(holdTable, before, { ...before, ...lifted })
  })
}

function thingOf({ scope, about }: Pick<HoldRow, 'scope' | 'about'>): Subject[] {
  return scope === everything ? [] : [{ type: scope, id: about, version: 0 }]
}
