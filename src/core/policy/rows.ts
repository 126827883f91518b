/** Bundles: the rows. */
import type { BundleId, RequestId } from '../base/ids.ts'
import type { Instant } from '../base/time.ts'
import { words } from '../base/words.ts'
import { type FactRow, factTable } from '../ledger/fact-table.ts'

export interface BundleRow extends FactRow<BundleId> {
  /** 1, 2, 3, …: what people see of it (`policy v3`). */
  readonly serial: number
  readonly hash: string
  /** Canonical JSON of the schema and every file; its SHA-256 is `hash`. */
  readonly body: string
  /** What people agreed to; null for what came with the program. */
  readonly requestId: RequestId | null
  readonly state: 'active' | 'superseded'
  readonly madeAt: Instant
}

/** Every replica keeps the one in force in memory, text and all. */
export const bundleTable = factTable<BundleRow>(
  'bundle',
  words('id version serial hash body requestId state madeAt'),
  { isResident: bundle => bundle.state === 'active' },
)
