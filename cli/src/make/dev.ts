/**
 * `dev`: runs the app of this folder with what is agreed to, through the same door as `run`, and with synthetic data
 * where an answer is still waited for. When the answer comes it is started anew with the real data, by itself. What it
 * holds is given back when it ends; its exit code, signals and terminal are its own.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createServer, connect as dial } from 'node:net'
import { delimiter, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { AppDetail } from '../../../src/doors/api/contract.ts'
import { isAgent } from '../agent.ts'
import { type Answer, glyph } from '../answer.ts'
import { appOf, type Cli } from '../cli.ts'
import { runFolder } from '../files.ts'
import { exits, Problem, problem, usage } from '../problem.ts'
import { clockTime, dayTime } from '../time.ts'
import { environment } from '../verbs/environment.ts'
import { readApp } from '../verbs/kit.ts'
import { dieOf, type Ended, signals } from '../verbs/run.ts'
import { during, type Held, openTask, type Task } from '../verbs/task.ts'
import { endWarning, type Plan, planOf } from './plan.ts'
import { type Made, unclaimed, unclaimedMs } from './record.ts'
import { answerFor } from './ship/answer.ts'

/** Looked so often while an answer is waited for, and otherwise. */
const lookMs = { waiting: 1000, idle: 5000 }
/** An app that was told to end gets so long, then it is made to. */
const endMs = 3000
const retryMs = 15_000
const passing: readonly number[] = [exits.unreachable, exits.tryAgain, exits.internal]
const firstPort = 5173

type Shown = Pick<AppDetail, 'slug' | 'endsAt' | 'madeAt' | 'leases'> &
  Partial<Pick<AppDetail, 'address'>> & { owner: { name: string } }
type Entry = { name: string; args: string[]; isShell: boolean }
type Run = { cli: Cli; entry: Entry; port: number; stopped: AbortController; told: Set<unknown> }
/** How the app ended; undefined: it was ended by us, to be started with other data. */
type Outcome = Ended | undefined

export async function dev(cli: Cli, ...command: string[]): Promise<Answer> {
  const entry = entryOf(cli, command)
  await sendManifest(cli)
  const port = await freePort(Number(cli.host.env['PORT'] ?? firstPort))
  const run: Run = { cli, entry, port, stopped: new AbortController(), told: new Set() }
  let child: ChildProcess | undefined
  const own: readonly string[] = cli.host.stdin.isTTY === true ? ['SIGINT', 'SIGQUIT'] : []
  for (const each of signals)
    process.on(each, () => {
      if (!each.startsWith('SIGUSR')) run.stopped.abort()
      if (!own.includes(each)) child?.kill(each)
    })
  for (let before: Plan | undefined; ; ) {
    const { app, plan } = await look(run)
    tell(run, app, plan, before)
    const outcome = await playWith(run, app, plan, started => (child = started))
    child = undefined
    if (outcome !== undefined) return answerOf(cli, entry, outcome)
    if (run.stopped.signal.aborted) return { result: undefined }
    before = plan
  }
}

async function look({ cli }: Run): Promise<{ app: Shown; plan: Plan }> {
  const made = unclaimed(cli.host.cwd)
  if (made !== undefined) return alone(made, cli.host.now())
  const app = await readApp(cli)
  const role = cli.options.text('as')?.split('/')[1] ?? (isAgent(cli.host.env) ? 'agent' : 'run')
  return { app, plan: planOf(app, cli.options.text('purpose'), role, cli.host.now()) }
}

/** Nobody's yet: nothing of it is at a server, and it has no access to anything. */
function alone({ app, purpose, beganAt }: Made, now: number): { app: Shown; plan: Plan } {
  const endsAt = new Date(Date.parse(beganAt) + unclaimedMs).toISOString()
  const next = `leasehold new "${purpose}"`
  if (Date.parse(endsAt) < now) throw usage(`${app} is nobody's, and its day is over.`, next)
  const waits = [
    { resource: 'data', says: `nobody's app has no other; make it yours: ${next}`, since: '' },
  ]
  const shown = { slug: app, owner: { name: 'nobody yet' }, endsAt, madeAt: beganAt, leases: [] }
  return { app: shown, plan: { purpose: '', ready: [], waits, key: '' } }
}

/** One line each: what it is at the start, afterwards what has changed. */
function tell({ cli, told }: Run, app: Shown, plan: Plan, before: Plan | undefined): void {
  const { out, host } = cli
  const at = clockTime(new Date(host.now()).toISOString()).slice(0, 5)
  if (before === undefined) {
    out.note(
      `${glyph.ok} ${app.slug}   ends ${dayTime(app.endsAt, host.now())}   Ctrl-C releases everything`,
    )
    for (const { resource, says, since } of plan.waits)
      out.note(`  ${resource.padEnd(14)} ${glyph.wait} synthetic: ${says}${since}`)
  } else {
    for (const need of plan.ready.filter(each => !before.ready.includes(each)))
      out.note(`${at} ${glyph.done} ${need} was agreed to: switched to real data`)
    const known = before.waits.map(({ resource, says }) => `${resource} ${says}`)
    for (const { resource, says } of plan.waits)
      if (!known.includes(`${resource} ${says}`))
        out.note(`${at} ${glyph.wait} ${resource} synthetic: ${says}`)
  }
  warn(app, cli, told)
}

function warn(app: Shown, { out, host }: Cli, told: Set<unknown>): void {
  const warning = endWarning(app, host.now())
  if (warning === undefined || told.has(warning.mark)) return
  told.add(warning.mark)
  out.note(`${glyph.wait} ${warning.says}`)
}

/** The app with all that is agreed to; where that can not be had, it is told why and has synthetic data. */
async function playWith(
  run: Run,
  app: Shown,
  plan: Plan,
  started: (child: ChildProcess) => void,
): Promise<Outcome> {
  const { cli } = run
  const waits = plan.waits.map(({ resource, says }) => `${resource}: ${says}.`)
  let task: Task | undefined
  let retryAt = Number.POSITIVE_INFINITY
  try {
    if (plan.ready.length > 0) task = await openTask(cli, plan.ready)
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    cli.out.problem(error, false)
    waits.push(error.message)
    // A no stays one until something changes; what could not be reached is tried again.
    if (passing.includes(error.text.exit)) retryAt = cli.host.now() + retryMs
  }
  const play = () =>
    playOnce(run, { app, plan, waits, leases: task?.leases ?? [], started, retryAt })
  return task === undefined ? play() : during(cli, task, play)
}

type Data = { plan: Plan; waits: readonly string[]; leases: Held[]; retryAt: number }
type Play = Readonly<Data & { app: Shown; started: (child: ChildProcess) => void }>

async function playOnce(
  run: Run,
  { app, plan, waits, leases, started, retryAt }: Play,
): Promise<Outcome> {
  const { cli, entry, port, stopped } = run
  if (stopped.signal.aborted) return undefined
  const folder = runFolder(cli.host.env)
  const over = new AbortController()
  try {
    const env = environment(cli.host.env, leases, folder, false)
    const bin = join(cli.host.cwd, 'node_modules/.bin')
    Object.assign(env, {
      PORT: String(port),
      LEASEHOLD_SERVER: cli.server.url.origin,
      ...(app.address && { LEASEHOLD_ADDRESS: app.address }),
      PATH: `${bin}${delimiter}${env['PATH'] ?? ''}`,
      LEASEHOLD_OWNER: app.owner.name,
      LEASEHOLD_ENDS: dayTime(app.endsAt, cli.host.now()),
      LEASEHOLD_WAITS: cli.out.name(waits.join(' ')),
    })
    const ours = process.umask(cli.host.umask)
    const { name, args, isShell } = entry
    const child = spawn(name, args, { stdio: 'inherit', env, cwd: cli.host.cwd, shell: isShell })
    process.umask(ours)
    started(child)
    const ended = new Promise<Ended>(resolve => {
      child.once('exit', (code, signal) => resolve([code, signal]))
      child.once('error', () => resolve([127, null]))
    })
    void sayPage(run, app, over.signal).catch(() => {})
    const changed = watch(
      run,
      { plan, leases, until: Math.min(retryAt, soonest(leases)) },
      over.signal,
    )
    const outcome = await Promise.race([ended, changed])
    const isOver = child.exitCode !== null || child.signalCode !== null
    if (outcome !== undefined || isOver) return outcome ?? (await ended)
    // Asked first: an app may have something to finish.
    child.kill('SIGTERM')
    await Promise.race([ended, wait(endMs, undefined, { signal: over.signal })])
    child.kill('SIGKILL')
    await ended
    return undefined
  } finally {
    over.abort()
    folder.remove()
  }
}

/** Returns when the app must be started anew: another plan, or a lease that is gone or soon will be. */
async function watch(
  run: Run,
  { plan, leases, until }: { plan: Plan; leases: Held[]; until: number },
  signal: AbortSignal,
): Promise<undefined> {
  for (;;) {
    await wait(plan.waits.length > 0 ? lookMs.waiting : lookMs.idle, undefined, { signal }).catch(
      () => {},
    )
    // It ended by itself: whoever waits for that has it already.
    if (signal.aborted || run.cli.host.now() > until) return undefined
    // The server may be gone for a while: what is held goes on until its term ends.
    const now = await look(run).catch(() => undefined)
    if (now === undefined) continue
    warn(now.app, run.cli, run.told)
    if (now.plan.key !== plan.key || isCut(now.app, leases)) return undefined
  }
}

/** Ended by others: by a pause, a hold, a person. */
function isCut(app: Shown, held: readonly Held[]): boolean {
  const ids = held.map(({ lease }) => lease.id)
  return app.leases.some(({ id, state }) => ids.includes(id) && state !== 'live')
}

/** A little before the first lease can not be renewed any more. */
function soonest(leases: readonly Held[]): number {
  return Math.min(...leases.map(({ lease }) => Date.parse(lease.endsAt) - 30_000))
}

/** Said once, when the app listens where it was told to. One without a page says nothing. */
async function sayPage({ cli, port, told }: Run, app: Shown, signal: AbortSignal): Promise<void> {
  for (;;) {
    await wait(50, undefined, { signal })
    const socket = dial(port, '127.0.0.1')
    const isUp = await once(socket, 'connect', { signal }).then(
      () => true,
      () => false,
    )
    socket.destroy()
    if (isUp) break
  }
  const tell = (line: string) => {
    if (!told.has(line)) cli.out.note(line)
    told.add(line)
  }
  tell(`${glyph.ok} page   http://127.0.0.1:${port}`)
  if (app.address === undefined) return
  tell(`  others ${app.address}   who may open it: leasehold ship`)
  const why = (says: string) => tell(`${glyph.wait} ${app.address} is not answered: ${says}`)
  await answerFor(cli, { slug: app.slug, port, signal, told: why })
}

/** What was typed, else the script `dev` of its package.json, else `start`. */
function entryOf(cli: Cli, command: readonly string[]): Entry {
  if (command.includes('')) throw problem('LH-RUN-04', {})
  const [typed] = command
  if (typed !== undefined) return { name: typed, args: command.slice(1), isShell: false }
  const scripts = scriptsOf(cli.host.cwd)
  // Ours, which would call itself for ever.
  const isUs = /\b(leasehold|lh)\b.*\bdev\b/.test(scripts['dev'] ?? '')
  const script = (isUs ? undefined : scripts['dev']) ?? scripts['start']
  if (script === undefined)
    throw usage('Nothing here says how to start.', 'leasehold dev -- node server.ts')
  // Without a shell in between signals reach it, and its exit code is ours.
  const words = script.split(' ')
  const isPlain = words.every(word => /^[\w./:@=-]+$/.test(word))
  const [name = '', ...args] = words
  if (!isPlain) return { name: script, args: [], isShell: true }
  return { name: name === 'node' ? process.execPath : name, args, isShell: false }
}

function scriptsOf(folder: string): Readonly<Record<string, string>> {
  try {
    const text = readFileSync(join(folder, 'package.json'), 'utf8')
    const { scripts } = JSON.parse(text) as { scripts?: Record<string, string> }
    return scripts ?? {}
  } catch {
    return {}
  }
}

/** What the folder says the app needs is what the server knows: the same again changes nothing. */
async function sendManifest(cli: Cli): Promise<void> {
  const file = join(cli.host.cwd, 'leasehold.yaml')
  const isOurs = cli.options.text('as') === undefined && unclaimed(cli.host.cwd) === undefined
  if (!isOurs || !existsSync(file)) return
  const yaml = readFileSync(file, 'utf8')
  await cli.api.post(`/v1/apps/${appOf(cli)}/manifest`, { yaml }, { method: 'PUT' })
}

async function freePort(wanted: number): Promise<number> {
  for (const port of [wanted, wanted + 1, wanted + 2, wanted + 3, 0]) {
    const server = createServer()
    try {
      await once(server.listen(port, '127.0.0.1'), 'listening')
      return (server.address() as { port: number }).port
    } catch {
      // Somebody else's: the next one.
    } finally {
      server.close()
    }
  }
  throw usage('No port is free here.', 'PORT=8080 leasehold dev')
}

function answerOf(cli: Cli, { name }: Entry, [code, signal]: Ended): Answer {
  if (signal !== null) return { result: undefined, exit: dieOf(signal) }
  if (code === 127) cli.out.problem(problem('LH-RUN-03', { command: name }), false)
  return { result: undefined, exit: code ?? exits.notStarted }
}
