// One running postmaster: started, watched, ended. Knows processes and the file in which PostgreSQL
// itself says how it is (`postmaster.pid`); knows nothing of users, passwords or databases.
import { spawn, spawnSync } from 'node:child_process'
import { closeSync, ftruncateSync, openSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { type Account, BARE_ENV } from './postgres-binaries.ts'

export type Launch = {
  bin: string
  dataDir: string
  log: string
  port: number
  settings: Record<string, string>
  account: Account
  /** Removed with its server when our process dies without a word. */
  removeAfter: string | undefined
}

export type Postmaster = {
  pid: number
  /** Returns when it is gone. `fast` ends sessions and writes everything down; `kill` does not. */
  end(how: 'fast' | 'kill'): Promise<void>
}

const POLL_MS = 15
const READY_MS = 60_000
/** How long a fast shutdown may take before it is helped along. */
const FAST_MS = 10_000
const GONE_MS = 10_000
const LOG_TAIL = 1500

/** Outlives our signals (its own session: Ctrl-C is for us first), never our process: see `guard`. */
export async function launchPostmaster(launch: Launch): Promise<Postmaster> {
  // Sessions of a killed server write their last words still: behind ours, never over them.
  const log = openSync(launch.log, 'a', 0o600)
  ftruncateSync(log)
  const args = ['-D', launch.dataDir, '-p', String(launch.port)]
  for (const [name, value] of Object.entries(launch.settings)) args.push('-c', `${name}=${value}`)
  const child = spawn(join(launch.bin, 'postgres'), args, {
    ...launch.account,
    cwd: '/',
    env: BARE_ENV,
    detached: true,
    stdio: ['ignore', log, log],
  })
  closeSync(log)
  let hasExited = false
  const exited = new Promise<void>(resolve => {
    const note = () => {
      hasExited = true
      resolve()
    }
    child.once('exit', note).once('error', note)
  })
  child.unref()
  const { pid } = child
  if (pid === undefined) throw new Error(`PostgreSQL could not be started from ${launch.bin}`)
  const dropGuard = guard(pid, launch.removeAfter)
  for (const start = performance.now(); !isReady(launch.dataDir, pid); await wait(POLL_MS)) {
    if (!hasExited && performance.now() - start < READY_MS) continue
    dropGuard()
    if (!hasExited) child.kill('SIGKILL')
    const told = (await readFile(launch.log, 'utf8')).slice(-LOG_TAIL)
    throw new Error(`PostgreSQL did not start: ${told.trim() || 'it said nothing'}`)
  }
  return {
    pid,
    async end(how) {
      dropGuard()
      child.ref()
      const stop = () => (hasExited ? undefined : signalUntilGone(pid, how, () => hasExited))
      await Promise.all([stop(), exited])
    },
  }
}

/**
 * Ends a postmaster that outlived the process which started it. Only one that runs from this very
 * data folder: a number in an old file may by now be somebody else's process.
 */
export async function endForgotten(dataDir: string): Promise<void> {
  const pid = readStatus(dataDir)?.pid
  if (pid === undefined || !isPostmasterOf(pid, dataDir)) return
  await signalUntilGone(pid, 'fast', () => !isPostmasterOf(pid, dataDir))
}

/** The live postmaster of a data folder, whoever started it. */
export function findPostmaster(dataDir: string): number | undefined {
  const pid = readStatus(dataDir)?.pid
  return pid !== undefined && isPostmasterOf(pid, dataDir) ? pid : undefined
}

async function signalUntilGone(pid: number, how: 'fast' | 'kill', isGone: () => boolean) {
  const steps: [NodeJS.Signals, number][] =
    how === 'kill'
      ? [['SIGKILL', GONE_MS]]
      : [
          ['SIGINT', FAST_MS],
          ['SIGQUIT', FAST_MS],
        ]
  for (const [signal, patience] of [...steps, ['SIGKILL', GONE_MS] as const]) {
    send(pid, signal)
    for (const start = performance.now(); performance.now() - start < patience; ) {
      if (isGone()) return
      await wait(POLL_MS)
    }
  }
  throw new Error(`PostgreSQL (process ${pid}) does not end`)
}

/**
 * A shell that waits on a pipe from us. When our process is gone, however it ended, the pipe closes,
 * and the shell ends the server (and its temporary folder). Dropped before an end of our own.
 */
export function guard(pid: number, folder: string | undefined): () => void {
  if (process.platform === 'win32') return () => {}
  const script = `read -r _; kill -QUIT "$1" 2>/dev/null; n=0
    while kill -0 "$1" 2>/dev/null && [ $n -lt 100 ]; do sleep 0.1; n=$((n+1)); done
    if [ -n "$2" ]; then rm -rf -- "$2"; fi`
  const shell = spawn('/bin/sh', ['-c', script, 'sh', String(pid), folder ?? ''], {
    cwd: '/',
    env: BARE_ENV,
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  shell.on('error', () => {})
  shell.unref()
  // A pipe to a child is a socket, which can be kept from keeping us alive.
  const { stdin } = shell
  if ('unref' in stdin && typeof stdin.unref === 'function') stdin.unref()
  return () => {
    shell.kill('SIGKILL')
  }
}

function isReady(dataDir: string, pid: number): boolean {
  const status = readStatus(dataDir)
  return status?.pid === pid && status.state === 'ready'
}

/** `postmaster.pid`: line 1 is the process, line 8 how far it is. */
function readStatus(dataDir: string): { pid: number; state: string } | undefined {
  try {
    const lines = readFileSync(join(dataDir, 'postmaster.pid'), 'utf8').split('\n')
    const pid = Number(lines[0])
    return Number.isInteger(pid) && pid > 1 ? { pid, state: (lines[7] ?? '').trim() } : undefined
  } catch {
    return undefined
  }
}

function isPostmasterOf(pid: number, dataDir: string): boolean {
  return readCommand(pid).includes(` -D ${dataDir} `)
}

/** The command line of a process; empty when it is gone, or waits for its parent to notice. */
function readCommand(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    if (process.platform === 'linux' || process.platform === 'win32') return ''
    const options = { encoding: 'utf8', env: BARE_ENV } as const
    return spawnSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], options).stdout ?? ''
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
