/** Targets, resources and grants: what can be asked for, and what was given. */
import { z } from '@hono/zod-openapi'
import { newId } from '../../core/base/ids.ts'
import type { Json, JsonObject } from '../../core/base/json.ts'
import { Problem } from '../../core/base/problem.ts'
import { parseSlug } from '../../core/base/text.ts'
import { addSeconds, parseInstant } from '../../core/base/time.ts'
import { connectTarget } from '../../core/grant/connect.ts'
import { defineResource } from '../../core/grant/define.ts'
import { dropGrant } from '../../core/grant/drop.ts'
import {
  findGrant,
  findResourceBySlug,
  findTargetBySlug,
  listGrants,
  listResources,
  listTargets,
} from '../../core/grant/rows.ts'
import { runPreflight } from '../../core/lease/preflight.ts'
import { findPersonBy, findVisibleApp, noSuch, parseId, visibleApps } from './find.ts'
import { ConnectTarget, DefineResource } from './inputs.ts'
import { permitted } from './permitted.ts'
import type { Routes } from './route.ts'
import { grantView, resourceView, targetView } from './show.ts'
import { GrantView, ResourceView, TargetView } from './views.ts'
import type { ApiWorld } from './world.ts'

export function addTargetRoutes(routes: Routes, world: ApiWorld): void {
  routes.add(
    {
      method: 'get',
      path: '/v1/targets',
      says: 'The connected systems.',
      who: 'person',
      answer: z.object({ items: z.array(TargetView) }),
    },
    async () => ({
      items: await Promise.all(
        (await listTargets(world.store)).map(target => targetView(world, target)),
      ),
    }),
  )
  routes.add(
    {
      method: 'post',
      path: '/v1/targets',
      says: 'Connects a system and plays a canary cycle there.',
      who: 'person',
      body: ConnectTarget,
      answer: TargetView,
      status: 201,
    },
    async call => {
      const { body, caller } = call
      const now = world.clock.now()
      const id = newId('target')
      const connector = world.targets.connector(body.connector)
      const config = connector.parseConfig(body.config as Json)
      const about = { type: 'target', id, draft: { production: body.production } } as const
      const permit = await permitted(world, {
        actor: caller.actor,
        action: 'target.connect',
        about,
      })
      await connectTarget(world, permit, {
        id,
        slug: parseSlug(body.slug, '/slug'),
        connector: body.connector,
        address: connector.addressOf(config),
        config,
        production: body.production,
        ownerId: caller.personId,
        adminEndsAt:
          (body.adminEndsAt && parseInstant(body.adminEndsAt)) || addSeconds(now, 90 * 86_400),
      })
      const { result, target } = await runPreflight(world, id)
      return {
        ...(await targetView(world, target)),
        preflightSteps: result.steps.map(step => ({ ...step })),
      }
    },
  )
  routes.add(
    {
      method: 'post',
      path: '/v1/targets/:target/preflight',
      says: 'Plays the canary cycle again.',
      who: 'person',
      answer: TargetView,
    },
    async call => {
      const target = await findTargetBySlug(world.store, call.param('target'))
      if (target === undefined) throw noSuch('target')
      const about = {
        type: 'target',
        id: target.id,
        draft: { production: target.production },
      } as const
      await permitted(world, { actor: call.caller.actor, action: 'target.connect', about })
      const { result, target: played } = await runPreflight(world, target.id)
      return {
        ...(await targetView(world, played)),
        preflightSteps: result.steps.map(step => ({ ...step })),
      }
    },
  )
}

export function addResourceRoutes(routes: Routes, world: ApiWorld): void {
  routes.add(
    {
      method: 'get',
      path: '/v1/resources',
      says: 'What can be asked for.',
      who: 'signed-in',
      answer: z.object({ items: z.array(ResourceView) }),
    },
    async () => ({
      items: await Promise.all(
        (await listResources(world.store)).map(each => resourceView(world, each)),
      ),
    }),
  )
  routes.add(
    {
      method: 'post',
      path: '/v1/resources',
      says: 'Names a thing at a target: its class, its owner, its columns.',
      who: 'person',
      body: DefineResource,
      answer: ResourceView,
      status: 201,
    },
    async call => {
      const { body } = call
      const target = await findTargetBySlug(world.store, body.target)
      if (target === undefined) throw noSuch('target')
      const dataOwner = await findPersonBy(world.store, body.dataOwner, '/dataOwner')
      const twin =
        body.sandboxTwin === undefined
          ? undefined
          : await findResourceBySlug(world.store, body.sandboxTwin)
      if (body.sandboxTwin !== undefined && twin === undefined)
        throw new Problem('invalid-field', {
          field: '/sandboxTwin',
          detail: 'There is no such resource.',
          next: 'Define the sandbox first.',
        })
      const id = newId('resource')
      const draft = {
        id,
        slug: body.slug,
        targetId: target.id,
        object: world.targets.connector(target.connector).parseObject(body.object as Json),
        columns: body.columns,
        dataClass: body.dataClass,
        dataOwnerId: dataOwner.id,
        sandboxTwinId: twin?.id ?? null,
        isSandbox: body.isSandbox,
      }
      const about = { type: 'resource', id, draft: draft as unknown as JsonObject } as const
      const permit = await permitted(world, {
        actor: call.caller.actor,
        action: 'resource.define',
        about,
      })
      return resourceView(world, await defineResource(world, permit, draft))
    },
  )
}

export function addGrantRoutes(routes: Routes, world: ApiWorld): void {
  routes.add(
    {
      method: 'get',
      path: '/v1/grants',
      says: 'What was agreed, by app.',
      who: 'signed-in',
      query: z.object({ app: z.string().optional() }),
      answer: z.object({ items: z.array(GrantView) }),
    },
    async call => {
      const named = call.query('app')
      const app = named === undefined ? undefined : await findVisibleApp(world, call.caller, named)
      const visible = visibleApps(world, call.caller)
      const grants = await listGrants(world.store, app === undefined ? {} : { appId: app.id })
      const shown = grants.filter(grant => visible === null || visible.includes(grant.appId))
      return { items: shown.map(grant => grantView(world, grant)) }
    },
  )
  routes.add(
    {
      method: 'post',
      path: '/v1/grants/:grant/drop',
      says: 'Gives a grant back; its live credentials end.',
      who: 'person',
      answer: GrantView,
    },
    async call => {
      const grant = await findGrant(
        world.store,
        await parseId(world.store, 'grant', call.param('grant')),
      )
      const visible = visibleApps(world, call.caller)
      if (grant === undefined || (visible !== null && !visible.includes(grant.appId)))
        throw noSuch('grant')
      const about = { type: 'grant', id: grant.id, draft: { appId: grant.appId } } as const
      const permit = await permitted(world, {
        actor: call.caller.actor,
        action: 'grant.drop',
        about,
      })
      const dropped = await dropGrant(world, permit, { grantId: grant.id })
      await world.runNow('leases')
      return grantView(world, dropped)
    },
  )
}
