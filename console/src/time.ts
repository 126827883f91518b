/** Times for people: how far, and exactly when, in the reader's own zone. */

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

/** `6 d 2 h`, `41 min`, `12 s`; never negative. */
export function span(ms: number): string {
  const left = Math.abs(ms)
  if (left < minute) return `${Math.floor(left / 1000)} s`
  if (left < hour) return `${Math.floor(left / minute)} min`
  if (left < day) return twoParts(left, ['h', hour], ['min', minute])
  if (left < 14 * day) return twoParts(left, ['d', day], ['h', hour])
  return `${Math.floor(left / day)} d`
}

type Unit = readonly [name: string, ms: number]

function twoParts(ms: number, [large, largeMs]: Unit, [small, smallMs]: Unit): string {
  const rest = Math.floor((ms % largeMs) / smallMs)
  return `${Math.floor(ms / largeMs)} ${large}${rest > 0 ? ` ${rest} ${small}` : ''}`
}

/** `in 6 d 2 h`, `4 min ago`. */
export function relative(at: string, now: number): string {
  const ms = Date.parse(at) - now
  if (Math.abs(ms) < 1000) return 'now'
  return ms > 0 ? `in ${span(ms)}` : `${span(ms)} ago`
}

const exact = new Intl.DateTimeFormat('en-GB', {
  weekday: 'short',
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
})
const dateOnly = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium' })

/** `Fri 27 Nov, 17:00`. */
export function moment(at: string): string {
  return exact.format(Date.parse(at))
}

/** `14:04:12`. Of thousands at once: a formatter takes twenty times as long. */
export function clock(at: string | number): string {
  return new Date(at).toTimeString().slice(0, 8)
}

/** `27 Nov 2026`. */
export function date(at: string): string {
  return dateOnly.format(Date.parse(at))
}

/** Instants inside a sentence of the server, as the reader would write them. */
export function localTimes(text: string): string {
  return text.replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, found => moment(found))
}
