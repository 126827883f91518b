/**
 * A pause reaches what was adopted: while its app is paused, or a hold is on the app, its owner or everything,
 * each thing is stopped at its own system, and let go on after that as it was before and no more.
 *
 * INVARIANT: what it was is kept before it is stopped, once: who comes after a crash puts that back.
 */
import { appTable } from '../../core/app/rows.ts'
import { systemId } from '../../core/base/ids.ts'
import type { Json } from '../../core/base/json.ts'
import { forEachDue } from '../../core/base/sweep.ts'
import { heldBy } from '../../core/hold/hold.ts'
import { entryKind } from '../../core/ledger/kind.ts'
import { recorded } from '../../core/ledger/record.ts'
import type { LookWorld } from './look.ts'
import * as rows from './rows.ts'

const thingHeld = entryKind('thing.hold', 'stopped it at its system, or let it go on there')

/** Again is no harm: what is stopped is looked at again. What ends is not let go on first. */
export async function sweepHolds(world: LookWorld): Promise<number> {
  return forEachDue(await rows.listAdopted(world.store), async thing => {
    const { id, version, held, nativeId, kind } = thing
    const app = world.replica.get(appTable, thing.appId)
    if (app?.state !== 'active' && app?.state !== 'paused') return
    const isHeld = app.state === 'paused' || heldBy(world.replica, [app.id, app.ownerId]).length > 0
    if (!isHeld && held === null) return
    const keep = (was: Json) => rows.putHeld(world.store, id, { was }, {})
    const of = { id: nativeId, kind }
    const seen = await world.targets.call(thing.targetId, 'end', async (target, signal) =>
      isHeld
        ? target.holdFound?.(of, keep, signal)
        : target.releaseFound?.(of, held?.was ?? null, signal),
    )
    const says = seen === undefined ? 'it can not be stopped here: a person does' : seen.because
    const isOver = !isHeld && (seen === undefined || says === undefined)
    const now = { isHeld: seen?.isHeld === true, says: says ?? null }
    if (!isOver && held?.isHeld === now.isHeld && held.says === now.says) return
    await recorded(world, async scope => {
      await rows.putHeld(scope.tx, id, {}, isOver ? null : now)
      const subjects = [{ type: 'thing', id, version }]
      const facts = { isHeld: now.isHeld }
      scope.entry({ kind: thingHeld, by: systemId('discovery'), subjects, facts })
    })
  })
}
