/**
 * Time as an argument. Nothing below `main.ts` reads the machine's clock by itself.
 *
 * An `Instant` is RFC 3339 in UTC with exactly three decimals (`2026-11-22T14:02:08.123Z`), so that
 * instants compare as text, travel as JSON and mean the same in SQL.
 */
declare const instantBrand: unique symbol
export type Instant = string & { readonly [instantBrand]: true }

export interface Clock {
  /** Wall time. May jump; decisions use `max(last seen, now)`. */
  now(): Instant
  /** Milliseconds that only grow; for ages and time-outs. */
  monotonicMs(): number
}

export const systemClock: Clock = {
  now: () => fromMs(Date.now()),
  monotonicMs: () => performance.now(),
}

/** A clock that never runs backwards: a jump back freezes it until real time has caught up. */
export function forwardOnly(clock: Clock): Clock {
  let last = clock.now()
  return {
    now() {
      const now = clock.now()
      if (now > last) last = now
      return last
    },
    monotonicMs: () => clock.monotonicMs(),
  }
}

export function fromMs(ms: number): Instant {
  return new Date(ms).toISOString() as Instant
}

export function toMs(instant: Instant): number {
  return Date.parse(instant)
}

export function toSeconds(instant: Instant): number {
  return Math.floor(toMs(instant) / 1000)
}

export function addMs(instant: Instant, ms: number): Instant {
  return fromMs(toMs(instant) + ms)
}

export function addSeconds(instant: Instant, seconds: number): Instant {
  return addMs(instant, seconds * 1000)
}

export function msBetween(from: Instant, to: Instant): number {
  return toMs(to) - toMs(from)
}

export function earliest(first: Instant, ...rest: readonly (Instant | null)[]): Instant {
  let best = first
  for (const each of rest) if (each !== null && each < best) best = each
  return best
}

/** Any RFC 3339 text to our form, or null: the door's parser for instants people write. */
export function parseInstant(text: string): Instant | null {
  if (!/^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?)?$/.test(text))
    return null
  const ms = Date.parse(text)
  return Number.isNaN(ms) ? null : fromMs(ms)
}
