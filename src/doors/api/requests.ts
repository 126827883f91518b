/**
 * What people say to the work of others. A builder asks, the people it needs answer, and what was
 * agreed takes effect at once; findings need somebody's answer; a hold is an order to stop.
 */
import { withdrawRequest } from '../../core/approval/close.ts'
import { answerRequest, makeRequest, type NewRequest } from '../../core/approval/request.ts'
import { findRequest, type RequestRow, type RequestState } from '../../core/approval/rows.ts'
import { isId, newId, type PersonId } from '../../core/base/ids.ts'
import type { JsonObject } from '../../core/base/json.ts'
import { problemOf } from '../../core/base/problem.ts'
import { answerFinding } from '../../core/finding/raise.ts'
import { findFinding } from '../../core/finding/rows.ts'
import { targetTable } from '../../core/grant/rows.ts'
import type { HoldScope } from '../../core/hold/rows.ts'
import { liftHold, setHold } from '../../core/hold/set.ts'
import { parsePersonBinding } from '../../core/identity/presets/person.ts'
import { identityTable, type TrustRuleRow } from '../../core/identity/rows.ts'
import { addTrustRule, proposeTrust } from '../../core/identity/trust.ts'
import { findRow, throwUnknown } from '../../core/ledger/fact-table.ts'
import { personTable } from '../../core/people/rows.ts'
import { askFor } from '../../life/ask/grant.ts'
import { policyApprovers } from '../../life/ask/policy.ts'
import { listHolds, listOpenFindings, listRequests } from '../../life/lists/lists.ts'
import type { KnownCaller, PersonCaller } from './caller.ts'
import { cardsOf, requestView } from './cards.ts'
import type { RequestView as RequestShown } from './contract.ts'
import * as find from './find.ts'
import { AddTrust, Answer, AnswerFinding, Ask, OfRequests, SetHold } from './inputs.ts'
import * as passkeys from './passkeys.ts'
import type { Call, Routes } from './route.ts'
import { findingsOf, holdView, readNames } from './show.ts'
import { FindingView, HoldView, listOf, PasskeyOptions, RequestView } from './views.ts'
import { type ApiWorld, isSolo } from './world.ts'

export function addRequestRoutes(routes: Routes, world: ApiWorld): void {
  routes.add('person GET /v1/requests', listOf(RequestView), OfRequests, async call => {
    const state = call.input.state as RequestState | undefined
    const filter = { ...(await find.appFilter(world, call)), ...(state && { state }) }
    const isSeen = seesRequest(world, call.caller)
    const shown = (await listRequests(world.store, filter)).filter(isSeen)
    return { items: shown.map(await cardsOf(world, shown)) }
  })
  routes.add('person GET /v1/requests/:request', RequestView, async call =>
    requestView(world, await requestIn(world, call)),
  )
  routes.add('person POST /v1/requests', RequestView, Ask, async call => {
    const { reason, ...asked } = call.input
    const app = await find.findVisibleApp(world, call.caller, asked.app)
    const resource = await find.resourceNamed(world.store, asked.resource)
    const ask = askFor({ ...asked, app, resource, now: world.clock.now() })
    return raise(world, call, {
      ...ask,
      kind: 'grant',
      appId: app.id,
      reason,
      // Nobody agrees to their own ask: for data of the asker, those who watch over data do.
      approvers: ask.approvers.includes(call.caller.personId)
        ? [...ask.approvers, ...peopleWith(world, 'security', 'platform')]
        : ask.approvers,
      draft: { resourceId: resource.id, actions: asked.actions },
    })
  })
  addTrustRoute(routes, world)
  routes.add('person POST /v1/requests/:request/answer', RequestView, Answer, async call => {
    const request = await requestIn(world, call)
    const { says, bodyHash, comment, passkey } = call.input
    const provenBy = await passkeys.provenBy(world, call.caller, { request, says, passkey })
    const permit = await call.ask('request.answer', 'request', request.id, { says })
    const answer = { requestId: request.id, says, bodyHash, provenBy }
    const said = comment === undefined ? answer : { ...answer, comment }
    const { state } = await answerRequest(world, permit, said)
    if (state === 'agreed') await world.applyAgreed(request.id)
    return requestView(world, (await findRequest(world.store, request.id)) ?? request)
  })
  routes.add('person POST /v1/requests/:request/passkey', PasskeyOptions, async call =>
    passkeys.askForYes(world, call.caller, await requestIn(world, call)),
  )
  routes.add('person POST /v1/requests/:request/withdraw', RequestView, async call => {
    const { id } = await requestIn(world, call)
    const permit = await call.ask('request.withdraw', 'request', id)
    return requestView(world, await withdrawRequest(world, permit, { requestId: id }))
  })
}

function addTrustRoute(routes: Routes, world: ApiWorld): void {
  routes.add('person POST /v1/apps/:app/trust', RequestView, AddTrust, async call => {
    const app = await find.appIn(world, call)
    const { role, reason, preset, issuer } = call.input
    const identity = world.replica
      .by(identityTable, 'appId', app.id)
      .find(each => each.role === role && each.state === 'active')
    if (identity === undefined) throwUnknown('identity')
    const claims = call.input.claims as JsonObject
    const body = proposeTrust(world, { identityId: identity.id, preset, issuer, claims })
    if (preset === 'person') {
      const id = newId('trustRule')
      const permit = await call.ask('trust.add', 'trustRule', id, { appId: app.id, preset })
      const { as } = parsePersonBinding(claims)
      const rule = await addTrustRule(world, permit, { id, identityId: identity.id, as })
      return ruleView(world, call.caller, { app: app.slug, rule, reason })
    }
    return raise(world, call, {
      kind: 'trust',
      appId: app.id,
      body: { ...body },
      reason,
      approvers: [app.backupId, app.ownerId, ...peopleWith(world, 'platform')],
      draft: { preset },
    })
  })
}

/** A rule that needed nobody's yes, as a request that is agreed already. */
async function ruleView(
  world: ApiWorld,
  { personId }: PersonCaller,
  { app, rule, reason }: { app: string; rule: TrustRuleRow; reason: string },
): Promise<RequestShown> {
  const askedBy = (await readNames(world, [personId]))(personId)
  const { id, madeAt, preset, issuer, claims } = rule
  // biome-ignore format: two lines of what there is none of
  return {
    id, shortId: id, kind: 'trust', app, askedBy, reason, state: 'agreed', made: id, madeAt,
    says: `owner or backup may do the work of ${app} themselves`,
    gives: [`${preset} · ${JSON.stringify(claims)}`], body: { preset, issuer, claims }, bodyHash: '',
    approvers: [], quorum: 0, answers: [], worst: null, expiresAt: madeAt, closedAt: madeAt,
  }
}

interface Raise extends Omit<NewRequest, 'id' | 'quorum' | 'ownAnswer' | 'approvers'> {
  readonly draft?: JsonObject
  /** Left out: who answers for the rules. */
  readonly approvers?: readonly PersonId[]
  /** Whether the asker may agree where there is nobody else; without it, yes. */
  readonly ownAnswer?: boolean
  /** How many of them must; one, where it is not said. */
  readonly quorum?: number
}

/** Makes the request if policy lets the caller ask; in a solo installation the asker may be who answers. */
export async function raise(
  world: ApiWorld,
  { ask }: Pick<Call<unknown, PersonCaller>, 'ask'>,
  { draft = {}, ...input }: Raise,
): Promise<RequestShown> {
  const id = newId('request')
  const view = { replica: world.replica, now: world.clock.now(), ageMs: world.freshness().ageMs }
  const { approvers = policyApprovers(view) } = input
  const ownAnswer = isSolo(world) && input.ownAnswer !== false
  const { kind, appId } = input
  const about = { ...draft, kind, ...(appId === null ? {} : { appId }), ownAnswer }
  const permit = await ask('request.make', 'request', id, about)
  const request = { quorum: 1, ...input, id, approvers, ownAnswer }
  return requestView(world, await makeRequest(world, permit, request))
}

export function peopleWith(world: ApiWorld, ...roles: ('platform' | 'security')[]): PersonId[] {
  return world.replica
    .all(personTable)
    .filter(({ state, roles: has }) => state === 'living' && roles.some(role => has.includes(role)))
    .map(person => person.id)
}

async function requestIn(world: ApiWorld, call: find.Asking<PersonCaller>): Promise<RequestRow> {
  const id = await find.parseId(world.store, 'request', call.param('request'))
  const request = await findRequest(world.store, id)
  if (request === undefined || !seesRequest(world, call.caller)(request)) throwUnknown('request')
  return request
}

function seesRequest(
  world: ApiWorld,
  caller: PersonCaller,
): (request: Pick<RequestRow, 'askedBy' | 'approvers' | 'appId'>) => boolean {
  const isSeen = find.sees(world, caller)
  const { personId } = caller
  const isAll = find.hasRole(world, personId)
  return ({ askedBy, approvers, appId }) =>
    isAll || askedBy === personId || approvers.includes(personId) || isSeen(appId)
}

export function addHoldRoutes(routes: Routes, world: ApiWorld): void {
  routes.add('person GET /v1/holds', listOf(HoldView), async () => {
    const holds = await listHolds(world.store)
    return { items: await Promise.all(holds.map(hold => holdView(world, hold))) }
  })
  routes.add('person POST /v1/holds', HoldView, SetHold, async ({ caller, input, ask }) => {
    const { scope, reason } = input
    const id = newId('hold')
    const about = await heldThing(world, caller, scope, input.about)
    const draft = { scope, ...(scope === 'app' ? { appId: about } : {}) }
    const permit = await ask('hold.set', 'hold', id, draft)
    const hold = await setHold(world, permit, { id, scope, about, reason })
    await world.runNow('leases')
    return holdView(world, hold)
  })
  routes.add('person POST /v1/holds/:hold/lift', HoldView, async call => {
    const holdId = call.param('hold')
    if (!isId('hold', holdId)) throwUnknown('hold')
    const permit = await call.ask('hold.lift', 'hold', holdId)
    return holdView(world, await liftHold(world, permit, { holdId }))
  })
}

export function addFindingRoutes(routes: Routes, world: ApiWorld): void {
  routes.add('person GET /v1/findings', listOf(FindingView), async ({ caller }) => {
    const mine = find.hasRole(world, caller.personId) ? {} : { ownerId: caller.personId }
    const findings = await listOpenFindings(world.store, mine)
    return { items: findings.map(await findingsOf(world, findings)) }
  })
  routes.add('person POST /v1/findings/:finding/answer', FindingView, AnswerFinding, async call => {
    const id = await find.parseId(world.store, 'finding', call.param('finding'))
    const finding = await findFinding(world.store, id)
    const { personId } = call.caller
    if (finding === undefined || !(finding.ownerId === personId || find.hasRole(world, personId)))
      throwUnknown('finding')
    const permit = await call.ask('finding.answer', 'finding', id, { ownerId: finding.ownerId })
    const { answer } = call.input
    const answered = await answerFinding(world, permit, { findingId: id, answer })
    return (await findingsOf(world, [answered]))(answered)
  })
}

/** `tracker/delete_page`, as people see it. */
function heldTool({ replica }: ApiWorld, named: string): string {
  const [slug, ...name] = named.split('/')
  const target = replica.all(targetTable).find(each => each.slug === slug)
  return [target?.id ?? throwUnknown('target'), ...name].join('/')
}

async function heldThing(
  world: ApiWorld,
  caller: KnownCaller,
  scope: HoldScope,
  named: string | undefined,
): Promise<string> {
  if (scope === 'everything') return scope
  if (named === undefined) throw problemOf('which-about', { scope, field: '/about' })
  if (scope === 'app') return (await find.findVisibleApp(world, caller, named)).id
  if (scope === 'issuer') return named
  if (scope === 'day') return `day/${named}`
  if (scope === 'task') return find.parseId(world.store, 'task', named)
  if (scope === 'tool') return heldTool(world, named)
  if (scope === 'person') return (await find.findPersonBy(world.store, named, '/about')).id
  const isOne = isId('identity', named) && (await findRow(world.store, identityTable, named))
  return isOne ? named : throwUnknown('identity')
}
