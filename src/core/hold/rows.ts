/** Holds: the rows, and every SQL text that reads them. */
import type { ActorId, HoldId } from '../base/ids.ts'
import type { Instant } from '../base/time.ts'
import type { Word } from '../base/words.ts'
import { fact, factTable, type RowOf, text } from '../ledger/fact-table.ts'

export type HoldScope = Word<'app person identity task tool issuer day everything'>

export const holdTable = factTable('hold', hold => hold.state === 'set', {
  id: fact<HoldId>(),
  scope: fact<HoldScope>(),
  /** Id of what is held; `target id/name` of a tool, an issuer's address, `day/name`, `everything`. */
  about: fact<string>(),
  reason: text<string>(),
  setBy: fact<ActorId>(),
  state: fact<'set' | 'lifted'>(),
  madeAt: fact<Instant>(),
  liftedBy: fact<ActorId | null>(),
  liftedAt: fact<Instant | null>(),
})
export type HoldRow = RowOf<typeof holdTable>
