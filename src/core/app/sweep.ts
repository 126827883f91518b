/**
 * What happens to apps by themselves: the end date comes, owner or backup are gone or are back, nobody
 * takes over in time. What changes the app is an event of `app.ts`; each has a permit and an entry.
 */
import { type AppId, systemId } from '../base/ids.ts'
import { limits } from '../base/limits.ts'
import type { ActionName, PermitFor } from '../base/permit.ts'
import { Problem } from '../base/problem.ts'
import { product } from '../base/product.ts'
import { forEachDue } from '../base/sweep.ts'
import { addMs, type Instant } from '../base/time.ts'
import { raiseIn, resolveIn } from '../finding/raise.ts'
import { type EntryKind, entryKind } from '../ledger/kind.ts'
import { type LedgerWorld, recorded, type Scope } from '../ledger/record.ts'
import { handOverEndsAt } from './app.ts'
import { changeApp, lockKnownApp } from './change.ts'
import { type AppRow, backupGone, type DueApp, listDueApps, orphaned } from './rows.ts'

type Due = DueApp['due']

const acts: Record<Due, { action: ActionName; kind: EntryKind }> = {
  'end-due': { action: 'app.end', kind: entryKind('app.end-due', 'ended by its date') },
  'owner-gone': {
    action: 'app.transfer',
    kind: entryKind('app.owner-gone', 'lost its owner: the backup is asked'),
  },
  'owner-back': { action: 'app.resume', kind: entryKind('app.owner-back', 'has its owner back') },
  'hand-over-due': {
    action: 'app.pause',
    kind: entryKind('app.hand-over-due', 'was paused: nobody took over in time'),
  },
  'backup-gone': {
    action: 'app.transfer',
    kind: entryKind('app.backup-gone', 'lost its backup: the owner is asked'),
  },
  'backup-back': {
    action: 'app.transfer',
    kind: entryKind('app.backup-back', 'has its backup back'),
  },
}

export interface SweepWorld extends LedgerWorld {
  readonly permitFor: PermitFor
}

/** Returns how many apps changed. A page at a time: what is left is taken by the next sweep. */
export async function sweepApps(world: SweepWorld): Promise<number> {
  const due = await listDueApps(world.store, timesAt(world.clock.now()))
  return forEachDue(due, one => applyDue(world, one))
}

async function applyDue(world: SweepWorld, { id, due }: DueApp): Promise<void> {
  const { action, kind } = acts[due]
  const permit = world.permitFor(systemId('app-sweep'), action, { type: 'app', id })
  await recorded(world, async scope => {
    const app = await lockKnownApp(scope, id)
    await requireDue(scope, id, due)
    await follow(scope, due, app)
    scope.entry({ kind, by: permit, subjects: [{ type: 'app', id, version: app.version }] })
  })
}

async function follow(scope: Scope, due: Due, app: AppRow): Promise<unknown> {
  switch (due) {
    case 'end-due':
    case 'hand-over-due':
      return changeApp(scope, app.id, { kind: due })
    case 'owner-gone':
      await changeApp(scope, app.id, { kind: due })
      return askForOwner(scope, app)
    case 'owner-back':
      await changeApp(scope, app.id, { kind: due })
      return resolveIn(scope, orphaned, app.id)
    case 'backup-gone':
      return askForBackup(scope, app)
    case 'backup-back':
      return resolveIn(scope, backupGone, app.id)
  }
}

/** Looked at again under the lock: an owner who signed in meanwhile is not gone. */
async function requireDue(scope: Scope, id: AppId, due: Due): Promise<void> {
  const [still] = await listDueApps(scope.tx, timesAt(scope.at), id)
  if (still?.due !== due)
    throw new Problem('wrong-state', {
      detail: 'This is not due any more.',
      next: 'Nothing to do.',
    })
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
