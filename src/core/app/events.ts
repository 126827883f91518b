/**
 * The verbs of an app that is there: each locks it, sends it one event of `app.ts`, saves what came of
 * it or says why not, and is one entry. Not for: making one (`make.ts`), or what happens by itself
 * (`sweep.ts`).
 */
import { type AppId, isId, type PersonId } from '../base/ids.ts'
import { type ActionName, checkPermit, type Permit, requirePerson } from '../base/permit.ts'
import { Problem, problemOf } from '../base/problem.ts'
import { parseText } from '../base/text.ts'
import type { Instant } from '../base/time.ts'
import { resolveIn } from '../finding/raise.ts'
import { lockKnown } from '../ledger/fact-table.ts'
import { type EntryKind, entryKind } from '../ledger/kind.ts'
import { type EntryText, type LedgerWorld, recorded, type Scope } from '../ledger/record.ts'
import { livingOf } from '../people/rows.ts'
import { type AppEvent, stepApp } from './app.ts'
import { type AppRow, appTable, backupGone, orphaned } from './rows.ts'

interface OfApp {
  readonly appId: AppId
}

/** Later, within the longest life of its stage. */
export const extendApp = verb(
  'app.extend',
  entryKind('app.extend', 'moved the end date'),
  ({ endsAt }: OfApp & { endsAt: Instant }) => ({ event: { kind: 'extend', endsAt } }),
)

/** Offered: it moves when the other person accepts, not before. */
export const transferApp = verb(
  'app.transfer',
  entryKind('app.offer', 'offered the app to another owner'),
  ({ to }: OfApp & { to: PersonId }) => ({
    event: { kind: 'offer', to },
    after: scope => requireLiving(scope, to, 'to'),
  }),
)

/** Needs nobody's consent: a backup is asked when the owner is gone, and may say no then. */
export const nameBackup = verb(
  'app.transfer',
  entryKind('app.name-backup', 'named another backup'),
  ({ backupId }: OfApp & { backupId: PersonId }) => ({
    event: { kind: 'name-backup', backupId },
    async after(scope, app) {
      await requireLiving(scope, backupId, 'backupId')
      await resolveIn(scope, backupGone, app.id)
    },
  }),
)

/**
 * The actor becomes the owner. Without `backupId` the backup stays, or, when it is the backup who
 * accepts, the owner until now takes that place. What was paused for the missing owner resumes.
 */
export const acceptApp = verb(
  'app.accept',
  entryKind('app.accept', 'accepted the app'),
  ({ backupId }: OfApp & { backupId?: PersonId }, permit) => {
    const by = requirePerson(permit, 'own an app', 'The person it was offered to accepts it.')
    return {
      event: async (before, scope) => ({
        kind: 'accept',
        by,
        backupId: backupId ?? (await backupAfter(scope, before, by)),
      }),
      async after(scope, app) {
        await requireLiving(scope, by, 'owner')
        await requireLiving(scope, app.backupId, 'backupId')
        await resolveAll(scope, app)
      },
    }
  },
)

/** It keeps everything and gets nothing new, until it is resumed. */
export const pauseApp = verb(
  'app.pause',
  entryKind('app.pause', 'paused the app'),
  ({ reason }: OfApp & { reason?: string }, permit) => ({
    event: before => ({ kind: 'pause', because: sideOf(permit, before) }),
    entry: reason === undefined ? {} : { words: { reason: parseText(reason, 'reason') } },
  }),
)

/** Who may open its pages from now on, in place of whoever might before. */
export const shareApp = verb(
  'app.share',
  entryKind('app.share', 'said who may open the app'),
  ({ openTo }: OfApp & Pick<AppRow, 'openTo'>) => ({ event: { kind: 'share', openTo } }),
)

/** An owner lifts what the owner's side set; what somebody else set, somebody else lifts. */
export const resumeApp = verb(
  'app.resume',
  entryKind('app.resume', 'resumed the app'),
  (_: OfApp, permit) => ({
    event: before => ({
      kind: 'resume',
      by: sideOf(permit, before) === 'owner' ? 'owner' : 'person',
    }),
  }),
)

/**
 * The fact everything else follows from: from its commit on nothing is issued, and each chapter ends
 * what is its own.
 */
export const beginEnd = verb(
  'app.end',
  entryKind('app.end', 'began to end the app'),
  (_: OfApp) => ({ event: { kind: 'end' }, entry: { facts: { because: 'asked' } } }),
)

/** By offboarding alone, and only when everything is proven gone: an app that is not stays `ending`. */
export const finishEnd = verb(
  'offboard.run',
  entryKind('app.finish', 'called the app ended'),
  ({ outcome }: OfApp & { outcome: 'gone' | 'graduate' }) => ({
    event: { kind: outcome },
    after: resolveAll,
  }),
)

/** What one call does: its event, or how to tell it from the app; what more its entry says; what follows. */
interface Act {
  readonly event: EventOf
  readonly entry?: Pick<EntryText, 'facts' | 'words'>
  readonly after?: (scope: Scope, app: AppRow) => Promise<void>
}
type EventOf = AppEvent | ((before: AppRow, scope: Scope) => AppEvent | Promise<AppEvent>)

/** One shape for all: a permit about this app, one transaction, one event, one entry. */
function verb<A extends ActionName, I extends OfApp>(
  action: A,
  kind: EntryKind,
  actOf: (input: I, permit: Permit<A>) => Act,
) {
  return async (world: LedgerWorld, permit: Permit<A>, input: I): Promise<AppRow> => {
    checkPermit(permit, action, input.appId)
    const { event, entry, after } = actOf(input, permit)
    return recorded(world, async scope => {
      const app = await changeApp(scope, input.appId, event)
      await after?.(scope, app)
      scope.entry({ ...entry, kind, by: permit })
      return app
    })
  }
}

export async function changeApp(scope: Scope, id: AppId, eventOf: EventOf): Promise<AppRow> {
  const before = await lockKnown(scope.tx, appTable, id)
  const event = typeof eventOf === 'function' ? await eventOf(before, scope) : eventOf
  const after = stepApp(before, event, scope.at)
  if (after instanceof Problem) throw after
  return scope.save(appTable, before, after)
}

/** Refuses an answerable person who does not exist, has left, or was not seen for too long. */
export async function requireLiving(scope: Scope, id: PersonId, field: string): Promise<void> {
  if ((await livingOf(scope.tx, [id], scope.at)).has(id)) return
  throw problemOf('person-not-here', { field })
}

async function resolveAll(scope: Scope, app: AppRow): Promise<void> {
  for (const kind of [orphaned, backupGone]) await resolveIn(scope, kind, app.id)
}

async function backupAfter(scope: Scope, app: AppRow, by: PersonId): Promise<PersonId> {
  const others = [app.backupId, app.ownerId].filter(id => id !== by)
  const living = await livingOf(scope.tx, others, scope.at)
  const backupId = others.find(id => living.has(id))
  if (backupId !== undefined) return backupId
  throw problemOf('needs-another-backup', { slug: app.slug, field: 'backupId' })
}

/** The owner's side, or somebody else with the right: decides what each may lift again. */
function sideOf(permit: Permit<ActionName>, app: AppRow): 'owner' | 'person' | 'drift' {
  if (permit.actor === app.ownerId || permit.actor === app.backupId) return 'owner'
  return isId('person', permit.actor) ? 'person' : 'drift'
}
