/** Puts an app's own rules in force. The set before is kept, superseded. */
import { living, requireIn } from '../../core/app/app.ts'
import { appTable } from '../../core/app/rows.ts'
import type { AppId, ManifestId } from '../../core/base/ids.ts'
import { checkPermit, type Permit } from '../../core/base/permit.ts'
import { findWhere, shareKnown } from '../../core/ledger/fact-table.ts'
import { entryKind } from '../../core/ledger/kind.ts'
import { type LedgerWorld, recorded } from '../../core/ledger/record.ts'
import { type AppRulesRow, appRulesTable } from './rows.ts'
import { type AppRulesText, hashOf, openAppRules } from './text.ts'

const appRulesSet = entryKind('app-rules.set', 'set rules for its own users')

/** Part of what an app says of itself, so the same permit. The same text again records nothing. */
export async function setAppRules(
  world: LedgerWorld,
  permit: Permit<'manifest.set'>,
  input: { id: ManifestId; appId: AppId; text: AppRulesText },
): Promise<AppRulesRow> {
  checkPermit(permit, 'manifest.set', input.id)
  openAppRules(input.text)
  return recorded(world, async scope => {
    const app = await shareKnown(scope.tx, appTable, input.appId)
    requireIn(app, living, scope.at)
    const current = { appId: app.id, state: 'current' } as const
    const before = await findWhere(scope.tx, appRulesTable, current, 'for update')
    const hash = hashOf(input.text)
    if (before?.hash === hash) return before
    if (before !== undefined)
      await scope.save(appRulesTable, before, { ...before, state: 'superseded' })
    scope.entry({ kind: appRulesSet, by: permit, facts: { hash } })
    return scope.insert(appRulesTable, { ...current, ...input, hash })
  })
}
