// One server of somebody else's make, run for a test: as root under the user `nobody`, in a folder of
// its own that this user may enter, on a port nobody else has, and ended by its process id.
//
// PostgreSQL has a starter of its own; this one serves what Debian's packages bring.
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, existsSync, openSync } from 'node:fs'
import * as fs from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { type Account, BARE_ENV, chooseAccount, findTemporary } from './postgres-binaries.ts'
import { guard } from './postgres-process.ts'

export const HOST = '127.0.0.1'

export interface Place {
  readonly folder: string
  readonly account: Account
}

export interface RunningServer {
  readonly pid: number
  /** Returns when it is gone. */
  stop(): Promise<void>
}

const READY_MS = 30_000
const GONE_MS = 10_000
const POLL_MS = 20

/** The program of that name, where Debian puts servers; undefined where there is none. */
export function findProgram(name: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(':').concat('/usr/sbin', '/usr/bin')
  return folders.map(folder => join(folder, name)).find(path => existsSync(path))
}

/**
 * Whether suites that need `program` run. Where it is not there they are skipped, by a name that says
 * so; with LEASEHOLD_NEEDS_SERVERS=1 its absence is a failure.
 */
export function needs(program: string): { isHere: boolean; name: string } {
  if (findProgram(program) !== undefined) return { isHere: true, name: program }
  if (process.env['LEASEHOLD_NEEDS_SERVERS'] === '1')
    throw new Error(`${program} is not installed. Next: .ci/run packages`)
  const name = `skipped: needs ${program}`
  console.warn(name)
  return { isHere: false, name }
}

export async function makePlace(): Promise<Place> {
  const account = chooseAccount()
  const folder = await fs.realpath(
    await fs.mkdtemp(join(findTemporary(account), 'leasehold-server-')),
  )
  await fs.chmod(folder, 0o711)
  const data = join(folder, 'data')
  await fs.mkdir(data, { mode: 0o700 })
  if (account.uid !== undefined && account.gid !== undefined)
    await fs.chown(data, account.uid, account.gid)
  return { folder, account }
}

/** Runs to its end; throws what it said last when it fails. */
export async function runProgram(place: Place, program: string, args: string[]): Promise<void> {
  const log = join(place.folder, 'setup.log')
  const child = start(place, program, args, log)
  const exit = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('exit', resolve)
  })
  if (exit !== 0) throw new Error(`${program} failed (exit ${exit}): ${await tailOf(log)}`)
}

/** `isReady` is asked until it says so; what it throws means: not yet. */
export async function runServer(
  place: Place,
  [program, ...args]: [string, ...string[]],
  isReady: () => Promise<unknown>,
): Promise<RunningServer> {
  const log = join(place.folder, 'server.log')
  const child = start(place, program, args, log)
  const { pid } = child
  if (pid === undefined) throw new Error(`${program} could not be started`)
  const dropGuard = guard(pid, place.folder)
  child.unref()
  for (const from = performance.now(); ; await wait(POLL_MS)) {
    if (hasEnded(child) || performance.now() - from > READY_MS) {
      dropGuard()
      child.kill('SIGKILL')
      throw new Error(`${program} did not start: ${await tailOf(log)}`)
    }
    if (
      await isReady().then(
        () => true,
        () => false,
      )
    )
      break
  }
  return {
    pid,
    async stop() {
      dropGuard()
      child.kill('SIGTERM')
      for (const from = performance.now(); !hasEnded(child); await wait(POLL_MS))
        if (performance.now() - from > GONE_MS) child.kill('SIGKILL')
    },
  }
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null
}

export async function findFreePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, HOST, resolve))
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

function start({ account }: Place, program: string, args: string[], log: string) {
  const out = openSync(log, 'a', 0o600)
  const child = spawn(program, args, {
    ...account,
    cwd: '/',
    env: BARE_ENV,
    stdio: ['ignore', out, out],
  })
  closeSync(out)
  return child
}

async function tailOf(log: string): Promise<string> {
  return (await fs.readFile(log, 'utf8')).slice(-1500).trim() || 'it said nothing'
}
