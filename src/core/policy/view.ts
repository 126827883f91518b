/** What is looked at to decide, when, and the small words facts are written in. */
import type { Json, JsonObject } from '../base/json.ts'
import type { Instant } from '../base/time.ts'
import type { Replica } from '../ledger/replica.ts'
import { isLiving } from '../people/person.ts'
import { personTable } from '../people/rows.ts'
import type { Uid } from './engine/cedar.ts'

export interface View {
  readonly replica: Replica
  readonly now: Instant
  /** How old the replica's facts are. */
  readonly ageMs: number
}

export function lives(view: View, id: string): boolean {
  const row = view.replica.get(personTable, id)
  return row !== undefined && isLiving(row, view.now)
}

export function uid(type: string, id: string): Uid & JsonObject {
  return { type, id }
}

export function person(id: string | null | undefined): (Uid & JsonObject) | undefined {
  return typeof id === 'string' ? uid('Person', id) : undefined
}

/**
 * An object without prototype; what is missing is left out, so that `has` is false. The names are
 * ours, never a caller's.
 */
export function bare(members: Readonly<Record<string, Json | undefined>>): JsonObject {
  const object = Object.create(null) as Record<string, Json>
  for (const [name, value] of Object.entries(members))
    if (value !== undefined && value !== null) object[name] = value
  return object
}

/** These columns of a row, under their own names. */
export function pick<R extends object>(row: R, columns: readonly (keyof R & string)[]): JsonObject {
  return bare(Object.fromEntries(columns.map(column => [column, row[column] as Json])))
}
