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
  /** Milliseconds that only grow, sleep of the machine included; for ages and time-outs. */
  monotonicMs(): number
}

export const systemClock: Clock = {
  now: oncePerMs(() => Date.now()),
  monotonicMs: wakefulMs(
    () => performance.now(),
    () => Date.now(),
  ),
}

/** A decision asks for the time a dozen times within one millisecond: it is written out once. */
function oncePerMs(nowMs: () => number): () => Instant {
  let [ms, text] = [0, fromMs(0)]
  return () => {
    const now = nowMs()
    if (now !== ms) [ms, text] = [now, fromMs(now)]
    return text
  }
}

/**
 * The machine's steady clock stands still while it sleeps, and a fact does not stay fresh by that: a
 * leap of the wall clock by a second or more counts as time gone by. It only ever adds.
 */
export function wakefulMs(steadyMs: () => number, wallMs: () => number): () => number {
  const gap = () => wallMs() - steadyMs()
  const first = gap()
  let slept = 0
  return () => {
    const leapt = gap() - first
    if (leapt > slept + 1_000) slept = leapt
    return steadyMs() + slept
  }
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

/** Throws `RangeError` outside the years 0 to 9999, where instants no longer compare as text. */
export function fromMs(ms: number): Instant {
  const text = new Date(ms).toISOString()
  if (text.length !== 24) throw new RangeError('an instant is in the years 0 to 9999')
  return text as Instant
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

/**
 * RFC 3339 to our form, or null: the door's parser for instants people write. A date alone is its
 * first moment in UTC; a time needs its zone. A day that is not in the calendar is null, not the next.
 */
export function parseInstant(text: string): Instant | null {
  const parts = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)(Z|[+-]\d\d:\d\d))?$/
  const [, day, time = '00:00', zone = 'Z'] = parts.exec(text) ?? []
  if (day === undefined || !isCalendarDay(day)) return null
  const ms = Date.parse(`${day}T${time}${zone}`)
  return Number.isNaN(ms) || ms < firstMs || ms > lastMs ? null : fromMs(ms)
}

const firstMs = Date.parse('0000-01-01T00:00:00.000Z')
const lastMs = Date.parse('9999-12-31T23:59:59.999Z')

/** `Date` turns 30 February into 2 March. */
function isCalendarDay(day: string): boolean {
  const date = new Date(`${day}T00:00:00Z`)
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(day)
}
