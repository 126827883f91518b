/**
 * A grant that nobody uses rests, and one word of its owner takes it up again: the same right, to its old
 * end, so nothing new is agreed. Who is told, and when it is time, is `life/unused`.
 */
import type { GrantId } from '../base/ids.ts'
import { Problem } from '../base/problem.ts'
import type { Instant } from '../base/time.ts'
import { resolveIn } from '../finding/raise.ts'
import { lockKnown } from '../ledger/fact-table.ts'
import { entryKind } from '../ledger/kind.ts'
import { verb } from '../ledger/verb.ts'
import { grantTable, unusedKind } from './rows.ts'

const grantRested = entryKind('grant.rest', 'let a grant rest that is not used')
const grantKept = entryKind('grant.keep', 'keeps a grant')

type Unused = { grantId: GrantId; unusedSince: Instant }

/** Its leases end; agreed it stays. Over, resting or used meanwhile: nothing is recorded. */
export const restGrant = verb('grant.narrow', 'grantId', async (scope, input: Unused, by) => {
  const before = await lockKnown(scope.tx, grantTable, input.grantId)
  const { usedAt, keptAt } = before
  const isUsed = [usedAt, keptAt].some(at => at !== null && at > input.unusedSince)
  if (before.state !== 'live' || isUsed) return
  scope.entry({ kind: grantRested, by })
  await scope.save(grantTable, before, { ...before, state: 'resting' })
})

/** Takes up again what rests; of what is told to be unused, says that it stays. */
export const keepGrant = verb('grant.keep', 'grantId', async (scope, { grantId }, by) => {
  const before = await lockKnown(scope.tx, grantTable, grantId)
  const isOver = before.endsAt <= scope.at || !['live', 'resting'].includes(before.state)
  if (isOver || before.requestId === null)
    throw new Problem('wrong-state', { detail: 'This grant is over.', next: 'Ask for it again.' })
  await resolveIn(scope, unusedKind, grantId)
  scope.entry({ kind: grantKept, by })
  return scope.save(grantTable, before, { ...before, state: 'live', keptAt: scope.at })
})
