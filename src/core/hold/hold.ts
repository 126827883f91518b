/** Which orders to stop concern somebody. Pure reading of memory, for every decision. */
import type { AnyId } from '../base/ids.ts'
import type { Image } from '../ledger/fact-table.ts'
import type { Replica } from '../ledger/replica.ts'
import { type HoldRow, holdTable } from './rows.ts'

/** `about` of a hold on everything. */
export const everything = 'everything'

/** Holds that are set on any of these, and on everything. Owner and on whose behalf count as well. */
export function heldBy(
  replica: Replica,
  concerned: readonly (AnyId | null | undefined)[],
): Image<HoldRow, 'reason'>[] {
  const ids = new Set([everything, ...concerned])
  return [...ids].flatMap(id => (id ? replica.by(holdTable, 'about', id) : []))
}
