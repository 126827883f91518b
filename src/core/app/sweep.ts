/**
 * What happens to apps by themselves: the end date comes, owner or backup are gone or are back, nobody
 * takes over in time. What changes the app is an event of `app.ts`; each has a permit and an entry.
 */
import { type AppId, systemId } from '../base/ids.ts'
import { limits } from '../base/limits.ts'
import { problemOf } from '../base/problem.ts'
import { product } from '../base/product.ts'
import { forEachDue } from '../base/sweep.ts'
import { addMs, type Instant } from '../base/time.ts'
import { raiseIn, resolveIn } from '../finding/raise.ts'
import { lockKnown } from '../ledger/fact-table.ts'
import { entryKind } from '../ledger/kind.ts'
import { recorded, type Scope, type SweepWorld, subjectOf } from '../ledger/record.ts'
import { handOverEndsAt } from './app.ts'
import { changeApp } from './events.ts'
import { type AppRow, appTable, backupGone, type DueEvent, listDueApps, orphaned } from './rows.ts'

/** What may happen, the action that allows it, and what the log says of it. */
const dues = {
  'end-due': ['app.end', entryKind('app.end-due', 'ended by its date')],
  'owner-gone': [
    'app.transfer',
    entryKind('app.owner-gone', 'lost its owner: the backup is asked'),
  ],
  'owner-back': ['app.resume', entryKind('app.owner-back', 'has its owner back')],
  'hand-over-due': [
    'app.pause',
    entryKind('app.hand-over-due', 'was paused: nobody took over in time'),
  ],
  'backup-gone': [
    'app.transfer',
    entryKind('app.backup-gone', 'lost its backup: the owner is asked'),
  ],
  'backup-back': ['app.transfer', entryKind('app.backup-back', 'has its backup back')],
} as const satisfies Record<DueEvent, unknown>

/** Returns how many apps changed. A page at a time: what is left is taken by the next sweep. */
export async function sweepApps(world: SweepWorld): Promise<number> {
  const found = await listDueApps(world.store, timesAt(world.clock.now()))
  return forEachDue(found, ({ id, due }) => applyDue(world, id, due))
}

async function applyDue(world: SweepWorld, id: AppId, due: DueEvent): Promise<void> {
  const [action, kind] = dues[due]
  const permit = world.permitFor(systemId('app-sweep'), action, { type: 'app', id })
  await recorded(world, async scope => {
    const app = await lockKnown(scope.tx, appTable, id)
    await requireDue(scope, id, due)
    await follow(scope, due, app)
    scope.entry({ kind, by: permit, subjects: [subjectOf(appTable, app)] })
  })
}

async function follow(scope: Scope, due: DueEvent, app: AppRow): Promise<unknown> {
  if (due === 'backup-gone') return askForBackup(scope, app)
  if (due === 'backup-back') return resolveIn(scope, backupGone, app.id)
  const after = await changeApp(scope, app.id, { kind: due })
  if (due === 'owner-gone') return askForOwner(scope, after)
  return due === 'owner-back' ? resolveIn(scope, orphaned, app.id) : after
}

/** Looked at again under the lock: an owner who signed in meanwhile is not gone. */
async function requireDue(scope: Scope, id: AppId, due: DueEvent): Promise<void> {
  const [still] = await listDueApps(scope.tx, timesAt(scope.at), id)
  if (still?.due !== due) throw problemOf('not-due')
}

function timesAt(now: Instant) {
  return {
    now,
    silentSince: addMs(now, -limits.ownerSilentDays * 24 * 3600 * 1000),
    orphanedSince: addMs(now, -limits.handOverHours * 3600 * 1000),
  }
}

function askForOwner(scope: Scope, app: AppRow): Promise<unknown> {
  const pausedAt = handOverEndsAt(scope.at)
  return raiseIn(scope, {
    kind: orphaned,
    severity: 'high',
    about: app.id,
    ownerId: app.backupId === app.ownerId ? null : app.backupId,
    details: { ownerId: app.ownerId, pausedAt },
    words: `${app.slug} has no living owner and is paused at ${pausedAt}. Accept it: ${product.command} transfer accept ${app.slug}`,
  })
}

function askForBackup(scope: Scope, app: AppRow): Promise<unknown> {
  return raiseIn(scope, {
    kind: backupGone,
    severity: 'medium',
    about: app.id,
    ownerId: app.ownerId,
    details: { backupId: app.backupId },
    words: `${app.slug} has no living backup. Name one: ${product.command} transfer ${app.slug} --backup NAME`,
  })
}
