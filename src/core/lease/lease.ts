/**
 * The life of a lease, as a pure function: `intended → live → ending → gone`. No I/O, no clock.
 *
 * INVARIANT: `gone` is reached only with evidence that `judge` calls verified-gone or
 * revoked-unverified; a lease whose principal can still be there never leaves `ending`.
 */
import { limits } from '../base/limits.ts'
import { type Problem, problemOf } from '../base/problem.ts'
import { addMs, earliest, type Instant } from '../base/time.ts'
import { judge } from '../target/judge.ts'
import type { Evidence, Issued } from '../target/target.ts'
import type { LeaseCause, LeaseRow } from './rows.ts'

export type LeaseEvent =
  | ({ readonly kind: 'issued'; readonly at: Instant } & Pick<Issued, 'acceptedPath' | 'diesAt'>)
  | ({ readonly kind: 'renewed'; readonly at: Instant } & Pick<LeaseRow, 'termEndsAt' | 'diesAt'>)
  | { readonly kind: 'end'; readonly cause: LeaseCause }
  | {
      readonly kind: 'seen'
      readonly evidence: Evidence
      readonly cause: LeaseCause
      readonly canTry: boolean
    }

/** The row after the event. Throws `Problem` `wrong-state` where the event has no meaning. */
export function stepLease(lease: LeaseRow, event: LeaseEvent): LeaseRow {
  switch (event.kind) {
    case 'issued':
      if (lease.state !== 'intended') throw wrongState(lease, 'issued')
      return {
        ...lease,
        state: 'live',
        issuedAt: event.at,
        acceptedPath: event.acceptedPath,
        diesAt: event.diesAt,
      }
    case 'renewed':
      return renewed(lease, event)
    case 'end':
      if (lease.state === 'gone') throw wrongState(lease, 'ended')
      // Ending twice keeps the first cause: who came first is what happened.
      return lease.state === 'ending' ? lease : { ...lease, state: 'ending', cause: event.cause }
    case 'seen':
      return seen(lease, event)
  }
}

function renewed(lease: LeaseRow, event: LeaseEvent & { kind: 'renewed' }): LeaseRow {
  // A term that is over can not be renewed: the sweep may be at it already.
  if (lease.state !== 'live' || lease.termEndsAt <= event.at) throw wrongState(lease, 'renewed')
  const termEndsAt = earliest(lease.endsAt, event.termEndsAt)
  if (termEndsAt <= lease.termEndsAt)
    throw problemOf('lease-at-its-last-end', { endsAt: lease.endsAt })
  return { ...lease, term: lease.term + 1, termEndsAt, diesAt: event.diesAt }
}

function seen(lease: LeaseRow, event: LeaseEvent & { kind: 'seen' }): LeaseRow {
  if (lease.state === 'gone') throw wrongState(lease, 'looked at')
  const { evidence } = event
  const cause = lease.cause ?? event.cause
  const verdict = judge(evidence)
  const known = { cause, evidence, endedAt: evidence.at }
  const gone = { ...lease, ...known, state: 'gone', contained: false } as const
  if (verdict === 'verified-gone') return { ...gone, outcome: 'verified-gone' }
  // Never accepted anywhere and nothing there: the intent came to nothing.
  if (verdict === 'revoked-unverified' && lease.issuedAt === null && evidence.sessions === 0)
    return { ...gone, outcome: 'never-made' }
  // Absent by the list, and the credential can not be tried now or ever: said as it is.
  if (verdict === 'revoked-unverified' && !event.canTry && evidence.sessions === 0)
    return { ...gone, outcome: 'revoked-unverified' }
  const { credential, probe, sessions } = evidence
  const contained = credential === 'refused' && probe === 'accepted' && sessions === 0
  return { ...lease, state: 'ending', cause, evidence, contained }
}

function wrongState({ state }: LeaseRow, verb: string): Problem {
  if (state === 'gone') return problemOf('lease-gone', { verb })
  return problemOf('lease-not-in-state', { state, verb })
}

/** When it can be ended for good: now, or once no late command can make it at the target any more. */
export function settlesAt({ issuedAt, intentDeadline }: LeaseRow, now: Instant): Instant {
  const at = addMs(intentDeadline, limits.intentGraceMs)
  return issuedAt === null && at > now ? at : now
}

/** When to try again after `tries` attempts: 1 s doubling to 5 min. Never gives up. */
export function nextTryAt(now: Instant, tries: number): Instant {
  return addMs(now, Math.min(1000 * 2 ** Math.max(0, tries - 1), 300_000))
}

/** After this many attempts a person is told. */
export const triesBeforeFinding = 4
