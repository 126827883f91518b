/**
 * The layer above the engine: from everything asked to a yes or no. Pure, and the only place where a
 * decision is reached: `decide` calls it now, `replay` calls it again on the same record.
 *
 * It adds to Cedar: an error is a denial, facts must be known and fresh, each candidate grant is
 * judged and one that permits is enough, and how far the yes reaches.
 */
import type { DecisionId, GrantId } from '../base/ids.ts'
import type { Json, JsonObject } from '../base/json.ts'
import { limits } from '../base/limits.ts'
import { earliest, type Instant } from '../base/time.ts'
import type { Budget } from '../grant/rows.ts'
import type { Freshness } from '../ledger/follow.ts'
import type { Bundle } from './bundle.ts'
import type { EngineAnswer } from './engine/cedar.ts'
import type { Facts, Unknown } from './facts.ts'
import type { Actor } from './question.ts'
import { bare } from './view.ts'

/** What a decision was asked; with its outcome, what is kept of it. */
export interface Asked {
  readonly v: 1
  readonly id: DecisionId
  readonly at: Instant
  readonly actor: Actor
  readonly action: string
  readonly about: { readonly type: string; readonly id: string }
  /** Through a gateway: what was asked for, in the target's words. For people; nothing reads it here. */
  readonly asked?: string
  readonly bundle: string
  readonly freshness: Freshness
  readonly facts: Facts | Unknown
}

export interface Outcome {
  readonly allowed: boolean
  /** A yes against policy, to an app that is watched: `rules` are those that deny it. */
  readonly effect?: 'watched'
  /** What decided, the weightiest first: ids of policies, or an `OwnRule`. */
  readonly rules: readonly string[]
  readonly errors: readonly string[]
  readonly grantId: GrantId | null
  /** Of a no: how many steps up it is said, by what may be done for the task this one works for. */
  readonly hop?: number
  /** Bounds of what a yes reaches; null where nothing is issued. */
  readonly reach: Reach | null
}

export interface Reach {
  /** The earliest end of task, grant and app. */
  readonly endsAt: Instant
  readonly termSeconds: number
  /** How long reading and writing may go on while facts are stale. */
  readonly holdForMs: number
  /** What each use is to be debited from, by who lets it through. */
  readonly reserve?: Budget
}

/**
 * Rules that are no policy: they hold before any policy is asked, or when none speaks. What each says
 * is in `life/why`.
 */
export type OwnRule =
  | 'default-deny'
  | `unknown-${Unknown['unknown']}`
  | 'stale-facts'
  | 'log-regressed'
  | 'policy-error'

/**
 * `engine`: what answers, where it is not chosen here. INVARIANT: what issues, agrees, trusts or changes
 * rules is cedar-wasm's to answer; the compiled engine answers for what is done under a lease.
 */
export function judge(
  bundle: Bundle,
  asked: Asked,
  engine = asked.action === 'lease.use' ? bundle.quick : bundle.engine,
): Outcome {
  const { facts, freshness, action } = asked
  if (freshness.regressed) return denied('log-regressed')
  if ('unknown' in facts) return denied(`unknown-${facts.unknown}`)
  const gains = bundle.engine.isIn(action, 'gain')
  if (gains && freshness.ageMs > limits.freshForIssueMs) return denied('stale-facts')
  if (facts.uses.length === 0) return settle(bundle, [ask(engine, facts, action)])
  const own = watch({ ...bundle, engine }, facts, action)
  if (!own.allowed || facts.worksFor === undefined) return own
  const lent = judge(bundle, { ...asked, facts: facts.worksFor }, engine)
  if (!lent.allowed || own.reach === null || lent.reach === null)
    return { ...lent, allowed: false, hop: (lent.hop ?? 0) + 1 }
  const reach = { ...own.reach, ...narrower(own.reach, lent.reach) }
  return { ...own, rules: [...new Set([...own.rules, ...lent.rules])], reach }
}

/** INVARIANT: use alone; never what could not be evaluated, nor what waits for a person's yes. */
function watch(bundle: Answering, facts: Facts, action: string): Outcome {
  const own = judgeWork(bundle, facts, action)
  const { watchedUntil: endsAt, grants, uses } = facts
  if (own.allowed || own.errors.length > 0 || action !== 'lease.use' || !endsAt) return own
  const agreed = { ...facts, uses: uses.map(use => ({ ...use, approved: true })) }
  const { rules } = judgeWork(bundle, agreed, action)
  if (own.rules.some(rule => !rules.includes(rule))) return own
  // Also where nothing was granted: so one learns what has to be asked for.
  const { id: grantId = null, budget: reserve } = grants[0] ?? {}
  const most = { endsAt, termSeconds: limits.unattendedTermSeconds, holdForMs: 0 }
  const reach = { ...most, ...(reserve && { reserve }) }
  return { ...own, allowed: true, effect: 'watched', grantId, reach }
}

/** INVARIANT (design §8, I7): a right that is handed on reaches no further than either. */
function narrower(one: Reach, other: Reach): Omit<Reach, 'reserve'> {
  return {
    endsAt: earliest(one.endsAt, other.endsAt),
    termSeconds: Math.min(one.termSeconds, other.termSeconds),
    holdForMs: Math.min(one.holdForMs, other.holdForMs),
  }
}

/** Each candidate for all that is wanted; the first that is enough, else why the first is not. */
function judgeWork(bundle: Answering, facts: Facts, action: string): Outcome {
  let first: Outcome | undefined
  for (const grant of facts.grants.length > 0 ? facts.grants : [null]) {
    const isGlass = grant?.facts['glass'] === true
    const given = grant === null ? {} : { grant: grant.facts, ...(isGlass && { glass: true }) }
    const outcome = settle(bundle, [
      ...facts.uses.map(({ action: dataAction, ...said }) =>
        ask(bundle.engine, facts, dataAction, { ...given, ...said, dataAction }),
      ),
      ask(bundle.engine, facts, action, given),
    ])
    if (outcome.allowed && grant !== null)
      return { ...outcome, grantId: grant.id, reach: reachOf(facts, grant) }
    first ??= outcome
    // What forbids does not look at the grant, so no other would change it; but for broken glass.
    if (
      !facts.grants.some(each => each.facts['glass'] === true) &&
      outcome.rules.some(rule => bundle.rules.get(rule)?.effect === 'forbid')
    )
      break
  }
  // Without a grant there is nothing to make a credential of, whatever a policy says.
  return first === undefined || first.allowed ? denied('default-deny') : first
}

type Answering = Pick<Bundle, 'rules'> & { readonly engine: Bundle['quick'] }

function ask(
  engine: Bundle['quick'],
  facts: Facts,
  action: string,
  more: JsonObject = {},
): EngineAnswer {
  const { principal, resource, context } = facts
  return engine.ask({
    principal: principal.uid,
    action: { type: 'Action', id: action },
    resource: resource.uid,
    context: bare({ ...context, ...more }),
    // Each entity costs time; one without facts says nothing the question does not say.
    entities: [principal, resource].filter(each => Object.keys(each.attrs).length > 0),
  })
}

/**
 * All must be allowed, without an error anywhere. A rule that forbids outweighs that none permits.
 *
 * INVARIANT: rules come out in the order of the bundle, errors in their own: the engine's order is not
 * the same twice, and a decision must play again byte for byte.
 */
function settle(bundle: Pick<Bundle, 'rules'>, answers: readonly EngineAnswer[]): Outcome {
  const errors = answers.flatMap(answer => answer.errors).toSorted()
  if (errors.length > 0) return { ...denied('policy-error'), errors }
  const refusals = answers.filter(answer => !answer.allowed)
  const inOrder = (named: readonly string[]) =>
    [...bundle.rules.keys()].filter(id => named.includes(id))
  if (refusals.length === 0)
    return { ...yes, rules: [...new Set(answers.flatMap(answer => inOrder(answer.rules)))] }
  const rules = inOrder(refusals.flatMap(answer => answer.rules))
  return rules.length === 0 ? denied('default-deny') : { ...denied('default-deny'), rules }
}

const yes: Outcome = { allowed: true, rules: [], errors: [], grantId: null, reach: null }

function denied(rule: OwnRule): Outcome {
  return { allowed: false, rules: [rule], errors: [], grantId: null, reach: null }
}

/** Data of these classes is not used on facts that have gone stale, not even for a while. */
const regulated: readonly Json[] = ['customer', 'hr', 'secret']

function reachOf({ context, resource }: Facts, grant: Facts['grants'][number]): Reach {
  const task = context['task'] as { endsAt: Instant; autonomy: string }
  const app = context['app'] as { endsAt: Instant }
  const isRegulated = regulated.includes(resource.attrs['dataClass'] ?? 'secret')
  return {
    endsAt: earliest(task.endsAt, grant.facts['endsAt'] as Instant, app.endsAt),
    termSeconds:
      task.autonomy === 'attended' ? limits.leaseTermSeconds : limits.unattendedTermSeconds,
    holdForMs: isRegulated ? 0 : limits.holdForMs,
    ...(grant.budget && { reserve: grant.budget }),
  }
}
