/** Puts an app's own rules in force. The set before is kept, superseded. */
import { living, requireIn } from '../../core/app/app.ts'
import { appTable } from '../../core/app/rows.ts'
import type { AppId, ManifestId } from '../../core/base/ids.ts'
import { findWhere, shareKnown } from '../../core/ledger/fact-table.ts'
import { entryKind } from '../../core/ledger/kind.ts'
import { verb } from '../../core/ledger/verb.ts'
import { appRulesTable } from './rows.ts'
import { type AppRulesText, hashOf, openAppRules } from './text.ts'

const appRulesSet = entryKind('app-rules.set', 'set rules for its own users')

type NewRules = { id: ManifestId; appId: AppId; text: AppRulesText }

/** Part of what an app says of itself, so the same permit. The same text again records nothing. */
export const setAppRules = verb('manifest.set', 'id', async (scope, input: NewRules, by) => {
  openAppRules(input.text)
  const app = await shareKnown(scope.tx, appTable, input.appId)
  requireIn(app, living, scope.at)
  const current = { appId: app.id, state: 'current' } as const
  const before = await findWhere(scope.tx, appRulesTable, current, 'for update')
  const hash = hashOf(input.text)
  if (before?.hash === hash) return before
  if (before !== undefined)
    await scope.save(appRulesTable, before, { ...before, state: 'superseded' })
  scope.entry({ kind: appRulesSet, by, facts: { hash } })
  return scope.insert(appRulesTable, { ...current, ...input, hash })
})
