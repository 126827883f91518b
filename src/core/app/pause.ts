/** Pauses an app: it keeps everything and gets nothing new, until it is resumed. */
import type { AppId } from '../base/ids.ts'
import { checkPermit, type Permit } from '../base/permit.ts'
import { parseText } from '../base/text.ts'
import { entryKind } from '../ledger/kind.ts'
import { type LedgerWorld, recorded } from '../ledger/record.ts'
import { changeApp, sideOf } from './change.ts'
import type { AppRow } from './rows.ts'

const appPaused = entryKind('app.pause', 'paused the app')
const appResumed = entryKind('app.resume', 'resumed the app')

export async function pauseApp(
  world: LedgerWorld,
  permit: Permit<'app.pause'>,
  input: { appId: AppId; reason?: string },
): Promise<AppRow> {
  checkPermit(permit, 'app.pause', input.appId)
  const words = input.reason === undefined ? {} : { reason: parseText(input.reason, 'reason') }
  return recorded(world, async scope => {
    const app = await changeApp(scope, input.appId, before => ({
      kind: 'pause',
      because: sideOf(permit, before),
    }))
    scope.entry({ kind: appPaused, by: permit, words })
    return app
  })
}

/** An owner lifts what the owner's side set; what somebody else set, somebody else lifts. */
export async function resumeApp(
  world: LedgerWorld,
  permit: Permit<'app.resume'>,
  input: { appId: AppId },
): Promise<AppRow> {
  checkPermit(permit, 'app.resume', input.appId)
  return recorded(world, async scope => {
    const app = await changeApp(scope, input.appId, before => ({
      kind: 'resume',
      by: sideOf(permit, before) === 'owner' ? 'owner' : 'person',
    }))
    scope.entry({ kind: appResumed, by: permit })
    return app
  })
}
