/**
 * Work of ours at a system that several callers wait for at once: a token of our own, a write that says
 * what many asked for. It goes on whoever stops waiting, in a time of its own.
 */
import { Problem } from '../../src/core/base/problem.ts'
import { addSeconds, type Clock, type Instant } from '../../src/core/base/time.ts'

const bounds = { workMs: 12_000, usedSeconds: 900, marginSeconds: 300 }
/** For work that nobody's signal ends. */
export const ownTime = () => AbortSignal.timeout(bounds.workMs)

/** Waits as long as the caller does. Problem `target-unavailable` when that is over first. */
export async function waitFor<T>(name: string, work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const next = 'Try again; what was begun there is looked at and cleaned up.'
  const stop = () =>
    reject(new Problem('target-unavailable', { detail: `${name} did not finish in time.`, next }))
  // Nobody may be waiting by then.
  work.catch(() => {})
  if (signal.aborted) stop()
  signal.addEventListener('abort', stop, { once: true })
  try {
    // Who has given up is told so, whatever was done by then.
    return await (signal.aborted ? promise : Promise.race([work, promise]))
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/** What an authorization server gave. Lives in memory alone. */
export interface Given {
  readonly token: string
  readonly seconds: number
}

/**
 * A token of our own, made when it is needed and again a while before it dies, or when it was refused:
 * `refused` is the one that was.
 */
export function ownToken(
  name: string,
  clock: Pick<Clock, 'now'>,
  make: (signal: AbortSignal) => Promise<Given>,
) {
  let held: { readonly until: Instant; readonly made: Promise<Given> } | undefined
  const begin = () => {
    const made = make(ownTime())
    const mine = { until: addSeconds(clock.now(), bounds.usedSeconds), made }
    held = mine
    made.then(
      ({ seconds }) => {
        const left = Math.min(bounds.usedSeconds, seconds - bounds.marginSeconds)
        if (held === mine) held = { until: addSeconds(clock.now(), left), made }
      },
      () => {
        if (held === mine) held = undefined
      },
    )
    return mine
  }
  return async (signal: AbortSignal, refused?: string): Promise<string> => {
    const isDue = held === undefined || clock.now() >= held.until
    const mine = isDue || held === undefined ? begin() : held
    const { token } = await waitFor(name, mine.made, signal)
    if (token !== refused) return token
    const again = held?.made === mine.made ? begin() : (held ?? begin())
    return (await waitFor(name, again.made, signal)).token
  }
}
