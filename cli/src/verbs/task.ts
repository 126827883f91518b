/**
 * A task with its leases, for as long as a word of ours needs them: opened on the person's behalf, kept
 * alive by new terms and new tokens, given back in the end.
 */
import { randomUUID } from 'node:crypto'
import type { IssuedLeaseView, LeaseView, TaskView } from '../../../src/doors/api/contract.ts'
import { isAgent } from '../agent.ts'
import { glyph } from '../answer.ts'
import { type Api, accept, makeApi, parse } from '../api.ts'
import { appOf, type Cli } from '../cli.ts'
import { type Credential, newKey, tokenOf } from '../dpop.ts'
import { isMachine, machineKey, machineToken } from '../machine.ts'
import { problem, usage } from '../problem.ts'
import { callIssuer, currentToken, issuerOf } from '../session.ts'
import { moment, span } from '../time.ts'
import { openTunnel } from '../tunnel.ts'
import { readApp, segment, stateWord } from './kit.ts'
import { parseNeed } from './requests.ts'

/** A lease, and of one through the gateway our door to it. */
export type Held = IssuedLeaseView & { door?: { port: number; close(): void } }
/** `api` speaks as the task, with a `token` of it that is good now. */
export type Task = { id: string; token: Token; api: Api; leases: Held[] }
type Token = (force: boolean) => Promise<Credential | undefined>

/** The task, with the leases it needs; those it has are given back where one can not be had. */
export async function openTask(cli: Cli, needs: readonly string[]): Promise<Task> {
  const { server, host } = cli
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
    for (const need of needs) await askLease(cli, task, need)
    return task
  } catch (error) {
    await release(cli, task, host.now())
    throw error
  }
}

/** RFC 8693: the person's token for one of the task of this run, on the person's behalf; or a machine's. */
async function exchanger(cli: Cli) {
  const { server, options, host } = cli
  const slug = appOf(cli)
  const role = options.text('as')?.split('/')[1] ?? (isAgent(host.env) ? 'agent' : 'run')
  const urn = 'urn:ietf:params:oauth'
  const run = randomUUID()
  let scope = options.text('purpose')
  const byMachine = isMachine(host.env)
  const ownKey = byMachine ? await machineKey(server) : newKey()
  const subject = async () => {
    if (byMachine) {
      if (scope === undefined) throw usage('A machine says what for.', '--purpose NAME')
      const subject_token = await machineToken(host.env, await issuerOf(server))
      return { key: ownKey, subject_token, subject_token_type: `${urn}:token-type:jwt` }
    }
    const person = await currentToken(server, false)
    const subject_token = tokenOf(person)
    if (subject_token === undefined) throw problem('LH-AUTH-01', {})
    // A token of the task is bound as the person's is; else to a key of this run.
    const key = typeof person === 'object' ? person.key : ownKey
    return { key, subject_token, subject_token_type: `${urn}:token-type:access_token`, run }
  }
  return async () => {
    const { key, ...who } = await subject()
    scope ??= await onlyPurpose(cli, slug)
    const work = { scope, identity: `${slug}/${role}`, ...who }
    const form = { grant_type: `${urn}:grant-type:token-exchange`, ...work }
    const reply = await callIssuer(server, 'token_endpoint', form, key)
    if (reply.status === 400 && !byMachine) await requireTrust(cli, slug, role)
    const said = parse(accept(reply)) as Record<string, string>
    const { access_token = '', task, expires_in, token_type } = said
    const token = token_type === 'DPoP' ? { token: access_token, key } : access_token
    const endsAt = Date.now() + (Number(expires_in ?? 60) - 20) * 1000
    return { id: task ?? '', token, endsAt }
  }
}

/** Of a no: the commonest is that nobody has let the app's people be this identity of it. */
async function requireTrust(cli: Cli, slug: string, role: string): Promise<void> {
  const { trust } = await readApp(cli, slug)
  const isOf = (rule: (typeof trust)[number]) => rule.role === role && rule.state === 'active'
  if (trust.some(rule => isOf(rule) && rule.preset === 'person')) return
  const what = `Nobody may work as ${slug}/${role} yet: no rule trusts a person as it.`
  const why = role === 'agent' ? 'What an agent starts is the agent of the app.' : ''
  const next = `leasehold trust add ${slug} --role ${role} --preset person --reason "…"`
  throw problem('LH-HUMAN-09', { what, why, next })
}

async function askLease({ host, out, options, server }: Cli, task: Task, need: string) {
  // A file is ours to make: to policy it is the credential itself, as in the environment.
  const via = options.text('via')?.replace(/^file$/, 'env')
  const body = { ...parseNeed(need), via }
  const held = (await task.api.post('/v1/leases', body, { timeoutMs: 30_000 })) as Held
  task.leases.push(held)
  const { id, shortId, termEndsAt } = held.lease
  const what = `${need} has no credential of its own: it is used through the gateway alone.`
  const hasOwn = !isWeb(held) || held.handle.connect['url'] !== undefined
  if (via === 'env' && !hasOwn) throw usage(what, 'Leave out --via.')
  if (held.handle.via === 'proxy') {
    const dial = { server: server.url, path: `/v1/leases/${id}/tunnel`, token: task.token }
    held.door = await openTunnel(dial, why => out.note(`${glyph.bad} ${shortId} ${why}`))
  }
  out.note(`${glyph.ok} ${shortId} ${need} · for this command · ${moment(termEndsAt, host.now())}`)
}

/** Spoken to over HTTP. */
export function isWeb({ handle }: Held): boolean {
  return handle.connect['path'] !== undefined
}

async function onlyPurpose(cli: Cli, slug: string): Promise<string> {
  const names = (await readApp(cli, slug)).purposes.map(({ name }) => name)
  if (names.length === 1) return names.join()
  const next = names.length === 0 ? 'leasehold manifest push' : `--purpose ${names.join(' or ')}`
  throw usage(`${slug} has ${names.length} purposes: for which one is this?`, next)
}

/** Keeps its leases while the work lasts; whatever becomes of that, they are given back. */
export async function during<T>(cli: Cli, task: Task, work: () => Promise<T>): Promise<T> {
  const start = cli.host.now()
  const timers = task.leases.map(({ lease }) => keepAlive(cli, task, lease))
  try {
    return await work()
  } finally {
    for (const stop of timers) stop()
    await release(cli, task, start)
  }
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
