/** What is so only in a folder: one process at a time, private files, a start that is quick and whole. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openToOthers } from '../../../test/support/store.ts'
import { placeTemplate } from '../../life/template/template.ts'
import { isProblem } from '../base/problem.ts'
import { lockFolder } from './lock.ts'
import { openStore } from './open.ts'

const open = (dataDir: string) => openStore({ dataDir, place: placeTemplate })

let home: string
let folder: string
const children: ChildProcess[] = []

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'leasehold-test-'))
  folder = join(home, 'data')
})
afterEach(async () => {
  for (const child of children.splice(0)) await end(child)
  await rm(home, { recursive: true, force: true })
})

/** Another process; resolves with its first line when it has printed one. */
async function start(script: string): Promise<{ child: ChildProcess; said: string }> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  const said = await new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding('utf8').once('data', (text: string) => resolve(text.trim()))
    child.once('exit', code => reject(new Error(`ended with ${code} before it said anything`)))
  })
  return { child, said }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise(resolve => child.once('exit', resolve))
  child.kill('SIGKILL')
  await gone
}

const importing = (file: string) =>
  JSON.stringify(pathToFileURL(join(import.meta.dirname, file)).href)

describe('the lock of a folder', () => {
  const locking = (path: string) => `
    import { lockFolder } from ${importing('lock.ts')}
    try {
      lockFolder(${JSON.stringify(path)})
      console.log('has it')
      setInterval(() => {}, 1000)
    } catch (thrown) {
      console.log(thrown.detail)
    }`

  it('is refused to a second process, which learns who has it and what to do', async () => {
    const first = await start(locking(home))
    expect(first.said).toBe('has it')
    const thrown = caught(() => lockFolder(home))
    expect(thrown).toMatchObject({ code: 'bad-configuration', field: 'dataDir' })
    expect(thrown.detail).toContain(`process ${first.child.pid}`)
    expect(thrown.detail).toContain(home)
    expect(thrown.next).toContain('stop it')
    expect((await start(locking(home))).said).toContain(`process ${first.child.pid}`)
  })

  it('dies with its process, however that ends, and leaves nothing to clean up', async () => {
    for (const signal of ['SIGKILL', 'SIGTERM', 'SIGABRT'] as const) {
      const { child } = await start(locking(home))
      const gone = new Promise(resolve => child.once('exit', resolve))
      child.kill(signal)
      await gone
      expect(() => lockFolder(home)()).not.toThrow()
    }
  })

  it('is refused to the same process too, which does not lose it by asking', async () => {
    const unlock = lockFolder(home)
    for (let n = 0; n < 3; n++)
      expect(caught(() => lockFolder(home)).detail).toContain(`process ${process.pid}`)
    expect((await start(locking(home))).said).toContain(`process ${process.pid}`)
    unlock()
    expect((await start(locking(home))).said).toBe('has it')
  })

  it('stays with a process that forgot it, however often memory is collected', async () => {
    const forgetful = locking(home).replace('setInterval', 'gc(); setInterval')
    const { said } = await start(`import { setFlagsFromString } from 'node:v8'
      import { runInNewContext } from 'node:vm'
      setFlagsFromString('--expose-gc')
      const gc = runInNewContext('gc')
      ${forgetful.replace("console.log('has it')", "gc(); gc(); console.log('has it')")}`)
    expect(said).toBe('has it')
    expect(caught(() => lockFolder(home)).code).toBe('bad-configuration')
  })

  it('is not broken by a lying or missing note of who has it, nor by removing a stale file', async () => {
    const unlock = lockFolder(home)
    await writeFile(join(home, 'process'), 'rm -rf / #')
    expect(caught(() => lockFolder(home)).detail).toBe(
      `Another server has the folder \`${home}\` open.`,
    )
    await rm(join(home, 'process'))
    expect(caught(() => lockFolder(home)).code).toBe('bad-configuration')
    unlock()
  })

  it('does not pass to a child that outlives its process', async () => {
    const { child, said } = await start(`
      import { spawn } from 'node:child_process'
      import { lockFolder } from ${importing('lock.ts')}
      lockFolder(${JSON.stringify(home)})
      const heir = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 20000)'], {
        detached: true,
        stdio: 'ignore',
      })
      console.log(heir.pid)
      setInterval(() => {}, 1000)`)
    await end(child)
    expect(() => lockFolder(home)()).not.toThrow()
    process.kill(Number(said), 'SIGKILL')
  })
})

describe('an embedded database', () => {
  it('refuses a second server, also by another name for its folder, and keeps every write', async () => {
    const store = await open(folder)
    await symlink(folder, join(home, 'alias'))
    for (const name of [folder, join(home, 'alias'), `${home}/./data/`]) {
      const opening: unknown = await open(name).catch((thrown: unknown) => thrown)
      expect(isProblem(opening, 'bad-configuration')).toBe(true)
    }
    await store.query(`insert into ledger_refusal_count values ('i', now(), 'r', 1)`)
    await store.close()
    const again = await open(folder)
    expect(await again.query('select count(*) as n from ledger_refusal_count')).toEqual([{ n: 1 }])
    await again.close()
  })

  it('is readable for its user alone, whatever the umask', async () => {
    const before = process.umask(0)
    try {
      const store = await open(folder)
      await store.query('create temp table t as select generate_series(1, 100000) as n')
      await store.query(`insert into ledger_refusal_count values ('i', now(), 'r', 1)`)
      await store.close()
    } finally {
      process.umask(before)
    }
    // PostgreSQL's catalog caches alone are 0644; no other user gets as far as to them.
    const found = await openToOthers(folder)
    expect(found.filter(file => !file.endsWith('/pg_internal.init'))).toEqual([])
    expect((await stat(folder)).mode & 0o777).toBe(0o700)
    expect((await stat(join(folder, 'pgdata'))).mode & 0o777).toBe(0o700)
  })

  it('closes a folder that was open to others', async () => {
    await mkdir(folder, { mode: 0o755 })
    await (await open(folder)).close()
    expect((await stat(folder)).mode & 0o777).toBe(0o700)
  })

  it('loses nothing it has acknowledged when its process is killed', async () => {
    const { child } = await start(`
      import { openStore } from ${importing('open.ts')}
      import { placeTemplate } from ${importing('../../life/template/template.ts')}
      import { appendFileSync } from 'node:fs'
      const store = await openStore({ dataDir: ${JSON.stringify(folder)}, place: placeTemplate })
      console.log('open')
      for (let n = 1; ; n++) {
        await store.transact(async tx => {
          await tx.query("insert into ledger_refusal_count values ('i', to_timestamp($1), 'r', $1)", [n])
        })
        appendFileSync(${JSON.stringify(join(home, 'acknowledged'))}, n + '\\n')
      }`)
    const acknowledged = () =>
      existsSync(join(home, 'acknowledged'))
        ? Number(readFileSync(join(home, 'acknowledged'), 'utf8').trim().split('\n').at(-1))
        : 0
    await expect.poll(acknowledged, { timeout: 20_000 }).toBeGreaterThan(100)
    await end(child)
    const store = await open(folder)
    const [row] = await store.query<{ n: number; last: number }>(
      'select count(*) as n, max(count) as last from ledger_refusal_count',
    )
    expect(row?.n).toBeGreaterThanOrEqual(acknowledged())
    expect(row?.n).toBe(row?.last)
    await store.close()
  })

  it('is made whole or not at all: what a killed start left is thrown away', async () => {
    await mkdir(join(folder, 'pgdata.new'), { recursive: true })
    await writeFile(join(folder, 'pgdata.new', 'PG_VERSION'), 'half')
    const store = await open(folder)
    expect(await store.query('select count(*) as n from person')).toEqual([{ n: 0 }])
    expect((await readdir(folder)).toSorted()).toEqual(['lock', 'pgdata', 'process'])
    await store.close()
  })

  it('that is not whole does not open, says so, and gives its lock back', async () => {
    await mkdir(join(folder, 'pgdata'), { recursive: true })
    await writeFile(join(folder, 'pgdata', 'PG_VERSION'), '18')
    for (let n = 0; n < 2; n++)
      await expect(open(folder)).rejects.toMatchObject({
        code: 'store-unavailable',
        detail: expect.stringContaining('does not open'),
      })
  })
})

function caught(run: () => unknown) {
  try {
    run()
  } catch (thrown) {
    if (isProblem(thrown)) return thrown
    throw thrown
  }
  throw new Error('nothing was refused')
}
