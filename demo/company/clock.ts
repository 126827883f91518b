/**
 * The time of the pretend company. It stands still while something is done and is moved in between, so that
 * thirty days are told in seconds and the same twice; from `run` on it goes as the machine's does.
 *
 * Libraries beside us ask `Date` for the time: in this process it tells the company's.
 */
import { type Clock, fromMs, type Instant, toMs } from '../../src/core/base/time.ts'

const Machine = Date

export interface CompanyClock extends Clock {
  /** Never back. */
  moveTo(at: Instant): void
  /** From here on it goes: with the machine's, or as far behind or ahead of it as it is. */
  run(options: { isMachines: boolean }): void
  /** How far the machine's clock is ahead of this one. */
  readonly behindMs: () => number
  /** Gives `Date` back to the machine. */
  readonly restore: () => void
}

export function startCompanyClock(from: Instant): CompanyClock {
  let stands: number | undefined = toMs(from)
  let behind = 0
  const nowMs = () => stands ?? Machine.now() - behind
  globalThis.Date = class extends Machine {
    constructor(...given: []) {
      super(...((given.length === 0 ? [nowMs()] : given) as []))
    }
    static override now(): number {
      return nowMs()
    }
  } as DateConstructor
  return {
    now: () => fromMs(nowMs()),
    // Ages and time-outs are the machine's: facts are as fresh as they are.
    monotonicMs: () => performance.now(),
    moveTo(at) {
      if (stands === undefined || toMs(at) < stands) throw new Error(`${at} is over`)
      stands = toMs(at)
    },
    run({ isMachines }) {
      behind = isMachines ? 0 : Machine.now() - nowMs()
      stands = undefined
    },
    behindMs: () => Machine.now() - nowMs(),
    restore: () => void (globalThis.Date = Machine),
  }
}
