/** The log: read, checkpoint, proofs, check, erase. What people and programs check us by. */
import { z } from '@hono/zod-openapi'
import { limits } from '../../core/base/limits.ts'
import { Problem } from '../../core/base/problem.ts'
import { readHead } from '../../core/ledger/rows.ts'
import { eraseWords } from '../../life/audit/erase.ts'
import { checkLog, type LogFault } from '../../life/audit/fsck.ts'
import { checkpointAt, consistencyProof, inclusionProof } from '../../life/audit/proof.ts'
import { type LogEntry, readEntry, readLog } from '../../life/audit/read.ts'
import { type BatchFault, checkBatches } from '../../life/records/check.ts'
import type { PersonCaller } from './caller.ts'
import type { LogEntryView as EntryShown } from './contract.ts'
import { findPersonBy, findVisibleApp, hasRole, kindOf, noSuch, parseId, sees } from './find.ts'
import { Erase, OfConsistency, OfLog, OfProof } from './inputs.ts'
import { count } from './parts.ts'
import { ConsistencyView, LogCheckView, LogEntryView, LogPage, ProofView } from './proof-views.ts'
import type { Call, Routes } from './route.ts'
import { readNames } from './show.ts'
import type { ApiWorld } from './world.ts'

export function addLogRoutes(routes: Routes, world: ApiWorld): void {
  routes.add('person GET /v1/log', LogPage, OfLog, async call => {
    await world.settle()
    const { limit = 50, ...filter } = call.input
    const subject = await subjectOf(world, call, filter.subject)
    const wanted = Math.min(limit, limits.pageRows)
    const found = await readLog(world.store, { ...filter, subject, limit: wanted })
    const { size } = await readHead(world.store)
    const last = found.length === wanted ? found.at(-1) : undefined
    return { entries: await entryViews(world, found), next: last?.position ?? null, size }
  })
  routes.add('person GET /v1/log/:position', LogEntryView, async call => {
    const position = Number(call.param('position'))
    if (!Number.isSafeInteger(position) || position < 0) throw noSuch('entry')
    const entry = await readEntry(world.store, position)
    const isSeen = sees(world, call.caller)
    const isOwn = entry.subjects.some(({ type, id }) => type === 'app' && isSeen(id as never))
    if (!isOwn && !hasRole(world, call.caller.personId)) throw noSuch('entry')
    const [view] = await entryViews(world, [entry])
    if (view === undefined) throw noSuch('entry')
    return view
  })
  const Erased = z.object({ entries: count })
  routes.add('person POST /v1/erase', Erased, Erase, async ({ input, ask }) => {
    await world.settle()
    const { id } = await findPersonBy(world.store, input.person, '/person')
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
  routes.add('signed-in GET /v1/log/proof', ProofView, OfProof, async ({ input }) => {
    const { position } = input
    const { leaf } = await readEntry(world.store, position)
    const wanted = Math.max(position + 1, input.size ?? 0)
    const { size, note } = await checkpointAt(world.checkpoints, wanted)
    const path = await inclusionProof(world.store, position, size)
    return { position, leaf, size, path: path.map(base64), checkpoint: note }
  })
  routes.add('signed-in GET /v1/log/consistency', ConsistencyView, OfConsistency, async call => {
    const { from, to } = call.input
    const { size } = await readHead(world.store)
    if (from > size)
      throw new Problem('bad-request', {
        field: 'from',
        detail: `The log has ${size} entries; it was asked about ${from}.`,
        next: 'If you saw more before, this log was put back: run doctor.',
      })
    const checkpoint = await checkpointAt(world.checkpoints, Math.max(from, to ?? size))
    const path = from === 0 ? [] : await consistencyProof(world.store, from, checkpoint.size)
    return { from, to: checkpoint.size, path: path.map(base64), checkpoint: checkpoint.note }
  })
  routes.add('person POST /v1/log/check', LogCheckView, async call => {
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
  const kind = named === undefined ? undefined : kindOf(named)
  if (named !== undefined && (kind === undefined || kind === 'app')) {
    const { id } = await findVisibleApp(world, caller, named)
    await ask('log.read', 'app', id)
    return id
  }
  await ask('log.read', 'installation', world.installationThing().id)
  return named === undefined || kind === undefined ? undefined : parseId(world.store, kind, named)
}

async function entryViews(world: ApiWorld, entries: readonly LogEntry[]): Promise<EntryShown[]> {
  const ids = entries.flatMap(entry => [entry.actor, ...entry.subjects.map(({ id }) => id)])
  const name = await readNames(world, ids)
  return entries.map(({ facts, words, ...entry }) => ({
    ...entry,
    actorName: name(entry.actor),
    subjects: entry.subjects.map(subject => ({ ...subject, name: name(subject.id) })),
    facts: { ...facts },
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
