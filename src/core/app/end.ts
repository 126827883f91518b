/**
 * Ends an app. `beginEnd` is the fact everything else follows from: from its commit on nothing is
 * issued, and each chapter ends what is its own. `finishEnd` is called when all of it is proven gone.
 */
import type { AppId } from '../base/ids.ts'
import { checkPermit, type Permit } from '../base/permit.ts'
import { resolveIn } from '../finding/raise.ts'
import { entryKind } from '../ledger/kind.ts'
import { type LedgerWorld, recorded } from '../ledger/record.ts'
import { changeApp } from './change.ts'
import { type AppRow, backupGone, orphaned } from './rows.ts'

const endBegun = entryKind('app.end', 'began to end the app')
const endFinished = entryKind('app.finish', 'called the app ended')

export async function beginEnd(
  world: LedgerWorld,
  permit: Permit<'app.end'>,
  input: { appId: AppId },
): Promise<AppRow> {
  checkPermit(permit, 'app.end', input.appId)
  return recorded(world, async scope => {
    const app = await changeApp(scope, input.appId, { kind: 'end' })
    scope.entry({ kind: endBegun, by: permit, facts: { because: 'asked' } })
    return app
  })
}

/** By offboarding alone, and only when everything is green: an app that is not stays `ending`. */
export async function finishEnd(
  world: LedgerWorld,
  permit: Permit<'offboard.run'>,
  input: { appId: AppId; outcome: 'gone' | 'graduate' },
): Promise<AppRow> {
  checkPermit(permit, 'offboard.run', input.appId)
  return recorded(world, async scope => {
    const app = await changeApp(scope, input.appId, { kind: input.outcome })
    for (const kind of [orphaned, backupGone]) await resolveIn(scope, kind, app.id)
    scope.entry({ kind: endFinished, by: permit })
    return app
  })
}
