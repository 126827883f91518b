/** Holds and findings: orders to stop, and what needs a person. */
import { z } from '@hono/zod-openapi'
import { isId, newId } from '../../core/base/ids.ts'
import { Problem } from '../../core/base/problem.ts'
import { answerFinding } from '../../core/finding/answer.ts'
import { findFinding, listOpenFindings } from '../../core/finding/rows.ts'
import { listHolds } from '../../core/hold/rows.ts'
import { liftHold, setHold } from '../../core/hold/set.ts'
import { identityTable } from '../../core/identity/rows.ts'
import { findRow } from '../../core/ledger/find-row.ts'
import type { KnownCaller } from './caller.ts'
import { findPersonBy, findVisibleApp, hasRole, noSuch, parseId } from './find.ts'
import { AnswerFinding, SetHold } from './inputs.ts'
import { permitted } from './permitted.ts'
import type { Routes } from './route.ts'
import { findingView, holdView } from './show.ts'
import { FindingView, HoldView } from './views.ts'
import type { ApiWorld } from './world.ts'

export function addHoldRoutes(routes: Routes, world: ApiWorld): void {
  routes.add(
    {
      method: 'get',
      path: '/v1/holds',
      says: 'Holds that are set.',
      who: 'person',
      answer: z.object({ items: z.array(HoldView) }),
    },
    async () => ({
      items: await Promise.all((await listHolds(world.store)).map(hold => holdView(world, hold))),
    }),
  )
  routes.add(
    {
      method: 'post',
      path: '/v1/holds',
      says: 'Stops an app, a person, an identity or everything, at once and for now.',
      who: 'person',
      body: SetHold,
      answer: HoldView,
      status: 201,
    },
    async call => {
      const { scope, reason } = call.body
      const id = newId('hold')
      const about = await heldThing(world, call.caller, scope, call.body.about)
      const draft = { scope, ...(scope === 'app' ? { appId: about } : {}) }
      const permit = await permitted(world, {
        actor: call.caller.actor,
        action: 'hold.set',
        about: { type: 'hold', id, draft },
      })
      const hold = await setHold(world, permit, { id, scope, about, reason })
      await world.runNow('leases')
      return holdView(world, hold)
    },
  )
  routes.add(
    {
      method: 'post',
      path: '/v1/holds/:hold/lift',
      says: 'Lifts a hold.',
      who: 'person',
      answer: HoldView,
    },
    async call => {
      const id = call.param('hold')
      if (!isId('hold', id)) throw noSuch('hold')
      const permit = await permitted(world, {
        actor: call.caller.actor,
        action: 'hold.lift',
        about: { type: 'hold', id },
      })
      return holdView(world, await liftHold(world, permit, { holdId: id }))
    },
  )
}

export function addFindingRoutes(routes: Routes, world: ApiWorld): void {
  routes.add(
    {
      method: 'get',
      path: '/v1/findings',
      says: 'What needs you.',
      who: 'person',
      answer: z.object({ items: z.array(FindingView) }),
    },
    async call => {
      const mine = hasRole(world, call.caller.personId) ? {} : { ownerId: call.caller.personId }
      const findings = await listOpenFindings(world.store, mine)
      return { items: await Promise.all(findings.map(finding => findingView(world, finding))) }
    },
  )
  routes.add(
    {
      method: 'post',
      path: '/v1/findings/:finding/answer',
      says: 'Answers a finding.',
      who: 'person',
      body: AnswerFinding,
      answer: FindingView,
    },
    async call => {
      const finding = await findFinding(
        world.store,
        await parseId(world.store, 'finding', call.param('finding')),
      )
      if (finding === undefined) throw noSuch('finding')
      const about = {
        type: 'finding',
        id: finding.id,
        draft: { ownerId: finding.ownerId },
      } as const
      const permit = await permitted(world, {
        actor: call.caller.actor,
        action: 'finding.answer',
        about,
      })
      return findingView(
        world,
        await answerFinding(world, permit, { findingId: finding.id, answer: call.body.answer }),
      )
    },
  )
}

async function heldThing(
  world: ApiWorld,
  caller: KnownCaller,
  scope: 'app' | 'person' | 'identity' | 'everything',
  named: string | undefined,
): Promise<string> {
  if (scope === 'everything') return 'everything'
  if (named === undefined)
    throw new Problem('invalid-field', {
      field: '/about',
      detail: `Which ${scope}?`,
      next: 'Name it in `about`.',
    })
  if (scope === 'app') return (await findVisibleApp(world, caller, named)).id
  if (scope === 'person') return (await findPersonBy(world.store, named, '/about')).id
  const identity = isId('identity', named)
    ? await findRow(world.store, identityTable, named)
    : undefined
  if (identity === undefined) throw noSuch('identity')
  return identity.id
}
