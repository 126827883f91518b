/** Renew: another term of the same credential, by a new decision, never beyond the lease's own end. */
import type { LeaseId } from '../base/ids.ts'
import { checkPermit, type Permit } from '../base/permit.ts'
import { Problem } from '../base/problem.ts'
import { addSeconds, earliest, type Instant } from '../base/time.ts'
import { entryKind } from '../ledger/kind.ts'
import { recorded } from '../ledger/record.ts'
import { changeLease } from './change.ts'
import { type LeaseWorld, orderOf, requireRunning } from './issue.ts'
import { findLease, type LeaseRow, readSalts } from './rows.ts'

const leaseRenewed = entryKind('lease.renew', 'renewed a credential for another term')

export interface RenewInput {
  readonly leaseId: LeaseId
  readonly endsAt: Instant
  readonly termSeconds: number
}

/**
 * The new term is committed first and then told to the target: if that call is lost, the target lets
 * the credential die sooner than we say, never later, and renewing again repairs it.
 */
export async function renewLease(
  world: LeaseWorld,
  permit: Permit<'lease.renew'>,
  input: RenewInput,
): Promise<LeaseRow> {
  checkPermit(permit, 'lease.renew', input.leaseId)
  const { diesByItself } = await describeTarget(world, input.leaseId)
  const lease = await recorded(world, async scope => {
    const renewed = async (row: LeaseRow) => {
      await requireRunning(scope.tx, row)
      const termEndsAt = earliest(row.endsAt, input.endsAt, addSeconds(scope.at, input.termSeconds))
      const diesAt = diesByItself ? termEndsAt : row.diesAt
      return { kind: 'renewed', at: scope.at, termEndsAt, diesAt } as const
    }
    const saved = await changeLease(scope, input.leaseId, renewed, row => ({ at: row.termEndsAt }))
    scope.entry({ kind: leaseRenewed, by: permit })
    return saved
  })
  const salt = (await readSalts(world.store, [lease.id])).get(lease.id)
  if (salt === undefined) throw new Problem('wrong-state', { detail: 'This lease is being ended.' })
  await world.targets.call(lease.targetId, 'issue', (target, signal) =>
    target.renew(orderOf(world, lease, salt), signal),
  )
  return lease
}

/** Before the transaction: opening a target may read from the network. */
async function describeTarget(world: LeaseWorld, leaseId: LeaseId) {
  const lease = await findLease(world.store, leaseId)
  if (lease === undefined) throw new Problem('not-found', { detail: 'There is no such lease.' })
  return world.targets.describe(lease.targetId)
}
