/**
 * The life of an app as a pure machine: what each event does in each state, and what it does not.
 * Time is an argument. Not for: who may send an event (policy), or reading and writing (the verbs).
 *
 * INVARIANT: nothing leads out of `ended` and `graduated`, and out of `ending` only there. An app
 * whose end date has passed is ending for every event, whether a sweep has looked at it or not.
 */
import type { PersonId } from '../base/ids.ts'
import { limits } from '../base/limits.ts'
import { Problem, problemOf } from '../base/problem.ts'
import { product } from '../base/product.ts'
import { addMs, type Instant } from '../base/time.ts'
import type { AppRow, AppState, PauseCause } from './rows.ts'

export type AppEvent =
  | { readonly kind: 'owner-gone' | 'owner-back' | 'hand-over-due' }
  | { readonly kind: 'end-due' | 'end' | 'gone' | 'graduate' }
  | { readonly kind: 'extend'; readonly endsAt: Instant }
  | { readonly kind: 'offer'; readonly to: PersonId }
  | { readonly kind: 'name-backup'; readonly backupId: PersonId }
  | { readonly kind: 'accept'; readonly by: PersonId; readonly backupId: PersonId }
  | { readonly kind: 'pause'; readonly because: Exclude<PauseCause, 'owner-gone'> }
  | { readonly kind: 'resume'; readonly by: 'owner' | 'person' }
  /** Null: held to policy from now on. */
  | { readonly kind: 'watch'; readonly until: Instant | null }
  | { readonly kind: 'share'; readonly openTo: AppRow['openTo'] }
type AppEventKind = AppEvent['kind']

/** The app after the event, with its version as it was; or why not, and what to do instead. */
export function stepApp(app: AppRow, event: AppEvent, now: Instant): AppRow | Problem {
  const state = stateAt(app, now)
  const no = () => wrongState(app, state, event.kind)
  const isEnd = event.kind === 'end' || event.kind === 'end-due'
  if (!events[event.kind].in.includes(app.state) || (state !== app.state && !isEnd)) return no()
  switch (event.kind) {
    case 'extend':
      return extend(app, event.endsAt)
    case 'offer':
      return event.to === app.ownerId ? ownsAlready(app) : { ...app, offeredTo: event.to }
    case 'name-backup':
      return event.backupId === app.ownerId ? backupIsOwner() : { ...app, backupId: event.backupId }
    case 'accept':
      return accept(app, event)
    case 'pause':
      return pause(app, event.because)
    case 'resume':
      return resume(app, event.by)
    case 'watch':
      return app.origin === 'adopted' ? { ...app, watchedUntil: event.until } : no()
    case 'share':
      return { ...app, openTo: event.openTo }
    case 'owner-gone':
      return app.orphanedAt === null ? { ...app, orphanedAt: now } : no()
    case 'owner-back':
      return app.orphanedAt === null ? no() : owned(app)
    case 'hand-over-due':
      return app.orphanedAt !== null && now >= handOverEndsAt(app.orphanedAt)
        ? { ...app, state: 'paused', pausedBecause: 'owner-gone' }
        : no()
    case 'end-due':
      return state === 'ending' ? ending(app) : no()
    case 'end':
      return ending(app)
    case 'gone':
      return { ...app, state: 'ended', endedAt: now }
    case 'graduate':
      return { ...app, state: 'graduated', endedAt: now }
  }
}

/** What the app is at this instant: `ending` from its end date on, swept or not. */
export function stateAt(app: Pick<AppRow, 'state' | 'endsAt'>, now: Instant): AppState {
  return living.includes(app.state) && app.endsAt <= now ? 'ending' : app.state
}

/** Refuses anything new to an app that is in no such state. */
export function requireIn(
  app: Pick<AppRow, 'slug' | 'state' | 'endsAt'>,
  states: readonly AppState[],
  now: Instant,
): void {
  const state = stateAt(app, now)
  if (states.includes(state)) return
  const { slug } = app
  throw problemOf('gets-nothing-new', { slug, state, step: nextStep[state](slug) })
}

/** When an app without a living owner is paused. */
export function handOverEndsAt(orphanedAt: Instant): Instant {
  return addMs(orphanedAt, limits.handOverHours * 3600 * 1000)
}

export const living: readonly AppState[] = ['active', 'paused']

/** In which states an event can mean something at all, and what the app becomes by it. */
const events: Record<AppEventKind, { in: readonly AppState[]; become: string }> = {
  extend: { in: living, become: 'extended' },
  offer: { in: living, become: 'handed over' },
  'name-backup': { in: living, become: 'given another backup' },
  accept: { in: living, become: 'accepted' },
  pause: { in: ['active', 'paused'], become: 'paused' },
  resume: { in: ['paused'], become: 'resumed' },
  watch: { in: living, become: 'watched or held to policy' },
  share: { in: living, become: 'shared' },
  'owner-gone': { in: living, become: 'marked as without owner' },
  'owner-back': { in: living, become: 'marked as owned again' },
  'hand-over-due': { in: ['active'], become: 'paused for its missing owner' },
  'end-due': { in: living, become: 'ended by its date' },
  end: { in: living, become: 'ended' },
  gone: { in: ['ending'], become: 'called ended' },
  graduate: { in: ['ending'], become: 'graduated' },
}

function extend(app: AppRow, to: Instant): AppRow | Problem {
  const { slug, endsAt, maxEndsAt, stage } = app
  if (to <= endsAt) return problemOf('end-not-later', { endsAt, slug, field: 'endsAt' })
  if (to <= maxEndsAt) return { ...app, endsAt: to }
  return problemOf('extended-too-far', { slug, maxEndsAt, stage, field: 'endsAt' })
}

function accept(app: AppRow, event: { by: PersonId; backupId: PersonId }): AppRow | Problem {
  const isAsked =
    event.by === app.offeredTo || (app.orphanedAt !== null && event.by === app.backupId)
  if (!isAsked || event.by === app.ownerId)
    return problemOf('not-offered-to-you', { slug: app.slug })
  if (event.backupId === event.by) return backupIsOwner()
  return { ...owned(app), ownerId: event.by, backupId: event.backupId, offeredTo: null }
}

/** A living owner again: undoes what the owner's absence did, and nothing else. */
function owned(app: AppRow): AppRow {
  const isOver = app.pausedBecause === 'owner-gone'
  return { ...app, orphanedAt: null, ...(isOver ? { state: 'active', pausedBecause: null } : {}) }
}

/** A stronger reason takes the place of a weaker one, so that nobody lifts more than they set. */
const strength: Record<PauseCause, number> = { owner: 0, 'owner-gone': 1, drift: 2, person: 3 }

function pause(app: AppRow, because: PauseCause): AppRow | Problem {
  if (app.pausedBecause !== null && strength[because] <= strength[app.pausedBecause])
    return wrongState(app, 'paused', 'pause')
  return { ...app, state: 'paused', pausedBecause: because }
}

function resume(app: AppRow, by: 'owner' | 'person'): AppRow | Problem {
  const { slug, orphanedAt, pausedBecause } = app
  if (orphanedAt !== null) return problemOf('no-living-owner', { slug, orphanedAt })
  if (by === 'owner' && pausedBecause === 'person') return problemOf('paused-by-another', { slug })
  return { ...app, state: 'active', pausedBecause: null }
}

function ending(app: AppRow): AppRow {
  return { ...app, state: 'ending', pausedBecause: null, offeredTo: null }
}

function wrongState({ slug, ...app }: AppRow, state: AppState, event: AppEventKind): Problem {
  const log = `${event} in ${app.state}, ends ${app.endsAt}`
  const { become } = events[event]
  return problemOf('not-in-this-state', { slug, state, become, step: nextStep[state](slug), log })
}

const nextStep: Record<AppState, (slug: string) => string> = {
  active: slug => `See how it is: ${product.command} status ${slug}`,
  paused: slug => `Resume it: ${product.command} resume ${slug}`,
  ending: slug => `Its end goes on by itself. Follow it: ${product.command} show ${slug}`,
  ended: () => `It is gone everywhere. Make a new app: ${product.command} new`,
  graduated: () => `It is a managed service now. Make a new app: ${product.command} new`,
}

const ownsAlready = ({ slug }: AppRow) => twice('to', `This person owns \`${slug}\` already.`)
const backupIsOwner = () => twice('backupId', 'Owner and backup are two people.')

function twice(field: 'to' | 'backupId', detail: string): Problem {
  return new Problem('invalid-field', { field, detail, next: 'Name somebody else.' })
}
