/** Ends and proofs: the plan, the run, the certificate, the trace. */
import { setTimeout as wait } from 'node:timers/promises'
import { beginEnd } from '../../core/app/events.ts'
import type { AppRow } from '../../core/app/rows.ts'
import type { AppId } from '../../core/base/ids.ts'
import { limits } from '../../core/base/limits.ts'
import { isProblem, Problem } from '../../core/base/problem.ts'
import { isGreen } from '../../life/offboard/item.ts'
import { systemsOf } from '../../life/offboard/plan.ts'
import { findOffboarding, findWork, readAppThings } from '../../life/offboard/rows.ts'
import { planOffboarding, runOffboarding } from '../../life/offboard/run.ts'
import { traceThing } from '../../life/trace/trace.ts'
import type { KnownCaller } from './caller.ts'
import type { OffboardingView as Shown } from './contract.ts'
import { appIn, findVisibleApp, kindOf, parseId } from './find.ts'
import { EndApp } from './inputs.ts'
import { CertificateFile, OffboardingView, TraceView } from './proof-views.ts'
import type { Routes } from './route.ts'
import type { ApiWorld } from './world.ts'

export function addEndRoutes(routes: Routes, world: ApiWorld): void {
  routes.add('person POST /v1/apps/:app/end', OffboardingView, EndApp, async call => {
    const app = await appIn(world, call)
    const { planHash } = call.input
    if (planHash === undefined) await call.ask('offboard.plan', 'app', app.id)
    if (planHash === undefined || app.state === 'ended') return offboardingView(world, app)
    const plan = await planOffboarding(world, app.id)
    if (planHash !== plan.hash)
      throw new Problem('hash-mismatch', {
        field: '/planHash',
        detail: 'The app changed since you saw the plan.',
        next: `Look again: end ${app.slug} --dry-run`,
      })
    const end = await call.ask('app.end', 'app', app.id)
    const run = await call.ask('offboard.run', 'app', app.id)
    if (app.state !== 'ending') await beginEnd(world, end, { appId: app.id })
    // The sweep may have been faster; then its result is the answer.
    await runOffboarding(world, run, { appId: app.id }).catch(async (thrown: unknown) => {
      if (!isProblem(thrown, 'conflict')) throw thrown
      await untilLooked(world, app.id)
    })
    return offboardingView(world, app)
  })
  routes.add('signed-in GET /v1/apps/:app/end', OffboardingView, async call =>
    offboardingView(world, await appIn(world, call)),
  )
  routes.add('signed-in GET /v1/apps/:app/certificate', CertificateFile, async call => {
    const app = await appIn(world, call)
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
  })
  routes.add('signed-in GET /v1/trace/:thing', TraceView, async call => {
    await world.settle()
    const text = call.param('thing')
    const { app, hops } = await traceThing(
      world.store,
      await resolveThing(world, call.caller, text),
    )
    // What hangs on a thing belongs to an app; who may not see the app finds nothing.
    await findVisibleApp(world, call.caller, app)
    const count = (state: string) => hops.filter(hop => hop.state === state).length
    const counts = {
      proven: count('proven'),
      asserted: count('asserted'),
      missing: count('missing'),
    }
    return { about: text, app, hops, ...counts }
  })
}

async function resolveThing(world: ApiWorld, caller: KnownCaller, text: string): Promise<string> {
  const kind = kindOf(text)
  if (kind !== undefined) return parseId(world.store, kind, text)
  if (/^[0-9a-f]{7,64}$/.test(text) || text.startsWith('lh_')) return text
  return (await findVisibleApp(world, caller, text)).id
}

async function untilLooked(world: ApiWorld, appId: AppId): Promise<void> {
  const lastMs = world.clock.monotonicMs() + limits.targetCallMs
  while (world.clock.monotonicMs() < lastMs) {
    await wait(100)
    const row = await findOffboarding(world.store, appId)
    if (typeof row?.certifiedAt === 'string') return
  }
}

async function offboardingView(world: ApiWorld, app: AppRow): Promise<Shown> {
  const [row, plan, things] = await Promise.all([
    findOffboarding(world.store, app.id),
    planOffboarding(world, app.id),
    readAppThings(world.store, app.id),
  ])
  const work = row && (await findWork(world.store, row.id))
  const items = work?.items ?? plan.items
  return {
    app: app.slug,
    state: row?.state ?? 'planned',
    planHash: plan.hash,
    items,
    green: items.filter(isGreen).length,
    of: items.length,
    systems: systemsOf(items, things),
    nextTryAt: work?.dueAt ?? null,
    certifiedAt: row?.certifiedAt ?? null,
    rechecks: row?.rechecks ?? 0,
  }
}
