/** Which orders to stop concern somebody. Pure reading of memory, for every decision. */
import type { Json } from '../base/json.ts'
import type { Image } from '../ledger/fact-table.ts'
import type { Replica } from '../ledger/replica.ts'
import type { TaskRow } from '../task/rows.ts'
import { type HoldRow, holdTable } from './rows.ts'

/** `about` of a hold on everything. */
export const everything = 'everything'

/** What of a task a hold may name: itself, on whose behalf it is, and who vouched for it. */
export function concernedBy({ id, onBehalfOf, provenance }: Image<TaskRow>): Json[] {
  return [id, onBehalfOf, provenance['issuer'] ?? null]
}

/** Holds that are set on any of these, and on everything. Owner and on whose behalf count as well. */
export function heldBy(
  replica: Replica,
  concerned: readonly (Json | undefined)[],
): Image<HoldRow, 'reason'>[] {
  const ids = new Set([everything, ...concerned])
  return [...ids].flatMap(id => (typeof id === 'string' ? replica.by(holdTable, 'about', id) : []))
}
