/**
 * Token exchange: who proves to be a workload gets a token for one task (design §5). The six steps
 * are the body of `exchange`; every way out of it leaves a trace. Who is not attested is counted, who
 * is attested has one entry, whatever the answer.
 *
 * INVARIANT: a token leaves this file only after the commit of its row and its entry.
 */
import { appTable } from '../app/rows.ts'
import { sha256Hex } from '../base/hash.ts'
import { newId } from '../base/ids.ts'
import { type ActionName, checkPermit, type DecisionRecord, type Permit } from '../base/permit.ts'
import { assert, isProblem, problemOf } from '../base/problem.ts'
import { type Instant, toSeconds } from '../base/time.ts'
import { type Attested, type AttestWorld, attest } from '../identity/attest.ts'
import { claimAssertion, orSpent } from '../identity/once.ts'
import { type AttestRefusal, isRefusal, type RefusalReason } from '../identity/refusal.ts'
import { type IdentityRow, identityTable, trustRuleTable } from '../identity/rows.ts'
import type { Image } from '../ledger/fact-table.ts'
import { entryKind } from '../ledger/kind.ts'
import { type LedgerWorld, recorded, subjectOf } from '../ledger/record.ts'
import type { Replica } from '../ledger/replica.ts'
import type { Decision } from '../policy/decide.ts'
import type { Denial, Question } from '../policy/question.ts'
import { recordDenial } from '../policy/record.ts'
import { type NewTask, openTask } from '../task/open.ts'
import { taskTable } from '../task/rows.ts'
import { canJoin, taskEndsAt } from '../task/task.ts'
import { type TaskClaims, tokenEndsAt, writeClaims } from './claims.ts'
import { type TokenRow, tokenTable } from './rows.ts'
import { signToken, type TokenSigner } from './signature.ts'

export interface ExchangeWorld extends LedgerWorld, AttestWorld {
  readonly decide: <A extends ActionName>(question: Question<A>) => Decision<A>
  readonly signer: () => TokenSigner
  /** Before attestation: counted by registered issuer, or null. */
  readonly countRefusal: (issuer: string | null, reason: RefusalReason | 'unavailable') => void
}

export interface ExchangeRequest {
  readonly subjectToken: string
  /** A purpose of the app's manifest; whether it is one, policy says. */
  readonly purpose: string
  readonly audience: string
  /** SPIFFE id or `<app>/<role>`, where the token alone does not say whose it is. */
  readonly identity: string | undefined
  /** A person's run by a name of its own: a later exchange for it joins its open task. */
  readonly run?: string | undefined
  /** Thumbprint of the key the caller has proven to hold: the token is for its holder alone. */
  readonly boundTo?: string | undefined
}

export type ExchangeAnswer =
  | { readonly kind: 'issued'; readonly token: IssuedToken }
  | { readonly kind: 'refused'; readonly refusal: AttestRefusal }
  | { readonly kind: 'denied'; readonly denial: Denial }

export type IssuedToken = ReturnType<typeof mint>

const tokenExchanged = entryKind('token.exchange', 'got a token for a task')
const tokenRefused = entryKind('token.refuse', 'could not be given a token')

/**
 * Problems: `issuer-unavailable` when nobody can say who calls; `wrong-state` and `conflict` when
 * the database no longer holds what was decided on.
 */
export async function exchange(
  world: ExchangeWorld,
  request: ExchangeRequest,
): Promise<ExchangeAnswer> {
  // 1. The record, in memory: what this attempt becomes has this id on every way out.
  const { audience, boundTo = null } = request
  const attempt = { tokenId: newId('token'), now: world.clock.now(), audience, boundTo }
  // 2. Attest. A refusal is counted: nobody knows whose it is.
  const attested = await attestCaller(world, request, attempt.now)
  if (isRefusal(attested)) return refuse(world, attested)
  const work: Work = { ...attempt, ...attested }
  // 3. The task: the open one of this run, or a new one.
  const task = planTask(world, work, request)
  // 4. Decide, now.
  const decision = world.decide(questionOf(work, task))
  if (!decision.allowed) return deny(world, work, decision)
  // 5. Mint: signed before the transaction, so that no lock waits for a signature.
  const minted = mint(world, work, task)
  // 6. Commit row and entry with the token's hash; only then it is given.
  return commit(world, work, { task, minted, permit: decision.permit }).catch(
    async (thrown: unknown) => {
      await recordChanged(world, work, decision.record, thrown)
      throw thrown
    },
  )
}

/** What a token is made of, beside its task. */
export interface Minting extends Pick<TaskClaims, 'tokenId' | 'audience' | 'boundTo'> {
  readonly identity: Image<IdentityRow>
  readonly now: Instant
}

type Work = Minting & Attested

export type PlannedTask = NewTask & { readonly endsAt: Instant }

async function attestCaller(
  world: ExchangeWorld,
  { subjectToken: token, identity, boundTo }: ExchangeRequest,
  now: Instant,
): Promise<Attested | AttestRefusal> {
  try {
    const answer = await attest(world, { token, audience: world.issuer, now, identity })
    if (isRefusal(answer)) return await orSpent(world.store, answer)
    return { ...answer, assertion: { ...answer.assertion, boundTo } }
  } catch (thrown) {
    world.countRefusal(null, 'unavailable')
    throw thrown
  }
}

function refuse(world: ExchangeWorld, refusal: AttestRefusal): ExchangeAnswer {
  world.countRefusal(refusal.issuer, refusal.refused)
  return { kind: 'refused', refusal }
}

function planTask(
  world: ExchangeWorld,
  { identity, person, provenance, now, tokenId }: Work,
  request: ExchangeRequest,
): PlannedTask {
  const app = world.replica.get(appTable, identity.appId)
  assert(app, 'an identity has an app')
  const isService = app.stage === 'managed' && identity.role === 'run' && person === null
  const kind = isService ? 'service' : 'job'
  const task = {
    id: newId('task'),
    appId: app.id,
    identityId: identity.id,
    kind,
    purpose: request.purpose,
    autonomy: person === null ? 'unattended' : 'attended',
    onBehalfOf: person,
    parentId: null,
    provenance: provenance.facts,
    // What a person does from their own machine is a piece of work of its own each time.
    provenanceKey: person === null ? provenance.key : `${provenance.key} ${request.run ?? tokenId}`,
    endsAt: taskEndsAt(kind, app, now),
  } as const
  const open = world.replica.by(taskTable, 'provenanceKey', task.provenanceKey).find(each => {
    const isSame = each.identityId === task.identityId && each.purpose === task.purpose
    return isSame && canJoin(each, task, now)
  })
  return open === undefined ? task : { ...task, id: open.id, endsAt: open.endsAt }
}

/** May this identity have a token for this task? */
export function questionOf(
  { identity, tokenId, boundTo }: Minting,
  { purpose, kind, autonomy, onBehalfOf, provenance }: NewTask,
): Question<'token.exchange'> {
  const whose = { identityId: identity.id, issuer: provenance['issuer'] ?? null }
  const draft = { purpose, kind, autonomy, onBehalfOf, ...whose, bound: boundTo !== null }
  return {
    actor: { kind: 'identity', id: identity.id },
    action: 'token.exchange',
    about: { type: 'token', id: tokenId, draft },
  }
}

export function mint(
  world: Pick<ExchangeWorld, 'signer' | 'issuer' | 'replica'>,
  { identity, audience, boundTo, now, tokenId }: Minting,
  task: PlannedTask,
) {
  const { id: identityId, appId, spiffeId } = identity
  const { autonomy, purpose } = task
  const expiresAt = tokenEndsAt({ autonomy, boundTo }, now, task.endsAt)
  const whose = { identityId, appId, taskId: task.id, audience, issuedAt: now, expiresAt }
  const actors = actorsOf(world.replica, task)
  const work = { issuer: world.issuer, spiffeId, purpose, autonomy, actors, boundTo }
  const accessToken = signToken(world.signer(), writeClaims({ ...whose, ...work, tokenId }))
  const fixed = { version: 1, state: 'live', revokedAt: null } as const
  const row: TokenRow = { id: tokenId, ...fixed, ...whose, hash: sha256Hex(accessToken) }
  const expiresIn = toSeconds(expiresAt) - toSeconds(now)
  return { accessToken, row, purpose, expiresIn, isBound: boundTo !== null }
}

/** Who has it work, nearest first: the workloads it works for, then the person all of it is for. */
function actorsOf(replica: Replica, task: Pick<NewTask, 'parentId' | 'onBehalfOf'>): string[] {
  const parent = task.parentId && replica.get(taskTable, task.parentId)
  if (!parent) return task.onBehalfOf === null ? [] : [task.onBehalfOf]
  const above = replica.get(identityTable, parent.identityId)?.spiffeId ?? parent.identityId
  return [above, ...actorsOf(replica, parent)]
}

async function commit(
  world: ExchangeWorld,
  work: Work,
  given: { task: PlannedTask; minted: IssuedToken; permit: Permit<'token.exchange'> },
): Promise<ExchangeAnswer> {
  checkPermit(given.permit, 'token.exchange', work.tokenId)
  return recorded<ExchangeAnswer>(world, async scope => {
    const refusal = await claimAssertion(scope.tx, work.assertion, scope.at)
    if (refusal !== null) return refuse(world, refusal)
    const task = await openTask(scope, given.permit, given.task)
    // Another call of this run has opened it meanwhile, and this token is for that task.
    const token = task.id === given.task.id ? given.minted : mint(world, work, task)
    if (token.row.expiresAt > task.endsAt) throw problemOf('end-moved-meanwhile')
    await scope.insert(tokenTable, token.row)
    scope.entry({ kind: tokenExchanged, by: given.permit, ...entryOf(work) })
    return { kind: 'issued', token }
  })
}

/** Who was attested by what: ids in the facts, names of the run in the words. */
function entryOf({ identity, rule, provenance, assertion }: Attested) {
  return {
    subjects: [subjectOf(identityTable, identity), subjectOf(trustRuleTable, rule)],
    facts: { issuer: assertion.issuer, assertion: assertion.hash, from: provenance.facts },
    words: provenance.words,
  }
}

/** A no is an answer to the assertion, which is used up by it: so a flood of them is one entry. */
async function deny(
  world: ExchangeWorld,
  { assertion, now }: Work,
  { record, denial }: { record: DecisionRecord; denial: Denial },
): Promise<ExchangeAnswer> {
  const refusal = await world.store.transact(tx => claimAssertion(tx, assertion, now))
  if (refusal !== null) return refuse(world, refusal)
  await recordDenial(world, record, { issuer: assertion.issuer, assertion: assertion.hash })
  return { kind: 'denied', denial }
}

/** Decided on memory, undone by the database: the caller is attested, so that has an entry as well. */
async function recordChanged(
  world: ExchangeWorld,
  attested: Attested,
  record: DecisionRecord,
  thrown: unknown,
): Promise<void> {
  if (!isProblem(thrown, 'wrong-state') && !isProblem(thrown, 'conflict')) return
  await recorded(world, async scope => {
    if ((await claimAssertion(scope.tx, attested.assertion, scope.at)) !== null) return
    scope.decided(record)
    const { subjects, facts } = entryOf(attested)
    const because = { ...facts, because: thrown.code }
    scope.entry({ kind: tokenRefused, by: attested.identity.id, subjects, facts: because })
  })
}
