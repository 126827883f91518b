/**
 * Trace: one query from the commit to the row it read, and back. Each hop says whether it is proven
 * (by whose signature), asserted (by whom) or missing; nothing is filled in.
 */
import type { JsonObject } from '../../core/base/json.ts'
import { Problem } from '../../core/base/problem.ts'
import type { Instant } from '../../core/base/time.ts'
import type { Sql } from '../../core/store/store.ts'
import {
  findTracedTask,
  readDecisions,
  readEntries,
  readLeases,
  readTask,
  type TracedEntry,
  type TracedLease,
  type TracedTask,
} from './rows.ts'

export interface Hop {
  readonly hop: 'commit' | 'run' | 'attestation' | 'decision' | 'token' | 'lease' | 'use' | 'end'
  readonly name: string
  readonly what: string
  readonly at: Instant | null
  readonly state: 'proven' | 'asserted' | 'missing'
  readonly by: string
  readonly entry: number | null
  readonly id: string | null
}

export interface Trace {
  readonly about: string
  readonly app: string
  readonly hops: readonly Hop[]
}

/** `thing` is a full id, or the beginning of a commit. Problem `not-found` when nothing hangs on it. */
export async function traceThing(sql: Sql, thing: string): Promise<Trace> {
  const taskId = await findTracedTask(sql, thing)
  const task = taskId === undefined ? undefined : await readTask(sql, taskId)
  if (task === undefined)
    throw new Problem('not-found', {
      detail: `Nothing that was done hangs on \`${thing}\`.`,
      next: 'Try an app, a lease (L-…), a task (T-…) or a commit.',
    })
  const leases = await readLeases(sql, task.id)
  const shown = leases.some(lease => lease.id === thing)
    ? leases.filter(lease => lease.id === thing)
    : leases
  const entries = await readEntries(sql, [task.id, ...shown.map(lease => lease.id)])
  const hops = [
    ...originHops(task, entries),
    ...(await decisionAndToken(sql, entries)),
    ...(await leaseHops(sql, shown, entries)),
  ]
  return { about: thing, app: task.slug, hops }
}

function originHops(task: TracedTask, entries: readonly TracedEntry[]): Hop[] {
  const { commit, run, repository, actor } = task.provenance
  const exchange = entries.find(entry => entry.kind === 'token.exchange')
  const person = typeof actor === 'string' ? actor : task.onBehalfOf
  const hops: Hop[] = []
  if (typeof commit === 'string')
    hops.push(
      hop('commit', commit.slice(0, 7), person ?? '', 'asserted', 'the CI token', { at: null }),
    )
  else
    hops.push(
      hop('commit', 'commit', 'started by a person, not from a commit', 'missing', 'nobody', {
        at: null,
      }),
    )
  const name = run === undefined ? 'attestation' : `CI run ${String(run)}`
  const by = `${issuerName(task.issuer)}'s signature`
  hops.push(
    exchange === undefined
      ? hop('attestation', name, 'no accepted attestation in the log', 'missing', 'nobody', {
          at: null,
        })
      : hop('attestation', name, String(repository ?? person ?? ''), 'proven', by, exchange),
  )
  return hops
}

async function decisionAndToken(sql: Sql, entries: readonly TracedEntry[]): Promise<Hop[]> {
  const exchange = entries.find(entry => entry.kind === 'token.exchange')
  if (exchange === undefined)
    return [hop('token', 'token', 'no token in the log', 'missing', 'nobody', { at: null })]
  const token = rowsIn(exchange, 'token')[0]
  const [decision] = await decisionHops(sql, exchange, 'a token for this task')
  const hash = typeof token?.hash === 'string' ? `sha256 ${token.hash.slice(0, 8)}…` : ''
  return [
    ...(decision === undefined ? [] : [decision]),
    hop(
      'token',
      'token',
      hash,
      'proven',
      `log #${exchange.position}`,
      exchange,
      stringOf(token?.id),
    ),
  ]
}

async function leaseHops(
  sql: Sql,
  leases: readonly TracedLease[],
  entries: readonly TracedEntry[],
): Promise<Hop[]> {
  const hops: Hop[] = []
  for (const lease of leases) {
    const about = entries.filter(
      entry =>
        rowsIn(entry, 'lease').some(row => row.id === lease.id) || entry.facts.leaseId === lease.id,
    )
    const intended = about.find(entry => entry.kind === 'lease.intend')
    const issued = about.find(entry => entry.kind === 'lease.issue')
    const wanted = `${lease.actions.join(', ')} ${lease.resource}`
    if (intended !== undefined) hops.push(...(await decisionHops(sql, intended, wanted)))
    if (issued !== undefined)
      hops.push(
        hop('lease', lease.id, 'made', 'proven', `log #${issued.position}`, issued, lease.id),
      )
    else if (lease.outcome !== 'never-made')
      hops.push(
        hop('lease', lease.id, 'not confirmed', 'missing', 'nobody', { at: null }, lease.id),
      )
    for (const use of about.filter(entry => entry.kind === 'lease.use'))
      hops.push(
        hop(
          'use',
          'use',
          `${String(use.facts.rowCount)} rows`,
          'asserted',
          'the app',
          use,
          lease.id,
        ),
      )
    const gone = about.findLast(entry =>
      rowsIn(entry, 'lease').some(row => row.id === lease.id && row.state === 'gone'),
    )
    if (gone !== undefined)
      hops.push(
        hop(
          'end',
          lease.id,
          lease.outcome ?? '',
          'proven',
          `log #${gone.position}`,
          gone,
          lease.id,
        ),
      )
    else if (lease.state === 'gone')
      hops.push(
        hop(
          'end',
          lease.id,
          'its end is not in the log',
          'missing',
          'nobody',
          { at: lease.endedAt },
          lease.id,
        ),
      )
  }
  return hops
}

async function decisionHops(sql: Sql, entry: TracedEntry, wanted: string): Promise<Hop[]> {
  const sealed = Array.isArray(entry.facts.decisions) ? (entry.facts.decisions as JsonObject[]) : []
  const found = await readDecisions(
    sql,
    sealed.map(each => String(each.id)),
  )
  return sealed.map(({ id }) => {
    const decision = found.get(String(id))
    return hop(
      'decision',
      String(id),
      wanted,
      decision === undefined ? 'missing' : 'proven',
      decision === undefined
        ? 'its record is gone'
        : `policy v${decision.serial ?? '?'}, log #${entry.position}`,
      { at: decision?.at ?? entry.at, position: entry.position },
      String(id),
    )
  })
}

function hop(
  kind: Hop['hop'],
  name: string,
  what: string,
  state: Hop['state'],
  by: string,
  from: { at: Instant | null; position?: number },
  id: string | null = null,
): Hop {
  return { hop: kind, name, what, state, by, at: from.at, entry: from.position ?? null, id }
}

function rowsIn(entry: TracedEntry, table: string): JsonObject[] {
  const rows = Array.isArray(entry.facts.rows)
    ? (entry.facts.rows as { table: string; row: JsonObject }[])
    : []
  return rows.filter(each => each.table === table).map(each => each.row)
}

function issuerName(issuer: string | null): string {
  return issuer === null ? 'the issuer' : (URL.parse(issuer)?.host ?? issuer)
}

function stringOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}
