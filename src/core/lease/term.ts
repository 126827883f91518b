/**
 * After a term: another one of the same credential, by a new decision, never beyond the lease's own
 * end; or the end, because a person, a task or a control says so, driven at once and then by the sweep.
 */
import type { LeaseId } from '../base/ids.ts'
import { limits } from '../base/limits.ts'
import { checkPermit, type Permit } from '../base/permit.ts'
import { isProblem, Problem } from '../base/problem.ts'
import { addMs, addSeconds, earliest } from '../base/time.ts'
import { throwUnknown } from '../ledger/fact-table.ts'
import { entryKind } from '../ledger/kind.ts'
import { recorded } from '../ledger/record.ts'
import { changeLease, changeRead } from './change.ts'
import { driveLease, onReserve } from './drive.ts'
import { type IssueInput, type LeaseWorld, orderOf, requireRunning } from './issue.ts'
import { settlesAt } from './lease.ts'
import * as rows from './rows.ts'

const leaseRenewed = entryKind('lease.renew', 'renewed a credential for another term')
const leaseEnding = entryKind('lease.end', 'began to end a credential')

export type RenewInput = Pick<IssueInput, 'endsAt' | 'termSeconds'> & { readonly leaseId: LeaseId }

/**
 * The new term is committed first and then told to the target: if that call is lost, the target lets
 * the credential die sooner than we say, never later, and renewing again repairs it.
 */
export async function renewLease(
  world: LeaseWorld,
  permit: Permit<'lease.renew'>,
  input: RenewInput,
): Promise<rows.LeaseRow> {
  checkPermit(permit, 'lease.renew', input.leaseId)
  const known = (await rows.findLease(world.store, input.leaseId)) ?? throwUnknown('lease')
  // Before the transaction: opening a target may read from the network.
  const { diesByItself } = await world.targets.describe(known.targetId)
  const lease = await recorded(world, async scope => {
    const renewed = async (row: rows.LeaseRow) => {
      await requireRunning(scope.tx, row)
      const termEndsAt = earliest(row.endsAt, input.endsAt, addSeconds(scope.at, input.termSeconds))
      const diesAt = diesByItself ? termEndsAt : row.diesAt
      return { kind: 'renewed', at: scope.at, termEndsAt, diesAt } as const
    }
    const saved = await changeLease(scope, input.leaseId, renewed, row => ({ at: row.termEndsAt }))
    scope.entry({ kind: leaseRenewed, by: permit })
    return saved
  })
  const salt = (await rows.readSalts(world.store, [lease.id])).get(lease.id)
  if (salt === undefined) throw new Problem('wrong-state', { detail: 'This lease is being ended.' })
  await world.targets.call(lease.targetId, 'issue', (target, signal) =>
    target.renew(orderOf(world, lease, salt), signal),
  )
  return lease
}

/**
 * Returns the lease as it is after one try: `gone`, or `ending` with what is in the way; then the
 * sweep goes on, as it does with one that may still be made. Ending what is gone or ending is no error.
 */
export async function endLease(
  anyWorld: LeaseWorld,
  permit: Permit<'lease.end'>,
  input: { leaseId: LeaseId; cause: rows.LeaseCause },
): Promise<rows.LeaseRow> {
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
    return (await rows.findDue(world, input.leaseId))?.lease ?? due.lease
  }
}

/** Commits that it ends. What is ending or gone is left as it is. */
async function beginEnding(
  world: LeaseWorld,
  permit: Permit<'lease.end'>,
  { leaseId, cause }: { leaseId: LeaseId; cause: rows.LeaseCause },
): Promise<rows.DueLease> {
  // What memory holds is nearly always what is there; where it is not, its version says so.
  let known: rows.LeaseRow | undefined = world.replica.get(rows.leaseTable, leaseId)
  for (let tries = 1; ; tries++) {
    const reading = rows.findDue(world, leaseId)
    const row = known ?? (await reading)?.lease
    known = undefined
    const isOpen = row?.state === 'intended' || row?.state === 'live'
    const saving = isOpen ? saveEnding(world, permit, row, cause) : undefined
    try {
      const [due, ending] = await Promise.all([reading, saving])
      if (due === undefined) throwUnknown('lease')
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
  lease: rows.LeaseRow,
  cause: rows.LeaseCause,
): Promise<rows.LeaseRow> {
  return recorded(world, async scope => {
    scope.entry({ kind: leaseEnding, by: permit })
    const at = settlesAt(lease, scope.at)
    // Driven now: ours for as long as a call may take; if this process dies, then the sweep's.
    const ours = at > scope.at ? {} : { heldUntil: addMs(at, limits.targetCallMs) }
    return changeRead(scope, lease, { kind: 'end', cause }, () => ({ at, ...ours }))
  })
}
