/**
 * One batch of decision records: its rows and the entry that seals them, in one transaction, so that a
 * record in the database is a record whose hash the log has.
 *
 * INVARIANT: exactly once. How far a segment was taken moves in the same transaction; who comes second
 * with the same bytes is told so and writes nothing.
 */
import { systemId } from '../../core/base/ids.ts'
import { problemOf } from '../../core/base/problem.ts'
import { raiseIn } from '../../core/finding/raise.ts'
import { entryKind } from '../../core/ledger/kind.ts'
import { type LedgerWorld, recorded } from '../../core/ledger/record.ts'
import { extend, leafHash, rootOf } from '../../core/ledger/tree.ts'
import type { Kept } from './line.ts'
import { advance, insertRecords, keepPartitions, type SealedBatch } from './rows.ts'

export const decisionsSealed = entryKind('decision.seal', 'sealed decisions')

export interface Batch {
  readonly segment: string
  readonly from: number
  readonly to: number
  readonly records: readonly Kept[]
  readonly damaged: number
}

/** Problem `conflict` where these bytes were sealed before. */
export async function sealBatch(world: LedgerWorld, batch: Batch): Promise<void> {
  const { segment, from, to, records, damaged } = batch
  await keepPartitions(world.store, [...new Set(records.map(({ at }) => at.slice(0, 10)))])
  await recorded(world, async scope => {
    if (!(await advance(scope.tx, segment, { from, to }))) throw problemOf('records-sealed-before')
    const sealed = sealOf(`${segment}@${from}`, records)
    if (sealed !== null) await insertRecords(scope.tx, sealed.batchId, records)
    if (damaged > 0)
      await raiseIn(scope, {
        kind: 'records-damaged',
        severity: 'high',
        about: segment,
        details: { segment, damaged },
        words: `${damaged} decision records on this disk are not what was written and can not be kept. Look at the disk, and at who can write to it.`,
      })
    const facts = { ...sealed, damaged }
    scope.entry({ kind: decisionsSealed, by: systemId('schedule'), facts })
  })
}

/** Null for none: a segment that holds nothing whole. */
function sealOf(batchId: string, records: readonly Kept[]): SealedBatch | null {
  const times = records.map(({ at }) => at).toSorted()
  const [firstAt, lastAt] = [times[0], times.at(-1)]
  if (firstAt === undefined || lastAt === undefined) return null
  return { batchId, count: records.length, root: rootHex(records), firstAt, lastAt }
}

/** RFC 6962 §2.1; each leaf is the hash of a record, as hex. */
export function rootHex(records: readonly { readonly hash: string }[]): string {
  const leaves = records.map(({ hash }) => leafHash(hash))
  return Buffer.from(rootOf(extend({ size: 0, peaks: [] }, leaves).frontier)).toString('hex')
}
