/**
 * The sweep: whatever is due is driven to gone. Works from its own table of due times, with its own
 * connections and places, one target beside the other, so that none can hold up the rest.
 */
import { type AnyId, type AppId, systemId, type TargetId, type TaskId } from '../base/ids.ts'
import { limits } from '../base/limits.ts'
import { addMs } from '../base/time.ts'
import type { SweepWorld as AnySweep } from '../ledger/record.ts'
import { lookAtTarget, onReserve, recordSeen } from './drive.ts'
import type { LeaseWorld } from './issue.ts'
import { dueTargets, type LeaseRow, makeDueByParents, takeDue, takeOpen } from './rows.ts'

export type SweepWorld = LeaseWorld & AnySweep

/**
 * One pass: pulls what parents' ends mean, then drives every target that has something due. A target
 * that `underWay` has from a pass before is waited for and not begun again.
 */
export async function sweepLeases(
  anyWorld: SweepWorld,
  underWay = new Map<TargetId, Promise<number>>(),
): Promise<{ gone: number }> {
  const world = onReserve(anyWorld)
  await makeDueByParents(world.store, world.clock.now())
  const targets = await dueTargets(world.store, world.clock.now())
  const passes = targets.map(target => {
    const pass =
      underWay.get(target) ?? sweepTarget(world, target).finally(() => underWay.delete(target))
    underWay.set(target, pass)
    return pass
  })
  return { gone: (await Promise.all(passes)).reduce((sum, gone) => sum + gone, 0) }
}

/** All that is due now at one target, and how many are gone; while one batch is recorded, the target works on another. */
async function sweepTarget(world: SweepWorld, targetId: TargetId): Promise<number> {
  const { actor } = sweepPermit(world)
  // What is put off meanwhile is for the next pass: this one has an end.
  const now = world.clock.now()
  let gone = 0
  const sweepBatches = async () => {
    for (;;) {
      const until = addMs(world.clock.now(), limits.sweepHoldMs)
      const due = await takeDue(world, targetId, { now, until })
      if (due.length === 0) return
      const rows = await recordSeen(world, actor, await lookAtTarget(world, due))
      gone += rows.filter(row => row.state === 'gone').length
    }
  }
  await Promise.all(Array.from({ length: limits.sweepsAtOnce }, sweepBatches))
  return gone
}

/** Drives the open leases of one task or app now, whatever they are due; what resists stays due. */
export async function driveLeasesOf(
  anyWorld: SweepWorld,
  filter: { taskId: TaskId } | { appId: AppId },
): Promise<LeaseRow[]> {
  const world = onReserve(anyWorld)
  const { actor } = sweepPermit(world)
  const now = world.clock.now()
  const taken = await takeOpen(world, filter, { now, until: addMs(now, limits.sweepHoldMs) })
  const byTarget = Map.groupBy(taken, due => due.lease.targetId)
  const rows = await Promise.all(
    [...byTarget.values()].map(async due =>
      recordSeen(world, actor, await lookAtTarget(world, due)),
    ),
  )
  return rows.flat()
}

/** One decision for a whole pass: what it is about is everything here that is due. */
function sweepPermit(world: SweepWorld) {
  const id = world.installationId() as AnyId
  return world.permitFor(systemId('lease-sweep'), 'lease.end', { type: 'installation', id })
}
