/**
 * Claim: a living person says that a thing that was found is theirs. It gives them no right to it, here
 * or there: it makes them who is asked. What becomes of it is decided by who answers for its target.
 */
import type { ThingId } from '../../core/base/ids.ts'
import { requirePerson } from '../../core/base/permit.ts'
import { Problem, problemOf } from '../../core/base/problem.ts'
import { lockKnown } from '../../core/ledger/fact-table.ts'
import { entryKind } from '../../core/ledger/kind.ts'
import { verb } from '../../core/ledger/verb.ts'
import { livingOf } from '../../core/people/rows.ts'
import { thingTable } from './rows.ts'
import { stepThing } from './thing.ts'

const thingClaimed = entryKind('thing.claim', 'said that it is theirs')

/**
 * The actor becomes its owner, nobody else can be named. Again is no change. Problem `already-exists`
 * where somebody who is here has claimed it.
 */
export const claimThing = verb(
  'thing.claim',
  'thingId',
  async (scope, { thingId }: { thingId: ThingId }, permit) => {
    const by = requirePerson(permit, 'own what was found', 'Show it to its owner.')
    const before = await lockKnown(scope.tx, thingTable, thingId)
    const { ownerId } = before
    const owners = ownerId === null ? [by] : [by, ownerId]
    const living = await livingOf(scope.tx, owners, scope.at)
    if (!living.has(by)) throw problemOf('owner-not-here')
    const isOwned = ownerId !== null && living.has(ownerId)
    const after = stepThing(before, { kind: 'claim', by, isOwned }, scope.at)
    if (after instanceof Problem) throw after
    if (after === before) return before
    scope.entry({ kind: thingClaimed, by: permit })
    return scope.save(thingTable, before, after)
  },
)
