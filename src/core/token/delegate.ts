/**
 * Delegation (RFC 8693 §1.1): one workload has another work for its task, in two steps, and neither
 * ever holds the other's token. `handOn`: the first gets a token that is good for nothing but to be
 * used by the one it names. `takeUp`: that one shows it beside its own, and gets a task that works for
 * the first.
 *
 * INVARIANT (design §8, I7): what is done in that task must be allowed to both, by the grants and the
 * purposes of both (`policy/judge`); it ends with the first, and what it learns the first has learned.
 *
 * ATTACKER: is handed a token and is somebody else than it names; hands on what was handed to it in a
 * ring; takes up work for one person while working for another. Each is refused below.
 */
import { newId } from '../base/ids.ts'
import { limits } from '../base/limits.ts'
import { checkPermit, type Permit } from '../base/permit.ts'
import { assert, problemOf, problemsWith } from '../base/problem.ts'
import { type IdentityRow, identityTable } from '../identity/rows.ts'
import { type Image, shareKnown } from '../ledger/fact-table.ts'
import { entryKind } from '../ledger/kind.ts'
import { recorded, type Scope, subjectOf } from '../ledger/record.ts'
import { recordDenial } from '../policy/record.ts'
import { type NewTask, openTask } from '../task/open.ts'
import { taskTable } from '../task/rows.ts'
import { chainOf } from '../task/task.ts'
import type { ExchangeAnswer, ExchangeWorld, Minting, PlannedTask } from './exchange.ts'
import { mint, questionOf } from './exchange.ts'
import { tokenTable } from './rows.ts'
import { type TaskToken, type VerifyWorld, verifyTaskToken } from './verify.ts'

export type DelegateWorld = Omit<ExchangeWorld, 'countRefusal' | 'issuerKeys' | 'verifyPerson'> &
  Pick<VerifyWorld, 'tokenKeys' | 'verified'>

const tokenHandedOn = entryKind('token.hand-on', 'let another workload work for its task')
const tokenTakenUp = entryKind('token.take-up', 'got a token for a task that works for another')

/** `to` is the SPIFFE id of who may use it. Problem `not-found` where that is none of ours. */
export async function handOn(
  world: DelegateWorld,
  { holder, to }: { holder: TaskToken; to: string },
): Promise<ExchangeAnswer> {
  const { task, attempt } = begin(world, holder)
  const [other] = world.replica.by(identityTable, 'spiffeId', to)
  if (other?.state !== 'active') throw problemOf('no-such-identity-here', { field: 'audience' })
  const chain = chainOf(world.replica, task) ?? []
  if (chain.some(({ identityId }) => identityId === other.id))
    throw refused('It works in this task already: work is not handed round in a ring.')
  if (chain.length > limits.delegationSteps)
    throw refused(`Work is handed on ${limits.delegationSteps} times at most.`)
  const minting = { ...attempt, audience: to, boundTo: null }
  const keep = async (scope: Scope) => {
    // The row is the truth, and holds still until this commits.
    const open = await shareKnown(scope.tx, taskTable, task.id)
    if (open.state !== 'open' || open.endsAt <= scope.at) throw refused('Its task has ended.')
    return task
  }
  return give(world, minting, { task, keep, kind: tokenHandedOn, other })
}

export interface TakeUp {
  /** What was handed on. */
  readonly handed: string
  /** Who shows it: verified, with its own key where it is bound to one. */
  readonly holder: TaskToken
  readonly purpose: string
  readonly boundTo: string | null
}

/** Problems: `token-refused` where what was handed on is not for this holder, or stands no more. */
export async function takeUp(world: DelegateWorld, { handed, holder, purpose, boundTo }: TakeUp) {
  const { task: own, attempt } = begin(world, holder)
  const { identity } = attempt
  const { taskId } = await verifyTaskToken(world, handed, identity.spiffeId)
  const parent = world.replica.get(taskTable, taskId)
  const first = parent && world.replica.get(identityTable, parent.identityId)
  if (parent === undefined || first === undefined) throw refused('Its task has ended.')
  if (own.onBehalfOf !== null && own.onBehalfOf !== parent.onBehalfOf)
    throw refused('It was handed on for another person than the one you work for.')
  // Somebody watches where both are watched.
  const isWatched = parent.autonomy === 'attended' && own.autonomy === 'attended'
  const task: NewTask = {
    id: newId('task'),
    appId: identity.appId,
    identityId: identity.id,
    kind: 'job',
    purpose,
    autonomy: isWatched ? 'attended' : 'unattended',
    onBehalfOf: parent.onBehalfOf,
    parentId: parent.id,
    provenance: own.provenance,
    provenanceKey: `${own.id} for ${parent.id}`,
  }
  const minting = { ...attempt, audience: world.issuer, boundTo }
  const keep = (scope: Scope, permit: Permit<'token.exchange'>) => openTask(scope, permit, task)
  return give(world, minting, { task, keep, kind: tokenTakenUp, other: first })
}

interface Giving {
  readonly task: NewTask
  /** In the transaction: the task as it is, which may be another that was opened meanwhile. */
  readonly keep: (scope: Scope, permit: Permit<'token.exchange'>) => Promise<PlannedTask>
  readonly kind: typeof tokenHandedOn
  readonly other: Image<IdentityRow>
}

async function give(world: DelegateWorld, minting: Minting, { task, keep, kind, other }: Giving) {
  const decision = world.decide(questionOf(minting, task))
  if (!decision.allowed) {
    await recordDenial(world, decision.record, { other: other.id })
    return { kind: 'denied', denial: decision.denial } as const
  }
  const { permit } = decision
  checkPermit(permit, 'token.exchange', minting.tokenId)
  return recorded<ExchangeAnswer>(world, async scope => {
    const token = mint(world, minting, await keep(scope, permit))
    await scope.insert(tokenTable, token.row)
    scope.entry({ kind, by: permit, subjects: [subjectOf(identityTable, other)] })
    return { kind: 'issued', token }
  })
}

/** What the holder works at, and what every token of theirs begins with. */
function begin({ replica, clock }: DelegateWorld, { taskId, identityId }: TaskToken) {
  const [task, identity] = [replica.get(taskTable, taskId), replica.get(identityTable, identityId)]
  assert(task && identity, 'a token that stands has a task and an identity')
  return { task, attempt: { identity, tokenId: newId('token'), now: clock.now() } }
}

const refused = problemsWith('token-refused', 'Ask who handed it on to do so anew.')
