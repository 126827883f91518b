/**
 * What was decided played again under a changed rule, on a real PostgreSQL: the product's own way
 * (`policy try`), from the table of records page by page, each checked byte for byte under the rules of
 * its moment and judged under the changed ones.
 *
 * The peer is a goal: 10 million in 60 seconds. As many are played as the product plays at once; what 10
 * million would take is that many times as long, and said to be extrapolated. Records are of what comes by
 * the million, uses of leases through a gateway, of several resources and actions, allowed and not.
 */
import { readFile } from 'node:fs/promises'
import pg from 'pg'
import type { IdentityId, LeaseId, ResourceId, TaskId } from '../src/core/base/ids.ts'
import { newId } from '../src/core/base/ids.ts'
import type { DataAction, DecisionRecord } from '../src/core/base/permit.ts'
import { decideLease } from '../src/core/policy/decide.ts'
import { openStore } from '../src/core/store/open.ts'
import { bounds } from '../src/life/why/bounds.ts'
import { replayLog } from '../src/life/why/replay.ts'
import { startPostgres } from '../test/fakes/postgres.ts'
import { addGrant, ids, type SmallCompany, smallCompany } from '../test/support/policy-world.ts'
import { copyRows } from './copy.ts'
import { ownCpuMicros, treeCpuMicros } from './measure.ts'
import { againstGoal, type Row, round3 } from './row.ts'

const wanted = { records: 10_000_000, seconds: 60 }
const played = bounds.replayDecisions
const rounds = 3
const batch = 5_000

export async function benchReplay(progress: (text: string) => void): Promise<Row> {
  const server = await startPostgres({ fsync: false })
  const store = await openStore({ url: server.url() })
  const owner = new pg.Client({ connectionString: server.url() })
  await owner.connect()
  try {
    const company = smallCompany()
    addGrant(company.change, 'gr_sandbox', ids.sandbox, ['write'])
    await fill(owner, company, progress)
    const world = { store, policies: company.world.policies }
    const stricter = await readFile(new URL('../demo/stricter.cedar', import.meta.url), 'utf8')
    const all: number[] = []
    const cpu = { ours: 0, database: 0 }
    for (let round = 0; round < rounds; round++) {
      const before = [ownCpuMicros(), treeCpuMicros(server.pid)] as const
      const startedMs = performance.now()
      const { decisions, identical, changed } = await replayLog(world, stricter)
      const seconds = (performance.now() - startedMs) / 1000
      if (decisions !== played || identical !== played || changed.length === 0)
        throw new Error(`${identical} of ${decisions} the same, ${changed.length} changed`)
      cpu.ours += ownCpuMicros() - before[0]
      cpu.database += treeCpuMicros(server.pid) - before[1]
      all.push(round3((seconds * wanted.records) / decisions))
      progress(`round ${round + 1}: ${Math.round(decisions / seconds)} records/s`)
    }
    const seconds = all.toSorted((a, b) => a - b)[Math.floor(rounds / 2)] ?? Number.NaN
    const perRecord = (micros: number) => round3(micros / rounds / played)
    return againstGoal(
      'replay',
      { ours: seconds, goal: wanted.seconds, unit: 's for 10 million', all },
      {
        extrapolated: true,
        played,
        recordsPerSecond: Math.round(wanted.records / seconds),
        cpuMicros: { ours: perRecord(cpu.ours), database: perRecord(cpu.database) },
      },
    )
  } finally {
    await owner.end()
    await store.close()
    await server.stop()
  }
}

async function fill(
  owner: pg.Client,
  company: SmallCompany,
  progress: (text: string) => void,
): Promise<void> {
  const day = company.world.clock.now().slice(0, 10)
  await owner.query('select keep_partition($1::date)', [day])
  for (let from = 0; from < played; from += batch) {
    const records = Array.from({ length: batch }, (_, nth) => recordOf(company, from + nth))
    const rows = records.map((record, nth) => columnsOf(record, from, nth))
    await copyRows(owner, `decision_record (${columns})`, rows)
  }
  await owner.query('vacuum analyze decision_record')
  progress(`${played} records kept`)
}

/** What apps do with leases: mostly what was granted. */
const uses: readonly (readonly [string, DataAction])[] = [
  [ids.deals, 'read'],
  [ids.deals, 'read'],
  [ids.sandbox, 'write'],
  [ids.contacts, 'write'],
]

function recordOf({ world, clock }: SmallCompany, nth: number): DecisionRecord {
  clock.advance(1)
  const [resource, action] = uses[nth % uses.length] ?? [ids.deals, 'read']
  const work = {
    identityId: ids.run as string as IdentityId,
    taskId: ids.task as string as TaskId,
    resourceId: resource as ResourceId,
    actions: [action],
    leaseId: newId('lease') as LeaseId,
    asked: `GET /v1/things/${nth % 500}`,
  }
  return decideLease(world, 'lease.use', work).record
}

const columns = 'batch_id, nth, id, at, app_id, task_id, allowed, record, hash, kind'

function columnsOf(record: DecisionRecord, from: number, nth: number): (string | null)[] {
  const { id, at, appId, taskId, allowed, body, hash } = record
  return [`bench ${from}`, String(nth), id, at, appId, taskId, String(allowed), body, hash, 'own']
}
