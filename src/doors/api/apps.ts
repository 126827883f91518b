/** Apps: make, look at, change, hand over, pause. Ending and its proof are in `ends.ts`. */
import { z } from '@hono/zod-openapi'
import { extendApp } from '../../core/app/extend.ts'
import { makeApp } from '../../core/app/make.ts'
import { pauseApp, resumeApp } from '../../core/app/pause.ts'
import { type AppRow, type AppState, appStates, listApps } from '../../core/app/rows.ts'
import { acceptApp, transferApp } from '../../core/app/transfer.ts'
import { listRequests } from '../../core/approval/rows.ts'
import { newId, type PersonId } from '../../core/base/ids.ts'
import { Problem } from '../../core/base/problem.ts'
import { parseSlug } from '../../core/base/text.ts'
import { addSeconds, earliest, type Instant, parseInstant } from '../../core/base/time.ts'
import { setManifest } from '../../core/grant/manifest.ts'
import { findManifest, listGrants, saysOf } from '../../core/grant/rows.ts'
import { heldBy } from '../../core/hold/hold.ts'
import { makeIdentities } from '../../core/identity/make.ts'
import { listIdentities, listTrustRules } from '../../core/identity/rows.ts'
import { identityRoles } from '../../core/identity/spiffe.ts'
import { listLeases } from '../../core/lease/rows.ts'
import { installationTable } from '../../core/people/rows.ts'
import type { AppDetail as AppDetailType } from './contract.ts'
import { lastDenial } from './decisions.ts'
import { findPersonBy, findVisibleApp, visibleApps } from './find.ts'
import { ExtendApp, MakeApp, SetManifest, TransferApp, WithReason } from './inputs.ts'
import { permitted } from './permitted.ts'
import type { Routes } from './route.ts'
import { appView, grantView, leaseView, requestView } from './show.ts'
import { AppDetail, AppView } from './views.ts'
import type { ApiWorld } from './world.ts'

export function addAppRoutes(routes: Routes, world: ApiWorld): void {
  routes.add(
    {
      method: 'get',
      path: '/v1/apps',
      says: 'The apps you may see.',
      who: 'signed-in',
      query: z.object({ state: z.enum(appStates).optional() }),
      answer: z.object({ items: z.array(AppView) }),
    },
    async call => {
      const state = call.query('state')
      if (state !== undefined && !appStates.includes(state as AppState))
        throw new Problem('bad-request', {
          field: 'state',
          detail: `There is no state \`${state}\`.`,
        })
      const visible = visibleApps(world, call.caller)
      const apps = await listApps(
        world.store,
        state === undefined ? {} : { state: state as AppState },
      )
      const shown = apps.filter(app => visible === null || visible.includes(app.id))
      return { items: await Promise.all(shown.map(app => appView(world, app))) }
    },
  )
  routes.add(
    {
      method: 'post',
      path: '/v1/apps',
      says: 'Makes an app with its identities. You are its owner.',
      who: 'person',
      body: MakeApp,
      answer: AppDetail,
      status: 201,
    },
    async ({ caller, body }) => {
      const now = world.clock.now()
      const isSolo = world.replica.all(installationTable)[0]?.mode === 'solo'
      const backupId = await backupOf(world, body.backup, caller.personId, isSolo)
      const draft = {
        id: newId('app'),
        slug: parseSlug(body.slug, 'slug'),
        ownerId: caller.personId,
        backupId,
        team: body.team ?? null,
        purpose: body.purpose,
        dataClasses: body.dataClasses,
        stage: 'prototype',
        endTrigger: 'date',
        endsAt: endOf(body, now, addSeconds(now, 7 * 86_400)),
      } as const
      const roles = body.roles ?? [...identityRoles]
      const permit = await permitted(world, {
        actor: caller.actor,
        action: 'app.make',
        about: { type: 'app', id: draft.id, draft: { ...draft, roles } },
      })
      const app = await makeApp(world, permit, draft)
      await makeIdentities(world, permit, { appId: app.id, roles })
      return appDetail(world, app)
    },
  )
  routes.add(
    {
      method: 'get',
      path: '/v1/apps/:app',
      says: 'One app and all it has.',
      who: 'signed-in',
      answer: AppDetail,
    },
    async call => appDetail(world, await findVisibleApp(world, call.caller, call.param('app'))),
  )
  addChangeRoutes(routes, world)
}

function addChangeRoutes(routes: Routes, world: ApiWorld): void {
  routes.add(
    {
      method: 'post',
      path: '/v1/apps/:app/extend',
      says: 'Moves the end date.',
      who: 'person',
      body: ExtendApp,
      answer: AppView,
    },
    async call => {
      const app = await findVisibleApp(world, call.caller, call.param('app'))
      const endsAt = earliest(
        app.maxEndsAt,
        endOf(call.body, app.endsAt, addSeconds(app.endsAt, 7 * 86_400)),
      )
      const about = { type: 'app', id: app.id, draft: { endsAt } } as const
      const permit = await permitted(world, {
        actor: call.caller.actor,
        action: 'app.extend',
        about,
      })
      return appView(world, await extendApp(world, permit, { appId: app.id, endsAt }))
    },
  )
  routes.add(
    {
      method: 'post',
      path: '/v1/apps/:app/transfer',
      says: 'Offers the app to another person.',
      who: 'person',
      body: TransferApp,
      answer: AppView,
    },
    async call => {
      const app = await findVisibleApp(world, call.caller, call.param('app'))
      const to = await findPersonBy(world.store, call.body.to, '/to')
      const about = { type: 'app', id: app.id, draft: { to: to.id } } as const
      const permit = await permitted(world, {
        actor: call.caller.actor,
        action: 'app.transfer',
        about,
      })
      return appView(world, await transferApp(world, permit, { appId: app.id, to: to.id }))
    },
  )
  routes.add(
    {
      method: 'post',
      path: '/v1/apps/:app/accept',
      says: 'Takes over an app that was offered, or that lost its owner.',
      who: 'person',
      answer: AppView,
    },
    async call => {
      const app = await findVisibleApp(world, call.caller, call.param('app'))
      const permit = await permitted(world, {
        actor: call.caller.actor,
        action: 'app.accept',
        about: { type: 'app', id: app.id },
      })
      return appView(world, await acceptApp(world, permit, { appId: app.id }))
    },
  )
  routes.add(
    {
      method: 'post',
      path: '/v1/apps/:app/pause',
      says: 'Stops an app for now: nothing new is issued, what is live ends.',
      who: 'person',
      body: WithReason,
      answer: AppView,
    },
    async call => {
      const app = await findVisibleApp(world, call.caller, call.param('app'))
      const permit = await permitted(world, {
        actor: call.caller.actor,
        action: 'app.pause',
        about: { type: 'app', id: app.id },
      })
      const paused = await pauseApp(world, permit, { appId: app.id, reason: call.body.reason })
      await world.runNow('leases')
      return appView(world, paused)
    },
  )
  routes.add(
    {
      method: 'post',
      path: '/v1/apps/:app/resume',
      says: 'Lets a paused app go on.',
      who: 'person',
      answer: AppView,
    },
    async call => {
      const app = await findVisibleApp(world, call.caller, call.param('app'))
      const permit = await permitted(world, {
        actor: call.caller.actor,
        action: 'app.resume',
        about: { type: 'app', id: app.id },
      })
      return appView(world, await resumeApp(world, permit, { appId: app.id }))
    },
  )
  routes.add(
    {
      method: 'put',
      path: '/v1/apps/:app/manifest',
      says: 'Sets what the app is for, from leasehold.yaml.',
      who: 'person',
      body: SetManifest,
      answer: AppDetail,
    },
    async call => {
      const app = await findVisibleApp(world, call.caller, call.param('app'))
      const id = newId('manifest')
      const about = { type: 'manifest', id, draft: { appId: app.id } } as const
      const permit = await permitted(world, {
        actor: call.caller.actor,
        action: 'manifest.set',
        about,
      })
      await setManifest(world, permit, { id, appId: app.id, yaml: call.body.yaml })
      return appDetail(world, app)
    },
  )
}

export async function appDetail(world: ApiWorld, app: AppRow): Promise<AppDetailType> {
  const [view, identities, rules, manifest, grants, leases, requests, denial] = await Promise.all([
    appView(world, app),
    listIdentities(world.store, app.id),
    listTrustRules(world.store, app.id),
    findManifest(world.store, app.id),
    listGrants(world.store, { appId: app.id }),
    listLeases(world.store, { appId: app.id }),
    listRequests(world.store, { appId: app.id }),
    lastDenial(world, app.id),
  ])
  const roleOf = new Map(identities.map(identity => [identity.id, identity.role]))
  return {
    ...view,
    identities: identities.map(({ id, role, spiffeId, state }) => ({ id, role, spiffeId, state })),
    trust: rules.map(({ id, identityId, preset, issuer, claims, state }) => ({
      id,
      role: roleOf.get(identityId) ?? 'run',
      preset,
      issuer,
      claims: { ...claims },
      state,
    })),
    purposes: Object.entries(manifest === undefined ? {} : saysOf(manifest)).map(
      ([name, says]) => ({ name, says }),
    ),
    grants: grants.map(grant => grantView(world, grant)),
    leases: leases.map(lease => leaseView(world, lease)),
    requests: await Promise.all(requests.map(request => requestView(world, request))),
    holds: heldBy(world.replica, { appId: app.id, personIds: [app.ownerId], identityId: null }).map(
      ({ id, scope }) => ({ id, scope, reason: '' }),
    ),
    lastDenial: denial,
  }
}

async function backupOf(
  world: ApiWorld,
  named: string | undefined,
  ownerId: PersonId,
  isSolo: boolean,
): Promise<PersonId> {
  if (named !== undefined) return (await findPersonBy(world.store, named, '/backup')).id
  if (isSolo) return ownerId
  throw new Problem('invalid-field', {
    field: '/backup',
    detail: 'An app needs a backup: another living person who takes over when you are gone.',
    next: 'Name somebody who has signed in here: new --backup <name or e-mail>.',
  })
}

/** The end a person named, by date or in days; never in the past. */
function endOf(
  input: { endsAt?: string | undefined; days?: number | undefined },
  from: Instant,
  otherwise: Instant,
): Instant {
  if (input.days !== undefined) return addSeconds(from, input.days * 86_400)
  if (input.endsAt === undefined) return otherwise
  const endsAt = parseInstant(input.endsAt)
  if (endsAt === null)
    throw new Problem('invalid-field', {
      field: '/endsAt',
      detail: `\`${input.endsAt.slice(0, 40)}\` is not a date.`,
      next: 'For example 2026-12-04T17:00:00Z.',
    })
  return endsAt
}
