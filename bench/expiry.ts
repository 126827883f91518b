/**
 * 100,000 leases that are due, at a target in memory that answers at once, on a real PostgreSQL with
 * fsync on: what driving an end costs beside the target itself. Ten rounds of 10,000 a side, each side
 * with a table of 100,000.
 *
 *   ours   the server's own job, as `serve` runs it: takes batches from the due table, ends each lease
 *          at the target, looks by two paths (its list, and the secret derived again and tried),
 *          records state and evidence in the log with an image of each lease. A round is over when
 *          the log is sequenced and followed
 *   peer   a plain loop on one connection: lock a batch of the same size with SKIP LOCKED, call the
 *          same target once for each, set them gone, commit. Its table has the columns, constraints
 *          and indexes of ours, and its due time in the row, under an index of what is not gone. No
 *          second look, no log, no memory to keep up to date
 *
 * Beside it, at a target that takes 20 ms for each of its two calls and 64 calls at once: how long
 * 10,000 leases take, and how long a person's API call takes meanwhile (server in a process of its own).
 */
import pg from 'pg'
import { limits } from '../src/core/base/limits.ts'
import { addSeconds, type Instant } from '../src/core/base/time.ts'
import type { Target } from '../src/core/target/target.ts'
import { type RunningPostgres, startPostgres } from '../test/fakes/postgres.ts'
import { recordingTarget } from '../test/fakes/recording-target.ts'
import {
  addDueLeases,
  columnsOf,
  insertRows,
  leaseRow,
  placeOf,
  sweepAll,
  turnedClock,
} from './due-leases.ts'
import { measureSlowTarget } from './expiry-slow.ts'
import { type AtWork, startAtWork } from './furnish.ts'
import { compare, ownCpuMicros, type Side, treeCpuMicros } from './measure.ts'
import { machine, type Row, ratioText, round3 } from './row.ts'

const plainSchema = `
  create table plain_lease (like lease including all, due_at timestamptz not null)
    with (fillfactor = 60);
  create index plain_lease_due on plain_lease (due_at) where state <> 'gone'`

const perRound = 10_000
const rounds = 10
/** Far enough from now that nothing is due before its round, however slow the machine. */
const [firstSeconds, betweenSeconds] = [3600, 600]

export async function benchExpiry(progress: (text: string) => void): Promise<Row> {
  const server = await startPostgres()
  try {
    const compared = await compareSweeps(server, progress)
    const slow = await measureSlowTarget(progress)
    return {
      name: 'expiry',
      ours: Math.round(1e6 / compared.ours.wall),
      peer: Math.round(1e6 / compared.peer.wall),
      unit: 'leases/s',
      ratio: compared.wall.ratio,
      rounds: compared.rounds,
      spread: compared.wall.spread,
      extra: {
        leases: perRound * rounds,
        batch: limits.sweepBatch,
        secondsFor100k: round3((compared.ours.wall * 100_000) / 1e6),
        cpuMicros: { ours: round3(compared.ours.cpu), peer: round3(compared.peer.cpu) },
        cpuRatio: ratioText(compared.cpu),
        ends: compared.wall.ends,
        slowTarget: slow,
        ...machine(),
      },
    }
  } finally {
    await server.stop()
  }
}

async function compareSweeps(server: RunningPostgres, progress: (text: string) => void) {
  const recording = recordingTarget()
  const clock = turnedClock()
  const work = await startAtWork(placeOf(recording.connector), server.url(), clock)
  const owner = new pg.Client({ connectionString: server.url() })
  await owner.connect()
  try {
    await owner.query(plainSchema)
    const dueAt = (round: number) =>
      addSeconds(clock.started, firstSeconds + round * betweenSeconds)
    for (let round = -1; round < rounds; round++) {
      const due = { count: round < 0 ? perRound / 5 : perRound, at: dueAt(round) }
      await addDueLeases(work, { owner, recording }, due)
      await addPlainLeases(owner, work, due)
    }
    await owner.query('vacuum analyze')
    progress(`${perRound * rounds} leases a side are there`)
    const cpuMicros = () => ownCpuMicros() + treeCpuMicros(server.pid)
    const target = recording.connector.open({}, clock)
    const ours: Side = {
      cpuMicros,
      async run(round) {
        clock.set(dueAt(round))
        return sweepAll(work)
      },
    }
    const peer: Side = { cpuMicros, run: round => sweepPlain(owner, target, dueAt(round)) }
    const compared = await compare(ours, peer, { rounds, warmUps: 1, progress })
    await refuseUnlessGone(owner, recording.principals.size)
    return compared
  } finally {
    await owner.end()
    await work.stop()
  }
}

async function sweepPlain(owner: pg.Client, target: Target, now: Instant): Promise<number> {
  for (let count = 0; ; ) {
    await owner.query('begin')
    const { rows } = await owner.query<{ id: string; principal: string }>(
      `select id, principal from plain_lease where state <> 'gone' and due_at <= $1
       order by due_at limit $2 for update skip locked`,
      [now, limits.sweepBatch],
    )
    await Promise.all(
      rows.map(({ principal }) =>
        target.end(
          { principal, holder: 'lhg_x', owner: 'lho_x', object: {}, secret: null, deadline: now },
          AbortSignal.timeout(limits.targetCallMs),
        ),
      ),
    )
    await owner.query(
      `update plain_lease set state = 'gone', outcome = 'verified-gone', cause = 'expired',
         version = version + 1, ended_at = $2 where id = any($1)`,
      [rows.map(row => row.id), now],
    )
    await owner.query('commit')
    count += rows.length
    if (rows.length === 0) return count
  }
}

async function addPlainLeases(
  owner: pg.Client,
  work: AtWork,
  due: { count: number; at: Instant },
): Promise<void> {
  for (let left = due.count; left > 0; left -= 1_000) {
    const rows = Array.from({ length: 1_000 }, () => ({
      ...columnsOf(leaseRow(work, due.at)),
      due_at: due.at,
    }))
    await insertRows(owner, 'plain_lease', rows)
  }
}

/** A round that left something behind would have been cheap. */
async function refuseUnlessGone(owner: pg.Client, principals: number): Promise<void> {
  const { rows } = await owner.query<{ open: number }>(
    `select (select count(*) from lease where outcome is distinct from 'verified-gone')::int
       + (select count(*) from plain_lease where state <> 'gone')::int as open`,
  )
  if (rows[0]?.open !== 0 || principals !== 0) throw new Error('something is not gone')
}
