/**
 * Looking whether a credential of a declared system is gone: what its list says, and the credential
 * itself, on the call that accepted it while one of nobody's lease is let in there. Observations only: a
 * way that its file does not declare is unknown, and never green.
 */
import { addSeconds } from '../../src/core/base/time.ts'
import type { Evidence, VerifyOrder } from '../../src/core/target/target.ts'
import { evidenceOf, notTried, type Said } from '../rest/cloud.ts'
import { requireNames } from '../rest/names.ts'
import { knownValues } from './config.ts'
import type { Values } from './fill.ts'
import { readPath } from './order.ts'
import { isNamed } from './sense.ts'
import type { SystemFile } from './shape.ts'
import { idIn, type System, valueAt } from './system.ts'
import { idsOf, type Sought } from './things.ts'

/** The system's clock may be behind ours. */
const marginSeconds = 300

/** How gone is proven, as far as its file declares it. */
export function pathsOf({ list, find, check }: SystemFile): string[] {
  const first = find ?? list
  return [
    ...(first ? [`what is listed there (${first.method} ${first.path})`] : []),
    ...(check ? [`the credential itself (${check.method} ${check.path})`] : []),
  ]
}

/** What its file does not declare, and what follows; undefined: an end can be proven. */
export function gapOf({ config, file }: System): string | undefined {
  const { list, find, check, sessions } = file
  const gaps = [
    (list ?? find) === undefined && 'no list',
    check === undefined && 'no call that tries the credential',
    check !== undefined && config.probe === undefined && 'no `probe` to compare with',
    sessions === undefined && 'nothing about `sessions`',
  ].filter(gap => gap !== false)
  return gaps.length === 0 ? undefined : `There is ${gaps.join(', ')}: no end is verified gone.`
}

export async function verifyGone(
  system: System,
  order: VerifyOrder,
  signal: AbortSignal,
): Promise<Evidence> {
  const { principal, secret, acceptedPath } = order
  requireNames(principal, order.holder, order.owner)
  const object = knownValues(system.config, order.object)
  const path = readPath(system, principal, acceptedPath)
  const sought = { principal, id: path?.id ?? idIn(secret), object }
  const [tried, probe, seen, sessions] = await Promise.all([
    secret === null ? notTried : system.tryCredential(secret, object, signal),
    tryProbe(system, object, signal),
    look(system, { sought, order }, signal).catch((thrown: unknown) => system.explain(thrown)),
    countSessions(system, sought, signal),
  ])
  const isProof = path !== undefined && system.file.check !== undefined
  const paths = pathsOf(system.file)
  const at = system.clock.now()
  const evidence = evidenceOf({ tried, probe, seen, sessions, isProof, paths, at })
  const because = [evidence.because, gapOf(system)].filter(Boolean).join(' ')
  return { ...evidence, because: because === '' ? undefined : because }
}

interface Looking {
  readonly sought: Sought
  readonly order: VerifyOrder
}

async function look(system: System, { sought, order }: Looking, signal: AbortSignal) {
  const isLost = sought.id === undefined && !isNamed(system.file)
  if (isLost) return lost(system, order)
  const ids = await idsOf(system, sought, signal)
  if (ids === undefined) return `The file of ${system.name} declares no list.`
  return { isListed: ids.length > 0, residue: [] }
}

/** Nobody can name it: it was made without our learning of it, or never. Only its life ends that. */
function lost({ file, clock, name }: System, { deadline }: VerifyOrder) {
  const { lifeSeconds } = file.limits ?? {}
  const words = `${name} takes no name of ours. One that was made and never confirmed`
  if (lifeSeconds === undefined) return `${words} stays until a person ends it there.`
  const deadAt = addSeconds(deadline, lifeSeconds + marginSeconds)
  if (clock.now() <= deadAt) return `${words} can live until ${deadAt}.`
  return { isListed: false, residue: [] }
}

/** By a credential of nobody's lease, on the same call. */
export function tryProbe(
  system: System,
  object: Values,
  signal: AbortSignal,
): Promise<Said> | Said {
  const { probe } = system.config
  if (probe === undefined) return { says: 'unclear', because: 'None was connected.' }
  const secret = typeof probe === 'string' ? probe : JSON.stringify(probe)
  return system.tryCredential(secret, object, signal)
}

type Open = Pick<Evidence, 'sessions' | 'because'>

async function countSessions(system: System, sought: Sought, signal: AbortSignal): Promise<Open> {
  const { sessions } = system.file
  if (sessions === 'none') return { sessions: 0 }
  if (sessions === undefined) return { sessions: null }
  const because = 'What is open can not be counted.'
  const { principal, object, id } = sought
  const values = { ...object, principal, ...(id !== undefined && { id }) }
  try {
    const { body } = await system.ask(sessions, { values }, signal)
    const said = valueAt(body, sessions.count)
    const count = Array.isArray(said) ? said.length : said
    const isCount = typeof count === 'number' && Number.isInteger(count) && count >= 0
    return isCount ? { sessions: count } : { sessions: null, because }
  } catch (thrown) {
    return { sessions: null, because: `${because} ${system.explain(thrown)}` }
  }
}
