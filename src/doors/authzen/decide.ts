/**
 * What the decision API asks, and whom: our own rules about identities and people, or the rules an app
 * brings for its own users. An answer is given when its record is kept.
 */
import { appTable } from '../../core/app/rows.ts'
import type { AppId, IdentityId, PersonId, TaskId } from '../../core/base/ids.ts'
import { newId } from '../../core/base/ids.ts'
import { type DataAction, dataActions } from '../../core/base/permit.ts'
import { isProblem, type Problem, problemOf } from '../../core/base/problem.ts'
import { resourceTable } from '../../core/grant/rows.ts'
import { identityTable } from '../../core/identity/rows.ts'
import { decide, decideLease, type PolicyWorld } from '../../core/policy/decide.ts'
import type { Outcome } from '../../core/policy/judge.ts'
import type { Actor } from '../../core/policy/question.ts'
import { readRecord } from '../../core/policy/record.ts'
import { decideApp, type RulesOf } from '../../life/app-rules/ask.ts'
import type { Shadow } from '../../life/app-rules/shadow.ts'
import type { AppRules } from '../../life/app-rules/text.ts'
import { shortId } from '../../life/lists/short-id.ts'
import type { Kept } from '../../life/records/line.ts'
import type { Spool } from '../../life/records/spool.ts'
import type { Evaluation, Evaluations } from './form.ts'

export interface DecisionWorld extends PolicyWorld {
  readonly spool: Spool
  readonly appRules: RulesOf
  readonly shadow: Shadow
}

/** §6.2: a decision, and in our words why. */
export interface Answer {
  readonly decision: boolean
  readonly context: Readonly<Record<string, unknown>>
}

/** Who asks: a workload about itself and its app's users, or a person who may read the log. */
export interface Asker {
  readonly actor: Actor
  /** The app whose rules are asked; null where it is ours. */
  readonly appId: AppId | null
}

type Decided = { readonly answer: Answer; readonly record: Kept; readonly isDurable: boolean }

export async function answerOne(
  world: DecisionWorld,
  asker: Asker,
  asked: Evaluation,
): Promise<Answer> {
  const { answer, record, isDurable } = decideOne(world, asker, asked)
  await world.spool.keep(record, isDurable)
  return answer
}

/** §7.1.2: what comes after the one that ends it is not decided and not answered. */
export async function answerAll(
  world: DecisionWorld,
  asker: Asker,
  { semantic, items }: Evaluations,
): Promise<Answer[]> {
  const answers: Answer[] = []
  for (const item of items) {
    const answer = isProblem(item) ? faultOf(item) : await answerOne(world, asker, item)
    answers.push(answer)
    if (semantic === 'deny_on_first_deny' && !answer.decision) break
    if (semantic === 'permit_on_first_permit' && answer.decision) break
  }
  return answers
}

/** §7.2.1: one that could not be asked is a no with its error, and the others stand. */
function faultOf({ code, detail }: Problem): Answer {
  return { decision: false, context: { error: { status: 400, message: `${code}: ${detail}` } } }
}

function decideOne(world: DecisionWorld, asker: Asker, asked: Evaluation): Decided {
  if (asker.appId !== null) return decideByApp(world, { ...asker, appId: asker.appId }, asked)
  const decided = decideByUs(world, asker, asked)
  const { record } = decided
  const id = shortId('decision', record.id)
  const kept = { ...record, kind: 'own' } as const
  const { outcome } = readRecord(record.body)
  const isDurable = outcome.rules.some(id => world.policies().rules.get(id)?.isDurable === true)
  if (decided.allowed) {
    const answer = { decision: true, context: { id, ...sayWatched(outcome) } }
    return { answer, record: kept, isDurable }
  }
  const { rule, says, wouldPassIf, because } = decided.denial
  const context = { id, reason_user: { en: says }, reason_admin: { rule, because, wouldPassIf } }
  return { answer: { decision: false, context }, record: kept, isDurable }
}

/** A yes against policy is never answered as one of policy's. */
function sayWatched({ effect, rules }: Outcome) {
  return effect && { effect, reason_admin: { rules } }
}

/**
 * Using data is decided as a lease for it would be, and of an app that is watched as its use; anything
 * else as the act itself.
 */
function decideByUs(world: DecisionWorld, asker: Asker, { subject, action, ...asked }: Evaluation) {
  const actor = subjectOf(world, asker, subject)
  const isUse = (dataActions as readonly string[]).includes(action)
  if (isUse && actor.kind === 'identity')
    return decideLease(world, isWatched(world, actor) ? 'lease.use' : 'lease.issue', {
      identityId: actor.id,
      taskId: taskOf(asked.context, actor),
      resourceId: resourceOf(world, asked.resource.id),
      actions: [action as DataAction],
      leaseId: newId('lease'),
    })
  // What is no action or no thing of ours is a denial that says so.
  return decide(world, { actor, action: action as never, about: asked.resource as never })
}

function isWatched({ replica, clock }: DecisionWorld, { id }: Actor): boolean {
  const appId = replica.get(identityTable, id)?.appId ?? ''
  const until = replica.get(appTable, appId)?.watchedUntil
  return until !== null && until !== undefined && until > clock.now()
}

/** ATTACKER: a workload asks what others may, to find out whom to become. */
function subjectOf(
  world: DecisionWorld,
  { actor }: Asker,
  { type, id }: Evaluation['subject'],
): Actor {
  if (type === 'identity') {
    const [named] = world.replica.by(identityTable, 'spiffeId', id)
    const identityId = named?.id ?? (id as IdentityId)
    if (actor.kind !== 'identity') return { kind: 'identity', id: identityId }
    if (identityId === actor.id) return actor
  }
  if (type === 'person' && actor.kind === 'person') return { kind: 'person', id: id as PersonId }
  if (actor.kind === 'identity') throw problemOf('subject-not-oneself', { field: 'subject' })
  throw problemOf('subject-not-ours', { type: type.slice(0, 40), field: 'subject' })
}

function taskOf({ task }: Evaluation['context'], actor: Actor): TaskId {
  if (actor.kind === 'identity' && actor.taskId !== undefined) return actor.taskId
  return (typeof task === 'string' ? task : '') as TaskId
}

function resourceOf({ replica }: DecisionWorld, named: string) {
  const [row] = replica.by(resourceTable, 'slug', named)
  return (row?.id ?? named) as NonNullable<typeof row>['id']
}

function decideByApp(
  world: DecisionWorld,
  { actor, appId }: Asker & { readonly appId: AppId },
  asked: Evaluation,
): Decided {
  const of = { appId, caller: actor.id, at: world.clock.now() }
  const held = rulesOf(world, appId)
  const { outcome, record } = decideApp(held, asked, of)
  world.shadow(held, asked, record.id)
  const { allowed, rules, errors } = outcome
  const id = shortId('decision', record.id)
  return {
    answer: { decision: allowed, context: { id, reason_admin: { rules, errors } } },
    record,
    isDurable: rules.some(rule => held.durable.has(rule)),
  }
}

/** Problem `wrong-state` where the app brings none. */
export function rulesOf(world: DecisionWorld, appId: AppId): AppRules {
  const rules = world.appRules(appId)
  if (rules !== undefined) return rules
  throw problemOf('app-brings-no-rules')
}
