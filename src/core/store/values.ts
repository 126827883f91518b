/** How the values of the database read, the same for both drivers. */
import type { Instant } from '../base/time.ts'
import { fromMs } from '../base/time.ts'

export const oids = { bigint: 20, timestamptz: 1184 } as const

/** PostgreSQL's text of a timestamptz in a UTC session; anything finer than a millisecond is cut. */
export function instantFromText(text: string): Instant {
  const parts = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)\+00$/.exec(text)
  if (parts === null) throw new Error(`not an instant of a UTC session: ${text}`)
  return fromMs(Date.parse(`${parts[1]}T${parts[2]}Z`))
}

export function safeInteger(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new Error(`a number beyond 2^53 in the database: ${text}`)
  return value
}
