/** Bundles: the rows. */
import type { BundleId, RequestId } from '../base/ids.ts'
import type { Instant } from '../base/time.ts'
import { fact, factTable, type RowOf } from '../ledger/fact-table.ts'

/** Every replica keeps the one in force in memory, text and all. */
export const bundleTable = factTable('bundle', bundle => bundle.state === 'active', {
  id: fact<BundleId>(),
  /** 1, 2, 3, …: what people see of it (`policy v3`). */
  serial: fact<number>(),
  hash: fact<string>(),
  /** Canonical JSON of the schema and every file; its SHA-256 is `hash`. */
  body: fact<string>(),
  /** What people agreed to; null for what came with the program. */
  requestId: fact<RequestId | null>(),
  state: fact<'active' | 'superseded'>(),
  madeAt: fact<Instant>(),
})
export type BundleRow = RowOf<typeof bundleTable>
