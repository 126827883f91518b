/**
 * Watch: a live credential that no longer is what we issued (its password was changed at the target,
 * by itself or by hand) ends its lease. Each has its turn, so that many cost no more at
 * once than few.
 */
import { type LeaseId, systemId } from '../../core/base/ids.ts'
import { raiseIn } from '../../core/finding/raise.ts'
import { changeRead } from '../../core/lease/change.ts'
import { type LeaseWorld, orderOf } from '../../core/lease/issue.ts'
import { type LeaseRow, leaseTable, lockLease, readSalts } from '../../core/lease/rows.ts'
import { entryKind } from '../../core/ledger/kind.ts'
import { recorded } from '../../core/ledger/record.ts'
import { bounds } from './bounds.ts'

const leaseTampered = entryKind('lease.tamper', 'found a credential changed at its target')

/**
 * One pass over the live leases that are not in `looked`, at most `bounds.watchBatch`, which are then;
 * when all are, it begins again. Returns those that were found changed and are now ending.
 */
export async function watchLeases(world: LeaseWorld, looked: Set<LeaseId> = new Set()) {
  const all = world.replica.all(leaseTable).filter(lease => lease.state === 'live')
  if (all.every(({ id }) => looked.has(id))) looked.clear()
  const live = all.filter(({ id }) => !looked.has(id)).slice(0, bounds.watchBatch)
  const ids = live.map(({ id }) => id)
  for (const id of ids) looked.add(id)
  const salts = await readSalts(world.store, ids)
  const changed: LeaseRow[] = []
  for (const lease of live) {
    const salt = salts.get(lease.id)
    if (salt === undefined || (await isIntact(world, lease, salt))) continue
    const ending = await endTampered(world, lease)
    if (ending !== undefined) changed.push(ending)
  }
  return changed
}

/** Unknown is intact here: a target that is away says nothing about its credentials. */
async function isIntact(world: LeaseWorld, lease: LeaseRow, salt: string): Promise<boolean> {
  try {
    return await world.targets.call(
      lease.targetId,
      'end',
      async (target, signal) => target.checkIntact?.(orderOf(world, lease, salt), signal) ?? true,
    )
  } catch {
    return true
  }
}

/** Undefined when it was ended, or is gone, while we looked. */
async function endTampered(world: LeaseWorld, lease: LeaseRow): Promise<LeaseRow | undefined> {
  return recorded(world, async scope => {
    const row = await lockLease(scope, lease.id)
    if (row?.state !== 'live') return undefined
    await raiseIn(scope, {
      kind: 'lease-tampered',
      severity: 'high',
      about: lease.id,
      details: { appId: lease.appId, targetId: lease.targetId, principal: lease.principal },
      words: `The credential ${lease.principal} was changed at its target. Its lease is being ended; look at who did it.`,
    })
    scope.entry({ kind: leaseTampered, by: systemId('lease-sweep') })
    return changeRead(scope, row, { kind: 'end', cause: 'tampered' }, () => ({ at: scope.at }))
  })
}
