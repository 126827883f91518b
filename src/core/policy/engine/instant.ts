/**
 * Cedar's decimal, datetime and duration, from the texts a policy or a fact gives them as.
 *
 * Not here: adding and comparing them (`extension.ts`). Nothing is guessed: a text that Cedar would
 * refuse is undefined.
 */
import { longOf } from './long.ts'
import type { Units } from './value.ts'

/** Nineteen digits after leading zeros are all a Long can have. */
const decimalForm = /^(-?)0*(\d{1,19})\.(\d{1,4})$/
const durationForm =
  /^(-?)(?:0*(\d{1,19})d)?(?:0*(\d{1,19})h)?(?:0*(\d{1,19})m)?(?:0*(\d{1,19})s)?(?:0*(\d{1,19})ms)?$/
/** A date, or a date and a time to the second or millisecond, in UTC or so far from it. */
const datetimeForm =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?:T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{3})?(?:Z|[+-](?:[01]\d|2[0-3])[0-5]\d))?$/
/** Milliseconds of a day, an hour, a minute, a second, and of itself. */
const units = [86_400_000n, 3_600_000n, 60_000n, 1000n, 1n]

export function readDecimal(text: string): Units | undefined {
  const [, sign, whole = '', part = ''] = decimalForm.exec(text) ?? []
  if (sign === undefined) return undefined
  return unitsOf('decimal', sign, BigInt(whole) * 10_000n + BigInt(part.padEnd(4, '0')))
}

export function readDuration(text: string): Units | undefined {
  const [, sign, ...parts] = durationForm.exec(text) ?? []
  if (sign === undefined || parts.every(part => part === undefined)) return undefined
  const size = units.reduce((sum, unit, i) => sum + BigInt(parts[i] ?? '0') * unit, 0n)
  return unitsOf('duration', sign, size)
}

export function readDatetime(text: string): Units | undefined {
  if (!datetimeForm.test(text) || !isDay(text)) return undefined
  const isUtc = text.length === 10 || text.endsWith('Z')
  // JavaScript reads an offset with a colon, Cedar writes none.
  const zoned = isUtc ? text : `${text.slice(0, -2)}:${text.slice(-2)}`
  return { kind: 'datetime', count: Date.parse(zoned) }
}

/** JavaScript takes the 30th of February for a day in March. */
function isDay(text: string): boolean {
  const date = Number(text.slice(8, 10))
  return date <= 28 || new Date(Date.parse(text.slice(0, 10))).getUTCDate() === date
}

function unitsOf(kind: Units['kind'], sign: string, size: bigint): Units | undefined {
  const count = longOf(sign === '-' ? -size : size)
  return count === undefined ? undefined : { kind, count }
}
