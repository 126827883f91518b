/**
 * The schedule: what runs by itself, how often, one at a time each. A job that throws is logged and
 * runs again next time; it never stops another.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { sweepApps } from './core/app/sweep.ts'
import { sweepRequests } from './core/approval/close.ts'
import type { LeaseId, TargetId } from './core/base/ids.ts'
import { forEachDue } from './core/base/sweep.ts'
import { addSeconds } from './core/base/time.ts'
import { forgetAssertions } from './core/identity/once.ts'
import { sweepLeases } from './core/lease/sweep.ts'
import { exportCheckpoint } from './life/audit/export.ts'
import { sealRefusals } from './life/audit/refusals.ts'
import { forgetUsed } from './life/budget/rows.ts'
import { sweepHolds } from './life/discovery/hold.ts'
import { sweepLooks } from './life/discovery/look.ts'
import { takeInventory } from './life/drift/inventory.ts'
import { watchLeases } from './life/drift/watch.ts'
import { notify } from './life/notify/notify.ts'
import { sweepGraduations } from './life/offboard/graduate.ts'
import { sweepOffboardings } from './life/offboard/sweep.ts'
import { sweepShelter } from './life/shelter/shelter.ts'
import { sweepSignIns } from './life/sign-in/rows.ts'
import { sweepUnused } from './life/unused/unused.ts'
import { listAgreedIdle, type World } from './world.ts'

type Log = (job: string, thrown: unknown) => void

export interface Job {
  readonly name: string
  readonly everyMs: number
  readonly run: () => Promise<unknown>
}

export type Schedule = ReturnType<typeof startSchedule>

export function startSchedule(jobs: readonly Job[], log: Log) {
  const running = new Map<string, Promise<unknown>>()
  const timers = new Map<string, NodeJS.Timeout>()
  let stopped = false

  const run = (job: Job): Promise<unknown> => {
    const underWay = running.get(job.name)
    if (underWay !== undefined) return underWay
    const once = job
      .run()
      .catch((thrown: unknown) => log(job.name, thrown))
      .finally(() => running.delete(job.name))
    running.set(job.name, once)
    return once
  }
  const plan = (job: Job): void => {
    if (stopped) return
    // Up to a tenth of jitter, so that replicas do not all come at once.
    const wait = job.everyMs * (1 + Math.random() / 10)
    timers.set(
      job.name,
      setTimeout(() => void run(job).finally(() => plan(job)), wait),
    )
  }
  for (const job of jobs) plan(job)

  return {
    /** Runs one job; never joins a run that began before the call, which may not see what the caller did. */
    runNow: async (name: string): Promise<void> => {
      const job = jobs.find(each => each.name === name)
      if (job === undefined) throw new Error(`there is no job ${name}`)
      await running.get(name)
      await run(job)
    },
    /** Waits for what is under way. */
    stop: async (): Promise<void> => {
      stopped = true
      for (const timer of timers.values()) clearTimeout(timer)
      await Promise.allSettled(running.values())
    },
  }
}

/** Everything the server does by itself. `remembered` is the file the next start compares the log with. */
export function jobsOf(world: World, remembered: string, log: Log): Job[] {
  const now = () => world.clock.now()
  const looked = new Set<LeaseId>()
  const sweeping = new Map<TargetId, Promise<number>>()
  const offboarding = { underWay: new Map(), log: (thrown: unknown) => log('offboard', thrown) }
  const late = (thrown: unknown) => log('leases', thrown)
  return [
    { name: 'leases', everyMs: 1_000, run: () => patient(sweepLeases(world, sweeping), late) },
    { name: 'watch', everyMs: 30_000, run: () => watchLeases(world, looked) },
    { name: 'inventory', everyMs: 300_000, run: () => takeInventory(world) },
    // Each target once a day; what was just connected, within a minute.
    { name: 'discovery', everyMs: 60_000, run: () => sweepLooks(world) },
    { name: 'holds', everyMs: 30_000, run: () => sweepHolds(world) },
    { name: 'offboard', everyMs: 1_000, run: () => sweepOffboardings(world, offboarding) },
    {
      name: 'apps',
      everyMs: 5_000,
      run: async () => {
        await sweepApps(world)
        await sweepGraduations(world)
        await sweepRequests(world)
        await world.sweepChildren()
        await sweepUnused(world)
      },
    },
    { name: 'shelter', everyMs: 60_000, run: () => sweepShelter(world) },
    { name: 'notify', everyMs: 5_000, run: () => notify(world) },
    { name: 'agreed', everyMs: 15_000, run: () => sweepAgreed(world) },
    { name: 'refusals', everyMs: 60_000, run: () => sealRefusals(world, world.refusals) },
    {
      name: 'remember',
      everyMs: 60_000,
      run: () => exportCheckpoint(world.checkpoints, remembered),
    },
    {
      name: 'tidy',
      everyMs: 300_000,
      run: async () => {
        await forgetAssertions(world.store, now())
        await sweepSignIns(world.store, addSeconds(now(), -3600))
        await forgetUsed(world.store)
        // Made when they are first needed, which most installations never do.
        if (world.federation.jwks().keys.length > 0) await world.federation.turn()
        await world.store.tend()
      },
    },
  ]
}

/** How long a pass over all targets waits for the slowest before the next may begin. */
const sweepPatienceMs = 2_000

/**
 * Waits, but not for ever: a target that hangs keeps its own pass, and the others go on. What such a
 * pass throws later is told too.
 */
export async function patient(
  pass: Promise<unknown>,
  late: (thrown: unknown) => void,
  patienceMs = sweepPatienceMs,
): Promise<void> {
  const over = new AbortController()
  const longest = wait(patienceMs, true, { signal: over.signal }).catch(() => {})
  const isLate = await Promise.race([pass.then(() => false), longest]).finally(() => over.abort())
  if (isLate === true) pass.catch(late)
}

/** Agreed, and a process died before it took effect: done now. What can not be done holds up no other. */
async function sweepAgreed(world: World): Promise<void> {
  const idle = await listAgreedIdle(world.store, world.clock.now())
  await forEachDue(idle, id => world.applyAgreed(id))
}
