/**
 * One version of an app as a process of its own: with nothing of our environment, nothing to read but its
 * folder, and nothing to write but the app's own. It dies: it is started again, a few times.
 *
 * ATTACKER: an app that reads the runner's key or another app's folder, starts something that outlives it, or
 * opens the debugger of another process by a signal. Node's permission model refuses the first two; nobody
 * here listens for the third.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { bounds } from './bounds.ts'
import { Refusal } from './refusal.ts'

const leash = join(import.meta.dirname, 'leash.js')

export interface Place {
  /** Of the bundle. */
  readonly folder: string
  /** What the app may write; the next version finds it there. */
  readonly data: string
  readonly env: Readonly<Record<string, string>>
  readonly told: (says: string) => void
}

export type Version = Awaited<ReturnType<typeof startVersion>>

/** Listens when this returns. Throws Refusal where it does not in time; nothing of it runs then. */
export async function startVersion({ folder, data, env, told }: Place) {
  const entry = entryOf(folder)
  const port = await freePort()
  mkdirSync(data, { recursive: true, mode: 0o700 })
  const flags = ['--permission', '--allow-net', `--allow-fs-write=${data}`, `--import=${leash}`]
  flags.push(...[folder, data, leash].map(each => `--allow-fs-read=${each}`), '--disable-sigusr1')
  flags.push('--disable-warning=ExperimentalWarning', `--max-old-space-size=${bounds.memoryMb}`)
  const own = { ...env, PORT: String(port), HOME: data, TMPDIR: data, NODE_ENV: 'production' }
  const run = () => {
    const child = spawn(process.execPath, [...flags, entry], { cwd: folder, env: own })
    const state = { child, last: '' }
    child.once('error', () => {})
    child.stdout.resume()
    child.stderr.on('data', part => (state.last = (state.last + String(part)).slice(-500)))
    return state
  }
  let now = run()
  const deaths: number[] = []
  let isOver = false
  const isDead = () => now.child.exitCode !== null || now.child.signalCode !== null
  const watch = async () => {
    for (;;) {
      if (!isDead()) await once(now.child, 'exit')
      if (isOver) return
      deaths.push(Date.now())
      const lately = deaths.filter(at => Date.now() - at < bounds.deathsMs).length
      const isDown = lately > bounds.deaths
      told(`it died: ${isDown ? 'down until the next version' : 'started again'}`)
      if (isDown) return
      await wait(50 * 2 ** lately)
      if (!isOver) now = run()
    }
  }
  const stop = async () => {
    isOver = true
    if (isDead()) return
    const ended = once(now.child, 'exit')
    now.child.kill('SIGTERM')
    await Promise.race([ended, wait(bounds.endMs, undefined, { ref: false })])
    now.child.kill('SIGKILL')
    await ended
  }
  for (const until = Date.now() + bounds.startMs; Date.now() < until && !isDead(); await wait(30))
    if (await isUp(port)) {
      void watch()
      return { port, pid: () => now.child.pid, stop }
    }
  const how = isDead() ? `ended: ${now.last}` : 'did not listen on PORT, on 127.0.0.1'
  await stop()
  throw new Refusal(422, `It was not started. \`node ${entry}\` ${how}`)
}

/** `start` of its package.json, as `node file`: no shell, no flag of its own. */
function entryOf(folder: string): string {
  let text = ''
  try {
    text = readFileSync(join(folder, 'package.json'), 'utf8')
  } catch {
    // Said below.
  }
  const [, file = '..'] = /"start"\s*:\s*"node (\w[\w./-]*)"/.exec(text) ?? []
  if (!file.split('/').includes('..')) return file
  throw new Refusal(422, 'Its package.json names no program: "start": "node src/server.ts".')
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  return port
}

async function isUp(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  const isOpen = once(socket, 'connect').then(() => true)
  return isOpen.catch(() => false).finally(() => socket.destroy())
}
