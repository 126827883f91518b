/** Targets with their tools, resources and grants: what can be asked for, and what was given. */

import { z } from '@hono/zod-openapi'
import { newId } from '../../core/base/ids.ts'
import type { Json, JsonObject } from '../../core/base/json.ts'
import { Problem, problemOf } from '../../core/base/problem.ts'
import { parseSlug } from '../../core/base/text.ts'
import { addSeconds } from '../../core/base/time.ts'
import { dropGrant } from '../../core/grant/drop.ts'
import { breakGlass } from '../../core/grant/glass.ts'
import { connectTarget, defineResource } from '../../core/grant/offer.ts'
import { findGrant, type TargetRow } from '../../core/grant/rows.ts'
import { keepGrant } from '../../core/grant/unused.ts'
import { identityTable } from '../../core/identity/rows.ts'
import { throwUnknown } from '../../core/ledger/fact-table.ts'
import { personTable } from '../../core/people/rows.ts'
import { lookNow } from '../../life/discovery/look.ts'
import { playCanary } from '../../life/drift/canary.ts'
import * as lists from '../../life/lists/lists.ts'
import { lookBack, rotateTarget } from '../../life/shelter/shelter.ts'
import { lookAtTools } from '../../life/tools/look.ts'
import { agreeToTools, hashTools, isAgreed, seeTools } from '../../life/tools/pin.ts'
import { whoMay } from '../../life/why/who.ts'
import type { TargetView as TargetShown } from './contract.ts'
import * as find from './find.ts'
import { BreakGlass, ConnectTarget, DefineResource, OfApp } from './inputs.ts'
import type { Routes } from './route.ts'
import { grantView, nameOf, resourceView, targetView } from './show.ts'
import {
  GrantView,
  LookView,
  listOf,
  ResourceView,
  TargetView,
  ToolView,
  WhoView,
} from './views.ts'
import type { ApiWorld } from './world.ts'

export function addTargetRoutes(routes: Routes, world: ApiWorld): void {
  routes.add('person GET /v1/targets', listOf(TargetView), async () => {
    const targets = await lists.listTargets(world.store)
    return { items: await Promise.all(targets.map(target => targetView(world, target))) }
  })
  routes.add('person POST /v1/targets', TargetView, ConnectTarget, async call => {
    const { production, adminEndsAt, ...input } = call.input
    const slug = parseSlug(input.slug, '/slug')
    const ownerId = call.caller.personId
    // Its owner connects a target again under the same name: another credential, the same thing.
    const known = await lists.findTargetBySlug(world.store, slug)
    // Of who has left, anybody who may connect takes it over.
    const isFree = known && world.replica.get(personTable, known.ownerId)?.state !== 'living'
    const id = known?.ownerId === ownerId || isFree ? known.id : newId('target')
    const permit = await call.ask('target.connect', 'target', id, { production })
    const connector = world.targets.connector(input.connector)
    const config = connector.parseConfig(input.config as Json)
    await connectTarget(world, permit, {
      ...input,
      id,
      slug,
      config,
      production,
      ownerId,
      address: connector.addressOf(config),
      adminEndsAt: adminEndsAt ?? addSeconds(world.clock.now(), 90 * 86_400),
    })
    const shown = await playAndShow(world, id)
    return known ? { ...shown, before: await lookBack(world, known) } : shown
  })
  routes.add('person POST /v1/targets/:target/rotate', TargetView, async call => {
    const target = await targetNamed(world, call.param('target'))
    const { id, production } = target
    const permit = await call.ask('target.connect', 'target', id, { production })
    return { before: await rotateTarget(world, permit, target), ...(await playAndShow(world, id)) }
  })
  routes.add('person POST /v1/targets/:target/preflight', TargetView, async call => {
    const { id, production } = await targetNamed(world, call.param('target'))
    await call.ask('target.connect', 'target', id, { production })
    return playAndShow(world, id)
  })
  routes.add('person POST /v1/targets/:target/look', LookView, async call => {
    const { id, slug, production } = await targetNamed(world, call.param('target'))
    await call.ask('target.connect', 'target', id, { production })
    return { target: slug, ...(await lookNow(world, id)) }
  })
}

export function addResourceRoutes(routes: Routes, world: ApiWorld): void {
  routes.add('signed-in GET /v1/resources', listOf(ResourceView), async () => {
    const resources = await lists.listResources(world.store)
    return { items: await Promise.all(resources.map(each => resourceView(world, each))) }
  })
  routes.add('person GET /v1/resources/:resource/who', listOf(WhoView), OfApp, async call => {
    const { id, dataOwnerId } = await find.resourceNamed(world.store, call.param('resource'))
    // Who answers for the data sees everybody; others the apps they see anyway.
    const isOwner = dataOwnerId === call.caller.personId
    const isSeen = find.sees(world, call.caller)
    const identities = new Map(world.replica.all(identityTable).map(each => [each.id, each]))
    const { appId } = await find.appFilter(world, call)
    const items = whoMay(world, id, appId).flatMap(({ identityId, until: endsAt, ...may }) => {
      const identity = identities.get(identityId)
      if (identity === undefined || !(isOwner || isSeen(identity.appId))) return []
      return [{ ...may, endsAt, app: nameOf(world, identity.appId), identity: identity.spiffeId }]
    })
    return { items }
  })
  routes.add('person POST /v1/resources', ResourceView, DefineResource, async ({ input, ask }) => {
    const { target: _, dataOwner, sandboxTwin, ...given } = input
    const target = await targetNamed(world, input.target)
    const twin = sandboxTwin && (await lists.findResourceBySlug(world.store, sandboxTwin))
    if (sandboxTwin !== undefined && !twin)
      throw problemOf('no-such-resource', { field: '/sandboxTwin' })
    const draft = {
      ...given,
      id: newId('resource'),
      targetId: target.id,
      object: world.targets.connector(target.connector).parseObject(given.object as Json),
      dataOwnerId: (await find.findPersonBy(world.store, dataOwner, '/dataOwner')).id,
      sandboxTwinId: twin ? twin.id : null,
    }
    const about = draft as unknown as JsonObject
    const permit = await ask('resource.define', 'resource', draft.id, about)
    return resourceView(world, await defineResource(world, permit, draft))
  })
}

export function addGrantRoutes(routes: Routes, world: ApiWorld): void {
  routes.add('signed-in GET /v1/grants', listOf(GrantView), OfApp, async call => {
    const grants = await find.listOfApps(world, call, filter =>
      lists.listGrants(world.store, filter),
    )
    return { items: grants.map(grant => grantView(world, grant)) }
  })
  routes.add('person POST /v1/break-glass', GrantView, BreakGlass, async call => {
    const { app: slug, resource: named, actions, reason } = call.input
    const app = await find.findVisibleApp(world, call.caller, slug)
    const resource = await find.resourceNamed(world.store, named)
    const id = newId('grant')
    const about = { appId: app.id, resourceId: resource.id, actions }
    const permit = await call.ask('grant.break', 'grant', id, about)
    const input = { id, appId: app.id, resourceId: resource.id, actions, reason }
    const grant = await breakGlass(world, permit, input)
    await world.settle()
    return grantView(world, grant)
  })
  routes.add('person POST /v1/grants/:grant/keep', GrantView, async call => {
    const { id, appId } = await find.findOfApp(world, call, 'grant', findGrant)
    const permit = await call.ask('grant.keep', 'grant', id, { appId })
    return grantView(world, await keepGrant(world, permit, { grantId: id }))
  })
  routes.add('person POST /v1/grants/:grant/drop', GrantView, async call => {
    const { id, appId } = await find.findOfApp(world, call, 'grant', findGrant)
    const permit = await call.ask('grant.drop', 'grant', id, { appId })
    const dropped = await dropGrant(world, permit, { grantId: id })
    await world.runNow('leases')
    return grantView(world, dropped)
  })
}

async function playAndShow(world: ApiWorld, id: TargetRow['id']): Promise<TargetShown> {
  const { result, target } = await playCanary(world, id)
  return { ...(await targetView(world, target)), preflightSteps: result.steps }
}

export async function targetNamed(world: ApiWorld, slug: string): Promise<TargetRow> {
  return (await lists.findTargetBySlug(world.store, slug)) ?? throwUnknown('target')
}

// ── the tools of an MCP server, as it says them now; agreeing to those that changed ──

const hash = z.string().regex(/^[0-9a-f]{64}$/)
const AgreeTools = z.strictObject({
  tools: z.record(z.string().max(128), hash).refine(tools => Object.keys(tools).length > 0, {
    error: 'names at least one',
  }),
})

export function addToolRoutes(routes: Routes, world: ApiWorld): void {
  const look = async ({ id, slug }: TargetRow) => {
    const upstream = await world.targets.call(id, 'issue', async target => target.upstream)
    if (upstream?.speaks !== 'mcp')
      throw new Problem('wrong-state', { detail: `\`${slug}\` has no tools: it is no MCP server.` })
    const { tools } = await lookAtTools(upstream)
    await seeTools(world, id, hashTools([...tools.values()]))
    await world.settle()
    const items = [...tools.values()].map(tool => ({
      name: tool.name,
      title: textOf(tool['title']),
      description: textOf(tool['description']),
      says: tool,
      hash: hashTools([tool])[tool.name] ?? '',
      isAgreed: isAgreed(world.replica, id, tool),
    }))
    return { items }
  }
  routes.add('person GET /v1/targets/:target/tools', listOf(ToolView), async call => {
    const target = await targetNamed(world, call.param('target'))
    await call.ask('target.connect', 'target', target.id, { production: target.production })
    return look(target)
  })
  routes.add('person POST /v1/targets/:target/tools', listOf(ToolView), AgreeTools, async call => {
    const target = await targetNamed(world, call.param('target'))
    const { id: targetId, production } = target
    const permit = await call.ask('target.connect', 'target', targetId, { production })
    await agreeToTools(world, permit, { targetId, ...call.input })
    await world.settle()
    return look(target)
  })
}

function textOf(said: unknown): string | null {
  return typeof said === 'string' ? said.slice(0, 4_000) : null
}
