/** The tools of a target, as a person agreed to them: one row a target, by the target's own id. */
import type { TargetId } from '../../core/base/ids.ts'
import type { Instant } from '../../core/base/time.ts'
import { always, fact, factTable, json, type RowOf } from '../../core/ledger/fact-table.ts'

/** By name: SHA-256 of the canonical form of all that is said of a tool, hex. */
export type ToolHashes = Readonly<Record<string, string>>

export const toolPinsTable = factTable('tool_pins', always, {
  id: fact<TargetId>(),
  agreed: json<ToolHashes>(),
  /** New, or not what was agreed to: what they look like now. Nobody may call them. */
  changed: json<ToolHashes>(),
  madeAt: fact<Instant>(),
})
export type ToolPinsRow = RowOf<typeof toolPinsTable>
