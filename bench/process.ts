/**
 * What a process costs before it does anything: the server's memory when idle, its second start in
 * one folder, and the shortest call of the command line. Each against its goal, on the embedded store.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { median } from './measure.ts'
import { againstGoal, type Row, round3 } from './row.ts'

const root = join(import.meta.dirname, '..')
const settleMs = 10_000
const startRounds = 3
const callRounds = 15

/** Resident memory of a server nobody has called for ten seconds. */
export async function benchIdle(progress: (text: string) => void): Promise<Row> {
  return inFreshHome(async home => {
    const { child, startMs } = await startServed(home)
    try {
      progress(`first start ${Math.round(startMs)} ms; waiting ${settleMs / 1000} s`)
      await wait(settleMs)
      const { VmRSS: ours = Number.NaN, VmHWM: peak = Number.NaN } = memoryOf(child.pid)
      return againstGoal('memory-idle', { ours, goal: 400, unit: 'MB' }, { peakMb: peak })
    } finally {
      await end(child)
    }
  })
}

/** From the call of the program to open doors, in a folder that has been served before. */
export async function benchStart(progress: (text: string) => void): Promise<Row> {
  return inFreshHome(async home => {
    const all: number[] = []
    for (let round = 0; round <= startRounds; round++) {
      const { child, startMs } = await startServed(home)
      await end(child)
      progress(`start ${round + 1}: ${Math.round(startMs)} ms`)
      all.push(round3(startMs / 1000))
    }
    const [first, ...later] = all
    const figures = { ours: median(later), goal: 5, unit: 's', all: later }
    return againstGoal('start', figures, { firstSeconds: first, of: 'serve, without the demo' })
  })
}

/** `./lh --version`, as a person's shell starts it. */
export async function benchCli(progress: (text: string) => void): Promise<Row> {
  const all: number[] = []
  for (let round = -1; round < callRounds; round++) {
    const startedMs = performance.now()
    const child = spawn(join(root, 'lh'), ['--version'], { stdio: 'ignore' })
    const [code] = (await once(child, 'close')) as [number | null]
    if (code !== 0) throw new Error(`lh --version ended with ${String(code)}`)
    // The first call compiles what the others find compiled.
    if (round >= 0) all.push(round3(performance.now() - startedMs))
  }
  progress(`${callRounds} calls`)
  return againstGoal('cli', { ours: median(all), goal: 200, unit: 'ms', all }, {})
}

async function inFreshHome<T>(work: (home: string) => Promise<T>): Promise<T> {
  const home = await mkdtemp(join(tmpdir(), 'leasehold-bench-'))
  try {
    return await work(home)
  } finally {
    await rm(home, { recursive: true, force: true })
  }
}

async function startServed(home: string): Promise<{ child: ChildProcess; startMs: number }> {
  const startedMs = performance.now()
  const { DATABASE_URL: _, ...env } = process.env
  const child = spawn(process.execPath, [...process.execArgv, join(root, 'src/main.ts')], {
    env: { ...env, LEASEHOLD_HOME: home, LEASEHOLD_PORT: '0' },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  // It says where it listens once its doors are open, and nothing before.
  await new Promise<void>((resolve, reject) => {
    child.stdout?.once('data', () => resolve())
    child.once('error', reject)
    child.once('close', code => reject(new Error(`the server ended with ${String(code)}`)))
  })
  return { child, startMs: performance.now() - startedMs }
}

async function end(child: ChildProcess): Promise<void> {
  const over = once(child, 'close')
  child.kill('SIGTERM')
  await over
}

/** Megabytes of resident memory, now and at most. Linux. */
export function memoryOf(pid: number | undefined): Record<string, number> {
  const status = readFileSync(`/proc/${String(pid)}/status`, 'utf8')
  const lines = [...status.matchAll(/^(VmRSS|VmHWM):\s+(\d+) kB$/gm)]
  return Object.fromEntries(lines.map(([, name = '', kb]) => [name, Math.round(Number(kb) / 1000)]))
}
