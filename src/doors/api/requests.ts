/** Asks and answers: a builder asks, the people it needs answer, what was agreed takes effect at once. */
import { answerRequest } from '../../core/approval/answer.ts'
import { withdrawRequest } from '../../core/approval/close.ts'
import { makeRequest } from '../../core/approval/make.ts'
import { findRequest, type RequestRow } from '../../core/approval/rows.ts'
import { newId, type PersonId } from '../../core/base/ids.ts'
import type { JsonObject } from '../../core/base/json.ts'
import { parseText } from '../../core/base/text.ts'
import { parsePersonBinding } from '../../core/identity/presets/person.ts'
import { identityTable, type TrustRuleRow } from '../../core/identity/rows.ts'
import { addTrustRule, proposeTrust } from '../../core/identity/trust.ts'
import { personTable } from '../../core/people/rows.ts'
import { askFor } from '../../life/ask/grant.ts'
import { listRequests } from '../../life/lists/lists.ts'
import type { PersonCaller } from './caller.ts'
import { requestView } from './cards.ts'
import type { RequestView as RequestShown } from './contract.ts'
import {
  appFilter,
  appIn,
  findVisibleApp,
  hasRole,
  noSuch,
  parseId,
  resourceNamed,
  sees,
} from './find.ts'
import { AddTrust, Answer, Ask, OfRequests } from './inputs.ts'
import { listOf } from './parts.ts'
import type { Call, Routes } from './route.ts'
import { readNames } from './show.ts'
import { RequestView } from './views.ts'
import { type ApiWorld, isSolo } from './world.ts'

export function addRequestRoutes(routes: Routes, world: ApiWorld): void {
  routes.add('person GET /v1/requests', listOf(RequestView), OfRequests, async call => {
    const requests = await listRequests(world.store, await appFilter(world, call))
    const isSeen = seesRequest(world, call.caller)
    const { state } = call.input
    const shown = requests.filter(each => isSeen(each) && (state ?? each.state) === each.state)
    return { items: await Promise.all(shown.map(request => requestView(world, request))) }
  })
  routes.add('person GET /v1/requests/:request', RequestView, async call =>
    requestView(world, await requestIn(world, call)),
  )
  routes.add('person POST /v1/requests', RequestView, Ask, async call => {
    const { reason, ...asked } = call.input
    const app = await findVisibleApp(world, call.caller, asked.app)
    const resource = await resourceNamed(world.store, asked.resource)
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
    const { says, bodyHash, comment } = call.input
    const permit = await call.ask('request.answer', 'request', request.id, { says })
    const answer = { requestId: request.id, says, bodyHash }
    const said = comment === undefined ? answer : { ...answer, comment }
    const { state } = await answerRequest(world, permit, said)
    if (state === 'agreed') await world.applyAgreed(request.id)
    return requestView(world, (await findRequest(world.store, request.id)) ?? request)
  })
  routes.add('person POST /v1/requests/:request/withdraw', RequestView, async call => {
    const { id } = await requestIn(world, call)
    const permit = await call.ask('request.withdraw', 'request', id)
    return requestView(world, await withdrawRequest(world, permit, { requestId: id }))
  })
}

function addTrustRoute(routes: Routes, world: ApiWorld): void {
  routes.add('person POST /v1/apps/:app/trust', RequestView, AddTrust, async call => {
    const app = await appIn(world, call)
    const { role, reason, preset, issuer } = call.input
    const identity = world.replica
      .by(identityTable, 'appId', app.id)
      .find(each => each.role === role && each.state === 'active')
    if (identity === undefined) throw noSuch('identity')
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

interface Raise {
  readonly kind: RequestRow['kind']
  readonly appId: RequestRow['appId']
  readonly body: JsonObject
  readonly reason: string
  readonly approvers: readonly PersonId[]
  readonly draft: JsonObject
  /** Whether the asker may agree where there is nobody else; without it, yes. */
  readonly ownAnswer?: boolean
}

/** Makes the request if policy lets the caller ask; in a solo installation the asker may be who answers. */
export async function raise(
  world: ApiWorld,
  { ask }: Pick<Call<unknown, PersonCaller>, 'ask'>,
  { draft, ...input }: Raise,
): Promise<RequestShown> {
  const id = newId('request')
  const ownAnswer = isSolo(world) && input.ownAnswer !== false
  const { kind, appId } = input
  const about = { ...draft, kind, ...(appId === null ? {} : { appId }), ownAnswer }
  const permit = await ask('request.make', 'request', id, about)
  const reason = parseText(input.reason, 'reason')
  const request = { ...input, id, reason, quorum: 1, ownAnswer }
  return requestView(world, await makeRequest(world, permit, request))
}

function peopleWith(world: ApiWorld, ...roles: ('platform' | 'security')[]): PersonId[] {
  return world.replica
    .all(personTable)
    .filter(({ state, roles: has }) => state === 'living' && roles.some(role => has.includes(role)))
    .map(person => person.id)
}

async function requestIn(
  world: ApiWorld,
  call: { readonly caller: PersonCaller; param(name: string): string },
): Promise<RequestRow> {
  const id = await parseId(world.store, 'request', call.param('request'))
  const request = await findRequest(world.store, id)
  if (request === undefined || !seesRequest(world, call.caller)(request)) throw noSuch('request')
  return request
}

function seesRequest(
  world: ApiWorld,
  caller: PersonCaller,
): (request: Pick<RequestRow, 'askedBy' | 'approvers' | 'appId'>) => boolean {
  const isSeen = sees(world, caller)
  const { personId } = caller
  const isAll = hasRole(world, personId)
  return ({ askedBy, approvers, appId }) =>
    isAll || askedBy === personId || approvers.includes(personId) || isSeen(appId)
}
