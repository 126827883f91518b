/**
 * Apps whose end is under way or due for another look, several beside each other. An app that takes
 * long keeps its run and gives up its turn, so that a target that hangs holds up no other app.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { type AppId, systemId } from '../../core/base/ids.ts'
import { isProblem } from '../../core/base/problem.ts'
import { bounds } from './bounds.ts'
import { dueOffboardings } from './rows.ts'
import { type OffboardWorld, runOffboarding } from './run.ts'

export interface Sweeping {
  /** Runs of passes before that are not over: waited for by none, and not begun again. */
  readonly underWay: Map<AppId, Promise<void>>
  /** Told what a run throws; it is due again by itself, and stops no other. */
  readonly log: (thrown: unknown) => void
  /** `bounds.appTurnMs` unless a test says otherwise. */
  readonly turnMs?: number
}

/** One pass. Never rejects for what a run does. */
export async function sweepOffboardings(world: OffboardWorld, sweeping: Sweeping): Promise<void> {
  const { underWay } = sweeping
  const due = await dueOffboardings(world.store, world.clock.now())
  const next = due.filter(appId => !underWay.has(appId)).values()
  await Promise.all(
    Array.from({ length: bounds.appsAtOnce }, async () => {
      for (const appId of next) {
        if (underWay.size >= bounds.appsUnderWay) return
        await waitAtMost(sweeping.turnMs ?? bounds.appTurnMs, begin(world, appId, sweeping))
      }
    }),
  )
}

function begin(world: OffboardWorld, appId: AppId, { underWay, log }: Sweeping): Promise<void> {
  const run = offboard(world, appId)
    .catch(log)
    .finally(() => underWay.delete(appId))
  underWay.set(appId, run)
  return run
}

async function offboard(world: OffboardWorld, appId: AppId): Promise<void> {
  const permit = world.permitFor(systemId('offboard'), 'offboard.run', { type: 'app', id: appId })
  await runOffboarding(world, permit, { appId }).catch((thrown: unknown) => {
    if (!isProblem(thrown, 'conflict')) throw thrown
  })
}

async function waitAtMost(ms: number, run: Promise<void>): Promise<void> {
  const over = new AbortController()
  const longest = wait(ms, undefined, { signal: over.signal }).catch(() => {})
  await Promise.race([run, longest]).finally(() => over.abort())
}
