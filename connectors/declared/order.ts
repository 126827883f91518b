/**
 * An order in the words of a declared system: what may be done, until when, and what of its answer is the
 * credential. Pure.
 */
import { canonicalJson, type Json } from '../../src/core/base/json.ts'
import { addSeconds, type Instant, msBetween, toSeconds } from '../../src/core/base/time.ts'
import type { HolderOrder, Issued, IssueOrder } from '../../src/core/target/target.ts'
import { over } from '../rest/cloud.ts'
import type { Values } from './fill.ts'
import { namesIn } from './sense.ts'
import type { SystemFile } from './shape.ts'
import { instantOf, partsOf, type System, valueAt } from './system.ts'

const bounds = { secretChars: 8_000 }
/** Its clock and ours. */
const clockSeconds = 60
const none = 'It made no credential of the form that its file says.'

/** Its own id there, where it has one that is known. */
export type Made = IssueOrder & { readonly id?: string | undefined }

/** Where it was accepted, whose it is, and its own id there: by these it is looked for. */
export function pathOf({ file, base }: System, principal: string, id?: string): string {
  const { check } = file
  const where = check === undefined ? 'not tried' : `${check.method} ${check.path}`
  return `${where} at ${base.host} as ${principal}${id ? `, id ${id}` : ''}`
}

/** The other way; undefined where the path is none of this lease. */
export function readPath(system: System, principal: string, path: string | null) {
  const own = pathOf(system, principal)
  if (path === own) return { id: undefined }
  return path?.startsWith(`${own}, id `) ? { id: path.slice(own.length + 5) } : undefined
}

/** The system is asked for an end, and says which it took. */
export function tellsItsEnd({ issue: call }: SystemFile): boolean {
  const { endsAt, endsIn } = call.answer
  const asks = namesIn(call).some(name => /^(endsAt|endsAtSeconds|ttlSeconds)$/.test(name))
  return asks && (endsAt ?? endsIn) !== undefined
}

export function connectOf({ file, base }: System, { principal, secret }: Made): Issued['connect'] {
  const parts = (partsOf(secret) ?? {}) as Readonly<Record<string, string>>
  const shown = (file.issue.answer.shown ?? []).map(name => [name, parts[name] ?? ''] as const)
  const path = base.pathname.replace(/\/$/, '')
  const preset = file.gateway?.preset
  return {
    ...Object.fromEntries(shown),
    path,
    speaks: 'http',
    url: `${base.origin}${path}`,
    name: principal,
    ...(preset && { preset }),
  }
}

export function termValues({ clock, file }: System, { endsAt }: IssueOrder): Values {
  const { lifeSeconds } = file.limits ?? {}
  return {
    endsAt,
    // Never a moment less than was agreed.
    endsAtSeconds: toSeconds(endsAt) + 1,
    ttlSeconds: Math.max(1, Math.ceil(msBetween(clock.now(), endsAt) / 1000)),
    ...(lifeSeconds !== undefined && { lifeSeconds }),
  }
}

/** In the system's own words. Throws where it can not be held to what was agreed. */
export function rightsOf({ file, name, refused }: System, { actions, columns }: HolderOrder): Json {
  const { rights, gives = [] } = file
  if (columns.length > 0) throw refused(`${name} knows no columns.`, 'Agree to the whole of it.')
  if (rights === undefined) {
    const more = gives.find(action => !actions.includes(action))
    const less = actions.find(action => !gives.includes(action))
    if (more === undefined && less === undefined) return []
    const what = more === undefined ? `can not \`${less}\`` : `can \`${more}\` as well`
    throw refused(`Each credential of ${name} ${what}.`, `Ask for: ${gives.join(', ')}.`)
  }
  const missing = actions.find(action => rights[action] === undefined)
  if (missing !== undefined)
    throw refused(`The file of ${name} does not say what \`${missing}\` is there.`)
  return [...new Set(actions.flatMap(action => rights[action] ?? []))]
}

export function readSecret(system: System, body: Json): string {
  const { secret, parts } = system.file.issue.answer
  const read = (pointer: string) => {
    const value = valueAt(body, pointer)
    const isText =
      typeof value === 'string' && /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(value)
    if (!isText || value.length > bounds.secretChars) throw system.refused(none)
    return value
  }
  if (secret !== undefined) {
    const whole = read(secret)
    // Kept as it is: one that looks like several parts would be read as those.
    if (whole.startsWith('{')) throw system.refused(none)
    return whole
  }
  const all = Object.entries(parts ?? {}).map(([name, pointer]) => [name, read(pointer)])
  return canonicalJson(Object.fromEntries(all))
}

export function diesAtIn(
  system: System,
  { endsAt, endsIn }: { endsAt?: string | undefined; endsIn?: string | undefined },
  body: Json,
): Instant | null {
  if (endsAt !== undefined) return instantOf(valueAt(body, endsAt))
  const { lifeSeconds } = system.file.limits ?? {}
  const said = endsIn === undefined ? undefined : valueAt(body, endsIn)
  const seconds = typeof said === 'number' && said > 0 && said < 1e10 ? said : lifeSeconds
  return seconds === undefined ? null : addSeconds(system.clock.now(), Math.floor(seconds))
}

/** INVARIANT: it ends as its file says, or nobody is given it. */
export function requireTerm(system: System, { endsAt }: IssueOrder, diesAt: Instant | null): void {
  const { name, file, clock } = system
  const { lifeSeconds } = file.limits ?? {}
  if (diesAt !== null && diesAt < endsAt)
    throw over(`${name} lets the credential die before its term is over.`)
  if (lifeSeconds === undefined) return
  if (diesAt === null || diesAt > addSeconds(clock.now(), lifeSeconds + clockSeconds))
    throw over(`${name} lets the credential live longer than its file says.`)
}
