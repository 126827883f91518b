/**
 * Facts that somebody could change, one by one: what each would have to be, and what that means in
 * words. `why` turns them and asks the rules again; nothing here claims that turning one helps.
 *
 * A lever marked `given` is a fact of the data itself. It explains a denial and is never advice.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Json, JsonObject } from '../base/json.ts'
import { limits } from '../base/limits.ts'
import { addSeconds, earliest, type Instant } from '../base/time.ts'
import type { Facts } from './facts.ts'
import { bare, uid } from './view.ts'

export interface Lever {
  readonly fact: string
  /** Where the fact comes from. */
  readonly from: string
  readonly given: boolean
  /** The facts with this one as it would have to be; null where it does not apply or is so already. */
  readonly turn: (facts: Facts) => Facts | null
  readonly is: (facts: Facts) => string
  readonly needs: (facts: Facts) => string
  /** Completes "would pass if": `the app is graduated`. */
  readonly says: (facts: Facts) => string
  readonly command?: (facts: Facts) => string
}

interface Spec {
  readonly fact: string
  readonly from: string
  readonly given?: true
  /** What the value would have to be; undefined where it does not apply. */
  readonly to: (value: Json, facts: Facts) => Json | undefined
  readonly is?: string
  readonly needs?: string
  readonly says: string
  readonly command?: (facts: Facts) => string
}

const dayS = 24 * 3600

function at(path: string, spec: Spec): Lever {
  const keys = path.split('.')
  const wanted = (facts: Facts): Json | undefined => {
    const value = read(facts, keys)
    return value === undefined ? undefined : spec.to(value, facts)
  }
  return {
    fact: spec.fact,
    from: spec.from,
    given: spec.given ?? false,
    turn: facts => {
      const to = wanted(facts)
      const isSo = to === undefined || isDeepStrictEqual(to, read(facts, keys))
      return isSo ? null : (write(facts, keys, to) as Facts)
    },
    is: facts => spec.is ?? show(read(facts, keys)),
    needs: facts => spec.needs ?? show(wanted(facts)),
    says: () => spec.says,
    ...(spec.command ? { command: spec.command } : {}),
  }
}

const when = (from: Json, to: Json) => (value: Json) => (value === from ? to : undefined)
const always = (to: Json) => () => to
const isPerson = ({ principal }: Facts) => principal.uid.type === 'Person'
const self = (_: Json, facts: Facts) =>
  isPerson(facts) ? uid(facts.principal.uid.type, facts.principal.uid.id) : undefined
const somebodyElse = uid('Person', 'pe_somebody-else')
const others = (value: Json, { principal }: Facts) =>
  isDeepStrictEqual(value, principal.uid) ? somebodyElse : undefined
const withRole = (role: string) => (roles: Json, facts: Facts) =>
  isPerson(facts) && Array.isArray(roles) && !roles.includes(role)
    ? [...(roles as Json[]), role]
    : undefined
const slugOf = ({ context }: Facts) => text((context['app'] as JsonObject | undefined)?.['slug'])

/** In the order they are offered: what is easiest for the person who meets the denial comes first. */
export const levers: readonly Lever[] = [
  {
    fact: 'grant',
    from: 'grants of the app',
    given: false,
    turn: giveGrant,
    is: ({ grants }) => (grants.length === 0 ? 'none' : 'one that does not cover this'),
    needs: facts => `${facts.uses.map(use => use.action).join(', ')} on ${nameOf(facts)}`,
    says: facts => `the owner of ${nameOf(facts)} grants it`,
    command: askCommand,
  },
  {
    fact: 'purpose of the task',
    from: 'manifest',
    given: false,
    turn: facts =>
      facts.uses.every(use => use.purposeCovers)
        ? null
        : { ...facts, uses: facts.uses.map(use => ({ ...use, purposeCovers: true })) },
    is: facts => `${purposeName(facts)}, which does not need this`,
    needs: facts => `one that needs ${nameOf(facts)}`,
    says: facts => `leasehold.yaml names it under \`${purposeName(facts)}\``,
  },
  {
    fact: 'task',
    from: 'task',
    given: false,
    turn: facts => {
      const task = facts.context['task'] as JsonObject | undefined
      const now = facts.context['now'] as Instant
      if (task === undefined || (task['state'] === 'open' && text(task['endsAt']) > now))
        return null
      const fresh = { ...task, state: 'open', endsAt: addSeconds(now, 3600) }
      return { ...facts, context: { ...facts.context, task: fresh } }
    },
    is: () => 'over',
    needs: () => 'open',
    says: () => 'a new task is begun',
  },
  at('context.draft.endsAt', {
    fact: 'end date',
    from: 'what was asked',
    to: (_, { context }) => latestEnd(context),
    says: 'the end date is earlier',
  }),
  at('context.holds', {
    fact: 'holds',
    from: 'holds',
    to: holds => (Number(holds) > 0 ? 0 : undefined),
    says: 'the hold is lifted',
  }),
  at('principal.attrs.held', {
    fact: 'person',
    from: 'holds',
    to: when(true, false),
    is: 'on hold',
    needs: 'not on hold',
    says: 'somebody who is not on hold does it',
  }),
  at('context.purposeKnown', {
    fact: 'purpose in leasehold.yaml',
    from: 'manifest',
    to: when(false, true),
    says: 'leasehold.yaml has a purpose of that name',
  }),
  at('context.draft.onBehalfOfLiving', {
    fact: 'person it is on behalf of',
    from: 'people',
    to: when(false, true),
    is: 'gone',
    needs: 'here',
    says: 'it is on behalf of somebody who is here',
  }),
  at('context.app.state', {
    fact: 'app',
    from: 'app',
    to: state => (state === 'paused' || state === 'draft' ? 'active' : undefined),
    says: 'the app is resumed',
    command: facts => `resume ${slugOf(facts)}`,
  }),
  at('context.app.ownerLiving', {
    fact: 'owner of the app',
    from: 'people',
    to: when(false, true),
    is: 'gone',
    needs: 'living',
    says: 'the owner signs in, or somebody else accepts the app',
  }),
  at('context.app.owner', {
    fact: 'who asks',
    from: 'app',
    to: self,
    is: 'somebody else',
    needs: 'owner or backup of the app',
    says: 'its owner or backup does it',
  }),
  at('context.request.approvers', {
    fact: 'who answers',
    from: 'request',
    to: (people, facts) =>
      [...(people as Json[]), ...(isPerson(facts) ? [facts.principal.uid] : [])] as Json,
    is: 'somebody the request does not name',
    needs: 'one of those it names',
    says: 'one of the people it names answers',
  }),
  at('context.request.askedBy', {
    fact: 'who answers',
    from: 'request',
    to: others,
    is: 'the one who asked',
    needs: 'somebody else',
    says: 'another person answers',
  }),
  at('context.draft.ownAnswer', {
    fact: 'who agrees',
    from: 'what was asked',
    to: when(true, false),
    is: 'the one who asks',
    needs: 'somebody else',
    says: 'another person is asked to agree',
  }),
  at('context.draft.owner', {
    fact: 'owner of the new app',
    from: 'what was asked',
    to: self,
    is: 'somebody else',
    needs: 'you',
    says: 'you own it yourself',
  }),
  at('context.draft.backup', {
    fact: 'backup of the new app',
    from: 'what was asked',
    to: (_, { context }) => (isDeepStrictEqual(context['draft'], null) ? undefined : somebodyElse),
    is: 'not another living person',
    needs: 'another living person',
    says: 'another living person is its backup',
  }),
  at('context.draft.stage', {
    fact: 'stage',
    from: 'what was asked',
    to: always('prototype'),
    says: 'it starts as a prototype',
  }),
  at('context.draft.dataClasses', {
    fact: 'data classes',
    from: 'what was asked',
    to: classes => (classes as Json[]).filter(each => each !== 'hr' && each !== 'secret'),
    says: 'it is made without HR data and secrets',
  }),
  at('context.data.actions', {
    fact: 'actions',
    from: 'what was asked',
    to: always(['read']),
    says: 'it asks to read only',
  }),
  at('context.draft.lowersClass', {
    fact: 'data class',
    from: 'resource',
    to: when(true, false),
    is: 'lower than now',
    needs: 'the same or higher',
    says: 'two people agree to it',
  }),
  at('principal.attrs.role', {
    fact: 'identity',
    from: 'identity',
    to: role => (role === 'run' ? undefined : 'run'),
    says: "the app's `run` identity does it",
  }),
  at('context.task.humanInLoop', {
    fact: 'a person is there',
    from: 'task',
    to: when(false, true),
    says: 'a person is there while it happens',
  }),
  at('principal.attrs.roles', {
    fact: 'roles',
    from: 'people',
    to: withRole('platform'),
    says: 'somebody with the role `platform` does it',
  }),
  at('principal.attrs.roles', {
    fact: 'roles',
    from: 'people',
    to: withRole('security'),
    says: 'somebody with the role `security` does it',
  }),
  at('principal.attrs.roles', {
    fact: 'roles',
    from: 'people',
    to: withRole('auditor'),
    says: 'somebody with the role `auditor` does it',
  }),
  at('context.app.stage', {
    fact: 'stage',
    from: 'app',
    to: when('prototype', 'managed'),
    says: 'the app is graduated',
  }),
  at('resource.attrs.dataClass', {
    fact: 'data class',
    from: 'data owner',
    given: true,
    to: always('internal'),
    needs: 'public or internal',
    says: 'the data were of another class',
  }),
  at('context.data.dataClass', {
    fact: 'data class',
    from: 'data owner',
    given: true,
    to: always('internal'),
    needs: 'public or internal',
    says: 'the data were of another class',
  }),
  at('resource.attrs.production', {
    fact: 'production system',
    from: 'target',
    given: true,
    to: when(true, false),
    says: 'it were not production',
  }),
  at('context.data.production', {
    fact: 'production system',
    from: 'target',
    given: true,
    to: when(true, false),
    says: 'it were not production',
  }),
  at('resource.attrs.state', {
    fact: 'resource',
    from: 'resource',
    given: true,
    to: always('active'),
    says: 'it were still in use',
  }),
]

/** As the data owner would grant it: exactly this, to this role, to the end of the app. */
function giveGrant(facts: Facts): Facts | null {
  if (facts.uses.length === 0) return null
  const actions = facts.uses.map(use => use.action)
  const { app } = facts.context
  const grant = bare({
    app: facts.principal.attrs['app'],
    resource: uid('Resource', facts.resource.uid.id),
    roles: [facts.principal.attrs['role'] ?? ''],
    actions,
    columns: 1,
    unattended: false,
    state: 'live',
    endsAt: (app as JsonObject)['endsAt'],
  })
  const id = 'gr_that-might-be' as Facts['grants'][number]['id']
  return { ...facts, grants: [{ id, facts: grant }] }
}

export function askCommand(facts: Facts): string {
  return `ask ${nameOf(facts)} ${facts.uses.map(use => `--${use.action}`).join(' ')}`
}

function latestEnd({ app, now, draft }: JsonObject): Instant | undefined {
  const asked = (draft as JsonObject)['endsAt'] as Instant
  const whole = app as JsonObject | undefined
  const from = (whole?.['madeAt'] ?? now) as Instant
  const prototypeEnd = addSeconds(from, limits.prototypeMaxDays * dayS)
  const latest = earliest(prototypeEnd, (whole?.['maxEndsAt'] ?? null) as Instant | null)
  return asked > latest ? latest : undefined
}

/** Of the resource: its slug. */
export function nameOf({ resource }: Facts): string {
  return text(resource.attrs['slug'])
}

function purposeName({ context }: Facts): string {
  return text((context['task'] as JsonObject | undefined)?.['purpose'])
}

function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : 'it'
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
function write(from: unknown, [key, ...rest]: readonly string[], to: Json): unknown {
  if (key === undefined) return to
  const copy: Record<string, unknown> = { ...(from as object) }
  copy[key] = write(copy[key], rest, to)
  return copy
}

function show(value: Json | undefined): string {
  if (value === true) return 'yes'
  if (value === false) return 'no'
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(show).join(', ')
  if (typeof value === 'object' && value !== null) return 'somebody'
  return value === undefined || value === 0 ? 'none' : String(value)
}
