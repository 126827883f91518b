/**
 * The schedule: what runs by itself, how often, one at a time each. A job that throws is logged and
 * runs again next time; it never stops another.
 */
export interface Job {
  readonly name: string
  readonly everyMs: number
  readonly run: () => Promise<unknown>
}

export interface Schedule {
  /** Runs one job now, or joins the run under way; for those who wait for its effect. */
  runNow(name: string): Promise<void>
  /** When each job last ended well, in milliseconds of `now`; what a watchdog looks at. */
  lastDone(): ReadonlyMap<string, number>
  /** Waits for what is under way. */
  stop(): Promise<void>
}

export function startSchedule(
  jobs: readonly Job[],
  options: { log: (name: string, thrown: unknown) => void; now: () => number },
): Schedule {
  const running = new Map<string, Promise<void>>()
  const done = new Map<string, number>()
  const timers = new Map<string, NodeJS.Timeout>()
  let stopped = false

  const run = (job: Job): Promise<void> => {
    const underWay = running.get(job.name)
    if (underWay !== undefined) return underWay
    const once = job
      .run()
      .then(
        () => void done.set(job.name, options.now()),
        (thrown: unknown) => options.log(job.name, thrown),
      )
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
    async runNow(name) {
      const job = jobs.find(each => each.name === name)
      if (job === undefined) throw new Error(`there is no job ${name}`)
      await run(job)
    },
    lastDone: () => done,
    async stop() {
      stopped = true
      for (const timer of timers.values()) clearTimeout(timer)
      await Promise.allSettled(running.values())
    },
  }
}
