/**
 * What only a server with many connections can show: several sequencers, cut connections, commits
 * that come late, transactions that wait for each other.
 */
import { connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type RunningPostgres, startPostgres } from '../../../test/fakes/postgres.ts'
import {
  actor,
  changeThing,
  makeNoteSigner,
  makeThing,
  sequenceAll,
  type ThingRow,
  type ThingWorld,
  thingChanged,
  thingSchema,
  thingTable,
  thingWorld,
} from '../../../test/support/ledger.ts'
import { checkLog } from '../../life/audit/fsck.ts'
import { systemClock } from '../base/time.ts'
import { openStore } from '../store/open.ts'
import { openPostgres } from '../store/postgres.ts'
import type { Store, Tx } from '../store/store.ts'
import { openFollower, startFollower } from './follow.ts'
import { vkeyOf } from './note.ts'
import { recorded } from './record.ts'
import { Replica } from './replica.ts'
import { startSequencer } from './sequence.ts'

const signer = makeNoteSigner()
let server: RunningPostgres
let owner: Store
let world: ThingWorld
let databases = 0

beforeAll(async () => {
  server = await startPostgres({ fsync: false })
})
afterAll(() => server.stop())

beforeEach(async context => {
  const name = `ledger_${databases++}`
  const admin = openPostgres({ url: server.url(), connections: 1 })
  await admin.query(`create database ${name}`)
  await admin.close()
  const store = await openStore({ url: server.url(name), connections: 20 })
  owner = openPostgres({ url: server.url(name), connections: 2 })
  for (const statement of thingSchema) await owner.query(statement)
  world = { ...thingWorld(store), clock: { ...thingWorld(store).clock, ...systemClock } }
  context.onTestFinished(async () => {
    await store.close()
    await owner.close()
  })
})

interface Placed {
  readonly position: number
  readonly inboxId: number
  readonly facts: string
}

function placed(): Promise<Placed[]> {
  return owner.query<Placed>(
    'select position, inbox_id as "inboxId", facts from ledger_entry order by position',
  )
}

/** How often a row's versions do not rise in the order of the log. */
function countReordered(entries: readonly { facts: string }[]): number {
  const seen = new Map<string, number>()
  let reordered = 0
  for (const { facts } of entries)
    for (const { row } of (JSON.parse(facts) as { rows?: { row: ThingRow }[] }).rows ?? []) {
      if (row.version <= (seen.get(row.id) ?? 0)) reordered++
      seen.set(row.id, Math.max(row.version, seen.get(row.id) ?? 0))
    }
  return reordered
}

/** What a sound log says of itself after `acked` acknowledged commits. */
const sound = (acked: number) => ({
  entries: acked,
  numbers: acked,
  isDense: true,
  reordered: 0,
  faults: [],
})

async function judge(): Promise<ReturnType<typeof sound>> {
  const entries = await placed()
  return {
    entries: entries.length,
    numbers: new Set(entries.map(entry => entry.inboxId)).size,
    isDense: entries.every((entry, i) => entry.position === i),
    reordered: countReordered(entries),
    faults: (await checkLog(owner, [vkeyOf(signer)])).faults as [],
  }
}

/** Writers that make and change things until it is enough; answers how many commits were acknowledged. */
async function write(
  writers: number,
  writing: ThingWorld,
  isEnough: (acked: number) => boolean,
): Promise<number> {
  const hot = await Promise.all(Array.from({ length: 20 }, () => makeThing(world)))
  let acked = hot.length
  await Promise.all(
    Array.from({ length: writers }, async (_, nth) => {
      while (!isEnough(acked)) {
        const { id } = hot[Math.floor(Math.random() * hot.length)] ?? { id: '' }
        try {
          await (Math.random() < 0.2
            ? makeThing(writing)
            : changeThing(writing, id, { ownerId: `writer ${nth}` }))
          acked++
        } catch (thrown) {
          if (!(thrown instanceof RolledBack)) throw thrown
        }
      }
    }),
  )
  return acked
}

class RolledBack extends Error {}

/** The same store, whose transactions wait between their entry and their commit, or roll back. */
function delayed(store: Store): Store {
  return {
    ...store,
    transact: (work, options) =>
      store.transact(async tx => {
        const sent: Promise<unknown>[] = []
        const finish: Tx['finish'] = (text, params) => {
          const rows = tx.query<never>(text, params)
          rows.catch(() => {})
          sent.push(rows)
          return rows
        }
        const value = await work({ ...tx, finish })
        await Promise.all(sent)
        await wait(Math.random() * 25)
        if (Math.random() < 0.1) throw new RolledBack('rolled back after its entry')
        return value
      }, options),
  }
}

interface Cutter {
  readonly url: string
  readonly cuts: { before: number; after: number }
  close(): Promise<void>
}

/** A way to the server that is cut again and again: before a commit is sent, or right after it. */
async function cutter(url: string): Promise<Cutter> {
  const to = new URL(url)
  const [port, host] = [Number(to.port), to.hostname]
  const cuts = { before: 0, after: 0 }
  const sockets = new Set<Socket>()
  const proxy: Server = createServer(client => {
    const upstream = connect(port, host)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    upstream.pipe(client)
    client.on('data', chunk => {
      const isCommit = chunk.includes('commit')
      const fate = isCommit ? Math.random() : 1
      if (fate < 0.1) {
        cuts.before++
        client.destroy()
        upstream.destroy()
        return
      }
      upstream.write(chunk)
      if (fate >= 0.2) return
      cuts.after++
      // The server commits; its answer finds nobody.
      upstream.unpipe(client)
      upstream.end()
      client.destroy()
    })
  })
  await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve))
  const address = proxy.address()
  to.port = String(typeof address === 'object' ? address?.port : '')
  return {
    url: to.href,
    cuts,
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => proxy.close(resolve))
    },
  }
}

describe('several sequencers', () => {
  test('whose connections are cut inside their rounds make one dense log without a fork', async () => {
    const url = server.url(`ledger_${databases - 1}`)
    const ways = await Promise.all([cutter(url), cutter(url), cutter(url)])
    const stores = await Promise.all(
      ways.map(async way => {
        for (;;)
          try {
            return await openStore({ url: way.url, connections: 2, endingConnections: 1 })
          } catch {
            await wait(10)
          }
      }),
    )
    const sequencers = stores.map(store =>
      startSequencer({ store, clock: systemClock, signer, onFault: () => {} }),
    )
    const poke = () => {
      for (const sequencer of sequencers) sequencer.poke()
    }
    const cuts = () => ways.reduce((sum, way) => sum + way.cuts.before + way.cuts.after, 0)
    const acked = await write(6, { ...world, poke }, count => count > 500 && cuts() > 40)
    for (const sequencer of sequencers) await sequencer.stop()
    for (const store of stores) await store.close()
    for (const way of ways) await way.close()
    await sequenceAll(world.store)
    expect(await judge()).toEqual(sound(acked))
    for (const way of ways) expect(way.cuts.before + way.cuts.after).toBeGreaterThan(0)
    expect(await owner.query('select 1 from ledger_checkpoint')).not.toEqual([])
  }, 60_000)
})

describe('transactions that commit late or never', () => {
  test('are neither missed nor reordered, and followers equal the tables', async () => {
    const sequencer = startSequencer({ store: world.store, clock: systemClock, signer })
    const replica = new Replica()
    const follower = await startFollower({ store: world.store, clock: systemClock, replica })
    const late = { ...world, store: delayed(world.store), poke: sequencer.poke }
    const acked = await write(16, late, count => count > 1_000)
    await sequencer.stop()
    await sequenceAll(world.store)
    await follower.sync()
    expect(await judge()).toEqual(sound(acked))
    const fromTables = new Replica()
    await openFollower({ store: world.store, clock: systemClock, replica: fromTables })
    const byId = (rows: readonly { id: string }[]) => new Map(rows.map(row => [row.id, row]))
    expect(byId(replica.all(thingTable))).toEqual(byId(fromTables.all(thingTable)))
    expect(follower.position).toBe(acked)
    await follower.stop()
  }, 60_000)

  test('go before whatever could see them, also when their number is long past', async () => {
    const thing = await makeThing(world)
    const gate = Promise.withResolvers<void>()
    const entered = Promise.withResolvers<void>()
    const slow = changeLater(thing.id, 'paused', entered.resolve, gate.promise)
    await entered.promise
    await makeThing(world)
    await sequenceAll(world.store)
    gate.resolve()
    await slow
    await changeThing(world, thing.id, { state: 'active' })
    const waiting = await owner.query<{ id: number }>('select id from ledger_inbox order by id')
    // A bound at the last number taken (3) would now place the newer change alone.
    expect(waiting.map(row => row.id)).toEqual([2, 4])
    await sequenceAll(world.store)
    expect((await placed()).map(entry => entry.inboxId)).toEqual([1, 3, 2, 4])
    expect(countReordered(await placed())).toBe(0)
  })

  test('hold up nothing while they are open', async () => {
    const thing = await makeThing(world)
    const gate = Promise.withResolvers<void>()
    const entered = Promise.withResolvers<void>()
    const slow = changeLater(thing.id, 'paused', entered.resolve, gate.promise)
    await entered.promise
    await makeThing(world)
    await sequenceAll(world.store)
    expect(await placed()).toHaveLength(2)
    gate.resolve()
    await slow
  })

  /** Its entry has a number; its commit waits. */
  function changeLater(
    id: string,
    state: ThingRow['state'],
    entered: () => void,
    gate: Promise<void>,
  ) {
    const store: Store = {
      ...world.store,
      transact: (work, options) =>
        world.store.transact(async tx => {
          const sent: Promise<unknown>[] = []
          const finish: Tx['finish'] = (text, params) => {
            const rows = tx.query<never>(text, params)
            sent.push(rows)
            return rows
          }
          const value = await work({ ...tx, finish })
          await Promise.all(sent)
          entered()
          await gate
          return value
        }, options),
    }
    return changeThing({ ...world, store }, id, { state })
  }
})

describe('the race for a row', () => {
  /** Both sides want the row; `first` holds it while `second` is already on its way. */
  async function race(
    first: (isHeld: () => void, gate: Promise<void>) => Promise<unknown>,
    second: () => Promise<unknown>,
  ): Promise<void> {
    const held = Promise.withResolvers<void>()
    const gate = Promise.withResolvers<void>()
    const one = first(held.resolve, gate.promise)
    await held.promise
    const two = second()
    for (;;) {
      const [row] = await owner.query<{ n: number }>(
        'select count(*)::int as n from pg_locks where not granted',
      )
      if ((row?.n ?? 0) > 0) break
      await wait(5)
    }
    gate.resolve()
    await Promise.all([one, two])
    await sequenceAll(world.store)
  }

  const resume = (id: string) => (isHeld: () => void, gate: Promise<void>) =>
    recorded(world, async scope => {
      const [before] = await lock(scope.tx, id)
      isHeld()
      await gate
      await scope.save(thingTable, before, { ...before, state: 'active' })
      scope.entry({ kind: thingChanged, by: actor })
    })

  async function lock(tx: Tx, id: string): Promise<[ThingRow]> {
    const rows = await tx.query<ThingRow>(
      `select ${thingTable.select} from thing where id = $1 for update`,
      [id],
    )
    return rows as unknown as [ThingRow]
  }

  async function stateOf(id: string): Promise<{ table: string; log: string | undefined }> {
    const [row] = await owner.query<{ state: string }>('select state from thing where id = $1', [
      id,
    ])
    let log: string | undefined
    for (const { facts } of await placed())
      for (const each of (JSON.parse(facts) as { rows: { row: ThingRow }[] }).rows)
        if (each.row.id === id) log = each.row.state
    return { table: row?.state ?? '', log }
  }

  test('an entry written before its transaction holds the row replays a paused app as active', async () => {
    const thing = await makeThing(world)
    const pauseTooEarly = () =>
      world.store.transact(async tx => {
        const image = { ...thing, version: 3, state: 'paused' }
        await tx.query(
          `insert into ledger_inbox (at, kind, subjects, leaf, facts, facts_salt)
           values (now(), 'thing.change', $1, '{}', $2, '')`,
          [[thing.id], JSON.stringify({ rows: [{ table: 'thing', row: image }] })],
        )
        await tx.query(`update thing set state = 'paused', version = 3 where id = $1`, [thing.id])
      })
    await race(resume(thing.id), pauseTooEarly)
    expect(await stateOf(thing.id)).toEqual({ table: 'paused', log: 'active' })
    expect(countReordered(await placed())).toBe(1)
  })

  test('an entry written last replays it as it is', async () => {
    const thing = await makeThing(world)
    const pause = () => changeThing(world, thing.id, { state: 'paused' })
    await race(resume(thing.id), pause)
    expect(await stateOf(thing.id)).toEqual({ table: 'paused', log: 'paused' })
    expect(countReordered(await placed())).toBe(0)
    expect((await checkLog(owner, [])).faults).toEqual([])
  })
})

describe('a snapshot that somebody holds', () => {
  test('costs the sequencer time, and loses nothing', async () => {
    const release = Promise.withResolvers<void>()
    const held = owner.transact(
      async tx => {
        await tx.query('select count(*) from ledger_inbox')
        await release.promise
      },
      { isolation: 'repeatable read' },
    )
    const sequencer = startSequencer({ store: world.store, clock: systemClock, signer })
    const writing = { ...world, poke: sequencer.poke }
    const acked = await write(8, writing, count => count > 1_000)
    await sequencer.stop()
    release.resolve()
    await held
    await sequenceAll(world.store)
    expect(await judge()).toEqual(sound(acked))
  }, 60_000)
})
