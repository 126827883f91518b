/** The rules an app brings for its own users: one set in force, the ones before kept. */
import type { AppId, ManifestId } from '../../core/base/ids.ts'
import type { Instant } from '../../core/base/time.ts'
import { type FactRow, factTable } from '../../core/ledger/fact-table.ts'
import type { AppRulesText } from './text.ts'

export interface AppRulesRow extends FactRow<ManifestId> {
  readonly appId: AppId
  /** SHA-256 of the canonical text, hex: what decisions name. */
  readonly hash: string
  readonly text: AppRulesText
  readonly state: 'current' | 'superseded'
  readonly madeAt: Instant
}

export const appRulesTable = factTable<AppRulesRow>(
  'app_rules',
  ['id', 'version', 'appId', 'hash', 'text', 'state', 'madeAt'],
  { json: ['text'], isResident: rules => rules.state === 'current' },
)
