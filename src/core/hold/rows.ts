/** Holds: the rows, and every SQL text that reads them. */
import type { ActorId, HoldId } from '../base/ids.ts'
import { limits } from '../base/limits.ts'
import type { Instant } from '../base/time.ts'
import { factTable } from '../ledger/fact-table.ts'
import { lockRow } from '../ledger/find-row.ts'
import type { Sql, Tx } from '../store/store.ts'

export type HoldScope = 'app' | 'person' | 'identity' | 'everything'

export interface HoldRow {
  readonly id: HoldId
  readonly version: number
  readonly scope: HoldScope
  /** Id of what is held; `everything` for the widest. */
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
  ['id', 'version', 'scope', 'about', 'reason', 'setBy', 'state', 'madeAt', 'liftedBy', 'liftedAt'],
  { words: ['reason'], isResident: hold => hold.state === 'set' },
)

export function lockHold(tx: Tx, id: HoldId): Promise<HoldRow | undefined> {
  return lockRow(tx, holdTable, id)
}

/** Two that would hold the same at once wait for each other here. */
export async function lockSetHold(
  tx: Tx,
  scope: HoldScope,
  about: string,
): Promise<HoldRow | undefined> {
  await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 7135005))', [
    `${scope} ${about}`,
  ])
  const rows = await tx.query<HoldRow>(
    `select ${holdTable.select} from hold where scope = $1 and about = $2 and state = 'set'`,
    [scope, about],
  )
  return rows[0]
}

/** What is held now, the oldest first. */
export function listHolds(sql: Sql): Promise<HoldRow[]> {
  return sql.query<HoldRow>(
    `select ${holdTable.select} from hold where state = 'set'
     order by made_at, id limit ${limits.pageRows}`,
  )
}
