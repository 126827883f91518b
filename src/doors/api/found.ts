/** What was found at connected systems and is not ours: whose it is, the app made of it, how that is watched. */
import type { z } from '@hono/zod-openapi'
import { makeApp } from '../../core/app/make.ts'
import { appTable } from '../../core/app/rows.ts'
import { type AppId, newId } from '../../core/base/ids.ts'
import { limits } from '../../core/base/limits.ts'
import { Problem, problemOf } from '../../core/base/problem.ts'
import { parseSlug } from '../../core/base/text.ts'
import { addMs } from '../../core/base/time.ts'
import { makeIdentities } from '../../core/identity/identities.ts'
import { identityRoles } from '../../core/identity/spiffe.ts'
import { throwUnknown } from '../../core/ledger/fact-table.ts'
import { adoptThing } from '../../life/discovery/adopt.ts'
import { claimThing } from '../../life/discovery/claim.ts'
import * as rows from '../../life/discovery/rows.ts'
import { stateOf, stepThing } from '../../life/discovery/thing.ts'
import { enforceApp, proposeWatch, watchUntil } from '../../life/discovery/watch.ts'
import { findAppBySlug, nextPage } from '../../life/lists/lists.ts'
import { shortId } from '../../life/lists/short-id.ts'
import { backupOf, endOf } from './apps.ts'
import type { PersonCaller } from './caller.ts'
import type { FoundView as FoundShown } from './contract.ts'
import { type Asking, appIn, hasRole, parseId, sees } from './find.ts'
import { Adopt, OfFound, WatchApp } from './inputs.ts'
import { raise } from './requests.ts'
import type { Call, Routes } from './route.ts'
import { appView, nameOf } from './show.ts'
import { AppView, FoundList, FoundView, RequestView } from './views.ts'
import type { ApiWorld } from './world.ts'

export function addFoundRoutes(routes: Routes, world: ApiWorld): void {
  routes.add('person GET /v1/found', FoundList, OfFound, async ({ caller, input }) => {
    // Names of accounts everywhere are a map for thieves: without a role, one's own alone.
    const seenBy = hasRole(world, caller.personId) ? null : caller.personId
    const filter = { ...filterNow(world), seenBy, ...input }
    const [items, counts] = await Promise.all([
      rows.listFound(world.store, filter),
      rows.countFound(world.store, filter),
    ])
    const next = nextPage(items, input)
    return { items: items.map(thing => foundView(world, thing)), next, ...counts }
  })
  routes.add('person GET /v1/found/:found', FoundView, async call =>
    foundView(world, await thingIn(world, call)),
  )
  routes.add('person POST /v1/found/:found/claim', FoundView, async call => {
    const { id: thingId } = await thingIn(world, call)
    const by = { ownerId: call.caller.personId }
    const permit = await call.ask('thing.claim', 'thing', thingId, by)
    await claimThing(world, permit, { thingId })
    return foundView(world, await thingIn(world, call))
  })
  routes.add('person POST /v1/found/:found/adopt', FoundView, Adopt, async call => {
    const thing = await thingIn(world, call)
    const of = { ownerId: thing.targetOwnerId }
    const permit = await call.ask('thing.adopt', 'thing', thing.id, of)
    const known = await findAppBySlug(world.store, call.input.app)
    if (known !== undefined && call.input.watchDays !== undefined)
      throw problemOf('already-there', { slug: known.slug, field: '/watchDays' })
    const appId = known?.id ?? (await makeAdopted(world, call, thing))
    await adoptThing(world, permit, { thingId: thing.id, appId })
    return foundView(world, await thingIn(world, call))
  })
  routes.add('person POST /v1/apps/:app/enforce', AppView, async call => {
    const { id: appId } = await appIn(world, call)
    const permit = await call.ask('app.enforce', 'app', appId)
    return appView(world, await enforceApp(world, permit, { appId }))
  })
  routes.add('person POST /v1/apps/:app/watch', RequestView, WatchApp, async call => {
    const app = await appIn(world, call)
    const { days, reason } = call.input
    const body = proposeWatch(app, days, world.clock.now())
    return raise(world, call, { kind: 'watch', appId: app.id, body, reason, ownAnswer: false })
  })
}

/** As every app: an owner, who is who claimed it, a backup, a purpose, data classes and an end. */
async function makeAdopted(
  world: ApiWorld,
  { input, caller, ask }: Call<z.output<typeof Adopt>, PersonCaller>,
  thing: rows.FoundThing,
): Promise<AppId> {
  const { purpose = '', dataClasses, team = null, watchDays } = input
  const now = world.clock.now()
  const ownerId = thing.ownerId ?? caller.personId
  const app = { id: newId('app'), slug: parseSlug(input.app, '/app'), ownerId } as const
  // Before an app is made that nothing would join.
  const joins = stepThing(thing, { kind: 'adopt', app: { ...app, origin: 'adopted' } }, now)
  if (joins instanceof Problem) throw joins
  const backupId = await backupOf(world, input.backup, ownerId)
  const endsAt = endOf(input, now)
  const said = { team, purpose, dataClasses, stage: 'prototype', endTrigger: 'date' } as const
  const draft = { ...app, ...said, backupId, endsAt }
  const asked = { ...draft, kind: 'adopted', to: thing.targetOwnerId }
  const permit = await ask('app.make', 'app', app.id, asked)
  const watchedUntil = watchDays === undefined ? null : watchUntil(watchDays, { endsAt }, now)
  await makeApp(world, permit, { ...draft, origin: 'adopted', watchedUntil })
  await makeIdentities(world, permit, { appId: app.id, roles: [...identityRoles] })
  return app.id
}

function filterNow({ clock }: ApiWorld) {
  const silentMs = limits.ownerSilentDays * 24 * 3_600_000
  return { seenBy: null, silentSince: addMs(clock.now(), -silentMs) }
}

/** Who was told of a thing may look at it and claim it; once it is somebody's, it is theirs to see. */
async function thingIn(world: ApiWorld, call: Asking<PersonCaller>): Promise<rows.FoundThing> {
  const { personId } = call.caller
  const id = await parseId(world.store, 'thing', call.param('found'))
  const [known] = await rows.listFound(world.store, { ...filterNow(world), id })
  const thing = known ?? throwUnknown('thing')
  const isTheirs = [thing.targetOwnerId, thing.ownerId].includes(personId)
  if (!thing.isOwned || isTheirs || sees(world, call.caller)(thing.appId)) return thing
  return throwUnknown('thing')
}

function foundView(world: ApiWorld, thing: rows.FoundThing): FoundShown {
  const { appId } = thing
  const app = appId === null ? undefined : world.replica.get(appTable, appId)
  return {
    ...thing,
    shortId: shortId('thing', thing.id),
    state: stateOf(thing, app, world.clock.now()),
    stopped: thing.held && (thing.held.says ?? 'it is stopped at its system'),
    isKnown: appId !== null,
    app: appId && nameOf(world, appId),
  }
}
