// A real PostgreSQL of our own, for tests, benches and the demo: started in under a second from the
// binaries npm brought (or a system's), on its own port of 127.0.0.1, ended without a trace.
//
// Not a fake, though it stands beside them: the one neighbour that can run for real. Works as root
// and as any user with a name, also from a folder only its owner can enter; adds no system user,
// opens no socket file, asks every connection for a password (SCRAM). Not tried on Windows.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import * as fs from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import {
  type Account,
  BARE_ENV,
  canEnter,
  chooseAccount,
  findBinaries,
  findTemporary,
} from './postgres-binaries.ts'
import {
  endForgotten,
  findPostmaster,
  type Launch,
  launchPostmaster,
  type Postmaster,
} from './postgres-process.ts'

export type PostgresOptions = {
  /** Kept between starts, with data, password and port. Without it everything is temporary. */
  folder?: string
  /** A folder with `initdb` and `postgres`; otherwise LEASEHOLD_TEST_PG_BIN, otherwise npm's. */
  binaries?: { bin: string }
  /** Off: faster, and a power cut loses data. A killed process loses nothing either way. */
  fsync?: boolean
  /** Further settings, as in postgresql.conf. */
  settings?: Record<string, string>
}

export type RunningPostgres = {
  host: string
  port: number
  superuser: string
  password: string
  dataDir: string
  /** The server's process now; another one after `restart`. */
  readonly pid: number
  /** With the password inside: for clients in this process, not for logs. */
  url(database?: string): string
  /** Ends it in order. A temporary one is removed; a kept one can be started again. */
  stop(): Promise<void>
  /** As a crash would: no warning, nothing written down. Then `restart`. */
  kill9(): Promise<void>
  /** Same port, same data; recovers from a crash by itself. */
  restart(): Promise<void>
}

type Home = { folder: string; isTemporary: boolean }

const HOST = '127.0.0.1'
const SUPERUSER = 'postgres'
const PORT_TRIES = 5
/** After a crash the old server's children hold its memory for a moment. */
const RECOVER_TRIES = 50
const STRANGER_TRIES = 20
const RECOVER_PAUSE_MS = 100

/** Resolves when connections are accepted. */
export async function startPostgres(options: PostgresOptions = {}): Promise<RunningPostgres> {
  const account = chooseAccount()
  const home = await prepareHome(options.folder, account)
  const dataDir = join(home.folder, 'data')
  try {
    const bin = await findBinaries(options.binaries?.bin, home.folder, account)
    await refuseIfInUse(home.folder, dataDir)
    await endForgotten(dataDir)
    const password = await makeCluster(bin, home.folder, account)
    const launch: Omit<Launch, 'port'> = {
      bin,
      dataDir,
      log: join(home.folder, 'postgres.log'),
      settings: settingsOf(options),
      account,
      removeAfter: home.isTemporary ? home.folder : undefined,
    }
    const { port, postmaster } = await launchOnFreePort(home.folder, launch)
    return handleOf({ launch: { ...launch, port }, postmaster, password })
  } catch (error) {
    if (home.isTemporary) await fs.rm(home.folder, { recursive: true, force: true })
    throw error
  }
}

function handleOf(started: { launch: Launch; postmaster: Postmaster; password: string }) {
  const { launch, password } = started
  let running: Postmaster | undefined = started.postmaster
  let pid = started.postmaster.pid
  const end = async (how: 'fast' | 'kill') => {
    const ending = running
    running = undefined
    await ending?.end(how)
  }
  return {
    host: HOST,
    port: launch.port,
    superuser: SUPERUSER,
    password,
    dataDir: launch.dataDir,
    get pid() {
      return pid
    },
    url: (database = 'postgres') =>
      `postgres://${SUPERUSER}:${password}@${HOST}:${launch.port}/${encodeURIComponent(database)}`,
    async stop() {
      await end('fast')
      if (launch.removeAfter) await fs.rm(launch.removeAfter, { recursive: true, force: true })
    },
    kill9: () => end('kill'),
    async restart() {
      await end('fast')
      running = await relaunch(launch)
      pid = running.pid
    },
  }
}

function settingsOf({ fsync = true, settings = {} }: PostgresOptions): Record<string, string> {
  return {
    listen_addresses: HOST,
    unix_socket_directories: '',
    fsync: fsync ? 'on' : 'off',
    full_page_writes: fsync ? 'on' : 'off',
    timezone: 'UTC',
    log_timezone: 'UTC',
    ...settings,
  }
}

/**
 * Where everything of this server lies. A wanted folder that the account can not enter (root's own)
 * holds a pointer to a place it can, made once under a name nobody can foresee.
 */
async function prepareHome(wanted: string | undefined, account: Account): Promise<Home> {
  if (wanted === undefined) {
    return { folder: await makePlace(findTemporary(account)), isTemporary: true }
  }
  await fs.mkdir(wanted, { recursive: true, mode: 0o711 })
  if (canEnter(wanted, account)) return { folder: await fs.realpath(wanted), isTemporary: false }
  const pointer = join(wanted, 'elsewhere')
  const known = existsSync(pointer) ? (await fs.readFile(pointer, 'utf8')).trim() : ''
  if (known && existsSync(known) && canEnter(known, account)) {
    return { folder: known, isTemporary: false }
  }
  const folder = await makePlace(findTemporary(account, ['/var/tmp', '/tmp']))
  await fs.writeFile(pointer, `${folder}\n`, { mode: 0o600 })
  return { folder, isTemporary: false }
}

/** 0711: the account passes through to its data, the rest is not listed for anybody. */
async function makePlace(parent: string): Promise<string> {
  const folder = await fs.realpath(await fs.mkdtemp(join(parent, 'leasehold-pg-')))
  await fs.chmod(folder, 0o711)
  return folder
}

/** Two programs on one data folder would end each other's server. */
async function refuseIfInUse(folder: string, dataDir: string): Promise<void> {
  const file = join(folder, 'owner')
  const owner = existsSync(file) ? Number(await fs.readFile(file, 'utf8')) : 0
  if (owner !== process.pid && isAlive(owner) && findPostmaster(dataDir) !== undefined) {
    throw new Error(`PostgreSQL in ${folder} is in use by process ${owner}. Next: stop that first`)
  }
  await fs.writeFile(file, `${process.pid}\n`, { mode: 0o600 })
}

function isAlive(pid: number): boolean {
  try {
    return pid > 1 && process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Makes the cluster unless it is there; returns the superuser's password. */
async function makeCluster(bin: string, folder: string, account: Account): Promise<string> {
  const passwordFile = join(folder, 'password')
  if (existsSync(join(folder, 'data'))) return (await fs.readFile(passwordFile, 'utf8')).trim()
  const password = randomBytes(24).toString('base64url')
  await fs.writeFile(passwordFile, `${password}\n`, { mode: 0o600 })
  // Made beside and renamed when whole, so that `data` is never half a cluster.
  const half = join(folder, 'half')
  await fs.rm(half, { recursive: true, force: true })
  await fs.mkdir(half, { mode: 0o700 })
  const pwfile = join(half, 'pwfile')
  await fs.writeFile(pwfile, `${password}\n`, { mode: 0o600 })
  if (account.uid !== undefined && account.gid !== undefined) {
    await fs.chown(half, account.uid, account.gid)
    await fs.chown(pwfile, account.uid, account.gid)
  }
  const words = ['--auth=scram-sha-256', `--username=${SUPERUSER}`, `--pwfile=${pwfile}`]
  const quick = ['--no-sync', '--no-locale', '--encoding=UTF8', '--no-instructions']
  await runInitdb(join(bin, 'initdb'), [...words, ...quick, join(half, 'data')], account)
  await fs.rm(pwfile)
  await fs.rename(join(half, 'data'), join(folder, 'data'))
  await fs.rm(half, { recursive: true })
  return password
}

function runInitdb(initdb: string, args: string[], account: Account): Promise<void> {
  const stdio: ['ignore', 'pipe', 'pipe'] = ['ignore', 'pipe', 'pipe']
  const child = spawn(initdb, args, { ...account, cwd: '/', env: BARE_ENV, stdio })
  let told = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      told = (told + text).slice(-2000)
    })
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', code => {
      if (code === 0) resolve()
      else reject(new Error(`initdb failed (exit ${code}): ${told.trim()}`))
    })
  })
}

/** The port of last time if it is free. Another process may take a free one before us: try again. */
async function launchOnFreePort(folder: string, launch: Omit<Launch, 'port'>) {
  const file = join(folder, 'port')
  let port = existsSync(file) ? Number(await fs.readFile(file, 'utf8')) : 0
  for (let tries = 1; ; tries++) {
    port = await findFreePort(port)
    if (port === 0) throw new Error(`no free port on ${HOST}`)
    try {
      const postmaster = await relaunch({ ...launch, port })
      await fs.writeFile(file, `${port}\n`)
      return { port, postmaster }
    } catch (error) {
      const isTaken = /could not create any TCP\/IP sockets/.test(String(error))
      if (!isTaken || tries === PORT_TRIES) throw error
      port = 0
    }
  }
}

async function relaunch(launch: Launch): Promise<Postmaster> {
  for (let tries = 1; ; tries++) {
    try {
      return await launchPostmaster(launch)
    } catch (error) {
      const isHeld = /pre-existing shared memory block|lock file .* already exists/s
      if (!isHeld.test(String(error)) || tries === RECOVER_TRIES) throw error
      await wait(RECOVER_PAUSE_MS)
      // By now no child of a crashed server lives: the number in its file is a stranger's.
      const isStranger = tries === STRANGER_TRIES && findPostmaster(launch.dataDir) === undefined
      if (isStranger) await fs.rm(join(launch.dataDir, 'postmaster.pid'), { force: true })
    }
  }
}

/** `wanted` if nobody listens there, else one the system picks. */
async function findFreePort(wanted: number): Promise<number> {
  return (await tryPort(wanted)) ?? (await tryPort(0)) ?? 0
}

function tryPort(wanted: number): Promise<number | undefined> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(undefined))
    server.listen(wanted, HOST, () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : undefined
      server.close(() => resolve(port))
    })
  })
}
