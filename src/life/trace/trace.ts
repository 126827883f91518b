/**
 * Trace: one query from the commit to the row it read, and back. Each hop says whether it is proven
 * (by whose signature), asserted (by whom) or missing; nothing is filled in.
 */
import { z } from 'zod'
import type { DecisionId } from '../../core/base/ids.ts'
import type { JsonObject } from '../../core/base/json.ts'
import { problemOf } from '../../core/base/problem.ts'
import { product } from '../../core/base/product.ts'
import type { Sql } from '../../core/store/store.ts'
import { readEntry } from '../audit/read.ts'
import { shortId } from '../lists/short-id.ts'
import * as rows from './rows.ts'

/** One step of a trace. `entry` is its position in the log. */
export const hopShape = z.object({
  hop: z.enum(['commit', 'run', 'attestation', 'decision', 'token', 'lease', 'use', 'end']),
  name: z.string(),
  what: z.string(),
  by: z.string(),
  state: z.enum(['proven', 'asserted', 'missing']),
  entry: z.number().nullable(),
  at: z.string().nullable(),
  id: z.string().nullable(),
})
export type Hop = z.infer<typeof hopShape>

/** `thing` is a full id, or the beginning of a commit. Problem `not-found` when nothing hangs on it. */
export async function traceThing(sql: Sql, thing: string) {
  const taskId = await rows.findTracedTask(sql, thing)
  const task = taskId === undefined ? undefined : await rows.readTask(sql, taskId)
  if (task === undefined) throw problemOf('nothing-hangs-on-it', { thing })
  const leases = await rows.readLeases(sql, task.id)
  const shown = leases.some(lease => lease.id === thing)
    ? leases.filter(lease => lease.id === thing)
    : leases
  const ids = shown.map(({ id }) => id)
  const entries = await rows.readEntries(sql, [task.id, ...ids])
  const exchange = entries.find(({ kind }) => kind === 'token.exchange' || kind === 'token.take-up')
  const hops = [...(await originHops(sql, task, exchange)), ...(await tokenHops(sql, exchange))]
  const calls = await rows.readCalls(sql, task, ids)
  for (const lease of shown) hops.push(...(await leaseHops(sql, lease, { entries, calls })))
  for (const it of entries.filter(({ kind }) => kind === 'app.ship'))
    hops.push(hop('use', 'proven', ['shipped', `sha256 ${it.facts.digest as string}`], logged(it)))
  for (const { name, count, ...last } of await rows.readVisits(sql, task)) {
    const from = {
      by: `the log, #${last.position}`,
      at: last.at,
      id: task.appId,
      entry: last.position,
    }
    const times = count === 1 ? 'opened the app' : `opened the app ${count} times`
    hops.push(hop('use', 'proven', [name ?? '(a person)', times], from))
  }
  return { about: thing, app: task.slug, hops }
}

async function originHops(sql: Sql, task: rows.TracedTask, exchange: rows.TracedEntry | undefined) {
  const { commit, runNumber, run, issuer } = task.provenance
  // Names of repository and people are words of the entry: they may be erased, the proof stays.
  const words = exchange && (await readEntry(sql, exchange.position)).words
  const said = (name: string) => (words === 'erased' ? '(erased)' : words?.[name])
  const person = said('actor') ?? task.onBehalfOf ?? ''
  const isRun = typeof commit === 'string'
  const hops = [
    isRun
      ? hop('commit', 'asserted', [commit.slice(0, 7), person], { by: 'the CI token' })
      : missing('commit', ['commit', 'started by a person, not from a commit']),
  ]
  const number = runNumber ?? run
  const name = typeof number === 'string' ? `CI run ${number}` : 'attestation'
  if (exchange === undefined)
    return [...hops, missing('attestation', [name, 'no accepted attestation in the log'])]
  if (task.parentId !== null) {
    const first = `${shortId('task', task.parentId)} of ${task.parentSlug ?? ''}`
    const from = { ...logged(exchange), id: task.parentId }
    return [...hops, hop('attestation', 'proven', ['works for', first], from)]
  }
  const host = typeof issuer === 'string' ? (URL.parse(issuer)?.host ?? issuer) : product.name
  const from = { ...logged(exchange), by: `${host}'s signature` }
  return [...hops, hop('attestation', 'proven', [name, said('repository') ?? person], from)]
}

async function tokenHops(sql: Sql, exchange: rows.TracedEntry | undefined): Promise<Hop[]> {
  if (exchange === undefined) return [missing('token', ['token', 'no token in the log'])]
  const { hash, id } = rowsIn(exchange, 'token')[0] ?? {}
  const what = typeof hash === 'string' ? `sha256 ${hash.slice(0, 8)}…` : ''
  return [
    ...(await decisionHops(sql, exchange, 'a token for this task')),
    hop('token', 'proven', ['token', what], {
      ...logged(exchange),
      id: typeof id === 'string' ? id : null,
    }),
  ]
}

async function leaseHops(
  sql: Sql,
  lease: rows.TracedLease,
  { entries, calls }: { entries: readonly rows.TracedEntry[]; calls: readonly rows.TracedCalls[] },
): Promise<Hop[]> {
  const { id } = lease
  const name = shortId('lease', id)
  const about = entries.filter(
    entry => entry.facts.leaseId === id || rowsIn(entry, 'lease').some(row => row.id === id),
  )
  const intended = about.find(entry => entry.kind === 'lease.intend')
  const issued = about.find(entry => entry.kind === 'lease.issue')
  const gone = about.findLast(entry =>
    rowsIn(entry, 'lease').some(row => row.id === id && row.state === 'gone'),
  )
  const wanted = `${lease.actions.join(', ')} ${lease.resource}`
  const hops = intended === undefined ? [] : await decisionHops(sql, intended, wanted)
  if (issued !== undefined)
    hops.push(hop('lease', 'proven', [name, 'made'], { ...logged(issued), id }))
  else if (lease.outcome !== 'never-made') hops.push(missing('lease', [name, 'not confirmed'], id))
  for (const opened of about.filter(entry => entry.kind === 'session.open'))
    hops.push(...(await sessionHops(sql, opened, { lease, about })))
  for (const { asked, count, lastAt, position } of calls.filter(({ leaseId }) => leaseId === id)) {
    const by = position === null ? 'the gateway, not sealed yet' : `the gateway, log #${position}`
    const from = { by, at: lastAt, id, entry: position }
    const times = count === 1 ? 'once' : `${count} times`
    hops.push(hop('use', position === null ? 'asserted' : 'proven', [asked, times], from))
  }
  for (const use of about.filter(entry => entry.kind === 'lease.use')) {
    const from = { ...logged(use), by: 'the app', id }
    hops.push(hop('use', 'asserted', ['use', `${Number(use.facts.rowCount)} rows`], from))
  }
  if (gone !== undefined)
    hops.push(hop('end', 'proven', [name, lease.outcome ?? ''], { ...logged(gone), id }))
  else if (lease.state === 'gone')
    hops.push(missing('end', [name, 'its end is not in the log'], id))
  return hops
}

/** Through the gateway nobody has to say what was done: it counted what went through. */
async function sessionHops(
  sql: Sql,
  opened: rows.TracedEntry,
  { lease, about }: { lease: rows.TracedLease; about: readonly rows.TracedEntry[] },
): Promise<Hop[]> {
  const { session } = opened.facts
  const ended = about.find(each => each.kind === 'session.end' && each.facts.session === session)
  const { rowCount, toCaller } = ended?.facts ?? {}
  const counted = typeof rowCount === 'number' ? `${rowCount} rows` : `${Number(toCaller)} bytes`
  const what = ended === undefined ? 'open' : counted
  const from = logged(ended ?? opened)
  const by = `the gateway, ${from.by}`
  return [
    ...(await decisionHops(sql, opened, `a session for ${lease.resource}`)),
    hop('use', 'proven', ['use', what], { ...from, by, id: lease.id }),
  ]
}

async function decisionHops(sql: Sql, entry: rows.TracedEntry, wanted: string): Promise<Hop[]> {
  const sealed = Array.isArray(entry.facts.decisions) ? (entry.facts.decisions as JsonObject[]) : []
  const ids = sealed.map(each => each.id as DecisionId)
  const found = await rows.readDecisions(sql, ids)
  return ids.map(id => {
    const name = shortId('decision', id)
    const decision = found.get(id)
    if (decision === undefined) return missing('decision', [name, 'its record is gone'], id)
    const by = `policy v${decision.serial ?? '?'}, ${logged(entry).by}`
    const from = { by, at: decision.at, entry: entry.position, id }
    const isWatched = decision.effect === 'watched'
    const said = isWatched ? `${wanted}: watched, policy denies it by ${decision.rule}` : wanted
    return hop('decision', 'proven', [name, said], from)
  })
}

type From = Pick<Hop, 'by'> & Partial<Pick<Hop, 'at' | 'entry' | 'id'>>

type Says = readonly [name: string, what: string]

function hop(kind: Hop['hop'], state: Hop['state'], [name, what]: Says, from: From): Hop {
  return { hop: kind, name, what, state, entry: null, at: null, id: null, ...from }
}

function missing(kind: Hop['hop'], says: Says, id: string | null = null): Hop {
  return hop(kind, 'missing', says, { by: 'nobody', id })
}

/** The number people know an entry by is its position in the log. */
function logged({ at, position }: rows.TracedEntry) {
  return { at, entry: position, by: `log #${position}` }
}

function rowsIn(entry: rows.TracedEntry, table: string): JsonObject[] {
  const rows = Array.isArray(entry.facts.rows)
    ? (entry.facts.rows as { table: string; row: JsonObject }[])
    : []
  return rows.filter(each => each.table === table).map(each => each.row)
}
