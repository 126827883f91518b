/** A process of a bench's own: it says once what it is, and from then on what it has cost when asked. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'

export interface Child<T> {
  readonly process: ChildProcess
  readonly says: T
}

/** `file` runs with these words and answers one message when it is ready. */
export async function startChild<T>(file: string, ...words: string[]): Promise<Child<T>> {
  const child = fork(file, words, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  return { process: child, says: (await hear(child)) as T }
}

/** Its next message; a child that ends before it says anything is an error. */
export async function hear(child: ChildProcess): Promise<unknown> {
  const over = new AbortController()
  const ended = once(child, 'exit', { signal: over.signal }).then(() => {
    throw new Error('a process of the bench ended early')
  })
  try {
    const [said] = (await Promise.race([once(child, 'message', over), ended])) as [unknown]
    return said
  } finally {
    ended.catch(() => {})
    over.abort()
  }
}

/** Microseconds of processor time so far. */
export async function cpuOf({ process: child }: Pick<Child<unknown>, 'process'>): Promise<number> {
  child.send('cpu?')
  return ((await hear(child)) as { cpuUs: number }).cpuUs
}

/** Returns when it is gone; it may clean up first. */
export async function stopChild({
  process: child,
}: Pick<Child<unknown>, 'process'>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  const late = setTimeout(() => child.kill('SIGKILL'), goneMs)
  if (child.connected) child.disconnect()
  await gone
  clearTimeout(late)
}

const goneMs = 20_000

/** In the child: says what it is, tells its cost, and goes when the bench does. */
export function serveBench(says: unknown, stop: () => Promise<void> = async () => {}): void {
  process.send?.(says)
  process.on('message', asked => {
    if (asked !== 'cpu?') return
    const { user, system } = process.cpuUsage()
    process.send?.({ cpuUs: user + system })
  })
  process.once('disconnect', () => void stop().finally(() => process.exit(0)))
}
