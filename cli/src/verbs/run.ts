/**
 * `run`: a task with its leases for exactly as long as one command runs. INVARIANT: what the command
 * gets is in its environment and nowhere else: a word that opens our door for this run, or, where that
 * was asked for and permitted, the credential; its exit code, signals and terminal are its own.
 */
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { constants } from 'node:os'
import type { IssuedLeaseView, LeaseView, TaskView } from '../../../src/doors/api/contract.ts'
import { isAgent } from '../agent.ts'
import { type Answer, glyph } from '../answer.ts'
import { type Api, accept, makeApi, parse } from '../api.ts'
import { appOf, type Cli } from '../cli.ts'
import { type Credential, newKey, tokenOf } from '../dpop.ts'
import type { Host } from '../host.ts'
import { exits, Problem, problem, usage } from '../problem.ts'
import { callIssuer, currentToken } from '../session.ts'
import { moment, span } from '../time.ts'
import { openTunnel } from '../tunnel.ts'
import { readApp, segment, stateWord } from './kit.ts'
import { parseNeed } from './requests.ts'

const signals = ['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const
/** What would lead the command to another database, or is ours. */
const foreign =
  /^(LEASEHOLD_\w+|DATABASE_URL|NODE_COMPILE_CACHE|PG(HOST(ADDR)?|PORT|USER|DATABASE|PASS(WORD|FILE)|SERVICE(FILE)?))$/

type Ended = { code: number | null; signal: NodeJS.Signals | null }
/** A lease, and of one through the gateway our door to it. */
type Held = IssuedLeaseView & { door?: { port: number; close(): void } }
/** `api` speaks as the task, with a `token` of it that is good now. */
type Task = { id: string; token: Token; api: Api; leases: Held[] }
type Token = (force: boolean) => Promise<Credential | undefined>

export async function run(cli: Cli, ...command: string[]): Promise<Answer> {
  const task = await prepare(cli, command)
  const start = cli.host.now()
  const timers = task.leases.map(({ lease }) => keepAlive(cli, task, lease))
  const { code, signal } = await runCommand(cli, command, task.leases)
  for (const stop of timers) stop()
  await release(cli, task, start)
  if (signal !== null) return { result: undefined, exit: dieOf(signal) }
  if (code === 127) cli.out.problem(problem('LH-RUN-03', { command: command[0] ?? '' }), false)
  return { result: undefined, exit: code ?? exits.notStarted }
}

/** What goes wrong before the command starts is 125, unless it tells what a person must do. */
async function prepare(cli: Cli, command: readonly string[]): Promise<Task> {
  try {
    if (command.length === 0) throw usage('Run what?', 'leasehold run --need … -- npm start')
    if (command.includes('')) throw problem('LH-RUN-04', {})
    return await openTask(cli)
  } catch (error) {
    const told = [exits.needsPerson, exits.denied, exits.waiting, exits.notSignedIn] as number[]
    if (!(error instanceof Problem) || told.includes(error.text.exit)) throw error
    throw new Problem({ ...error.text, exit: exits.notStarted }, error)
  }
}

/** The task, with the leases it needs; those it has are given back where one can not be had. */
async function openTask(cli: Cli): Promise<Task> {
  const { server, options, host } = cli
  const exchange = await exchanger(cli)
  let held = await exchange()
  let isOver = false
  const current: Token = async force => {
    // Another token for the same task: a command may run longer than any token lives.
    const isOld = !isOver && (force || held.endsAt < Date.now())
    const next = isOld ? await exchange().catch(() => held) : held
    isOver ||= next.id !== held.id
    // Ours has ended, and the one opened in its place is nobody's work.
    const other = makeApi(server.url, false, async () => next.token)
    if (next.id !== held.id) await close(other, next.id).catch(() => {})
    else held = next
    return held.token
  }
  const task = { id: held.id, token: current, api: makeApi(server.url, false, current), leases: [] }
  try {
    for (const need of options.list('need', '\n') ?? []) await askLease(cli, task, need)
    return task
  } catch (error) {
    await release(cli, task, host.now())
    throw error
  }
}

/** RFC 8693: the person's token for one of the task of this run, on the person's behalf. */
async function exchanger(cli: Cli) {
  const { server, options, host } = cli
  const slug = appOf(cli)
  const role = options.text('as')?.split('/')[1] ?? (isAgent(host.env) ? 'agent' : 'run')
  const urn = 'urn:ietf:params:oauth'
  const run = randomUUID()
  let scope = options.text('purpose')
  const ownKey = newKey()
  return async () => {
    const person = await currentToken(server, false)
    const subject_token = tokenOf(person)
    if (subject_token === undefined) throw problem('LH-AUTH-01', {})
    // A token of the task is bound as the person's is; else to a key of this run.
    const key = typeof person === 'object' ? person.key : ownKey
    scope ??= await onlyPurpose(cli, slug)
    const subject_token_type = `${urn}:token-type:access_token`
    const who = { subject_token, subject_token_type, identity: `${slug}/${role}`, run }
    const form = { grant_type: `${urn}:grant-type:token-exchange`, scope, ...who }
    const reply = await callIssuer(server, 'token_endpoint', form, key)
    const said = parse(accept(reply)) as Record<string, string>
    const { access_token = '', task, expires_in, token_type } = said
    const token = token_type === 'DPoP' ? { token: access_token, key } : access_token
    const endsAt = Date.now() + (Number(expires_in ?? 60) - 20) * 1000
    return { id: task ?? '', token, endsAt }
  }
}

async function askLease({ host, out, options, server }: Cli, task: Task, need: string) {
  const body = { ...parseNeed(need), via: options.text('via') }
  const held = (await task.api.post('/v1/leases', body, { timeoutMs: 30_000 })) as Held
  task.leases.push(held)
  const { id, shortId, termEndsAt } = held.lease
  if (held.handle.via === 'proxy') {
    const dial = { server: server.url, path: `/v1/leases/${id}/tunnel`, token: task.token }
    held.door = await openTunnel(dial, why => out.note(`${glyph.bad} ${shortId} ${why}`))
  }
  out.note(`${glyph.ok} ${shortId} ${need} · for this command · ${moment(termEndsAt, host.now())}`)
}

async function onlyPurpose(cli: Cli, slug: string): Promise<string> {
  const names = (await readApp(cli, slug)).purposes.map(({ name }) => name)
  if (names.length === 1) return names.join()
  const next = names.length === 0 ? 'leasehold manifest push' : `--purpose ${names.join(' or ')}`
  throw usage(`${slug} has ${names.length} purposes: for which one is this?`, next)
}

/** The person's environment, and the database's: the first need as everyone expects it. */
function environment(env: Host['env'], leases: readonly Held[]): NodeJS.ProcessEnv {
  const all = Object.fromEntries(Object.entries(env).filter(([name]) => !foreign.test(name)))
  for (const { lease, handle, door } of leases.toReversed()) {
    const name = lease.resource.toUpperCase().replace(/\W/g, '_')
    if (handle.connect['path'] !== undefined) {
      const local = `http://127.0.0.1:${door?.port}${handle.connect['path']}`
      const at = String(handle.connect['url'] ?? local)
      Object.assign(all, webEnvironment(name, at, handle))
      continue
    }
    const { database, user, host = '127.0.0.1', port = door?.port } = handle.connect
    const secret = handle.via === 'proxy' ? handle.word : handle.secret
    const words = [user, secret, database].map(each => encodeURIComponent(each ?? ''))
    const url = `postgresql://${words[0]}:${words[1]}@${host}:${port}/${words[2]}`
    const parts = { PGHOST: host, PGPORT: port, PGDATABASE: database, PGUSER: user }
    // Our door is on this machine; behind it the way is the server's.
    if (door) Object.assign(parts, { PGSSLMODE: 'disable', PGGSSENCMODE: 'disable' })
    const own = { [`DATABASE_URL_${name}`]: url }
    Object.assign(all, own, parts, { DATABASE_URL: url, PGPASSWORD: secret })
  }
  return all
}

/** As the resource is called, and as the vendor's own libraries look for it. */
const vendors: Record<string, readonly [base: string, below: string, key: string]> = {
  openai: ['OPENAI_BASE_URL', '/v1', 'OPENAI_API_KEY'],
  anthropic: ['ANTHROPIC_BASE_URL', '', 'ANTHROPIC_API_KEY'],
  slack: ['SLACK_API_URL', '/api/', 'SLACK_BOT_TOKEN'],
  notion: ['NOTION_BASE_URL', '', 'NOTION_TOKEN'],
  github: ['GITHUB_API_URL', '', 'GITHUB_TOKEN'],
}

function webEnvironment(name: string, at: string, handle: Held['handle']) {
  const word = handle.via === 'proxy' ? handle.word : handle.secret
  const [base, below, key] = vendors[handle.connect['preset'] ?? ''] ?? []
  const own = { [`${name}_URL`]: at, [`${name}_TOKEN`]: word }
  return base && key ? { ...own, [base]: `${at}${below}`, [key]: word } : own
}

function runCommand({ host }: Cli, command: string[], leases: Held[]): Promise<Ended> {
  const [name = '', ...args] = command
  const options = { stdio: 'inherit', env: environment(host.env, leases), cwd: host.cwd } as const
  const ours = process.umask(host.umask)
  const child = spawn(name, args, options)
  process.umask(ours)
  // At a terminal Ctrl-C and Ctrl-\ reach the command by themselves.
  const own: readonly string[] = host.stdin.isTTY === true ? ['SIGINT', 'SIGQUIT'] : []
  for (const each of signals) process.on(each, () => own.includes(each) || child.kill(each))
  return new Promise(resolve => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      resolve({ code: error.code === 'ENOENT' ? 127 : 126, signal: null })
    })
    child.once('exit', (code, signal) => resolve({ code, signal }))
  })
}

/** As the command died: whoever started us sees the same. */
function dieOf(signal: NodeJS.Signals): number {
  for (const each of signals) process.removeAllListeners(each)
  process.kill(process.pid, signal)
  return 128 + constants.signals[signal]
}

/** Another term at two thirds of each; when there is none, that is said once. */
function keepAlive({ host, out }: Cli, { api }: Task, lease: LeaseView): () => void {
  let timer: NodeJS.Timeout | undefined
  const renew = async (until: string) => {
    const path = `/v1/leases/${lease.id}/renew`
    const { termEndsAt } = (await api.post(path, {}).catch(() => lease)) as LeaseView
    if (termEndsAt > until) return plan(termEndsAt)
    out.note(`${glyph.wait} ${lease.shortId} gets no other term, ends ${moment(until, host.now())}`)
  }
  const plan = (until: string) => {
    const ms = ((Date.parse(until) - host.now()) * 2) / 3
    timer = setTimeout(() => void renew(until), Math.max(1000, ms))
  }
  plan(lease.termEndsAt)
  return () => clearTimeout(timer)
}

const close = (by: Api, taskId: string) =>
  by.post(`/v1/tasks/${segment(taskId)}/close`, {}, { timeoutMs: 20_000 }) as Promise<TaskView>

/** Its leases are gone when the server answers. By the person, where the task's token has ended. */
async function release({ host, out, api }: Cli, task: Task, start: number): Promise<void> {
  for (const { door } of task.leases) door?.close()
  const trace = `leasehold trace ${task.id}`
  const byPerson = () => close(api, task.id).catch(() => undefined)
  const closed = await close(task.api, task.id).catch(byPerson)
  if (!closed) out.note(`${glyph.wait} not released yet: the server ends it by itself. ${trace}`)
  const after = `released after ${span(host.now() - start)}`
  for (const { shortId, outcome, state } of closed?.leases ?? [])
    out.note(`${glyph.off} ${shortId} ${after} · ${stateWord(outcome ?? state)} · ${trace}`)
}
