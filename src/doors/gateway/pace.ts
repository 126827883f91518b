/**
 * How fast the tunnels of one lease come through: some at once, then each a gap after the one before.
 * They wait for their turn and are not refused; how many may wait is the caller's to bound. Each one
 * that comes through is an entry or two in the log, and a sign-in at the target.
 */
import { bounds } from './bounds.ts'

const { tunnelBurst, tunnelGapMs } = bounds

export class Pace {
  #nextMs = -Infinity

  /** Takes a turn: milliseconds from `nowMs` until it comes. `nowMs` never goes back. */
  take(nowMs: number): number {
    const dueMs = Math.max(this.#nextMs, nowMs)
    this.#nextMs = dueMs + tunnelGapMs
    return Math.max(0, this.#nextMs - nowMs - tunnelBurst * tunnelGapMs)
  }

  /** Nothing is owed: a new one would be as good. */
  isIdle(nowMs: number): boolean {
    return this.#nextMs <= nowMs
  }
}
