/** What is so only on a server: what it must be, and what happens when it goes away. */
import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningPostgres, startPostgres } from '../../../test/fakes/postgres.ts'
import { isProblem, Problem } from '../base/problem.ts'
import { openStore } from './open.ts'
import { openPostgres } from './postgres.ts'
import type { Store } from './store.ts'

let server: RunningPostgres
let owner: Store
beforeAll(async () => {
  server = await startPostgres({ fsync: false })
  owner = openPostgres({ url: server.url(), connections: 3 })
})
afterAll(async () => {
  await owner.close()
  await server.stop()
})

async function freshDatabase(name: string): Promise<string> {
  await owner.query(`create database ${name}`)
  return server.url(name)
}

/** A sign-in of its own, with what `rights` gives it. */
function signInOf(name: string, url: string): string {
  const at = new URL(url)
  at.username = name
  at.password = name
  return at.href
}

async function refused(opening: Promise<Store>): Promise<Problem> {
  const thrown: unknown = await opening.then(
    store => store.close(),
    (error: unknown) => error,
  )
  if (isProblem(thrown)) return thrown
  throw new Error(`not refused: ${inspect(thrown)}`)
}

describe('opening', () => {
  it.each([
    [
      'for the sign-in',
      'alter role current_user set synchronous_commit = off',
      'alter role current_user reset synchronous_commit',
    ],
    [
      'for the database',
      'alter database postgres set synchronous_commit = off',
      'alter database postgres reset synchronous_commit',
    ],
  ])('refuses a server that may lose commits: turned off %s', async (_where, off, on) => {
    await owner.query(off)
    const problem = await refused(openStore({ url: server.url() }))
    await owner.query(on)
    expect(problem).toMatchObject({ code: 'bad-configuration', field: 'DATABASE_URL' })
    expect(problem.detail).toContain('`synchronous_commit` off')
    expect(problem.next).toContain('reset synchronous_commit')
  })

  it('refuses it for the server, and by the address itself', async () => {
    await owner.query('alter system set synchronous_commit = off')
    await owner.query('select pg_reload_conf()')
    const setting = async () => {
      const fresh = openPostgres({ url: server.url(), connections: 1 })
      const [row] = await fresh.query<{ is: string }>(
        `select current_setting('synchronous_commit') as is`,
      )
      await fresh.close()
      return row?.is
    }
    await expect.poll(setting).toBe('off')
    expect((await refused(openStore({ url: server.url() }))).detail).toContain('off')
    await owner.query('alter system reset synchronous_commit')
    await owner.query('select pg_reload_conf()')
    await expect.poll(setting).toBe('on')
    const url = `${server.url()}?options=${encodeURIComponent('-c synchronous_commit=off')}`
    expect((await refused(openStore({ url }))).detail).toContain('off')
  })

  it('keeps what the server had, so that turning it off later loses nothing', async () => {
    const url = await freshDatabase('pinned')
    await owner.query('alter database pinned set synchronous_commit = remote_apply')
    const store = await openStore({ url, connections: 1 })
    await owner.query('alter database pinned set synchronous_commit = off')
    await store.query('select pg_terminate_backend(pg_backend_pid())').catch(() => {})
    const [row] = await store.query(`select current_setting('synchronous_commit') as is`)
    expect(row).toEqual({ is: 'remote_apply' })
    await store.close()
  })

  it('keeps what else the address sets', async () => {
    const url = `${server.url()}?options=${encodeURIComponent('-c work_mem=5MB')}`
    const store = await openStore({ url })
    const [row] = await store.query(
      `select current_setting('work_mem') as memory, current_user as role,
              current_setting('timezone') as zone, current_setting('search_path') as path`,
    )
    expect(row).toEqual({
      memory: '5MB',
      role: 'leasehold_runtime',
      zone: 'UTC',
      path: 'public',
    })
    await store.close()
  })

  it('refuses a database that does not keep UTF-8', async () => {
    await owner.query(`create database latin encoding 'LATIN1' locale 'C' template template0`)
    const problem = await refused(openStore({ url: server.url('latin') }))
    expect(problem.detail).toContain('UTF-8')
  })

  it.each([
    'not an address',
    'http://user:hidden-word@127.0.0.1/x',
    'postgres://user:hidden-word@127.0.0.1:1/x',
  ])('names the problem and never the password: %s', async url => {
    const problem = await refused(openStore({ url }))
    expect(['bad-configuration', 'store-unavailable']).toContain(problem.code)
    expect(problem.next).toBeTruthy()
    expect(inspect(problem, { depth: 9 })).not.toContain('hidden-word')
  })

  it('says that a password is wrong without saying which', async () => {
    const at = new URL(server.url())
    at.password = 'another-word'
    const problem = await refused(openStore({ url: at.href }))
    expect(problem).toMatchObject({ code: 'bad-configuration', field: 'DATABASE_URL' })
    expect(inspect(problem, { depth: 9 })).not.toContain('another-word')
  })

  it('runs on a sign-in without rights of its own once the schema is there, not before', async () => {
    const url = await freshDatabase('guarded')
    await owner.query(`create role guest login noinherit password 'guest'`)
    const early = await refused(openStore({ url: signInOf('guest', url) }))
    expect(early).toMatchObject({ code: 'bad-configuration' })
    expect(early.next).toContain('as the owner')
    await (await openStore({ url })).close()
    await owner.query('grant leasehold_runtime, leasehold_sequencer to guest')
    const store = await openStore({ url: signInOf('guest', url) })
    const [row] = await store.query('select current_user as is')
    expect(row).toEqual({ is: 'leasehold_runtime' })
    const [head] = await store.transact(tx => tx.query('select size from ledger_head'), {
      role: 'sequencer',
    })
    expect(head).toEqual({ size: 0 })
    await store.close()
  })

  it('refuses when the session keeps rights over the log', async () => {
    const url = await freshDatabase('open_log')
    await (await openStore({ url })).close()
    const there = openPostgres({ url, connections: 1 })
    await there.query('grant update on decision to leasehold_runtime')
    const problem = await refused(openStore({ url }))
    expect(problem.detail).toContain('rights to change the log')
    await there.close()
  })
})

describe('a server that goes away', () => {
  it('is a problem for what was under way, and none for what comes after it is back', async () => {
    const store = await openStore({ url: server.url(), connections: 2 })
    const woken: string[] = []
    const stop = await store.listen('away', payload => void woken.push(payload))
    let sent = false
    const lost = store.transact(async tx => {
      await tx.query(`insert into ledger_refusal_count values ('away', now(), 'r', 1)`)
      await server.kill9()
      sent = true
    })
    await expect(lost).rejects.toMatchObject({ code: 'store-unavailable' })
    expect(sent).toBe(true)
    await expect(store.query('select 1')).rejects.toMatchObject({ code: 'store-unavailable' })
    await server.restart()
    await expect
      .poll(() => store.query(`select count(*) as n from ledger_refusal_count`).catch(() => null))
      .toEqual([{ n: 0 }])
    // It wakes by itself for whatever was missed, then for what is new.
    await expect.poll(() => woken, { timeout: 10_000 }).toContain('')
    await store.query(`select pg_notify('away', 'again')`)
    await expect.poll(() => woken).toContain('again')
    await stop()
    await store.close()
  })

  it('can cut one connection inside a transaction, which then is not kept', async () => {
    const store = await openStore({ url: server.url(), connections: 1 })
    const cut = store.transact(async tx => {
      await tx.query(`insert into ledger_refusal_count values ('cut', now(), 'r', 1)`)
      const [{ pid } = { pid: 0 }] = await tx.query<{ pid: number }>(
        'select pg_backend_pid() as pid',
      )
      await owner.query('select pg_terminate_backend($1)', [pid])
    })
    await expect(cut).rejects.toMatchObject({ code: 'store-unavailable' })
    const rows = await store.query(`select 1 from ledger_refusal_count where issuer = 'cut'`)
    expect(rows).toEqual([])
    await store.close()
  })

  it('is not there to listen to: the first time is an error, stopping never is', async () => {
    const store = openPostgres({ url: 'postgres://a:b@127.0.0.1:1/x', connections: 1 })
    await expect(store.listen('x', () => {})).rejects.toMatchObject({ code: 'store-unavailable' })
    await store.close()
  })
})

describe('under load', () => {
  it('ending goes on when everything else holds all other connections', async () => {
    const store = await openStore({ url: server.url(), connections: 2, endingConnections: 1 })
    const { promise: hung, resolve: release } = Promise.withResolvers<void>()
    const holders = [1, 2].map(() => store.transact(() => hung))
    const waiting = store.query('select 1 as one')
    const [row] = await store.ending.query('select 2 as two')
    expect(row).toEqual({ two: 2 })
    await store.ending.transact(async tx => {
      await tx.query('select 3')
    })
    release()
    await Promise.all(holders)
    expect(await waiting).toEqual([{ one: 1 }])
    await store.close()
  })

  it('two that wait for each other are told to repeat: one is kept, one is a conflict', async () => {
    const store = await openStore({ url: server.url(), connections: 4 })
    await store.query(
      `insert into ledger_refusal_count
       select 'dead', '2026-01-01'::timestamptz + n * interval '1 min', 'r', 0
       from generate_series(1, 2) n`,
    )
    const met = Promise.withResolvers<void>()
    let arrived = 0
    const cross = (first: number, second: number) =>
      store.transact(async tx => {
        const add = (n: number) =>
          tx.query(
            `update ledger_refusal_count set count = count + 1 where issuer = 'dead'
             and minute = '2026-01-01'::timestamptz + $1::int * interval '1 min'`,
            [n],
          )
        await add(first)
        if (++arrived === 2) met.resolve()
        await met.promise
        await add(second)
      })
    const results = await Promise.allSettled([cross(1, 2), cross(2, 1)])
    expect(results.map(result => result.status).toSorted()).toEqual(['fulfilled', 'rejected'])
    const lost = results.find(result => result.status === 'rejected')
    expect(lost?.reason).toMatchObject({ code: 'conflict' })
    await store.close()
  })

  it('a statement that is cancelled takes its transaction with it, also what was sent after it', async () => {
    const store = await openStore({ url: server.url(), connections: 1 })
    const insert = `insert into ledger_refusal_count values ('cancelled', now(), $1, 1)`
    const cancelled = store.transact(async tx => {
      void tx.finish(insert, ['before'])
      void tx.finish('select pg_sleep(20)')
      void tx.finish(insert, ['after'])
    })
    const told = cancelled.catch((thrown: unknown) => thrown)
    const cancel = () =>
      owner.query(
        `select pg_cancel_backend(pid) from pg_stat_activity
         where query like '%pg_sleep(20)' and state = 'active'`,
      )
    await expect.poll(cancel).toHaveLength(1)
    expect(await told).toMatchObject({ code: 'store-unavailable' })
    const kept = await store.query(`select 1 from ledger_refusal_count where issuer = 'cancelled'`)
    expect(kept).toEqual([])
    await store.close()
  })

  it('work that is refused leaves the connection as it was, for the next', async () => {
    const store = await openStore({ url: server.url(), connections: 1 })
    const pid = 'select pg_backend_pid() as pid'
    const before = await store.query(pid)
    const refused = store.transact(async tx => {
      await tx.query(`insert into ledger_refusal_count values ('refused', now(), 'r', 1)`)
      throw new Problem('wrong-state', { detail: 'it is over' })
    })
    await expect(refused).rejects.toMatchObject({ code: 'wrong-state', detail: 'it is over' })
    expect(await store.query(pid)).toEqual(before)
    const kept = await store.query(`select 1 from ledger_refusal_count where issuer = 'refused'`)
    expect(kept).toEqual([])
    await store.close()
  })

  it('what reads is never sent ahead of what was written before it', async () => {
    const store = await openStore({ url: server.url(), connections: 1 })
    const count = `select count(*)::int as n from ledger_refusal_count where issuer = 'order'`
    const seen = await store.transact(async tx => {
      const first = tx.query(count)
      const written = tx.query(`insert into ledger_refusal_count values ('order', now(), 'r', 1)`)
      const second = tx.query(count)
      await written
      return [await first, await second]
    })
    expect(seen).toEqual([[{ n: 0 }], [{ n: 1 }]])
    await store.close()
  })

  it('a newer version that migrates costs the one that runs at most one repeat', async () => {
    const url = await freshDatabase('rolling')
    const store = await openStore({ url, connections: 1 })
    const read = () => store.query('select issuer, count from ledger_refusal_count')
    for (let n = 0; n < 3; n++) expect(await read()).toEqual([])
    const newer = openPostgres({ url, connections: 1 })
    await newer.query('alter table ledger_refusal_count add column note text')
    expect(await read()).toEqual([])
    await newer.query('alter table ledger_refusal_count alter column count type int')
    await expect(read()).rejects.toMatchObject({ code: 'store-unavailable' })
    expect(await read()).toEqual([])
    await newer.close()
    await store.close()
  })
})
