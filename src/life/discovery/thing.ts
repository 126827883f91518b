/**
 * A thing that was found, as a pure machine: what each event does in each state, and what it does not.
 * Not for: who may send an event (policy), or reading and writing (the verbs).
 *
 * What is adopted lives as its app does, so whether it is watched, leased or revoked is said of the app
 * and stored nowhere: two places would come to differ.
 */
import { stateAt } from '../../core/app/app.ts'
import type { AppRow } from '../../core/app/rows.ts'
import type { PersonId } from '../../core/base/ids.ts'
import { assert, Problem, problemOf } from '../../core/base/problem.ts'
import { product } from '../../core/base/product.ts'
import type { Instant } from '../../core/base/time.ts'
import type { HeldThing, ThingRow } from './rows.ts'

export type ThingEvent =
  /** `isOwned`: who claimed it before is still here. */
  | { readonly kind: 'claim'; readonly by: PersonId; readonly isOwned: boolean }
  | { readonly kind: 'adopt'; readonly app: Pick<AppRow, 'id' | 'slug' | 'ownerId' | 'origin'> }
  /** `isOver`: the app it was of has ended. */
  | { readonly kind: 'seen'; readonly isOver: boolean }
  | { readonly kind: 'missed' }

/** The words people see: those of a row, and what the life of its app makes of it. */
type Living = 'watched' | 'leased' | 'paused' | 'ending' | 'revoked'
export type ThingState = Exclude<ThingRow['state'], 'adopted'> | Living

/** The thing after the event; or why not, and what to do instead. Nothing changed: the same row. */
export function stepThing(thing: ThingRow, event: ThingEvent, now: Instant): ThingRow | Problem {
  switch (event.kind) {
    case 'seen': {
      if (thing.state !== 'gone') return thing
      // Whose it was it is again; of an app that has ended it is a thing nobody knows.
      const { appId, ownerId } = event.isOver ? { appId: null, ownerId: null } : thing
      const state = appId !== null ? 'adopted' : ownerId !== null ? 'claimed' : 'found'
      // What is there again is as new as what was never there: somebody made it since.
      return { ...thing, appId, ownerId, state, goneAt: null, firstSeenAt: now }
    }
    case 'missed':
      return thing.state === 'gone' ? thing : { ...thing, state: 'gone', goneAt: now }
    case 'claim':
      return claim(thing, event)
    case 'adopt':
      return adopt(thing, event.app)
  }
}

function claim(thing: ThingRow, { by, isOwned }: { by: PersonId; isOwned: boolean }) {
  if (thing.state === 'claimed' && thing.ownerId === by) return thing
  const isFree = thing.state === 'found' || (thing.state === 'claimed' && !isOwned)
  if (isFree) return { ...thing, state: 'claimed', ownerId: by } as const
  if (thing.state === 'gone') return over(thing)
  return problemOf('thing-has-owner', { name: thing.name, id: thing.id })
}

function adopt(thing: ThingRow, app: Extract<ThingEvent, { kind: 'adopt' }>['app']) {
  const { state, name, ownerId } = thing
  if (state === 'adopted' && thing.appId === app.id) return thing
  if (state === 'gone') return over(thing)
  const isTheirs = app.origin === 'adopted' && app.ownerId === ownerId
  if (state === 'claimed' && isTheirs) return { ...thing, state: 'adopted', appId: app.id } as const
  const joins = `\`${app.slug}\` was made here, or is not of who claimed \`${name}\`.`
  return new Problem('wrong-state', {
    detail: state === 'claimed' ? joins : `\`${name}\` is ${state}, and is claimed before.`,
    next: `Its owner claims it; then name an adopted app of theirs, or one that is not there yet: ${product.command} adopt ${thing.id} --app NAME`,
  })
}

function over({ name, goneAt }: ThingRow): Problem {
  return problemOf('thing-gone', { name, goneAt })
}

/** What it is at this instant; paused only where it was seen stopped at its system. */
export function stateOf(
  thing: Pick<ThingRow, 'state'> & { readonly held?: HeldThing },
  app: Pick<AppRow, 'state' | 'endsAt' | 'watchedUntil'> | undefined,
  now: Instant,
): ThingState {
  if (thing.state !== 'adopted') return thing.state
  assert(app !== undefined, 'what is adopted is of an app')
  const state = stateAt(app, now)
  // Until the end of its app is proven it may be there.
  if (state === 'ending') return state
  if (state === 'ended' || state === 'graduated') return 'revoked'
  if (thing.held?.isHeld === true) return 'paused'
  return app.watchedUntil !== null && app.watchedUntil > now ? 'watched' : 'leased'
}
