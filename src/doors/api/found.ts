/** What was found at connected systems and is not ours: look at it, say whose it is. */
import { appTable } from '../../core/app/rows.ts'
import { limits } from '../../core/base/limits.ts'
import { addMs } from '../../core/base/time.ts'
import { claimThing } from '../../life/discovery/claim.ts'
import * as rows from '../../life/discovery/rows.ts'
import { stateOf } from '../../life/discovery/thing.ts'
import { shortId } from '../../life/lists/short-id.ts'
import type { PersonCaller } from './caller.ts'
import type { FoundView as FoundShown } from './contract.ts'
import { hasRole, noSuch, parseId } from './find.ts'
import { OfFound } from './inputs.ts'
import type { Routes } from './route.ts'
import { nameOf } from './show.ts'
import { FoundList, FoundView } from './views.ts'
import type { ApiWorld } from './world.ts'

export function addFoundRoutes(routes: Routes, world: ApiWorld): void {
  routes.add('person GET /v1/found', FoundList, OfFound, async ({ caller, input }) => {
    // Names of accounts everywhere are a map for thieves: without a role, one's own alone.
    const seenBy = hasRole(world, caller.personId) ? null : caller.personId
    const filter = { ...filterNow(world), seenBy, target: input.target }
    const [items, counts] = await Promise.all([
      rows.listFound(world.store, filter),
      rows.countFound(world.store, filter),
    ])
    return { items: items.map(thing => foundView(world, thing)), ...counts }
  })
  routes.add('person GET /v1/found/:found', FoundView, async call =>
    foundView(world, await thingIn(world, call)),
  )
  routes.add('person POST /v1/found/:found/claim', FoundView, async call => {
    const { id: thingId } = await thingIn(world, call)
    const permit = await call.ask('thing.claim', 'thing', thingId, {
      ownerId: call.caller.personId,
    })
    await claimThing(world, permit, { thingId })
    return foundView(world, await thingIn(world, call))
  })
}

function filterNow({ clock }: ApiWorld) {
  const silentMs = limits.ownerSilentDays * 24 * 3_600_000
  return { seenBy: null, silentSince: addMs(clock.now(), -silentMs) }
}

/** Who was told of a thing may look at it and claim it; once it is somebody's, it is theirs to see. */
async function thingIn(
  world: ApiWorld,
  call: { readonly caller: PersonCaller; param(name: string): string },
): Promise<rows.FoundThing> {
  const { personId } = call.caller
  const id = await parseId(world.store, 'thing', call.param('found'))
  const [thing] = await rows.listFound(world.store, { ...filterNow(world), id })
  if (thing === undefined) throw noSuch('thing')
  const app = thing.appId === null ? undefined : world.replica.get(appTable, thing.appId)
  const theirs = [thing.targetOwnerId, thing.ownerId, app?.ownerId, app?.backupId]
  if (thing.isOwned && !theirs.includes(personId) && !hasRole(world, personId))
    throw noSuch('thing')
  return thing
}

function foundView(world: ApiWorld, thing: rows.FoundThing): FoundShown {
  const { appId } = thing
  const app = appId === null ? undefined : world.replica.get(appTable, appId)
  return {
    ...thing,
    shortId: shortId('thing', thing.id),
    state: stateOf(thing, app, world.clock.now()),
    isKnown: appId !== null,
    app: appId && nameOf(world, appId),
  }
}
