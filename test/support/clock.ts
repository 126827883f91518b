/** Clocks of tests: one turned by hand, and one that leaps. */
import {
  addMs,
  type Clock,
  type Instant,
  parseInstant,
  systemClock,
} from '../../src/core/base/time.ts'

export interface HandClock extends Clock {
  advance(ms: number): void
  set(at: Instant): void
}

export function handClock(start = '2026-11-22T14:00:00.000Z'): HandClock {
  const first = parseInstant(start)
  if (first === null) throw new Error(`not an instant: ${start}`)
  let now = first
  let elapsed = 0
  return {
    now: () => now,
    monotonicMs: () => elapsed,
    advance(ms) {
      now = addMs(now, ms)
      elapsed += ms
    },
    set(at) {
      now = at
    },
  }
}

/** Real time, because the target has a clock of its own, that leaps ahead when told. */
export interface LeapingClock extends Clock {
  advance(ms: number): void
}

export function leapingClock(): LeapingClock {
  let ahead = 0
  return {
    now: () => addMs(systemClock.now(), ahead),
    monotonicMs: () => systemClock.monotonicMs(),
    advance: ms => void (ahead += ms),
  }
}
