/** The tools of a target, as a person agreed to them: one row a target, by the target's own id. */
import type { TargetId } from '../../core/base/ids.ts'
import type { Instant } from '../../core/base/time.ts'
import { factTable } from '../../core/ledger/fact-table.ts'

/** By name: SHA-256 of the canonical form of all that is said of a tool, hex. */
export type ToolHashes = Readonly<Record<string, string>>

export interface ToolPinsRow {
  readonly id: TargetId
  readonly version: number
  readonly agreed: ToolHashes
  /** New, or not what was agreed to: what they look like now. Nobody may call them. */
  readonly changed: ToolHashes
  readonly madeAt: Instant
}

export const toolPinsTable = factTable<ToolPinsRow>(
  'tool_pins',
  ['id', 'version', 'agreed', 'changed', 'madeAt'],
  { json: ['agreed', 'changed'] },
)
