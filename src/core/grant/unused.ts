/**
 * A grant that nobody uses rests, and one word of its owner takes it up again: the same right, to its old
 * end, so nothing new is agreed. Who is told, and when it is time, is `life/unused`.
 */
import type { GrantId } from '../base/ids.ts'
import { checkPermit, type Permit } from '../base/permit.ts'
import { Problem } from '../base/problem.ts'
import type { Instant } from '../base/time.ts'
import { resolveIn } from '../finding/raise.ts'
import { lockKnown } from '../ledger/fact-table.ts'
import { entryKind } from '../ledger/kind.ts'
import { type LedgerWorld, recorded } from '../ledger/record.ts'
import { type GrantRow, grantTable, unusedKind } from './rows.ts'

const grantRested = entryKind('grant.rest', 'let a grant rest that is not used')
const grantKept = entryKind('grant.keep', 'keeps a grant')

/** Its leases end; agreed it stays. Over, resting or used meanwhile: nothing is recorded. */
export async function restGrant(
  world: LedgerWorld,
  permit: Permit<'grant.narrow'>,
  { grantId, unusedSince }: { grantId: GrantId; unusedSince: Instant },
): Promise<void> {
  checkPermit(permit, 'grant.narrow', grantId)
  await recorded(world, async scope => {
    const before = await lockKnown(scope.tx, grantTable, grantId)
    const { usedAt, keptAt } = before
    const isUsed = [usedAt, keptAt].some(at => at !== null && at > unusedSince)
    if (before.state !== 'live' || isUsed) return
    scope.entry({ kind: grantRested, by: permit })
    await scope.save(grantTable, before, { ...before, state: 'resting' })
  })
}

/** Takes up again what rests; of what is told to be unused, says that it stays. */
export async function keepGrant(
  world: LedgerWorld,
  permit: Permit<'grant.keep'>,
  { grantId }: { grantId: GrantId },
): Promise<GrantRow> {
  checkPermit(permit, 'grant.keep', grantId)
  return recorded(world, async scope => {
    const before = await lockKnown(scope.tx, grantTable, grantId)
    const isOver = before.endsAt <= scope.at || !['live', 'resting'].includes(before.state)
    if (isOver || before.requestId === null)
      throw new Problem('wrong-state', { detail: 'This grant is over.', next: 'Ask for it again.' })
    await resolveIn(scope, unusedKind, grantId)
    scope.entry({ kind: grantKept, by: permit })
    return scope.save(grantTable, before, { ...before, state: 'live', keptAt: scope.at })
  })
}
