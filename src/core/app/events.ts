/**
 * The verbs of an app that is there: each locks it, sends it one event of `app.ts`, saves what came of
 * it or says why not, and is one entry. Not for: making one (`make.ts`), or what happens by itself
 * (`sweep.ts`).
 */
import { type AppId, isId, type PersonId } from '../base/ids.ts'
import { type ActionName, checkPermit, type Permit } from '../base/permit.ts'
import { Problem } from '../base/problem.ts'
import { product } from '../base/product.ts'
import { parseText } from '../base/text.ts'
import type { Instant } from '../base/time.ts'
import { resolveIn } from '../finding/raise.ts'
import { lockKnown } from '../ledger/find-row.ts'
import { entryKind } from '../ledger/kind.ts'
import { type EntryText, type LedgerWorld, recorded, type Scope } from '../ledger/record.ts'
import { livingOf } from '../people/rows.ts'
import { type AppEvent, stepApp } from './app.ts'
import { type AppRow, appTable, backupGone, orphaned } from './rows.ts'

const appActivated = entryKind('app.activate', 'opened the app')
const appExtended = entryKind('app.extend', 'moved the end date')
const appOffered = entryKind('app.offer', 'offered the app to another owner')
const backupNamed = entryKind('app.name-backup', 'named another backup')
const appAccepted = entryKind('app.accept', 'accepted the app')
const appPaused = entryKind('app.pause', 'paused the app')
const appResumed = entryKind('app.resume', 'resumed the app')
const endBegun = entryKind('app.end', 'began to end the app')
const endFinished = entryKind('app.finish', 'called the app ended')

export async function activateApp(
  world: LedgerWorld,
  permit: Permit<'app.make'>,
  { appId }: { appId: AppId },
): Promise<AppRow> {
  checkPermit(permit, 'app.make', appId)
  return happen(world, { kind: appActivated, by: permit }, appId, { kind: 'activate' })
}

/** Later, within the longest life of its stage. */
export async function extendApp(
  world: LedgerWorld,
  permit: Permit<'app.extend'>,
  { appId, endsAt }: { appId: AppId; endsAt: Instant },
): Promise<AppRow> {
  checkPermit(permit, 'app.extend', appId)
  return happen(world, { kind: appExtended, by: permit }, appId, { kind: 'extend', endsAt })
}

/** Offered: it moves when the other person accepts, not before. */
export async function transferApp(
  world: LedgerWorld,
  permit: Permit<'app.transfer'>,
  { appId, to }: { appId: AppId; to: PersonId },
): Promise<AppRow> {
  checkPermit(permit, 'app.transfer', appId)
  return recorded(world, async scope => {
    const app = await changeApp(scope, appId, { kind: 'offer', to })
    await requireLiving(scope, to, 'to')
    scope.entry({ kind: appOffered, by: permit })
    return app
  })
}

/** Needs nobody's consent: a backup is asked when the owner is gone, and may say no then. */
export async function nameBackup(
  world: LedgerWorld,
  permit: Permit<'app.transfer'>,
  { appId, backupId }: { appId: AppId; backupId: PersonId },
): Promise<AppRow> {
  checkPermit(permit, 'app.transfer', appId)
  return recorded(world, async scope => {
    const app = await changeApp(scope, appId, { kind: 'name-backup', backupId })
    await requireLiving(scope, backupId, 'backupId')
    await resolveIn(scope, backupGone, appId)
    scope.entry({ kind: backupNamed, by: permit })
    return app
  })
}

/**
 * The actor becomes the owner. Without `backupId` the backup stays, or, when it is the backup who
 * accepts, the owner until now takes that place. What was paused for the missing owner resumes.
 */
export async function acceptApp(
  world: LedgerWorld,
  permit: Permit<'app.accept'>,
  input: { appId: AppId; backupId?: PersonId },
): Promise<AppRow> {
  checkPermit(permit, 'app.accept', input.appId)
  const by = permit.actor
  if (!isId('person', by))
    throw new Problem('human-required', {
      detail: 'Only a person can own an app.',
      next: 'The person it was offered to accepts it.',
    })
  return recorded(world, async scope => {
    const app = await changeApp(scope, input.appId, async before => {
      const backupId = input.backupId ?? (await backupAfter(scope, before, by))
      return { kind: 'accept', by, backupId }
    })
    await requireLiving(scope, by, 'owner')
    await requireLiving(scope, app.backupId, 'backupId')
    await resolveAll(scope, app.id)
    scope.entry({ kind: appAccepted, by: permit })
    return app
  })
}

/** It keeps everything and gets nothing new, until it is resumed. */
export async function pauseApp(
  world: LedgerWorld,
  permit: Permit<'app.pause'>,
  { appId, reason }: { appId: AppId; reason?: string },
): Promise<AppRow> {
  checkPermit(permit, 'app.pause', appId)
  const words = reason === undefined ? {} : { reason: parseText(reason, 'reason') }
  return happen(world, { kind: appPaused, by: permit, words }, appId, before => ({
    kind: 'pause',
    because: sideOf(permit, before),
  }))
}

/** An owner lifts what the owner's side set; what somebody else set, somebody else lifts. */
export async function resumeApp(
  world: LedgerWorld,
  permit: Permit<'app.resume'>,
  { appId }: { appId: AppId },
): Promise<AppRow> {
  checkPermit(permit, 'app.resume', appId)
  return happen(world, { kind: appResumed, by: permit }, appId, before => ({
    kind: 'resume',
    by: sideOf(permit, before) === 'owner' ? 'owner' : 'person',
  }))
}

/**
 * The fact everything else follows from: from its commit on nothing is issued, and each chapter ends
 * what is its own.
 */
export async function beginEnd(
  world: LedgerWorld,
  permit: Permit<'app.end'>,
  { appId }: { appId: AppId },
): Promise<AppRow> {
  checkPermit(permit, 'app.end', appId)
  const entry = { kind: endBegun, by: permit, facts: { because: 'asked' } }
  return happen(world, entry, appId, { kind: 'end' })
}

/** By offboarding alone, and only when everything is proven gone: an app that is not stays `ending`. */
export async function finishEnd(
  world: LedgerWorld,
  permit: Permit<'offboard.run'>,
  { appId, outcome }: { appId: AppId; outcome: 'gone' | 'graduate' },
): Promise<AppRow> {
  checkPermit(permit, 'offboard.run', appId)
  return recorded(world, async scope => {
    const app = await changeApp(scope, appId, { kind: outcome })
    await resolveAll(scope, appId)
    scope.entry({ kind: endFinished, by: permit })
    return app
  })
}

type EventOf = AppEvent | ((before: AppRow) => AppEvent | Promise<AppEvent>)

function happen(
  world: LedgerWorld,
  entry: EntryText,
  id: AppId,
  eventOf: EventOf,
): Promise<AppRow> {
  return recorded(world, async scope => {
    scope.entry(entry)
    return changeApp(scope, id, eventOf)
  })
}

export async function changeApp(scope: Scope, id: AppId, eventOf: EventOf): Promise<AppRow> {
  const before = await lockKnown(scope.tx, appTable, id)
  const event = typeof eventOf === 'function' ? await eventOf(before) : eventOf
  const after = stepApp(before, event, scope.at)
  if (after instanceof Problem) throw after
  return scope.save(appTable, before, after)
}

/** Refuses an answerable person who does not exist, has left, or was not seen for too long. */
export async function requireLiving(scope: Scope, id: PersonId, field: string): Promise<void> {
  if ((await livingOf(scope.tx, [id], scope.at)).has(id)) return
  throw new Problem('invalid-field', {
    field,
    detail: `\`${field}\` must be somebody who is here and has signed in lately.`,
    next: `Who that is: ${product.command} person ls`,
  })
}

async function resolveAll(scope: Scope, id: AppId): Promise<void> {
  for (const kind of [orphaned, backupGone]) await resolveIn(scope, kind, id)
}

async function backupAfter(scope: Scope, app: AppRow, by: PersonId): Promise<PersonId> {
  const others = [app.backupId, app.ownerId].filter(id => id !== by)
  const living = await livingOf(scope.tx, others, scope.at)
  const backupId = others.find(id => living.has(id))
  if (backupId !== undefined) return backupId
  throw new Problem('invalid-field', {
    field: 'backupId',
    detail: `\`${app.slug}\` needs another person as backup.`,
    next: 'Name one with --backup.',
  })
}

/** The owner's side, or somebody else with the right: decides what each may lift again. */
function sideOf(permit: Permit<ActionName>, app: AppRow): 'owner' | 'person' | 'drift' {
  if (permit.actor === app.ownerId || permit.actor === app.backupId) return 'owner'
  return isId('person', permit.actor) ? 'person' : 'drift'
}
