/** End: a person, a task or a control says that this credential is over. Driven at once, then by the sweep. */
import type { LeaseId } from '../base/ids.ts'
import { limits } from '../base/limits.ts'
import { checkPermit, type Permit } from '../base/permit.ts'
import { isProblem, Problem } from '../base/problem.ts'
import { addMs } from '../base/time.ts'
import { entryKind } from '../ledger/kind.ts'
import { recorded } from '../ledger/record.ts'
import { changeRead } from './change.ts'
import { driveLease, onReserve } from './drive.ts'
import type { LeaseWorld } from './issue.ts'
import { settlesAt } from './lease.ts'
import { type DueLease, findDue, type LeaseCause, type LeaseRow, leaseTable } from './rows.ts'

const leaseEnding = entryKind('lease.end', 'began to end a credential')

/**
 * Returns the lease as it is after one try: `gone`, or `ending` with what is in the way; then the
 * sweep goes on, as it does with one that may still be made. Ending what is gone or ending is no error.
 */
export async function endLease(
  anyWorld: LeaseWorld,
  permit: Permit<'lease.end'>,
  input: { leaseId: LeaseId; cause: LeaseCause },
): Promise<LeaseRow> {
  const world = onReserve(anyWorld)
  checkPermit(permit, 'lease.end', input.leaseId)
  const due = await beginEnding(world, permit, input)
  const now = world.clock.now()
  if (due.lease.state === 'gone' || settlesAt(due.lease, now) > now) return due.lease
  try {
    return await driveLease(world, permit.actor, { ...due, tries: 1 })
  } catch (thrown) {
    // The end is committed; that we could not see it through now is the sweep's business.
    if (!isProblem(thrown)) throw thrown
    return (await findDue(world, input.leaseId))?.lease ?? due.lease
  }
}

/** Commits that it ends. What is ending or gone is left as it is. */
async function beginEnding(
  world: LeaseWorld,
  permit: Permit<'lease.end'>,
  { leaseId, cause }: { leaseId: LeaseId; cause: LeaseCause },
): Promise<DueLease> {
  // What memory holds is nearly always what is there; where it is not, its version says so.
  let known: LeaseRow | undefined = world.replica.get(leaseTable, leaseId)
  for (let tries = 1; ; tries++) {
    const reading = findDue(world, leaseId)
    const row = known ?? (await reading)?.lease
    known = undefined
    const isOpen = row?.state === 'intended' || row?.state === 'live'
    const saving = isOpen ? saveEnding(world, permit, row, cause) : undefined
    try {
      const [due, ending] = await Promise.all([reading, saving])
      if (due === undefined) throw new Problem('not-found', { detail: 'There is no such lease.' })
      return { ...due, lease: ending ?? due.lease }
    } catch (thrown) {
      // It was renewed, or another began to end it: the same again, on what is there now.
      if (!isProblem(thrown, 'conflict') || tries === mostTries) throw thrown
    }
  }
}

const mostTries = 5

function saveEnding(
  world: LeaseWorld,
  permit: Permit<'lease.end'>,
  lease: LeaseRow,
  cause: LeaseCause,
): Promise<LeaseRow> {
  return recorded(world, async scope => {
    scope.entry({ kind: leaseEnding, by: permit })
    const at = settlesAt(lease, scope.at)
    // Driven now: ours for as long as a call may take; if this process dies, then the sweep's.
    const ours = at > scope.at ? {} : { heldUntil: addMs(at, limits.targetCallMs) }
    return changeRead(scope, lease, { kind: 'end', cause }, () => ({ at, ...ours }))
  })
}
