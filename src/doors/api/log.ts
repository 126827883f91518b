/** The log: read, checkpoint, proofs, check, erase. What people and programs check us by. */
import { z } from '@hono/zod-openapi'
import { appTable } from '../../core/app/rows.ts'
import { isId } from '../../core/base/ids.ts'
import { limits } from '../../core/base/limits.ts'
import { Problem } from '../../core/base/problem.ts'
import { grantTable, resourceTable, targetTable } from '../../core/grant/rows.ts'
import { eraseWords } from '../../core/ledger/erase.ts'
import { checkLog, type LogFault } from '../../core/ledger/fsck.ts'
import { checkpointAt, consistencyProof, inclusionProof } from '../../core/ledger/proof.ts'
import { type LogEntry, readEntry, readLog } from '../../core/ledger/read.ts'
import { findEntries, readHead } from '../../core/ledger/rows.ts'
import type { KnownCaller } from './caller.ts'
import type { LogEntryView as LogEntryViewType } from './contract.ts'
import { findPersonBy, findVisibleApp, hasRole, kindOfId, noSuch, parseId } from './find.ts'
import { Erase } from './inputs.ts'
import { permitted } from './permitted.ts'
import { ConsistencyView, LogCheckView, LogEntryView, LogPage, ProofView } from './proof-views.ts'
import type { Call, Routes, Who } from './route.ts'
import { actorName, type Names, readNames } from './show.ts'
import type { ApiWorld } from './world.ts'

export function addLogRoutes(routes: Routes, world: ApiWorld): void {
  routes.add(
    {
      method: 'get',
      path: '/v1/log',
      says: 'Entries, oldest first. Without a role: those about your own apps.',
      who: 'person',
      query: z.object({
        subject: z.string().optional(),
        kind: z.string().optional(),
        after: z.string().optional(),
        before: z.string().optional(),
        limit: z.string().optional(),
      }),
      answer: LogPage,
    },
    async call => {
      await world.settle()
      const subject = await subjectOf(world, call.caller, call.query('subject'))
      const limit = numberOf(call, 'limit') ?? 50
      const after = numberOf(call, 'after')
      const before = numberOf(call, 'before')
      const entries = await readLog(world.store, {
        limit,
        ...(subject === undefined ? {} : { subject }),
        ...(call.query('kind') === undefined ? {} : { kind: call.query('kind') ?? '' }),
        ...(after === undefined ? {} : { after }),
        ...(before === undefined ? {} : { before }),
      })
      const { size } = await readHead(world.store)
      const last = entries.at(-1)
      return {
        entries: await entryViews(world, entries),
        next: entries.length === Math.min(limit, limits.pageRows) ? (last?.position ?? null) : null,
        size,
      }
    },
  )
  routes.add(
    {
      method: 'get',
      path: '/v1/log/checkpoint',
      says: 'The log as it is now, signed (C2SP tlog-checkpoint).',
      who: 'signed-in',
      answer: null,
    },
    async () => {
      const { size } = await readHead(world.store)
      const { note } = await checkpointAt(world.checkpoints, size)
      return new Response(note, {
        headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' },
      })
    },
  )
  routes.add(
    {
      method: 'get',
      path: '/v1/log/proof',
      says: 'That an entry is in the log (RFC 6962 inclusion).',
      who: 'signed-in',
      query: z.object({ position: z.string(), size: z.string().optional() }),
      answer: ProofView,
    },
    async call => {
      const position = requireNumber(call, 'position')
      const [entry] = await findEntries(
        world.store,
        { after: position - 1, before: position + 1 },
        1,
      )
      if (entry === undefined) throw noSuch('entry')
      const { leaf } = entry
      const checkpoint = await checkpointAt(
        world.checkpoints,
        Math.max(position + 1, numberOf(call, 'size') ?? 0),
      )
      const path = await inclusionProof(world.store, position, checkpoint.size)
      return {
        position,
        leaf,
        size: checkpoint.size,
        path: path.map(base64),
        checkpoint: checkpoint.note,
      }
    },
  )
  routes.add(
    {
      method: 'get',
      path: '/v1/log/consistency',
      says: 'That the log only grew between two sizes (RFC 6962 consistency).',
      who: 'signed-in',
      query: z.object({ from: z.string(), to: z.string().optional() }),
      answer: ConsistencyView,
    },
    async call => {
      const from = requireNumber(call, 'from')
      const { size } = await readHead(world.store)
      if (from > size)
        throw new Problem('bad-request', {
          field: 'from',
          detail: `The log has ${size} entries; it was asked about ${from}.`,
          next: 'If you saw more before, this log was put back: run doctor.',
        })
      const checkpoint = await checkpointAt(
        world.checkpoints,
        Math.max(from, numberOf(call, 'to') ?? size),
      )
      const path = from === 0 ? [] : await consistencyProof(world.store, from, checkpoint.size)
      return { from, to: checkpoint.size, path: path.map(base64), checkpoint: checkpoint.note }
    },
  )
  addCheckRoutes(routes, world)
}

function addCheckRoutes(routes: Routes, world: ApiWorld): void {
  routes.add(
    {
      method: 'post',
      path: '/v1/log/check',
      says: 'Derives the whole log again and compares.',
      who: 'person',
      answer: LogCheckView,
    },
    async call => {
      await world.settle()
      await permitted(world, {
        actor: call.caller.actor,
        action: 'log.read',
        about: world.installationThing(),
      })
      const report = await checkLog(world.store, world.logVkeys())
      return {
        entries: report.size,
        root: base64(report.root),
        verified: report.faults.length === 0,
        checkpoints: report.checkpoints,
        faults: report.faults.slice(0, 20).map(faultText),
      }
    },
  )
  routes.add(
    {
      method: 'get',
      path: '/v1/log/:position',
      says: 'One entry.',
      who: 'person',
      answer: LogEntryView,
    },
    async call => {
      const position = Number(call.param('position'))
      if (!Number.isSafeInteger(position) || position < 0) throw noSuch('entry')
      const entry = await readEntry(world.store, position)
      if (!hasRole(world, call.caller.personId)) await requireOwnEntry(world, call.caller, entry)
      const [view] = await entryViews(world, [entry])
      if (view === undefined) throw noSuch('entry')
      return view
    },
  )
  routes.add(
    {
      method: 'post',
      path: '/v1/erase',
      says: 'Erases what people wrote by or about somebody; every proof stays valid.',
      who: 'person',
      body: Erase,
      answer: z.object({ entries: z.number() }),
    },
    async call => {
      await world.settle()
      const person = await findPersonBy(world.store, call.body.person, '/person')
      const about = { type: 'person', id: person.id } as const
      const permit = await permitted(world, {
        actor: call.caller.actor,
        action: 'text.erase',
        about,
      })
      return { entries: (await eraseWords(world, permit, { id: person.id })).length }
    },
  )
}

/** Without a role somebody reads what is about their own apps, and nothing else. */
async function subjectOf(
  world: ApiWorld,
  caller: Extract<KnownCaller, { kind: 'person' }>,
  named: string | undefined,
): Promise<string | undefined> {
  if (named === undefined) {
    await permitted(world, {
      actor: caller.actor,
      action: 'log.read',
      about: world.installationThing(),
    })
    return undefined
  }
  const short = {
    R: 'request',
    G: 'grant',
    T: 'task',
    L: 'lease',
    D: 'decision',
    F: 'finding',
  } as const
  const letter = /^([RGTLDF])-/.exec(named)?.[1] as keyof typeof short | undefined
  if (letter !== undefined) {
    await permitted(world, {
      actor: caller.actor,
      action: 'log.read',
      about: world.installationThing(),
    })
    return parseId(world.store, short[letter], named)
  }
  if (kindOfId(named) !== undefined && !isId('app', named)) {
    await permitted(world, {
      actor: caller.actor,
      action: 'log.read',
      about: world.installationThing(),
    })
    return named
  }
  return (await findVisibleApp(world, caller, named)).id
}

async function requireOwnEntry(
  world: ApiWorld,
  caller: KnownCaller,
  entry: LogEntry,
): Promise<void> {
  const app = entry.subjects.find(subject => subject.type === 'app')
  if (app === undefined) throw noSuch('entry')
  await findVisibleApp(world, caller, app.id)
}

async function entryViews(
  world: ApiWorld,
  entries: readonly LogEntry[],
): Promise<LogEntryViewType[]> {
  const names = await readNames(
    world,
    entries.flatMap(entry => [entry.actor, ...entry.subjects.map(subject => subject.id)]),
  )
  return entries.map(entry => ({
    position: entry.position,
    at: entry.at,
    kind: entry.kind,
    says: entry.says,
    actor: entry.actor,
    actorName: actorName(world, names, entry.actor),
    subjects: entry.subjects.map(subject => ({
      ...subject,
      name: subjectName(world, names, subject.id),
    })),
    facts: { ...entry.facts },
    words: entry.words === 'erased' ? null : { ...entry.words },
    erased: entry.words === 'erased',
  }))
}

function subjectName(world: ApiWorld, names: Names, id: string): string {
  const { replica } = world
  const slug =
    replica.get(appTable, id)?.slug ??
    replica.get(resourceTable, id)?.slug ??
    replica.get(targetTable, id)?.slug
  if (slug !== undefined) return slug
  const grant = replica.get(grantTable, id)
  if (grant !== undefined)
    return `grant on ${replica.get(resourceTable, grant.resourceId)?.slug ?? grant.resourceId}`
  return names.get(id) ?? id
}

function faultText(fault: LogFault): string {
  const where = Object.entries(fault)
    .filter(([name]) => name !== 'what')
    .map(([name, value]) => `${name} ${String(value)}`)
  return `${fault.what}: ${where.join(', ')}`
}

function numberOf<W extends Who>(call: Call<unknown, W>, name: string): number | undefined {
  const text = call.query(name)
  if (text === undefined) return undefined
  const value = Number(text)
  if (/^\d{1,15}$/.test(text) && Number.isSafeInteger(value)) return value
  throw new Problem('bad-request', { field: name, detail: `\`${name}\` must be a whole number.` })
}

function requireNumber<W extends Who>(call: Call<unknown, W>, name: string): number {
  const value = numberOf(call, name)
  if (value === undefined)
    throw new Problem('bad-request', { field: name, detail: `\`${name}\` is missing.` })
  return value
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}
