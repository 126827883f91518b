/** The rules an app brings for its own users: one set in force, the ones before kept. */
import type { AppId, ManifestId } from '../../core/base/ids.ts'
import type { Instant } from '../../core/base/time.ts'
import { fact, factTable, json, type RowOf } from '../../core/ledger/fact-table.ts'
import type { AppRulesText } from './text.ts'

export const appRulesTable = factTable('app_rules', rules => rules.state === 'current', {
  id: fact<ManifestId>(),
  appId: fact<AppId>(),
  /** SHA-256 of the canonical text, hex: what decisions name. */
  hash: fact<string>(),
  text: json<AppRulesText>(),
  state: fact<'current' | 'superseded'>(),
  madeAt: fact<Instant>(),
})
export type AppRulesRow = RowOf<typeof appRulesTable>
