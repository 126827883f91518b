/** Holds: the rows, and every SQL text that reads them. */
import type { ActorId, HoldId } from '../base/ids.ts'
import type { Instant } from '../base/time.ts'
import { words } from '../base/words.ts'
import { type FactRow, factTable } from '../ledger/fact-table.ts'

export type HoldScope = 'app' | 'person' | 'identity' | 'task' | 'tool' | 'issuer' | 'everything'

export interface HoldRow extends FactRow<HoldId> {
  readonly scope: HoldScope
  /** Id of what is held; `target id/name` of a tool, an issuer's address, `everything`. */
  readonly about: string
  readonly reason: string
  readonly setBy: ActorId
  readonly state: 'set' | 'lifted'
  readonly madeAt: Instant
  readonly liftedBy: ActorId | null
  readonly liftedAt: Instant | null
}

export const holdTable = factTable<HoldRow, 'reason'>(
  'hold',
  words('id version scope about reason setBy state madeAt liftedBy liftedAt'),
  { words: ['reason'], isResident: hold => hold.state === 'set' },
)
