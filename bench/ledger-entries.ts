/**
 * What the log costs who writes: 16 writers, real PostgreSQL with fsync on.
 *
 * Both sides do the same two transactions in turn, on the same table, through the same store and its
 * connections: insert a row (one statement, one round trip), then change it (lock it, save it under
 * its version, look that one row was changed, commit).
 *   ours   by `recorded`: each transaction seals its entry; sequencer, checkpoints and follower run in
 *          this process as in the server, and a round is over when the follower has applied its last entry
 *   peer   by the same `store.transact` with the same statements, and no log at all
 * CPU is that of this process and of all PostgreSQL processes. Beside it: how long after a commit the
 * follower shows it, at two steady rates; and the same work on the embedded database, which never
 * waits for a disk (both sides alike).
 */
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { newId } from '../src/core/base/ids.ts'
import { systemClock } from '../src/core/base/time.ts'
import { type Follower, startFollower } from '../src/core/ledger/follow.ts'
import { type LedgerWorld, recorded } from '../src/core/ledger/record.ts'
import { Replica } from '../src/core/ledger/replica.ts'
import { startSequencer } from '../src/core/ledger/sequence.ts'
import { openStore } from '../src/core/store/open.ts'
import type { Store } from '../src/core/store/store.ts'
import { startPostgres } from '../test/fakes/postgres.ts'
import {
  actor,
  asOwner,
  changeThing,
  makeNoteSigner,
  makeThing,
  type ThingRow,
  thingMade,
  thingSchema,
  thingTable,
} from '../test/support/ledger.ts'
import { memoryStore } from '../test/support/store.ts'
import {
  type Compared,
  compare,
  ownCpuMicros,
  quantile,
  type Side,
  treeCpuMicros,
} from './measure.ts'
import { machine, type Row, ratioText, round3 } from './row.ts'

const writers = 16
const pairsPerWriter = { postgres: 100, pglite: 20 }
const rates = [300, 1_000]
const rateMs = 4_000

export async function benchLedgerEntries(progress: (text: string) => void): Promise<Row> {
  const server = await startPostgres()
  const owner = new pg.Client({ connectionString: server.url() })
  try {
    const store = await openStore({ url: server.url() })
    await owner.connect()
    for (const statement of thingSchema) await owner.query(statement)
    const cpuMicros = () => ownCpuMicros() + treeCpuMicros(server.pid)
    const log = await startLog(store)
    const compared = await compareOn(log, pairsPerWriter.postgres, { cpuMicros, progress })
    const latency: Record<string, unknown> = {}
    for (const rate of rates) latency[`at ${rate}/s`] = await measureLatency(log, rate, progress)
    await log.stop()
    await store.close()
    const embedded = await compareEmbedded(progress)
    return {
      name: 'ledger-entries',
      ours: Math.round(1e6 / compared.ours.wall),
      peer: Math.round(1e6 / compared.peer.wall),
      unit: 'transactions/s',
      ratio: compared.wall.ratio,
      rounds: compared.rounds,
      spread: compared.wall.spread,
      extra: {
        writers,
        cpuMicros: { ours: round3(compared.ours.cpu), peer: round3(compared.peer.cpu) },
        cpuRatio: ratioText(compared.cpu),
        ends: compared.wall.ends,
        commitToFollowerMs: latency,
        goal: 'commit to follower p99 at most 25 ms',
        embedded,
        ...machine(),
      },
    }
  } finally {
    await owner.end()
    await server.stop()
  }
}

interface Log extends LedgerWorld {
  readonly follower: Follower
  /** When each entry was shown by the follower, by inbox id. */
  /** By the thing an entry is about. */
  readonly shownAtMs: Map<string, number>
  stop(): Promise<void>
}

/** Sequencer and follower as `main.ts` puts them together: in this process, on this store. */
async function startLog(store: Store): Promise<Log> {
  const replica = new Replica()
  const clock = systemClock
  const onFault = (fault: unknown) => {
    throw new Error('the log stopped', { cause: fault })
  }
  const follower = await startFollower({ store, clock, replica, onFault })
  const sequencer = startSequencer({
    store,
    clock,
    signer: makeNoteSigner(),
    gate: () => follower.gate(),
    onFault,
  })
  await follower.ready
  const shownAtMs = new Map<string, number>()
  follower.onEntry(({ subjects: [id = ''] }) => shownAtMs.set(id, performance.now()))
  return {
    store,
    clock,
    replica,
    poke: sequencer.poke,
    gate: () => follower.gate(),
    follower,
    shownAtMs,
    async stop() {
      await sequencer.stop()
      await follower.stop()
    },
  }
}

function compareOn(
  log: Log,
  pairs: number,
  how: { cpuMicros: () => number; progress: (text: string) => void },
): Promise<Compared> {
  const { cpuMicros, progress } = how
  const ours: Side = {
    cpuMicros,
    async run() {
      await atOnce(writers, async () => {
        for (let n = 0; n < pairs; n++) {
          const row = await makeThing(log)
          await changeThing(log, row.id, { state: 'paused' })
        }
      })
      await settle(log)
      log.shownAtMs.clear()
      return writers * pairs * 2
    },
  }
  const peer: Side = {
    cpuMicros,
    async run() {
      await atOnce(writers, async () => {
        for (let n = 0; n < pairs; n++) {
          const id = await insertPlain(log.store)
          await changePlain(log.store, id)
        }
      })
      return writers * pairs * 2
    },
  }
  return compare(ours, peer, { rounds: 9, warmUps: 2, progress })
}

/** Nothing waits for a position, and the follower has applied everything. */
async function settle({ store, follower }: Log): Promise<void> {
  for (;;) {
    const [row] = await store.query<{ size: number; waiting: boolean }>(
      'select size, exists (select from ledger_inbox) as waiting from ledger_head',
    )
    if (row?.waiting === false && follower.position >= row.size) return
    await wait(1)
  }
}

async function insertPlain(store: Store): Promise<string> {
  const row: ThingRow = {
    id: newId('app'),
    version: 1,
    state: 'active',
    ownerId: null,
    name: 'Deal desk',
    tags: ['a', 'b c'],
    extra: { b: 1, a: ['x'] },
    madeAt: systemClock.now(),
  }
  await store.transact(async tx => {
    void tx.finish(
      `insert into thing (id, version, state, owner_id, name, tags, extra, made_at)
       values ($1, $2, $3, $4, $5, $6, $7::jsonb, $8)`,
      paramsOf(row),
    )
  })
  return row.id
}

async function changePlain(store: Store, id: string): Promise<void> {
  await store.transact(async tx => {
    const [before] = await tx.query<ThingRow>(
      `select ${thingTable.select} from thing where id = $1 for update`,
      [id],
    )
    if (before === undefined) throw new Error('no such thing')
    const after: ThingRow = { ...before, state: 'paused', version: before.version + 1 }
    const changed = await tx.query(
      `update thing set (id, version, state, owner_id, name, tags, extra, made_at) =
         row($1, $2, $3, $4, $5, $6, $7::jsonb, $8)
       where id = $9 and version = $10 returning id`,
      [...paramsOf(after), before.id, before.version],
    )
    if (changed.length !== 1) throw new Error('somebody else changed it')
  })
}

function paramsOf(row: ThingRow): unknown[] {
  const { id, version, state, ownerId, name, tags, extra, madeAt } = row
  return [id, version, state, ownerId, name, tags, JSON.stringify(extra), madeAt]
}

/** Entries at a steady rate, each from the answer to its commit until the follower shows it. */
async function measureLatency(log: Log, rate: number, progress: (text: string) => void) {
  const committedAtMs = new Map<string, number>()
  const writes: Promise<unknown>[] = []
  const startedMs = performance.now()
  for (let n = 0; n < (rate * rateMs) / 1000; n++) {
    const dueMs = startedMs + (n * 1000) / rate
    if (dueMs > performance.now()) await wait(dueMs - performance.now())
    writes.push(recordedOnce(log, committedAtMs))
  }
  await Promise.all(writes)
  await settle(log)
  // The follower may show an entry before its writer has the answer: that is no time at all.
  const all = [...committedAtMs].map(([id, atMs]) =>
    Math.max(0, (log.shownAtMs.get(id) ?? Number.POSITIVE_INFINITY) - atMs),
  )
  log.shownAtMs.clear()
  const [p50, p99] = [quantile(all, 0.5), quantile(all, 0.99)]
  progress(`commit to follower at ${rate}/s: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`)
  return { p50: round3(p50), p99: round3(p99), entries: all.length }
}

async function recordedOnce(log: Log, committedAtMs: Map<string, number>): Promise<void> {
  const row: ThingRow = {
    id: newId('app'),
    version: 1,
    state: 'active',
    ownerId: null,
    name: 'Deal desk',
    tags: [],
    extra: {},
    madeAt: log.clock.now(),
  }
  await recorded(log, async scope => {
    await scope.insert(thingTable, row)
    scope.entry({ kind: thingMade, by: actor })
  })
  committedAtMs.set(row.id, performance.now())
}

async function compareEmbedded(progress: (text: string) => void) {
  const store = await memoryStore()
  try {
    await asOwner(store, thingSchema)
    const log = await startLog(store)
    const compared = await compareOn(log, pairsPerWriter.pglite, {
      cpuMicros: ownCpuMicros,
      progress: text => progress(`embedded ${text}`),
    })
    const latency = await measureLatency(log, rates[0] ?? 0, progress)
    await log.stop()
    return {
      ours: Math.round(1e6 / compared.ours.wall),
      peer: Math.round(1e6 / compared.peer.wall),
      ratio: ratioText(compared.wall),
      commitToFollowerMs: { [`at ${rates[0]}/s`]: latency },
    }
  } finally {
    await store.close()
  }
}

async function atOnce(count: number, run: () => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: count }, run))
}
