/** Ends and proofs: the plan, the run, the certificate, the trace. */
import { setTimeout as wait } from 'node:timers/promises'
import { beginEnd } from '../../core/app/end.ts'
import type { AppId } from '../../core/base/ids.ts'
import { limits } from '../../core/base/limits.ts'
import { isProblem, Problem } from '../../core/base/problem.ts'
import { isGreen, type PlanItem, systemsOf } from '../../life/offboard/plan.ts'
import { findOffboarding, findWork, readAppThings } from '../../life/offboard/rows.ts'
import { planOffboarding, runOffboarding } from '../../life/offboard/run.ts'
import { traceThing } from '../../life/trace/trace.ts'
import type { KnownCaller } from './caller.ts'
import type {
  OffboardingView as OffboardingViewType,
  TraceView as TraceViewType,
} from './contract.ts'
import { findVisibleApp, parseId } from './find.ts'
import { EndApp } from './inputs.ts'
import { permitted } from './permitted.ts'
import { CertificateFile, OffboardingView, TraceView } from './proof-views.ts'
import type { Routes } from './route.ts'
import type { ApiWorld } from './world.ts'

export function addEndRoutes(routes: Routes, world: ApiWorld): void {
  routes.add(
    {
      method: 'post',
      path: '/v1/apps/:app/end',
      says: 'Without planHash: the plan. With it: ends the app, exactly as planned, and looks.',
      who: 'person',
      body: EndApp,
      answer: OffboardingView,
    },
    async call => {
      const app = await findVisibleApp(world, call.caller, call.param('app'))
      const plan = await planOffboarding(world, app.id)
      const { planHash } = call.body
      if (planHash === undefined) {
        const about = { type: 'app', id: app.id } as const
        await permitted(world, { actor: call.caller.actor, action: 'offboard.plan', about })
        return offboardingView(world, app.id, app.slug)
      }
      if (app.state === 'ended') return offboardingView(world, app.id, app.slug)
      if (planHash !== plan.hash)
        throw new Problem('hash-mismatch', {
          field: '/planHash',
          detail: 'The app changed since you saw the plan.',
          next: `Look again: end ${app.slug} --dry-run`,
        })
      const about = { type: 'app', id: app.id } as const
      const permit = await permitted(world, { actor: call.caller.actor, action: 'app.end', about })
      const run = await permitted(world, {
        actor: call.caller.actor,
        action: 'offboard.run',
        about,
      })
      if (app.state !== 'ending') await beginEnd(world, permit, { appId: app.id })
      // The sweep may have been faster; then its result is the answer.
      await runOffboarding(world, run, { appId: app.id }).catch(async (thrown: unknown) => {
        if (!isProblem(thrown, 'conflict')) throw thrown
        await untilLooked(world, app.id)
      })
      return offboardingView(world, app.id, app.slug)
    },
  )
  routes.add(
    {
      method: 'get',
      path: '/v1/apps/:app/end',
      says: 'How the end of an app stands.',
      who: 'signed-in',
      answer: OffboardingView,
    },
    async call => {
      const app = await findVisibleApp(world, call.caller, call.param('app'))
      return offboardingView(world, app.id, app.slug)
    },
  )
  routes.add(
    {
      method: 'get',
      path: '/v1/apps/:app/certificate',
      says: 'The end certificate, with its proofs, as one file.',
      who: 'signed-in',
      answer: CertificateFile,
    },
    async call => {
      const app = await findVisibleApp(world, call.caller, call.param('app'))
      const row = await findOffboarding(world.store, app.id)
      const work = row && (await findWork(world.store, row.id))
      if (!work?.certificate)
        throw new Problem('wrong-state', {
          detail: `\`${app.slug}\` has no end certificate: it is ${app.state}.`,
          next: `End it first: end ${app.slug}`,
        })
      // Byte for byte as it was written: the file is what is signed.
      return new Response(work.certificate, {
        headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
      })
    },
  )
  routes.add(
    {
      method: 'get',
      path: '/v1/trace/:thing',
      says: 'From the commit to the use, each hop proven, asserted or missing.',
      who: 'signed-in',
      answer: TraceView,
    },
    async call => traceView(world, call.caller, call.param('thing')),
  )
}

async function traceView(
  world: ApiWorld,
  caller: KnownCaller,
  text: string,
): Promise<TraceViewType> {
  await world.settle()
  const thing = await resolveThing(world, caller, text)
  const { app, hops } = await traceThing(world.store, thing)
  // What hangs on a thing belongs to an app; who may not see the app finds nothing.
  await findVisibleApp(world, caller, app)
  const count = (state: string) => hops.filter(hop => hop.state === state).length
  return {
    about: text,
    app,
    hops: hops.map(hop => ({ ...hop })),
    proven: count('proven'),
    asserted: count('asserted'),
    missing: count('missing'),
  }
}

async function resolveThing(world: ApiWorld, caller: KnownCaller, text: string): Promise<string> {
  const kind = { L: 'lease', T: 'task', D: 'decision' }[/^([LTD])-/.exec(text)?.[1] ?? '']
  if (kind !== undefined) return parseId(world.store, kind as 'lease' | 'task' | 'decision', text)
  if (/^[a-z]{2}_/.test(text) || /^[0-9a-f]{7,64}$/.test(text) || /^lh_/.test(text)) return text
  return (await findVisibleApp(world, caller, text)).id
}

async function untilLooked(world: ApiWorld, appId: AppId): Promise<void> {
  const lastMs = world.clock.monotonicMs() + limits.targetCallMs
  while (world.clock.monotonicMs() < lastMs) {
    await wait(100)
    const row = await findOffboarding(world.store, appId)
    if (row?.certifiedAt != null) return
  }
}

async function offboardingView(
  world: ApiWorld,
  appId: AppId,
  slug: string,
): Promise<OffboardingViewType> {
  const [row, plan, things] = await Promise.all([
    findOffboarding(world.store, appId),
    planOffboarding(world, appId),
    readAppThings(world.store, appId),
  ])
  const work = row && (await findWork(world.store, row.id))
  const items: readonly PlanItem[] = work?.items ?? plan.items
  return {
    app: slug,
    state: row?.state ?? 'planned',
    planHash: plan.hash,
    items: items.map(({ order, kind, id, name, system, state, paths, because, at }) => ({
      order,
      kind,
      id,
      name,
      system,
      state,
      paths: [...paths],
      because,
      at,
    })),
    green: items.filter(isGreen).length,
    of: items.length,
    systems: systemsOf(items, things).map(system => ({ ...system, paths: [...system.paths] })),
    nextTryAt: work?.dueAt ?? null,
    certifiedAt: row?.certifiedAt ?? null,
    rechecks: row?.rechecks ?? 0,
  }
}
