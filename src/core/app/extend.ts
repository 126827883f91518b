/** Moves an app's end date later, within the longest life of its stage. */
import type { AppId } from '../base/ids.ts'
import { checkPermit, type Permit } from '../base/permit.ts'
import type { Instant } from '../base/time.ts'
import { entryKind } from '../ledger/kind.ts'
import { type LedgerWorld, recorded } from '../ledger/record.ts'
import { changeApp } from './change.ts'
import type { AppRow } from './rows.ts'

const appExtended = entryKind('app.extend', 'moved the end date')

export async function extendApp(
  world: LedgerWorld,
  permit: Permit<'app.extend'>,
  input: { appId: AppId; endsAt: Instant },
): Promise<AppRow> {
  checkPermit(permit, 'app.extend', input.appId)
  return recorded(world, async scope => {
    const app = await changeApp(scope, input.appId, { kind: 'extend', endsAt: input.endsAt })
    scope.entry({ kind: appExtended, by: permit })
    return app
  })
}
