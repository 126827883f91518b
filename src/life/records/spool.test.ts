import { fork } from 'node:child_process'
import { appendFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type RunningPostgres, startPostgres } from '../../../test/fakes/postgres.ts'
import { handClock } from '../../../test/support/clock.ts'
import { recordAt } from '../../../test/support/records.ts'
import { memoryStore } from '../../../test/support/store.ts'
import type { DecisionRecord } from '../../core/base/permit.ts'
import { Problem } from '../../core/base/problem.ts'
import type { Instant } from '../../core/base/time.ts'
import { Replica } from '../../core/ledger/replica.ts'
import { startSequencer } from '../../core/ledger/sequence.ts'
import { openStore } from '../../core/store/open.ts'
import { openPostgres } from '../../core/store/postgres.ts'
import type { Store } from '../../core/store/store.ts'
import { findDecision } from '../why/rows.ts'
import { bounds } from './bounds.ts'
import { checkBatches } from './check.ts'
import { openSpool, type SpoolWorld } from './spool.ts'

const childFile = join(import.meta.dirname, '../../../test/fakes/spool-child.ts')
const clock = handClock()
let postgres: RunningPostgres
let store: Store
let home: string
beforeAll(async () => {
  postgres = await startPostgres({ fsync: false })
  store = await openStore({ url: postgres.url() })
})
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'leasehold-test-'))
  return () => rm(home, { recursive: true, force: true })
})
afterAll(async () => {
  await store.close()
  await postgres.stop()
})

function worldOn(own: Store): SpoolWorld & { readonly faults: unknown[] } {
  const faults: unknown[] = []
  const onFault = (fault: unknown) => void faults.push(fault)
  return { store: own, clock, replica: new Replica(), poke: () => {}, onFault, faults }
}

/** The same store, which takes no transaction while `isDown`. */
function breakable() {
  const state = { isDown: false }
  const down = () => Promise.reject(new Problem('store-unavailable', { detail: 'away' }))
  const transact: Store['transact'] = (work, options) =>
    state.isDown ? down() : store.transact(work, options)
  return { state, world: worldOn({ ...store, transact }) }
}

/** Gives what was written its positions, as every server does. */
async function sequence(own: Store): Promise<void> {
  const world = { store: own, clock, signer: undefined }
  const sequencer = startSequencer({ ...world, signer: neverSigns })
  await expect
    .poll(() => own.query<{ n: number }>('select count(*)::int as n from ledger_inbox'))
    .toEqual([{ n: 0 }])
  await sequencer.stop()
}
const neverSigns = {
  name: 'test',
  keyId: Buffer.alloc(4),
  sign: () => {
    throw new Error('signs nothing')
  },
} as never

const kept = async (records: readonly DecisionRecord[], own = store) =>
  Promise.all(records.map(async ({ id }) => asKept(await findDecision(own, id))))
const asKept = (row: DecisionRecord | undefined) => row && { ...row, kind: 'own' as const }

const segmentsIn = async () =>
  (await readdir(join(home, 'spool', '0'))).filter(name => name.endsWith('.jsonl'))

describe.each(['PGlite', 'PostgreSQL'])('decision records on %s', kind => {
  it('come into the database as they were, in batches that the log seals', async () => {
    const own = kind === 'PGlite' ? await memoryStore() : store
    const spool = openSpool(worldOn(own), home)
    const days = ['2026-11-21T23:59:59.999Z', '2026-11-22T00:00:00.000Z'] as Instant[]
    const records = Array.from({ length: 50 }, (_, n) => recordAt(days[n % 2] ?? clock.now()))
    await Promise.all(records.map(record => spool.keep(record)))
    await spool.settle()
    expect(await kept(records, own)).toEqual(records)
    await spool.stop()
    await sequence(own)
    const { batches, faults } = await checkBatches(own)
    expect(batches).toBeGreaterThan(0)
    expect(faults).toEqual([])
    if (kind === 'PGlite') await own.close()
  })
})

describe('a record that must not be lost', () => {
  it('is in the database when it is answered', async () => {
    const spool = openSpool(worldOn(store), home)
    const record = recordAt(clock.now())
    await spool.keep(record, true)
    expect(await kept([record])).toEqual([record])
    await spool.stop()
  })

  it('is refused while the database takes none; every other one waits here and comes later', async () => {
    const { state, world } = breakable()
    const spool = openSpool(world, home, { ...bounds, waitMs: 50 })
    state.isDown = true
    const [sure, other] = [recordAt(clock.now()), recordAt(clock.now())]
    await expect(spool.keep(sure, true)).rejects.toMatchObject({ code: 'store-unavailable' })
    await spool.keep(other)
    expect(await findDecision(store, other.id)).toBeUndefined()
    expect(world.faults.length).toBeGreaterThan(0)
    state.isDown = false
    await expect.poll(() => kept([other]), { timeout: 5_000 }).toEqual([other])
    await spool.stop()
  })

  it('is refused where nothing more fits on this disk, and nothing that was kept is lost', async () => {
    const { state, world } = breakable()
    const spool = openSpool(world, home, { spoolBytes: 4_000, waitMs: 50 })
    state.isDown = true
    const promised: ReturnType<typeof recordAt>[] = []
    const fill = async () => {
      for (;;) {
        const record = recordAt(clock.now())
        await spool.keep(record)
        promised.push(record)
      }
    }
    await expect(fill()).rejects.toMatchObject({ code: 'store-unavailable' })
    expect(promised.length).toBeGreaterThan(5)
    state.isDown = false
    await expect.poll(() => kept(promised), { timeout: 5_000 }).toEqual(promised)
    await spool.stop()
  })
})

describe('a spool of a process that was killed', () => {
  it('is sent by the next one: everything that was promised, each once', async () => {
    const child = fork(childFile, [postgres.url(), home], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    const promised: string[] = []
    child.on('message', id => {
      promised.push(id as string)
      if (promised.length === 500) child.kill('SIGKILL')
    })
    await new Promise(resolve => child.once('exit', resolve))
    const spool = openSpool(worldOn(store), home)
    await spool.settle()
    await spool.stop()
    const rows = await store.query<{ id: string }>(
      'select id from decision_record where id = any($1)',
      [promised],
    )
    expect(promised.length).toBeGreaterThanOrEqual(500)
    expect(rows.map(({ id }) => id).toSorted()).toEqual(promised.toSorted())
    await sequence(store)
    expect((await checkBatches(store)).faults).toEqual([])
  })

  it('has no place in the folder of a living one, which has its own', async () => {
    const [first, second] = [openSpool(worldOn(store), home), openSpool(worldOn(store), home)]
    await Promise.all([first.keep(recordAt(clock.now())), second.keep(recordAt(clock.now()))])
    expect((await readdir(join(home, 'spool'))).toSorted()).toEqual(['0', '1'])
    await first.stop()
    await second.stop()
  })

  it('a half-written last line was promised to nobody and is no damage', async () => {
    const { state, world } = breakable()
    state.isDown = true
    const record = recordAt(clock.now())
    const dying = openSpool(world, home)
    await dying.keep(record)
    await dying.stop()
    const [name = ''] = await segmentsIn()
    await appendFile(join(home, 'spool', '0', name), '{"id":"dc_')
    const spool = openSpool(worldOn(store), home)
    await expect.poll(segmentsIn).toEqual([])
    await spool.stop()
    expect(await kept([record])).toEqual([record])
    expect(await store.query(`select 1 from finding where about = $1`, [name])).toEqual([])
  })

  it('a line that is not what was written is a finding, and the others are kept', async () => {
    const { state, world } = breakable()
    state.isDown = true
    const records = [recordAt(clock.now(), { n: 1 }), recordAt(clock.now(), { n: 2 })]
    const dying = openSpool(world, home)
    for (const record of records) await dying.keep(record)
    await dying.stop()
    const [name = ''] = await segmentsIn()
    const file = join(home, 'spool', '0', name)
    await writeFile(file, (await readFile(file, 'utf8')).replace('"n":1', '"n":3'))
    const spool = openSpool(worldOn(store), home)
    await expect.poll(segmentsIn).toEqual([])
    await spool.stop()
    expect(await kept(records)).toEqual([undefined, records[1]])
    expect(
      await store.query(`select kind, severity from finding where about = $1`, [name]),
    ).toEqual([{ kind: 'records-damaged', severity: 'high' }])
  })

  it('what has no line end is damage too, and hides nothing that follows', async () => {
    const { state, world } = breakable()
    state.isDown = true
    const records = [recordAt(clock.now()), recordAt(clock.now())]
    const dying = openSpool(world, home)
    for (const record of records) await dying.keep(record)
    await dying.stop()
    const [name = ''] = await segmentsIn()
    const file = join(home, 'spool', '0', name)
    const [first = '', second = ''] = (await readFile(file, 'utf8')).split('\n')
    // More than is read at once, so that the rest begins inside of it.
    const noise = 'x'.repeat(bounds.batchBytes)
    await writeFile(file, `${first}\n${noise}\n${second}\n`)
    const spool = openSpool(worldOn(store), home)
    await expect.poll(segmentsIn, { timeout: 10_000 }).toEqual([])
    await spool.stop()
    expect(await kept(records)).toEqual(records)
    expect(await store.query(`select 1 from finding where about = $1`, [name])).toHaveLength(1)
  })

  it('its files are for nobody else on this machine', async () => {
    const spool = openSpool(worldOn(store), home)
    await spool.keep(recordAt(clock.now()))
    for (const each of ['spool', 'spool/0'])
      expect((await stat(join(home, each))).mode & 0o077).toBe(0)
    await spool.stop()
  })
})

describe('a new day', () => {
  it('has its partition while somebody reads the days before, who keeps nobody waiting', async () => {
    const spool = openSpool(worldOn(store), home)
    await spool.keep(recordAt(clock.now()), true)
    const [first, last] = ['2026-12-31T23:59:59.999Z', '2027-01-01T00:00:00.000Z'] as Instant[]
    const records = [first, last].map(at => recordAt(at ?? clock.now()))
    await store.transact(async tx => {
      await tx.query('select count(*) from decision_record')
      for (const record of records) await spool.keep(record, true)
    })
    await spool.stop()
    expect(await kept(records)).toEqual(records)
    const parts = await store.query<{ name: string }>(
      `select inhrelid::regclass::text as name from pg_inherits
       where inhparent = 'decision_record'::regclass`,
    )
    const names = parts.map(({ name }) => name)
    expect(names).toEqual(expect.arrayContaining(['records.d20261231', 'records.d20270101']))
  })
})

describe('kept records', () => {
  it('can not be changed, taken out or read past their table by the server itself', async () => {
    const spool = openSpool(worldOn(store), home)
    await spool.keep(recordAt(clock.now()), true)
    await spool.stop()
    for (const text of [
      'update decision_record set allowed = true',
      'delete from decision_record',
      'truncate decision_record',
      `select * from records.d${clock.now().slice(0, 10).replaceAll('-', '')}`,
    ])
      await expect(store.query(text)).rejects.toMatchObject({ sqlstate: '42501' })
  })

  it('that somebody with more rights changed are named by the batch they are of', async () => {
    const spool = openSpool(worldOn(store), home)
    const record = recordAt(clock.now())
    await spool.keep(record, true)
    await spool.stop()
    await sequence(store)
    const owner = openPostgres({ url: postgres.url(), connections: 1 })
    await owner.query('alter table decision_record disable trigger decision_record_insert_only')
    await owner.query(`update decision_record set record = record || ' ' where id = $1`, [
      record.id,
    ])
    await owner.close()
    const { faults } = await checkBatches(store)
    expect(faults).toMatchObject([{ found: 1, sealed: 1 }])
  })
})
