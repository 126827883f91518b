/** What both drivers do alike: the face of a transaction, how it begins, and how values read. */
import { assert } from '../base/problem.ts'
import { fromMs, type Instant } from '../base/time.ts'
import type { TransactOptions, Tx } from './store.ts'

export type Send = <Row>(text: string, params: readonly unknown[]) => Promise<Row[]>

/** `last` is what `finish` was given, by `sendLast`: it is run when the work is done. */
export function txOver(send: Send, sendLast: Send): { tx: Tx; last: (() => Promise<void>)[] } {
  const last: (() => Promise<void>)[] = []
  const tx: Tx = {
    async query<Row>(text: string, params: readonly unknown[] = []) {
      assert(last.length === 0, 'nothing is asked after the last statement')
      return send<Row>(text, params)
    },
    finish<Row>(text: string, params: readonly unknown[] = []) {
      const rows = Promise.withResolvers<Row[]>()
      last.push(async () => rows.resolve(await sendLast<Row>(text, params)))
      return rows.promise
    },
  }
  return { tx, last }
}

/** `begin` with the modes of a transaction, or what says them once it has begun; empty for none. */
export function beginText(start: 'begin' | 'set transaction', options: TransactOptions): string {
  const words: string[] = [start]
  if (options.isolation === 'repeatable read') words.push('isolation level repeatable read')
  if (options.readOnly === true) words.push('read only')
  const begin = words.length === 1 && start !== 'begin' ? [] : [words.join(' ')]
  const role = options.role === 'sequencer' ? ['set local role leasehold_sequencer'] : []
  return [...begin, ...role].join('; ')
}

export const oids = { bigint: 20, timestamptz: 1184 } as const

/** PostgreSQL's text of a timestamptz in a UTC session; anything finer than a millisecond is cut. */
export function instantFromText(text: string): Instant {
  const parts = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)\+00$/.exec(text)
  assert(parts, `not an instant of a UTC session: ${text}`)
  return fromMs(Date.parse(`${parts[1]}T${parts[2]}Z`))
}

export function safeInteger(text: string): number {
  const value = Number(text)
  assert(Number.isSafeInteger(value), `a number beyond 2^53 in the database: ${text}`)
  return value
}
