/**
 * The life of a lease's credential at a declared system: made under a name of ours where the system takes
 * one, tried, prolonged, stopped, ended. The system makes the secret.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { isProblem, type Problem } from '../../src/core/base/problem.ts'
import { addSeconds } from '../../src/core/base/time.ts'
import type { EndOrder, HolderOrder, Issued, IssueOrder } from '../../src/core/target/target.ts'
import { over, requireTime } from '../rest/cloud.ts'
import { requireNames } from '../rest/names.ts'
import { knownValues, objectValues } from './config.ts'
import type { Values } from './fill.ts'
import {
  connectOf,
  diesAtIn,
  type Made,
  pathOf,
  readSecret,
  requireTerm,
  rightsOf,
  tellsItsEnd,
  termValues,
} from './order.ts'
import { isNamed, namesIn } from './sense.ts'
import { idIn, matches, partsOf, type System, valuesOfSecret } from './system.ts'
import { idsOf, readPage, strange, textAt } from './things.ts'

const bounds = { tries: 4, restMs: 400 }
/** Between the intent of a lease and its credential. */
export const marginSeconds = 60

/** Nothing is made: that we may look, and that what was agreed can be said there. */
export async function ensureRights(system: System, order: HolderOrder, signal: AbortSignal) {
  requireNames(order.holder, order.owner)
  rightsOf(system, order)
  objectValues(system.config, order.object)
  const { list } = system.file
  if (list !== undefined) await readPage(system, { list, at: '' }, signal)
  else await idsOf(system, { ...sought(system, order, order.holder), id: order.holder }, signal)
}

export async function issue(system: System, order: IssueOrder, signal: AbortSignal) {
  requireNames(order.principal, order.holder, order.owner)
  requireTime(system, order)
  const values = { ...termValues(system, order), rights: rightsOf(system, order) }
  const object = objectValues(system.config, order.object)
  // One lease has one credential: where there is one already, no other is made.
  if (await isMade(system, order, signal)) return renew(system, order, signal)
  requireTime(system, order)
  const { issue: call } = system.file
  const asked = { values: { ...object, ...values, principal: order.principal } }
  const { body } = await system.ask(call, asked, signal)
  const secret = readSecret(system, body)
  const id = idIn(secret) ?? (call.answer.id && textAt(body, call.answer.id))
  const made = { ...order, secret, id }
  try {
    // It can not be told a deadline: what comes late is taken back, and never handed on.
    requireTime(system, order)
    const diesAt = diesAtIn(system, call.answer, body)
    requireTerm(system, order, diesAt)
    return { ...(await confirm(system, made, signal)), diesAt, secret }
  } catch (thrown) {
    await end(system, made, signal).catch(() => {})
    throw thrown
  }
}

/** The same credential for longer, where it can be; where it dies by itself later anyway, that it lives. */
export async function renew(
  system: System,
  order: IssueOrder,
  signal: AbortSignal,
): Promise<Issued> {
  requireNames(order.principal)
  requireTime(system, order)
  const { renew: call } = system.file
  const ids = await idsFor(system, order, signal)
  if (ids?.length === 0) throw over('It is not there any more.')
  if (ids !== undefined && ids.length > 1) throw over('There is more than one of its name.')
  const one = { ...order, id: ids?.[0] || idIn(order.secret) }
  // Whether it is taken comes first: what was stopped is not prolonged.
  const issued = await confirm(system, one, signal)
  if (call === undefined) {
    if (tellsItsEnd(system.file)) throw over('Its file declares no way to prolong it.')
    const { lifeSeconds } = system.file.limits ?? {}
    const diesAt = lifeSeconds === undefined ? null : addSeconds(order.deadline, lifeSeconds)
    return { ...issued, diesAt }
  }
  const values = { ...valuesOf(system, one), ...termValues(system, order) }
  const { body } = await system.ask(call, { values }, signal)
  const diesAt = diesAtIn(system, call.answer ?? {}, body)
  requireTerm(system, order, diesAt)
  return { ...issued, diesAt }
}

/** Each of them is asked to end in each way; what failed is told when all were tried. */
export async function end(
  system: System,
  order: EndOrder & { readonly id?: string | undefined },
  signal: AbortSignal,
): Promise<void> {
  requireNames(order.principal, order.holder, order.owner)
  const { end: calls } = system.file
  const needsId = calls.some(call => namesIn(call).includes('id'))
  const own = order.id ?? idIn(order.secret)
  let trouble: Problem | undefined
  for (const id of needsId ? await idsToEnd(system, { order, own }, signal) : [own])
    for (const { absent, ...call } of calls) {
      const asking = { values: valuesOf(system, { ...order, id }), takes: absent?.status ?? [] }
      // Nobody knows it: there is nothing to be asked with it, and a look says unknown.
      const isWithIt = call.as === 'lease' || namesIn(call).some(name => name.startsWith('secret'))
      if (order.secret === null && isWithIt) continue
      try {
        const answer = await system.ask(call, asking, signal)
        if (answer.status >= 300 && !(absent && matches(absent, answer))) throw strange(system)
      } catch (thrown) {
        if (!isProblem(thrown)) throw thrown
        trouble = thrown
      }
    }
  if (trouble !== undefined) throw trouble
}

/** All of its name; that the list can not be read stops nothing where its own id is known. */
async function idsToEnd(
  system: System,
  { order, own }: { order: EndOrder; own: string | undefined },
  signal: AbortSignal,
): Promise<Set<string>> {
  if (own !== undefined && !isNamed(system.file)) return new Set([own])
  const found = await idsFor(system, order, signal).catch((thrown: unknown) => {
    if (own === undefined) throw thrown
  })
  return new Set([...(own === undefined ? [] : [own]), ...(found ?? [])])
}

/** Stopped and brought back by its name alone. */
export async function hold(
  system: System,
  { principal, verb }: { principal: string; verb: 'hold' | 'release' },
  signal: AbortSignal,
): Promise<void> {
  requireNames(principal)
  const call = system.file[verb]
  if (call === undefined)
    throw system.refused(`${system.name} can not hold a credential.`, 'End the lease.')
  const needsId = namesIn(call).includes('id')
  const ids = needsId ? await idsOf(system, { principal, object: {} }, signal) : [undefined]
  if (!ids?.length) throw over('It is not there any more.')
  for (const id of ids) await system.ask(call, { values: { principal, ...(id && { id }) } }, signal)
}

/** Undefined: there is no way to look. */
export function idsFor(
  system: System,
  order: Pick<EndOrder, 'principal' | 'object' | 'secret'>,
  signal: AbortSignal,
) {
  return idsOf(system, sought(system, order, order.principal), signal)
}

function sought(
  system: System,
  order: Pick<EndOrder, 'object'> & { secret?: string | null },
  principal: string,
) {
  const object = knownValues(system.config, order.object)
  return { principal, object, id: idIn(order.secret ?? null) }
}

/** Whether this lease's own credential is there. Throws where what is there under its name is another. */
async function isMade(system: System, order: IssueOrder, signal: AbortSignal): Promise<boolean> {
  const { file } = system
  if (!isNamed(file)) {
    if (file.issue.answer.parts !== undefined) return partsOf(order.secret) !== undefined
    const object = objectValues(system.config, order.object)
    return (await system.tryCredential(order.secret, object, signal)).says === 'accepted'
  }
  const ids = (await idsFor(system, order, signal)) ?? []
  if (ids.length === 0) return false
  const object = objectValues(system.config, order.object)
  const { says } = await system.tryCredential(order.secret, object, signal)
  if (says === 'accepted' || (says === 'unclear' && file.check === undefined)) return true
  throw system.refused(
    'Something of this name is there, stopped or with another secret; it is not brought back.',
    'End it, then ask for a new lease.',
  )
}

/** Replicas know of it a moment later. */
async function confirm(
  system: System,
  made: Made,
  signal: AbortSignal,
): Promise<Omit<Issued, 'diesAt'>> {
  const object = objectValues(system.config, made.object)
  const acceptedPath = pathOf(system, made.principal, made.id)
  const connect = connectOf(system, made)
  if (system.file.check === undefined) return { acceptedPath, connect }
  for (let left = bounds.tries; ; left--) {
    const { says, because } = await system.tryCredential(made.secret, object, signal)
    if (says === 'accepted') return { acceptedPath, connect }
    if (left <= 1 && says === 'refused') throw over(`The credential is not accepted. ${because}`)
    if (left <= 1 || signal.aborted)
      throw system.unavailable(`did not say that it accepts the credential (${because})`)
    await wait(bounds.restMs, undefined, { signal }).catch(() => {})
  }
}

function valuesOf(
  { config }: System,
  order: EndOrder & { readonly id?: string | undefined },
): Values {
  const { principal, secret } = order
  const id = order.id ?? idIn(secret)
  return {
    ...knownValues(config, order.object),
    ...(secret !== null && valuesOfSecret(secret)),
    principal,
    ...(id !== undefined && { id }),
  }
}
