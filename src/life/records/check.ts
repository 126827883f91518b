/** Compares each sealed batch of decision records with what its entry in the log says. Repairs nothing. */
import { sha256Hex } from '../../core/base/hash.ts'
import { limits } from '../../core/base/limits.ts'
import type { Sql } from '../../core/store/store.ts'
import { findEntries } from '../audit/rows.ts'
import { recordsOf, type SealedBatch } from './rows.ts'
import { decisionsSealed, rootHex } from './seal.ts'

export interface BatchFault {
  /** Of the entry that sealed it. */
  readonly position: number
  /** How many records are there, of how many that were sealed; equal where one is another. */
  readonly found: number
  readonly sealed: number
}

export async function checkBatches(sql: Sql) {
  const faults: BatchFault[] = []
  let batches = 0
  for (let after = -1; ; ) {
    const page = await findEntries(sql, { kind: decisionsSealed, after }, limits.pageRows)
    for (const { position, facts } of page) {
      // An entry for damage alone has no batch.
      const sealed = JSON.parse(facts) as SealedBatch | { readonly batchId?: undefined }
      after = position
      if (sealed.batchId === undefined) continue
      batches++
      const { count, root } = sealed
      const bodies = await recordsOf(sql, sealed)
      const records = bodies.map(({ body }) => ({ hash: sha256Hex(body) }))
      if (rootHex(records) !== root || records.length !== count)
        faults.push({ position, found: records.length, sealed: count })
    }
    if (page.length < limits.pageRows) return { batches, faults }
  }
}
