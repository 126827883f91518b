/**
 * Decide: who may do what, now. The one place that makes permits. No I/O: facts come from memory, the
 * time from the clock it is given.
 *
 * A yes is a `Permit` about one thing; a no is a `Denial` in plain words. Both carry the record that
 * lets anyone decide again. Not here: keeping the record (the entry of the act does, or `recordDenial`).
 */
import { type AnyId, type GrantId, type LeaseId, newId } from '../base/ids.ts'
import type { ActionName, DecisionRecord, Permit, PermitFor } from '../base/permit.ts'
import { actionNames, dataActions, issuePermit } from '../base/permit.ts'
import { assert, problemOf } from '../base/problem.ts'
import type { Clock } from '../base/time.ts'
import type { Freshness } from '../ledger/follow.ts'
import type { Replica } from '../ledger/replica.ts'
import type { Bundle } from './bundle.ts'
import { factsOfChange, factsOfWork, type Gathered, type Work } from './facts.ts'
import { type Asked, judge, type Outcome, type Reach } from './judge.ts'
import { type AboutType, type Denial, type Question, thingTypes } from './question.ts'
import { type Recorded, writeRecord } from './record.ts'
import type { View } from './view.ts'

export interface PolicyWorld {
  readonly replica: Replica
  readonly clock: Clock
  readonly freshness: () => Freshness
  /** The bundle in force now. */
  readonly policies: () => Bundle
  /** How a no is put into words (`life/why`); it decides nothing. */
  readonly explain: (bundle: Bundle, denied: Recorded, view: View) => Denial
}

export type Decision<A extends ActionName> =
  | { readonly allowed: true; readonly permit: Permit<A>; readonly record: DecisionRecord }
  | { readonly allowed: false; readonly denial: Denial; readonly record: DecisionRecord }

/** What is decided on the facts of work under a task. */
type LeaseAction = 'lease.issue' | 'lease.renew' | 'lease.use'

/** About a lease: under which grant (a watched use may be under none), and how far it reaches. */
export type LeaseDecision<A extends LeaseAction> =
  | (Extract<Decision<A>, { allowed: true }> & Reach & { readonly grantId: GrantId | null })
  | Extract<Decision<A>, { allowed: false }>

export function decide<A extends ActionName>(
  world: PolicyWorld,
  question: Question<A>,
): Decision<A> {
  const view = look(world)
  const gathered = isKnown(question) ? factsOfChange(view, question) : unknownAction
  return settle(world, view, question, gathered).decision
}

/**
 * Using data under a task: for the making of a credential, the same again for another term of it, and
 * for each session with it through a gateway. The permit is about that lease, which may be yet to come.
 */
export function decideLease<A extends LeaseAction>(
  world: PolicyWorld,
  action: A,
  question: Work & { readonly leaseId: LeaseId; readonly asked?: string | undefined },
): LeaseDecision<A> {
  const view = look(world)
  const about = { type: 'lease', id: question.leaseId } as const
  const actor = { kind: 'identity', id: question.identityId, taskId: question.taskId } as const
  const actions = [...new Set(question.actions)]
  const isWork = actions.length > 0 && actions.every(each => dataActions.includes(each))
  const gathered = isWork ? factsOfWork(view, { ...question, actions }) : unknownAction
  const { asked } = question
  const { decision, outcome } = settle(world, view, { actor, action, about, asked }, gathered)
  if (!decision.allowed) return decision
  const { grantId, reach } = outcome
  assert(reach !== null, 'what is allowed says how far')
  return { ...decision, grantId, ...reach }
}

/** Permits for our own sweeps; a sweep that may not is a Problem `denied`. */
export function permitsFor(world: PolicyWorld): PermitFor {
  return (actor, action, about) => {
    const decision = decide(world, {
      actor: { kind: 'system', id: actor },
      action,
      about: about as { type: AboutType; id: AnyId },
    })
    if (decision.allowed) return decision.permit
    const { rule, says, wouldPassIf } = decision.denial
    const log = `${actor} ${action} ${about.type} ${about.id}`
    throw problemOf('sweep-denied', { says, rule, wouldPassIf, log })
  }
}

const unknownAction: Gathered = { facts: { unknown: 'action' }, appId: null }

function look(world: PolicyWorld): View & { freshness: Freshness } {
  const freshness = world.freshness()
  return { replica: world.replica, now: world.clock.now(), ageMs: freshness.ageMs, freshness }
}

/** What reaches us from outside may be no action or thing at all; leases are asked in their own way. */
function isKnown({ action, about }: Question<ActionName>): boolean {
  const isLease = /^lease\.(issue|renew|use)$/.test(action)
  return !isLease && actionNames.includes(action) && Object.hasOwn(thingTypes, about.type)
}

function settle<A extends ActionName>(
  world: PolicyWorld,
  { freshness, ...view }: View & { freshness: Freshness },
  { actor, action, about, asked: inWords }: Question<A>,
  { facts, appId }: Gathered,
): { outcome: Outcome; decision: Decision<A> } {
  const bundle = world.policies()
  const asked: Asked = {
    v: 1,
    id: newId('decision'),
    at: view.now,
    actor,
    action,
    about: { type: about.type, id: about.id },
    ...(inWords === undefined ? {} : { asked: inWords }),
    bundle: bundle.hash,
    freshness: { ...freshness, ageMs: Math.ceil(view.ageMs) },
    facts,
  }
  const outcome = judge(bundle, asked)
  const record = writeRecord(asked, outcome, appId)
  if (!outcome.allowed) {
    const denial = world.explain(bundle, { ...asked, outcome }, view)
    return { outcome, decision: { allowed: false, denial, record } }
  }
  const decided = { actor: actor.id, about: about.id, decisions: [record], decidedAt: asked.at }
  const permit = issuePermit({ action, ...decided })
  return { outcome, decision: { allowed: true, permit, record } }
}
