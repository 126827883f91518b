/** Asks and answers: a builder asks, the people it needs answer, what was agreed takes effect at once. */
import { z } from '@hono/zod-openapi'
import { answerRequest } from '../../core/approval/answer.ts'
import { withdrawRequest } from '../../core/approval/close.ts'
import { makeRequest } from '../../core/approval/make.ts'
import { findRequest, listRequests, type RequestRow } from '../../core/approval/rows.ts'
import { newId, type PersonId } from '../../core/base/ids.ts'
import type { JsonObject } from '../../core/base/json.ts'
import { Problem } from '../../core/base/problem.ts'
import { parseText } from '../../core/base/text.ts'
import { parseInstant } from '../../core/base/time.ts'
import { askFor } from '../../core/grant/ask.ts'
import { findResourceBySlug } from '../../core/grant/rows.ts'
import { identityTable } from '../../core/identity/rows.ts'
import { proposeTrust } from '../../core/identity/trust.ts'
import { installationTable, personTable } from '../../core/people/rows.ts'
import type { KnownCaller } from './caller.ts'
import { findVisibleApp, hasRole, noSuch, parseId, visibleApps } from './find.ts'
import { AddTrust, Answer, Ask } from './inputs.ts'
import { permitted } from './permitted.ts'
import type { Routes } from './route.ts'
import { requestView } from './show.ts'
import { RequestView } from './views.ts'
import type { ApiWorld } from './world.ts'

export function addRequestRoutes(routes: Routes, world: ApiWorld): void {
  routes.add(
    {
      method: 'get',
      path: '/v1/requests',
      says: 'Requests you asked, may answer, or may see.',
      who: 'person',
      query: z.object({ state: z.string().optional(), app: z.string().optional() }),
      answer: z.object({ items: z.array(RequestView) }),
    },
    async call => {
      const named = call.query('app')
      const app = named === undefined ? undefined : await findVisibleApp(world, call.caller, named)
      const requests = await listRequests(world.store, app === undefined ? {} : { appId: app.id })
      const state = call.query('state')
      const shown = requests.filter(
        request =>
          canSeeRequest(world, call.caller, request) &&
          (state === undefined || request.state === state),
      )
      return { items: await Promise.all(shown.map(request => requestView(world, request))) }
    },
  )
  routes.add(
    {
      method: 'get',
      path: '/v1/requests/:request',
      says: 'One request, as a card.',
      who: 'person',
      answer: RequestView,
    },
    async call => requestView(world, await findVisible(world, call.caller, call.param('request'))),
  )
  routes.add(
    {
      method: 'post',
      path: '/v1/requests',
      says: 'Asks for access to data.',
      who: 'person',
      body: Ask,
      answer: RequestView,
      status: 201,
    },
    async call => {
      const app = await findVisibleApp(world, call.caller, call.body.app)
      const resource = await findResourceBySlug(world.store, call.body.resource)
      if (resource === undefined) throw noSuch('resource')
      const endsAt = call.body.endsAt === undefined ? undefined : parseInstant(call.body.endsAt)
      if (endsAt === null)
        throw new Problem('invalid-field', { field: '/endsAt', detail: 'This is not a date.' })
      const ask = askFor({
        app,
        resource,
        roles: call.body.roles,
        actions: call.body.actions,
        columns: call.body.columns,
        unattended: call.body.unattended,
        endsAt,
        now: world.clock.now(),
      })
      return raise(world, call.caller, {
        kind: 'grant',
        appId: app.id,
        body: ask.body,
        reason: call.body.reason,
        approvers: ask.approvers,
        ownAnswer: ask.ownAnswer,
        draft: { resourceId: resource.id, actions: call.body.actions },
      })
    },
  )
  addTrustRoute(routes, world)
  addAnswerRoutes(routes, world)
}

function addTrustRoute(routes: Routes, world: ApiWorld): void {
  routes.add(
    {
      method: 'post',
      path: '/v1/apps/:app/trust',
      says: 'Asks that an issuer and its claims attest an identity.',
      who: 'person',
      body: AddTrust,
      answer: RequestView,
      status: 201,
    },
    async call => {
      const app = await findVisibleApp(world, call.caller, call.param('app'))
      const identity = world.replica
        .by(identityTable, 'appId', app.id)
        .find(each => each.role === call.body.role && each.state === 'active')
      if (identity === undefined) throw noSuch('identity')
      const body = proposeTrust(world, {
        identityId: identity.id,
        preset: call.body.preset,
        issuer: call.body.issuer,
        claims: call.body.claims as JsonObject,
      })
      return raise(world, call.caller, {
        kind: 'trust',
        appId: app.id,
        body: { ...body },
        reason: call.body.reason,
        approvers: [app.backupId, app.ownerId, ...peopleWith(world, 'platform')],
        draft: { preset: body.preset },
      })
    },
  )
}

function addAnswerRoutes(routes: Routes, world: ApiWorld): void {
  routes.add(
    {
      method: 'post',
      path: '/v1/requests/:request/answer',
      says: 'Says yes or no to exactly what was shown.',
      who: 'person',
      body: Answer,
      answer: RequestView,
    },
    async call => {
      const request = await findVisible(world, call.caller, call.param('request'))
      const { says, bodyHash, comment } = call.body
      const about = { type: 'request', id: request.id, draft: { says } } as const
      const permit = await permitted(world, {
        actor: call.caller.actor,
        action: 'request.answer',
        about,
      })
      const answer = {
        requestId: request.id,
        says,
        bodyHash,
        ...(comment === undefined ? {} : { comment }),
      }
      const { state } = await answerRequest(world, permit, answer)
      if (state === 'agreed') await world.applyAgreed(request.id)
      return requestView(world, (await findRequest(world.store, request.id)) ?? request)
    },
  )
  routes.add(
    {
      method: 'post',
      path: '/v1/requests/:request/withdraw',
      says: 'Takes a request back.',
      who: 'person',
      answer: RequestView,
    },
    async call => {
      const request = await findVisible(world, call.caller, call.param('request'))
      const about = { type: 'request', id: request.id } as const
      const permit = await permitted(world, {
        actor: call.caller.actor,
        action: 'request.withdraw',
        about,
      })
      return requestView(world, await withdrawRequest(world, permit, { requestId: request.id }))
    },
  )
}

export interface Raise {
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
  caller: Extract<KnownCaller, { kind: 'person' }>,
  input: Raise,
): Promise<z.infer<typeof RequestView>> {
  const id = newId('request')
  const isSolo =
    world.replica.all(installationTable)[0]?.mode === 'solo' && input.ownAnswer !== false
  const { kind, appId, body } = input
  const about = {
    type: 'request',
    id,
    draft: { ...input.draft, kind, ...(appId === null ? {} : { appId }), ownAnswer: isSolo },
  } as const
  const permit = await permitted(world, { actor: caller.actor, action: 'request.make', about })
  const approvers = [...new Set(input.approvers)].filter(
    person => isSolo || person !== caller.personId,
  )
  const request = await makeRequest(world, permit, {
    id,
    kind,
    appId,
    body,
    reason: parseText(input.reason, 'reason'),
    approvers,
    quorum: 1,
    ownAnswer: isSolo,
  })
  return requestView(world, request)
}

export function peopleWith(world: ApiWorld, role: 'platform' | 'security'): PersonId[] {
  return world.replica
    .all(personTable)
    .filter(person => person.state === 'living' && person.roles.includes(role))
    .map(person => person.id)
}

async function findVisible(
  world: ApiWorld,
  caller: KnownCaller,
  text: string,
): Promise<RequestRow> {
  const request = await findRequest(world.store, await parseId(world.store, 'request', text))
  if (request === undefined || !canSeeRequest(world, caller, request)) throw noSuch('request')
  return request
}

function canSeeRequest(world: ApiWorld, caller: KnownCaller, request: RequestRow): boolean {
  if (caller.kind !== 'person') return false
  if (request.askedBy === caller.personId || request.approvers.includes(caller.personId))
    return true
  if (hasRole(world, caller.personId)) return true
  return request.appId !== null && (visibleApps(world, caller) ?? []).includes(request.appId)
}
