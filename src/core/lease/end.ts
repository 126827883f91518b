/** End: a person, a task or a control says that this credential is over. Driven at once, then by the sweep. */
import type { LeaseId } from '../base/ids.ts'
import { checkPermit, type Permit } from '../base/permit.ts'
import { isProblem, Problem } from '../base/problem.ts'
import { entryKind } from '../ledger/kind.ts'
import { recorded } from '../ledger/record.ts'
import { changeLease } from './change.ts'
import { driveLease, onReserve } from './drive.ts'
import type { LeaseWorld } from './issue.ts'
import { findLease, type LeaseCause, type LeaseRow } from './rows.ts'

const leaseEnding = entryKind('lease.end', 'began to end a credential')

/**
 * Returns the lease as it is after one try: `gone`, or `ending` with what is in the way; then the
 * sweep goes on. Ending what is gone or ending is no error.
 */
export async function endLease(
  anyWorld: LeaseWorld,
  permit: Permit<'lease.end'>,
  input: { leaseId: LeaseId; cause: LeaseCause },
): Promise<LeaseRow> {
  const world = onReserve(anyWorld)
  checkPermit(permit, 'lease.end', input.leaseId)
  const found = await findLease(world.store, input.leaseId)
  if (found === undefined) throw new Problem('not-found', { detail: 'There is no such lease.' })
  if (found.state === 'gone') return found
  const ending = found.state === 'ending' ? found : await beginEnding(world, permit, input)
  if (ending.state === 'gone') return ending
  try {
    return await driveLease(world, permit.actor, ending, 1)
  } catch (thrown) {
    // The end is committed; that we could not see it through now is the sweep's business.
    if (!isProblem(thrown)) throw thrown
    return (await findLease(world.store, input.leaseId)) ?? ending
  }
}

async function beginEnding(
  world: LeaseWorld,
  permit: Permit<'lease.end'>,
  { leaseId, cause }: { leaseId: LeaseId; cause: LeaseCause },
): Promise<LeaseRow> {
  return recorded(world, async scope => {
    const saved = await changeLease(
      scope,
      leaseId,
      () => ({ kind: 'end', cause }),
      () => scope.at,
    )
    scope.entry({ kind: leaseEnding, by: permit })
    return saved
  })
}
