/**
 * Decision records at volume on a real PostgreSQL with fsync on: 5,000 a round, as the decision API
 * keeps them, with the facts of a lease decision in each.
 *
 *   ours   `keep` for each, all at once: a line in the spool; read back and checked, sent in batches into
 *          the partition of the day, each batch's root sealed by an entry in the same transaction, the
 *          log sequenced. A round is over when everything is sealed
 *   peer   one COPY of the same rows into a table like that one, by itself, no spool and no seal
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { sha256Hex } from '../src/core/base/hash.ts'
import { newId } from '../src/core/base/ids.ts'
import { systemClock } from '../src/core/base/time.ts'
import { Replica } from '../src/core/ledger/replica.ts'
import { startSequencer } from '../src/core/ledger/sequence.ts'
import { openStore } from '../src/core/store/open.ts'
import type { Kept } from '../src/life/records/line.ts'
import { openSpool } from '../src/life/records/spool.ts'
import sample from '../src/life/why/sample.json' with { type: 'json' }
import { startPostgres } from '../test/fakes/postgres.ts'
import { makeNoteSigner } from '../test/support/ledger.ts'
import { copyRows } from './copy.ts'
import { compare, ownCpuMicros, type Side, treeCpuMicros } from './measure.ts'
import { machine, type Row, ratioText, round3 } from './row.ts'

const perRound = 5_000
const rounds = 12

export async function benchRecord(progress: (text: string) => void): Promise<Row> {
  const home = await mkdtemp(join(tmpdir(), 'leasehold-bench-'))
  const server = await startPostgres()
  const owner = new pg.Client({ connectionString: server.url() })
  const store = await openStore({ url: server.url() })
  await owner.connect()
  await owner.query('create table plain_record (like decision_record including all)')
  const sequencer = startSequencer({
    store: store.ending,
    clock: systemClock,
    signer: makeNoteSigner(),
  })
  const world = { store, clock: systemClock, replica: new Replica(), poke: sequencer.poke }
  const spool = openSpool({ ...world, onFault: fault => progress(String(fault)) }, home)
  try {
    const cpuMicros = () => ownCpuMicros() + treeCpuMicros(server.pid)
    const ours: Side = {
      cpuMicros,
      async run() {
        await Promise.all(makeRecords().map(record => spool.keep(record)))
        await spool.settle()
        return perRound
      },
    }
    const peer: Side = {
      cpuMicros,
      async run(round) {
        const rows = makeRecords().map((record, nth) => columnsOf(record, round, nth))
        await copyRows(owner, `plain_record (${columns})`, rows)
        return perRound
      },
    }
    const compared = await compare(ours, peer, { rounds, warmUps: 2, progress })
    return {
      name: 'record',
      ours: Math.round(1e6 / compared.ours.wall),
      peer: Math.round(1e6 / compared.peer.wall),
      unit: 'records/s',
      ratio: compared.wall.ratio,
      rounds: compared.rounds,
      spread: compared.wall.spread,
      extra: {
        perRound,
        bytes: makeRecord().body.length,
        cpuMicros: { ours: round3(compared.ours.cpu), peer: round3(compared.peer.cpu) },
        cpuRatio: ratioText(compared.cpu),
        ...machine(),
      },
    }
  } finally {
    await spool.stop()
    await sequencer.stop()
    await store.close()
    await owner.end()
    await server.stop()
    await rm(home, { recursive: true, force: true })
  }
}

function makeRecords(): Kept[] {
  return Array.from({ length: perRound }, makeRecord)
}

function makeRecord(): Kept {
  const [id, at] = [newId('decision'), systemClock.now()]
  const body = JSON.stringify({ ...sample, id, at })
  const taskId = newId('task')
  return { id, at, appId: null, taskId, allowed: true, body, hash: sha256Hex(body), kind: 'own' }
}

const columns = 'batch_id, nth, id, at, app_id, task_id, allowed, record, hash, kind'

function columnsOf(record: Kept, round: number, nth: number): (string | null)[] {
  const { id, at, appId, taskId, allowed, body, hash, kind } = record
  return [`round ${round}`, String(nth), id, at, appId, taskId, String(allowed), body, hash, kind]
}
