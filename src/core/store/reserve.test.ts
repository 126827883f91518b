/** A disk that is really full: needs the right to mount one, so it runs as root on Linux alone. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningPostgres, startPostgres } from '../../../test/fakes/postgres.ts'
import { placeTemplate } from '../../life/template/template.ts'
import { noRoom } from './fault.ts'
import { openStore } from './open.ts'
import { withReserve } from './reserve.ts'
import type { Store } from './store.ts'

const disk = mkdtempSync(join(tmpdir(), 'leasehold-disk-'))
const canMount = mountSmall()
let server: RunningPostgres | undefined

function mountSmall(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=190m,mode=0711', 'tmpfs', disk])
    return true
  } catch {
    return false
  }
}

afterAll(async () => {
  await server?.stop()
  if (canMount) execFileSync('umount', ['-l', disk])
  rmSync(disk, { recursive: true, force: true })
})

async function openOnServer(): Promise<Store> {
  server = await startPostgres({
    folder: join(disk, 'server'),
    fsync: false,
    settings: { max_wal_size: '32MB', min_wal_size: '32MB' },
  })
  return openStore({ url: server.url(), connections: 2, endingConnections: 1 })
}

async function openInFolder(): Promise<Store> {
  return openStore({ dataDir: join(disk, 'folder'), place: placeTemplate })
}

const openers = [
  ['PGlite', openInFolder],
  ['PostgreSQL', openOnServer],
] as const

describe.runIf(canMount).each(openers)('when the disk of %s is full', (_name, open) => {
  let store: Store
  const filler = join(disk, `filler-${_name}`)
  beforeAll(async () => {
    store = await open()
    await store.tend()
  })
  afterAll(async () => {
    await store.close()
    rmSync(filler, { force: true })
  })

  const write = (on: Store) =>
    on.transact(async tx => {
      await tx.query(
        `insert into ledger_inbox (at, kind, subjects, leaf, facts, facts_salt)
         select now(), 'k', array['a'], 'l', repeat(md5(random()::text), 200), 's'
         from generate_series(1, 50)`,
      )
    })
  const kept = async () => {
    const [row] = await store.query<{ n: number }>('select count(*) as n from ledger_inbox')
    return row?.n ?? 0
  }

  it('issuing is refused with the reason, and ending works', async () => {
    fill(filler)
    let refused: unknown
    for (let n = 0; refused === undefined && n < 2_000; n++)
      refused = await write(store).then(
        () => undefined,
        (thrown: unknown) => thrown,
      )
    expect(refused).toMatchObject({
      code: 'store-unavailable',
      detail: expect.stringContaining('no room'),
      next: expect.stringContaining('ending goes on'),
    })
    const before = await kept()
    for (let n = 0; n < 10; n++) await write(store.ending)
    expect(await kept()).toBe(before + 500)
  })

  it('what ending freed is not taken by issuing, and reading goes on', async () => {
    await expect(write(store)).rejects.toMatchObject({ code: 'store-unavailable' })
    expect(await store.transact(tx => tx.query('select 1 as one'), { readOnly: true })).toEqual([
      { one: 1 },
    ])
    await store.tend()
    await expect(write(store)).rejects.toMatchObject({ code: 'store-unavailable' })
  })

  it('issuing goes on as soon as there is room to keep again', async () => {
    rmSync(filler)
    await store.tend()
    const before = await kept()
    await write(store)
    expect(await kept()).toBe(before + 50)
  })
})

/** Takes what is left of the disk. */
function fill(file: string): void {
  mkdirSync(disk, { recursive: true })
  const chunk = Buffer.alloc(256 * 1024, 1)
  try {
    for (;;) writeFileSync(file, chunk, { flag: 'a' })
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ENOSPC') throw thrown
  }
}

describe('the room kept for ending', () => {
  /** A store without room until it is spent; counts what it was asked. */
  function fullStore() {
    const asked: string[] = []
    let isFull = true
    const lane: Store = {
      async query<Row>(text: string) {
        asked.push(text)
        if (text.includes('spend_reserve')) isFull = false
        else if (text.includes('keep_reserve')) return [{ isKept: !isFull }] as Row[]
        else if (isFull) throw noRoom
        return []
      },
      async transact(work) {
        if (isFull) throw noRoom
        return work({ query: async () => [], finish: async () => [] })
      },
      listen: async () => async () => {},
      get ending() {
        return lane
      },
      tend: async () => {},
      close: async () => {},
    }
    return { store: withReserve(lane), asked, fill: () => (isFull = true) }
  }

  it('is given up by ending alone', async () => {
    const { store, asked } = fullStore()
    await expect(store.transact(async () => 1)).rejects.toMatchObject({ log: '53100' })
    await expect(store.query('insert')).rejects.toMatchObject({ log: '53100' })
    expect(asked.filter(text => text.includes('spend'))).toEqual([])
    expect(await store.ending.transact(async () => 1)).toBe(1)
    expect(asked.filter(text => text.includes('spend'))).toHaveLength(1)
  })

  it('is given up once per need: a disk that stays full is told, not tried for ever', async () => {
    const { store, fill: fillAgain } = fullStore()
    let runs = 0
    const work = store.ending.transact(async () => {
      runs++
      fillAgain()
      throw noRoom
    })
    await expect(work).rejects.toMatchObject({ log: '53100' })
    expect(runs).toBe(1)
  })

  it('is not touched by other failures', async () => {
    const { store, asked } = fullStore()
    await store.ending.query('update')
    const bug = new Error('mine')
    await expect(store.ending.transact(() => Promise.reject(bug))).rejects.toBe(bug)
    expect(asked.filter(text => text.includes('spend'))).toHaveLength(1)
  })
})
