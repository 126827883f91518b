/**
 * Facts that somebody could change, one by one: what each would have to be, and what that means in
 * words. `why` turns them and asks the rules again; nothing here claims that turning one helps.
 *
 * All but one are a line of `levers.json`: the place of the fact (`at`), what it would become (`to`, `add`,
 * `remove`) and for which value (`when`). `$self` is the person who asks, `$other` somebody else; `{app}`,
 * `{resource}` and `{purpose}` in a text are filled in.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Json, JsonObject } from '../../core/base/json.ts'
import { limits } from '../../core/base/limits.ts'
import { addSeconds, earliest, type Instant } from '../../core/base/time.ts'
import type { Facts } from '../../core/policy/facts.ts'
import { bare, uid } from '../../core/policy/view.ts'
import table from './levers.json' with { type: 'json' }

export interface Lever {
  readonly fact: string
  /** Where the fact comes from. */
  readonly from: string
  /** A fact of the data itself: it explains a denial and is never advice. */
  readonly given?: boolean | undefined
  /** The facts with this one as it would have to be; null where it does not apply or is so already. */
  readonly turn: (facts: Facts) => Facts | null
  readonly is: (facts: Facts) => string
  readonly needs: (facts: Facts) => string
  /** Completes "would pass if": `the app is graduated`. */
  readonly says: (facts: Facts) => string
  readonly command?: ((facts: Facts) => string) | undefined
}

type Line = (typeof table)[number]

/** What is said of each use of the data, where of one it is not so. */
const turnUses = (name: 'purposeCovers' | 'approved') => (facts: Facts) =>
  facts.uses.some(use => use[name] === false)
    ? { ...facts, uses: facts.uses.map(use => ({ ...use, [name]: true })) }
    : null

const giveGrant: Lever = {
  fact: 'grant',
  from: 'grants of the app',
  turn: facts => (facts.uses.length === 0 ? null : { ...facts, grants: [grantThatMightBe(facts)] }),
  is: ({ grants }) => (grants.length === 0 ? 'none' : 'one that does not cover this'),
  needs: facts => `${facts.uses.map(use => use.action).join(', ')} on ${nameOf(facts)}`,
  says: facts => `the owner of ${nameOf(facts)} grants it`,
  command: askCommand,
}

/** Facts that are more than one place; by their names in `levers.json`. */
const turns: Readonly<Record<string, Lever['turn']>> = {
  'purpose of the task': turnUses('purposeCovers'),
  'yes of a person': turnUses('approved'),
  task: facts => {
    const task = facts.context['task'] as JsonObject | undefined
    const now = facts.context['now'] as Instant
    if (task === undefined || (task['state'] === 'open' && text(task['endsAt']) > now)) return null
    const begun = { ...task, state: 'open', endsAt: addSeconds(now, 3600) }
    return { ...facts, context: { ...facts.context, task: begun } }
  },
}

/** As `levers.json` names it; the entry it comes from is looked up (`touch.ts`). */
export const touchFact = 'data the task has had'

/** In the order they are offered: what is easiest for the person who meets the denial comes first. */
export const levers: readonly Lever[] = [giveGrant, ...table.map(leverOf)]

/** What a task that lacks nothing but data would still have to be given. */
export const askable = levers.filter(({ fact }) => ['grant', 'purpose of the task'].includes(fact))

export function askCommand(facts: Facts): string {
  return `ask ${nameOf(facts)} ${facts.uses.map(use => `--${use.action}`).join(' ')}`
}

/** Of the resource: its slug. */
export function nameOf({ resource }: Facts): string {
  return text(resource.attrs['slug'])
}

function leverOf(line: Line): Lever {
  const keys = line.at.split('.')
  const wanted = (facts: Facts): Json | undefined => {
    const value = read(facts, keys)
    return value === undefined ? undefined : become(line, value, facts)
  }
  const { fact, from, given, is, needs, says, command } = line
  const turn: Lever['turn'] = facts => {
    const to = wanted(facts)
    const isSo = to === undefined || isDeepStrictEqual(to, read(facts, keys))
    return isSo ? null : (write(facts, keys, to) as Facts)
  }
  return {
    fact,
    from,
    given,
    turn: turns[fact] ?? turn,
    is: facts => (is === undefined ? show(read(facts, keys)) : fill(is, facts)),
    needs: facts => (needs === undefined ? show(wanted(facts)) : fill(needs, facts)),
    says: facts => fill(says, facts),
    command: command === undefined ? undefined : facts => fill(command, facts),
  }
}

/** The value the fact would have; undefined where the line does not apply to the one it has. */
function become({ when, to, add, remove }: Line, value: Json, facts: Facts): Json | undefined {
  if (when !== undefined && !isDeepStrictEqual(meant(when, facts), value)) return undefined
  if (to !== undefined) return meant(to, facts)
  const list = Array.isArray(value) ? (value as Json[]) : []
  if (remove !== undefined) return list.filter(each => !remove.includes(text(each)))
  const added = meant(add ?? null, facts)
  const isIn = added === undefined || list.some(each => isDeepStrictEqual(each, added))
  return isIn ? undefined : [...list, added]
}

function meant(value: Json, { principal, context }: Facts): Json | undefined {
  const { type, id } = principal.uid
  if (value === '$self') return type === 'Person' ? uid(type, id) : undefined
  if (value === '$other') return uid('Person', 'pe_somebody-else')
  return value === '$latestEnd' ? latestEnd(context) : value
}

/** Of a prototype thirty days, and of any app what it was given; undefined where less was asked. */
function latestEnd({ app, now, draft }: JsonObject): Instant | undefined {
  const whole = app as JsonObject | undefined
  const from = (whole?.['madeAt'] ?? now) as Instant
  const thirtyDays = addSeconds(from, limits.prototypeMaxDays * 24 * 3600)
  const latest = earliest(thirtyDays, (whole?.['maxEndsAt'] ?? null) as Instant | null)
  return text((draft as JsonObject)['endsAt']) > latest ? latest : undefined
}

/** As the data owner would grant it: exactly this, to the end of the app. */
function grantThatMightBe(facts: Facts): Facts['grants'][number] {
  const { attrs } = facts.principal
  const app = facts.context['app'] as JsonObject
  const grant = bare({
    app: attrs['app'],
    resource: uid('Resource', facts.resource.uid.id),
    roles: [attrs['role'] ?? '', 'run'],
    actions: facts.uses.map(use => use.action),
    columns: 1,
    unattended: false,
    state: 'live',
    endsAt: app['endsAt'],
  })
  return { id: 'gr_that-might-be' as Facts['grants'][number]['id'], facts: grant }
}

function purposeOf({ context }: Facts): string {
  return text((context['task'] as JsonObject | undefined)?.['purpose'])
}

function fill(line: string, facts: Facts): string {
  const app = text((facts.context['app'] as JsonObject | undefined)?.['slug'])
  const names = { app, resource: nameOf(facts), purpose: purposeOf(facts) }
  return line.replaceAll(/\{(app|resource|purpose)\}/g, (_, of: keyof typeof names) => names[of])
}

function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : ''
}

function read(from: unknown, keys: readonly string[]): Json | undefined {
  let value: unknown = from
  for (const key of keys) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = (value as Record<string, unknown>)[key]
  }
  return value as Json
}

/** A copy with this one place changed; the rest is shared. */
export function write(from: unknown, [key, ...rest]: readonly string[], to: Json): unknown {
  if (key === undefined) return to
  const copy: Record<string, unknown> = { ...(from as object) }
  copy[key] = write(copy[key], rest, to)
  return copy
}

function show(value: Json | undefined): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(show).join(', ')
  if (typeof value === 'object') return 'somebody'
  return value === undefined || value === 0 ? 'none' : String(value)
}
