/**
 * `run`: a task with its leases for exactly as long as one command runs. INVARIANT: what the command
 * gets is in its environment and in files of this run alone, gone with it: a word that opens our door,
 * or, where that was asked for and permitted, the credential; its exit code, signals and terminal are
 * its own.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import { type Answer, glyph } from '../answer.ts'
import type { Cli } from '../cli.ts'
import { codeOf, runFolder } from '../files.ts'
import { exits, Problem, problem, usage } from '../problem.ts'
import { environment } from './environment.ts'
import { during, type Held, openTask, type Task } from './task.ts'

export const signals = ['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const

export type Ended = [code: number | null, signal: NodeJS.Signals | null]

export async function run(cli: Cli, ...command: string[]): Promise<Answer> {
  return runWith(cli, cli.options.list('need', '\n') ?? [], command)
}

export async function runWith(cli: Cli, needs: string[], command: string[]): Promise<Answer> {
  const task = await prepare(cli, needs, command)
  const [code, signal] = await during(cli, task, () => runCommand(cli, command, task.leases))
  if (signal !== null) return { result: undefined, exit: dieOf(signal) }
  if (code === 127) cli.out.problem(problem('LH-RUN-03', { command: command[0] ?? '' }), false)
  return { result: undefined, exit: code ?? exits.notStarted }
}

/** What goes wrong before the command starts is 125, unless it tells what a person must do. */
async function prepare(cli: Cli, needs: string[], command: readonly string[]): Promise<Task> {
  try {
    if (command.length === 0) throw usage('Run what?', 'leasehold run --need … -- npm start')
    if (command.includes('')) throw problem('LH-RUN-04', {})
    return await openTask(cli, needs)
  } catch (error) {
    const told = [exits.needsPerson, exits.denied, exits.waiting, exits.notSignedIn] as number[]
    if (!(error instanceof Problem) || told.includes(error.text.exit)) throw error
    throw new Problem({ ...error.text, exit: exits.notStarted }, error)
  }
}

async function runCommand({ host, options, out }: Cli, command: string[], leases: Held[]) {
  const [name = '', ...args] = command
  // At a terminal Ctrl-C and Ctrl-\ reach the command by themselves.
  const own: readonly string[] = host.stdin.isTTY === true ? ['SIGINT', 'SIGQUIT'] : []
  // Before there is a file: no signal may end us without its removal.
  let child: ChildProcess | undefined
  for (const each of signals) process.on(each, () => own.includes(each) || child?.kill(each))
  const folder = runFolder(host.env)
  try {
    const isFile = options.text('via') === 'file'
    const env = environment(host.env, leases, folder, isFile)
    const where = 'not in memory, which is not to be had here'
    if (isFile && !folder.isInMemory) out.note(`${glyph.wait} Its files are on disk: ${where}.`)
    const ours = process.umask(host.umask)
    child = spawn(name, args, { stdio: 'inherit', env, cwd: host.cwd })
    process.umask(ours)
    return (await once(child, 'exit')) as Ended
  } catch (error) {
    if (child === undefined) throw error
    return [codeOf(error) === 'ENOENT' ? 127 : 126, null] as Ended
  } finally {
    folder.remove()
  }
}

/** As the command died: whoever started us sees the same. */
export function dieOf(signal: NodeJS.Signals): number {
  for (const each of signals) process.removeAllListeners(each)
  process.kill(process.pid, signal)
  return 128 + constants.signals[signal]
}
