/**
 * A `Permit` is the proof that somebody decided. Verbs that change anything take one, so a door
 * that forgets to ask does not compile.
 *
 * INVARIANT: `issuePermit` is called by `core/policy/decide` alone (a rule of the checks).
 */
import * as ids from './ids.ts'
import type { JsonObject } from './json.ts'
import { assert, Problem } from './problem.ts'
import type { Instant } from './time.ts'
import { words } from './words.ts'

/** Everything that can be decided about ourselves. What an app does with data is `DataAction`. */
export const actionNames = words(
  'person.add person.leave person.roles',
  'app.make app.extend app.transfer app.accept app.pause app.resume app.end app.watch app.enforce app.graduate',
  'app.share app.open app.serve',
  'identity.revoke trust.add trust.remove target.connect resource.define',
  'request.make request.withdraw request.answer grant.make grant.drop grant.narrow grant.keep manifest.set grant.break',
  'task.open task.close token.exchange token.introspect token.revoke',
  'lease.issue lease.renew lease.use lease.end hold.set hold.lift policy.change finding.answer',
  'offboard.plan offboard.run offboard.evidence text.erase key.rotate log.read thing.claim thing.adopt',
)
export type ActionName = (typeof actionNames)[number]

/** Classes of what is done to data (design §5). Unknown is the strongest. */
export const dataActions = words('read write destroy share-outside spend change-privilege')
export type DataAction = (typeof dataActions)[number]

/** A decision as it is kept: `body` is canonical JSON, enough to decide again byte for byte. */
export interface DecisionRecord {
  readonly id: ids.DecisionId
  readonly at: Instant
  readonly appId: ids.AppId | null
  readonly taskId: ids.TaskId | null
  readonly allowed: boolean
  readonly body: string
  /** SHA-256 of `body`, hex: what the entry that used the decision seals. */
  readonly hash: string
}

declare const permitBrand: unique symbol
export interface Permit<A extends ActionName> {
  readonly action: A
  readonly actor: ids.ActorId
  /** What it is about: one thing, by id; verbs check that it is the thing they were given. */
  readonly about: ids.AnyId
  /** What was decided to come here; the entry of the act it allows carries their hashes. */
  readonly decisions: readonly DecisionRecord[]
  readonly decidedAt: Instant
  readonly [permitBrand]: A
}

/** How a sweep comes to its permits: `main.ts` makes it from `decide`. Throws Problem `denied`. */
export type PermitFor = <A extends ActionName>(
  actor: ids.SystemId,
  action: A,
  about: { readonly type: string; readonly id: ids.AnyId; readonly draft?: JsonObject },
) => Permit<A>

export function issuePermit<A extends ActionName>(permit: Omit<Permit<A>, typeof permitBrand>) {
  return Object.freeze({ ...permit }) as Permit<A>
}

/** Asserts that the permit is for this action and this thing. A mismatch is a bug, not a denial. */
export function checkPermit<A extends ActionName>(permit: Permit<A>, action: A, about: ids.AnyId) {
  const isFor = permit.action === action && permit.about === about
  assert(isFor, `permit for ${permit.action} ${permit.about} used for ${action} ${about}`)
}

/**
 * The person who acts. ATTACKER: an agent, or one of our own sweeps, that would do in a person's place
 * what only people do.
 */
export function requirePerson({ actor }: Permit<ActionName>, does: string, next?: string) {
  if (ids.isId('person', actor)) return actor
  throw new Problem('human-required', { detail: `Only a person can ${does}.`, next })
}
