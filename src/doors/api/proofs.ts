/**
 * What people and programs check us by: ends (the plan, the run, the certificate), traces, and the log
 * with its checkpoints and proofs, checked again and with words erased.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { z } from '@hono/zod-openapi'
import { beginEnd } from '../../core/app/events.ts'
import type { AppRow } from '../../core/app/rows.ts'
import type { AppId } from '../../core/base/ids.ts'
import { limits } from '../../core/base/limits.ts'
import type { Permit } from '../../core/base/permit.ts'
import { isProblem, problemOf } from '../../core/base/problem.ts'
import { throwUnknown } from '../../core/ledger/fact-table.ts'
import { readHead } from '../../core/ledger/rows.ts'
import { eraseWords } from '../../life/audit/erase.ts'
import { checkLog, type LogFault } from '../../life/audit/fsck.ts'
import { checkpointAt, consistencyProof, inclusionProof } from '../../life/audit/proof.ts'
import { type LogEntry, readEntry, readLog } from '../../life/audit/read.ts'
import { countEntries } from '../../life/audit/rows.ts'
import { isGreen } from '../../life/offboard/item.ts'
import { systemsOf } from '../../life/offboard/plan.ts'
import { listResidual } from '../../life/offboard/residual.ts'
import { findOffboarding, findWork } from '../../life/offboard/rows.ts'
import { planOffboarding, runOffboarding } from '../../life/offboard/run.ts'
import { type BatchFault, checkBatches } from '../../life/records/check.ts'
import { traceThing } from '../../life/trace/trace.ts'
import type { KnownCaller, PersonCaller } from './caller.ts'
import type { LogEntryView as EntryShown, OffboardingView as Shown } from './contract.ts'
import * as find from './find.ts'
import { EndApp, Erase, OfConsistency, OfCounts, OfLog, OfProof } from './inputs.ts'
import * as views from './proof-views.ts'
import type { Call, Routes } from './route.ts'
import { nameOf, readNames } from './show.ts'
import { count, listOf } from './views.ts'
import type { ApiWorld } from './world.ts'

export function addEndRoutes(routes: Routes, world: ApiWorld): void {
  routes.add('signed-in GET /v1/residual', listOf(views.ResidualView), async ({ caller }) => {
    const isSeen = find.sees(world, caller)
    const left = await listResidual(world.store, world.clock.now())
    const shown = left.filter(({ appId }) => isSeen(appId))
    return { items: shown.map(({ appId, ...each }) => ({ ...each, app: nameOf(world, appId) })) }
  })
  routes.add('person POST /v1/apps/:app/end', views.OffboardingView, EndApp, async call => {
    const app = await find.appIn(world, call)
    const { planHash } = call.input
    if (planHash === undefined) await call.ask('offboard.plan', 'app', app.id)
    if (planHash === undefined || app.endedAt !== null) return offboardingView(world, app)
    const plan = await planOffboarding(world, app.id)
    if (planHash !== plan.hash)
      throw problemOf('plan-is-old', { slug: app.slug, field: '/planHash' })
    const end = await call.ask('app.end', 'app', app.id)
    const run = await call.ask('offboard.run', 'app', app.id)
    if (app.state !== 'ending') await beginEnd(world, end, { appId: app.id })
    // The certificate says who ended it, and reads that in the log.
    await world.settle()
    await runOrWait(world, run, app.id)
    return offboardingView(world, app)
  })
  routes.add('signed-in GET /v1/apps/:app/end', views.OffboardingView, async call =>
    offboardingView(world, await find.appIn(world, call)),
  )
  routes.add('signed-in GET /v1/apps/:app/certificate', views.CertificateFile, async call => {
    const app = await find.appIn(world, call)
    const row = await findOffboarding(world.store, app.id)
    const work = row && (await findWork(world.store, row.id))
    if (!work?.certificate)
      throw problemOf('no-end-certificate', { slug: app.slug, state: app.state })
    // Byte for byte as it was written: the file is what is signed.
    return new Response(work.certificate, {
      headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
    })
  })
  routes.add('signed-in GET /v1/trace/:thing', views.TraceView, async call => {
    await world.settle()
    const text = call.param('thing')
    const thing = await resolveThing(world, call.caller, text)
    const { app, hops } = await traceThing(world.store, thing)
    // What hangs on a thing belongs to an app; who may not see the app finds nothing.
    await find.findVisibleApp(world, call.caller, app)
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
  const kind = find.kindOf(text)
  if (kind !== undefined) return find.parseId(world.store, kind, text)
  if (/^[0-9a-f]{7,64}$/.test(text) || text.startsWith('lh_')) return text
  return (await find.findVisibleApp(world, caller, text)).id
}

/** The sweep may have been faster; then its result is the answer. */
export async function runOrWait(world: ApiWorld, permit: Permit<'offboard.run'>, appId: AppId) {
  try {
    return void (await runOffboarding(world, permit, { appId }))
  } catch (thrown) {
    if (!isProblem(thrown, 'conflict')) throw thrown
  }
  const lastMs = world.clock.monotonicMs() + limits.targetCallMs
  while (world.clock.monotonicMs() < lastMs) {
    await wait(100)
    const row = await findOffboarding(world.store, appId)
    // Its file is there a moment after its entry, which it holds the proof of.
    if (row && (await findWork(world.store, row.id))?.certificate) return
  }
}

export async function offboardingView(world: ApiWorld, app: AppRow): Promise<Shown> {
  const [row, plan] = await Promise.all([
    findOffboarding(world.store, app.id),
    planOffboarding(world, app.id),
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
    systems: systemsOf(items, plan.things),
    nextTryAt: work?.dueAt ?? null,
    certifiedAt: (work?.certificate && row?.certifiedAt) || null,
    rechecks: row?.rechecks ?? 0,
  }
}

export function addLogRoutes(routes: Routes, world: ApiWorld): void {
  routes.add('person GET /v1/log', views.LogPage, OfLog, async call => {
    await world.settle()
    const { limit = 50, ...filter } = call.input
    const subject = await subjectOf(world, call, filter.subject)
    const wanted = Math.min(limit, limits.pageRows)
    const found = await readLog(world.store, { ...filter, subject, limit: wanted })
    const { size } = await readHead(world.store)
    const last = found.length === wanted ? found.at(-1) : undefined
    return { entries: await entryViews(world, found), next: last?.position ?? null, size }
  })
  routes.add('person GET /v1/log/counts', listOf(views.CountView), OfCounts, async call => {
    const { kind } = call.input
    const subject = await subjectOf(world, call, call.input.subject)
    return { items: await countEntries(world.store, { subject, kind }) }
  })
  routes.add('person GET /v1/log/:position', views.LogEntryView, async call => {
    const position = Number(call.param('position'))
    if (!Number.isSafeInteger(position) || position < 0) throwUnknown('entry')
    const entry = await readEntry(world.store, position)
    const isSeen = find.sees(world, call.caller)
    const isOwn = entry.subjects.some(({ type, id }) => type === 'app' && isSeen(id as never))
    if (!isOwn && !find.hasRole(world, call.caller.personId)) throwUnknown('entry')
    const [view = throwUnknown('entry')] = await entryViews(world, [entry])
    return view
  })
  const Erased = z.object({ entries: count })
  routes.add('person POST /v1/erase', Erased, Erase, async ({ input, ask }) => {
    await world.settle()
    const { id } = await find.findPersonBy(world.store, input.person, '/person')
    const permit = await ask('text.erase', 'person', id)
    return { entries: (await eraseWords(world, permit, { id })).length }
  })
}

export function addProofRoutes(routes: Routes, world: ApiWorld): void {
  routes.add('signed-in GET /v1/log/checkpoint', null, async () => {
    const { note } = await checkpointAt(world.checkpoints, (await readHead(world.store)).size)
    return new Response(note, {
      headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' },
    })
  })
  routes.add('signed-in GET /v1/log/proof', views.ProofView, OfProof, async ({ input }) => {
    const { position } = input
    const { leaf } = await readEntry(world.store, position)
    const wanted = Math.max(position + 1, input.size ?? 0)
    const { size, note } = await checkpointAt(world.checkpoints, wanted)
    const path = await inclusionProof(world.store, position, size)
    return { position, leaf, size, path: path.map(base64), checkpoint: note }
  })
  routes.add(
    'signed-in GET /v1/log/consistency',
    views.ConsistencyView,
    OfConsistency,
    async call => {
      const { from, to } = call.input
      const { size } = await readHead(world.store)
      if (from > size) throw problemOf('log-shorter-than-asked', { size, from, field: 'from' })
      const checkpoint = await checkpointAt(world.checkpoints, Math.max(from, to ?? size))
      const path = from === 0 ? [] : await consistencyProof(world.store, from, checkpoint.size)
      return { from, to: checkpoint.size, path: path.map(base64), checkpoint: checkpoint.note }
    },
  )
  routes.add('person POST /v1/log/check', views.LogCheckView, async call => {
    await world.settle()
    await call.ask('log.read', 'installation', world.installationThing().id)
    const { size, root, checkpoints, faults } = await checkLog(world.store, world.logVkeys())
    const decisions = await checkBatches(world.store)
    const said = [...faults.map(faultText), ...decisions.faults.map(batchText)]
    return {
      entries: size,
      root: base64(root),
      verified: said.length === 0,
      checkpoints,
      faults: said.slice(0, 20),
    }
  })
}

/** Without a role somebody reads what is about their own apps, and nothing else. */
async function subjectOf(
  world: ApiWorld,
  { caller, ask }: Pick<Call<unknown, PersonCaller>, 'caller' | 'ask'>,
  named: string | undefined,
): Promise<string | undefined> {
  const kind = named === undefined ? undefined : find.kindOf(named)
  if (named !== undefined && (kind === undefined || kind === 'app')) {
    const { id } = await find.findVisibleApp(world, caller, named)
    await ask('log.read', 'app', id)
    return id
  }
  await ask('log.read', 'installation', world.installationThing().id)
  return named === undefined || kind === undefined
    ? undefined
    : find.parseId(world.store, kind, named)
}

async function entryViews(world: ApiWorld, entries: readonly LogEntry[]): Promise<EntryShown[]> {
  const ids = entries.flatMap(entry => [entry.actor, ...entry.subjects.map(({ id }) => id)])
  const name = await readNames(world, ids)
  return entries.map(({ words, ...entry }) => ({
    ...entry,
    actorName: name(entry.actor),
    subjects: entry.subjects.map(subject => ({ ...subject, name: name(subject.id) })),
    words: words === 'erased' ? null : words,
    erased: words === 'erased',
  }))
}

function batchText({ position, found, sealed }: BatchFault): string {
  return `decisions: position ${position}, not the ${sealed} that were sealed (${found} there)`
}

function faultText({ what, ...where }: LogFault): string {
  const places = Object.entries(where).map(([name, value]) => `${name} ${String(value)}`)
  return `${what}: ${places.join(', ')}`
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}
