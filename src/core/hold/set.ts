/** Sets and lifts orders to stop, from one tool to everything. Reversible, deletes nothing. */
import { type HoldId, isId } from '../base/ids.ts'
import { limits } from '../base/limits.ts'
import { problemOf } from '../base/problem.ts'
import { parseText } from '../base/text.ts'
import { lockKnown, lockOrWait } from '../ledger/fact-table.ts'
import { entryKind } from '../ledger/kind.ts'
import type { Subject } from '../ledger/leaf.ts'
import { verb } from '../ledger/verb.ts'
import { everything } from './hold.ts'
import { type HoldRow, type HoldScope, holdTable } from './rows.ts'

const holdSet = entryKind('hold.set', 'ordered a stop')
const holdLifted = entryKind('hold.lift', 'lifted a stop')

/** Set already on the same thing: that one, whoever set it, and nothing is recorded. */
export const setHold = verb('hold.set', 'id', async (scope, input: NewHold, by) => {
  const reason = parseText(input.reason, 'reason')
  const { scope: held, about } = input
  if (!isNamed(held, about)) throw problemOf('not-an-id-of', { scope: input.scope, field: 'about' })
  const known = await lockOrWait(scope.tx, holdTable, { scope: held, about, state: 'set' })
  if (known !== undefined) return known
  scope.entry({ kind: holdSet, by, subjects: thingOf(input) })
  return scope.insert(holdTable, { ...input, reason, setBy: by.actor, state: 'set' })
})

type NewHold = Pick<HoldRow, 'id' | 'scope' | 'about' | 'reason'>

function isNamed(scope: HoldScope, about: string): boolean {
  if (scope === everything) return about === everything
  if (scope === 'tool') return /^tg_\w{26}\/[\w./-]{1,128}$/.test(about)
  if (scope === 'day') return /^day\/[a-z][a-z0-9-]{0,79}$/.test(about)
  if (scope === 'issuer') return URL.canParse(about) && about.length <= limits.textChars
  return isId(scope, about)
}

export const liftHold = verb(
  'hold.lift',
  'holdId',
  async (scope, { holdId }: { holdId: HoldId }, by) => {
    const before = await lockKnown(scope.tx, holdTable, holdId)
    if (before.state === 'lifted')
      throw problemOf('hold-already-lifted', { liftedAt: before.liftedAt })
    scope.entry({ kind: holdLifted, by, subjects: thingOf(before) })
    const lifted = { state: 'lifted', liftedBy: by.actor, liftedAt: scope.at } as const
    return scope.save(holdTable, before, { ...before, ...lifted })
  },
)

function thingOf({ scope, about }: Pick<HoldRow, 'scope' | 'about'>): Subject[] {
  return scope === everything ? [] : [{ type: scope, id: about, version: 0 }]
}
