/**
 * Many live leases that will be due at a known instant, written straight into the tables: issuing
 * them is not what is measured. They are as `issueLease` leaves them (row, salt, due time, image in
 * memory), with a principal each at the recording target.
 */
import type pg from 'pg'
import { newId } from '../src/core/base/ids.ts'
import { addMs, addSeconds, type Clock, type Instant, systemClock } from '../src/core/base/time.ts'
import { type LeaseRow, leaseTable } from '../src/core/lease/rows.ts'
import { snakeCase } from '../src/core/ledger/fact-table.ts'
import type { RecordingTarget } from '../test/fakes/recording-target.ts'
import type { AtWork, Place } from './furnish.ts'

const chunk = 1_000

/** `owner` is a connection with the owner's rights, for one INSERT a chunk. */
export async function addDueLeases(
  work: AtWork,
  into: { owner: pg.Client; recording: RecordingTarget },
  due: { count: number; at: Instant },
): Promise<void> {
  const { world } = work.running
  for (let left = due.count; left > 0; left -= chunk) {
    const rows = Array.from({ length: Math.min(chunk, left) }, () => leaseRow(work, due.at))
    await insertRows(into.owner, 'lease', rows.map(columnsOf))
    await insertRows(into.owner, 'lease_due', rows.map(dueOf))
    const salts = rows.map(row => ({ lease_id: row.id, salt: world.newLeaseSalt() }))
    await insertRows(into.owner, 'lease_salt', salts)
    world.replica.apply(rows.map(row => ({ table: leaseTable.name, row })))
    for (const [nth, { id, principal, termEndsAt }] of rows.entries())
      into.recording.principals.set(principal, {
        name: principal,
        holder: work.grant.holder,
        secret: world.leaseSecret(id, salts[nth]?.salt ?? ''),
        sessions: 0,
        validUntil: termEndsAt,
      })
  }
}

export function leaseRow(work: AtWork, dueAt: Instant): LeaseRow {
  const { app, identity, task, grant, resource } = work
  const id = newId('lease')
  const madeAt = work.running.world.clock.now()
  return {
    id,
    version: 2,
    appId: app.id,
    identityId: identity.id,
    taskId: task.id,
    grantId: grant.id,
    targetId: grant.targetId,
    resourceId: resource.id,
    actions: ['read'],
    principal: `lh_bench_${id.slice(3)}`,
    idempotencyHash: null,
    state: 'live',
    outcome: null,
    contained: false,
    cause: null,
    term: 1,
    intentDeadline: addSeconds(madeAt, 10),
    madeAt,
    issuedAt: madeAt,
    termEndsAt: dueAt,
    endsAt: dueAt,
    diesAt: dueAt,
    acceptedPath: 'memory',
    evidence: null,
    endedAt: null,
  }
}

/** A row as the table has it. */
export function columnsOf(row: LeaseRow): Record<string, unknown> {
  return Object.fromEntries(leaseTable.columns.map(column => [snakeCase(column), row[column]]))
}

function dueOf({ id, targetId, termEndsAt }: LeaseRow): Record<string, unknown> {
  return { lease_id: id, target_id: targetId, due_at: termEndsAt, tries: 0 }
}

export async function insertRows(
  owner: pg.Client,
  table: string,
  rows: readonly Record<string, unknown>[],
): Promise<void> {
  const names = Object.keys(rows[0] ?? {}).join(', ')
  await owner.query(
    `insert into ${table} (${names})
     select ${names} from jsonb_populate_recordset(null::${table}, $1::jsonb)`,
    [JSON.stringify(rows)],
  )
}

/** Runs the server's job until nothing is due, and the log has it all. Answers how many went. */
export async function sweepAll({ running: { world } }: AtWork): Promise<number> {
  const dueCount = async () => {
    const [row] = await world.store.query<{ n: number }>(
      'select count(*)::int as n from lease_due where due_at <= $1',
      [world.clock.now()],
    )
    return row?.n ?? 0
  }
  const before = await dueCount()
  while ((await dueCount()) > 0) await world.runNow('leases')
  await world.settle()
  return before
}

export function placeOf(connector: Place['connector']): Place {
  return { connector, config: {}, object: { table: 'deals' }, columns: ['id', 'stage'] }
}

/** The machine's clock, put forward by hand. */
export function turnedClock(): Clock & { readonly started: Instant; set(at: Instant): void } {
  const started = systemClock.now()
  let aheadMs = 0
  return {
    started,
    now: () => addMs(systemClock.now(), aheadMs),
    monotonicMs: () => systemClock.monotonicMs() + aheadMs,
    set(at) {
      aheadMs = Math.max(aheadMs, Date.parse(at) - Date.parse(systemClock.now()))
    },
  }
}
