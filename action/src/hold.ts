/**
 * Runs beside the job's steps and keeps what they use: the doors on this machine, and another term for each
 * lease in time. Says once what became of it; what comes later lies in its folder. It lives as long as that
 * folder, which the last step takes away; what is left of the task is given back there.
 */
import { appendFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { runFolder } from '../../cli/src/files.ts'
import { Problem, type ProblemText, problem } from '../../cli/src/problem.ts'
import { environment } from '../../cli/src/verbs/environment.ts'
import { during, openTask } from '../../cli/src/verbs/task.ts'
import { clientOf, readInputs } from './client.ts'
import { env } from './runner.ts'

export type Held = {
  readonly task: string
  /** Of each need, its name and the end of its term. */
  readonly leases: readonly (readonly string[])[]
  readonly variables: Readonly<Record<string, string>>
  /** What opens the doors. */
  readonly words: readonly string[]
}
/** `line` to be read by people; the two others once. */
export type Said = { line: string } | { held: Held } | { problem: ProblemText }

const folder = process.argv[2] ?? ''

try {
  const cli = clientOf(tell, Date.now)
  const task = await openTask(cli, readInputs().needs)
  await during(cli, task, async () => {
    const leases = task.leases.map(({ lease }) => [lease.shortId, lease.termEndsAt])
    const words = task.leases.map(({ handle: to }) => (to.via === 'proxy' ? to.word : to.secret))
    // Of nothing: what comes out is what leads to the doors.
    const all = Object.entries(environment({}, task.leases, runFolder(env), false))
    const variables = Object.fromEntries(all.map(([name, value]) => [name, String(value)]))
    process.send?.({ held: { task: task.id, leases, variables, words } } satisfies Said)
    // A day, which is longer than any task.
    for (let left = 432_000; left > 0 && existsSync(folder); left--) await sleep(200)
    process.exit()
  })
} catch (error) {
  const { text } = error instanceof Problem ? error : problem('LH-BUG-99', {})
  process.send?.({ problem: text } satisfies Said)
}

function tell(line: string): void {
  if (process.connected) process.send?.({ line } satisfies Said)
  else if (existsSync(folder)) appendFileSync(join(folder, 'told'), `${line}\n`)
}
