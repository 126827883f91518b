/**
 * The engine: exactly Cedar, nothing added (design §3.4). It answers what a set of policies says about
 * one question over facts that fit the schema.
 *
 * Not here: that an error is a denial, freshness, which facts there are. Cedar alone passes over a
 * `forbid` that errors and permits (measured), so an answer always carries its errors.
 * Bound: no integer beyond ±2^53 and no fraction goes in; such a question is refused, not rounded.
 */
import * as cedar from '@cedar-policy/cedar-wasm/nodejs'
import type { JsonObject } from '../../base/json.ts'
import { bounds } from './bounds.ts'
import { entityKey } from './value.ts'

export interface Uid {
  readonly type: string
  readonly id: string
}

export interface Entity {
  readonly uid: Uid
  readonly attrs: JsonObject
  readonly parents: readonly Uid[]
}

/** Facts in Cedar's JSON form; with the schema at hand `{type, id}` and instants as text will do. */
export interface EngineCall {
  readonly principal: Uid
  readonly action: Uid
  readonly resource: Uid
  readonly context: JsonObject
  readonly entities: readonly Entity[]
}

/** `rules`: ids of the policies that made it so. An error is `<policy id>: <why>`, or why nothing was asked. */
export interface EngineAnswer {
  readonly allowed: boolean
  readonly rules: readonly string[]
  readonly errors: readonly string[]
}

export interface Policy {
  readonly text: string
  readonly effect: 'permit' | 'forbid'
  readonly annotations: ReadonlyMap<string, string>
  readonly scope: cedar.ActionConstraint
  /** Facts of the context it names itself: `app`, `grant`, … */
  readonly reads: ReadonlySet<string>
}

export interface Fault {
  readonly rule: string | null
  readonly says: string
  /** Bytes into the text of that policy, or of the whole where `rule` is null. */
  readonly at: number
}

/** Cedar keeps parsed sets by name and forgets none, so names are used again: the newest few stay. */
const slots: (Engine | undefined)[] = Array.from({ length: 8 })
let nextSlot = 0

/**
 * One set of policies, by id, under one schema. Both must have been found valid by `findFaults`, else
 * every answer is a denial with errors.
 */
export class Engine {
  readonly #schema: string
  readonly #policies: ReadonlyMap<string, Policy>
  readonly #groups: ReadonlyMap<string, ReadonlySet<string>>
  readonly #loaded = new Set<string>()
  #slot = 0

  constructor(schema: string, policies: ReadonlyMap<string, Policy>) {
    this.#schema = schema
    this.#policies = policies
    this.#groups = groupsOf(schema)
  }

  ask(call: EngineCall): EngineAnswer {
    try {
      refuseInexact(call.context)
      for (const entity of call.entities) refuseInexact(entity.attrs)
      const answer = cedar.statefulIsAuthorized({
        principal: call.principal,
        action: call.action,
        resource: call.resource,
        context: call.context as cedar.Context,
        entities: call.entities as unknown as cedar.Entities,
        preparsedSchemaName: this.#useSchema(),
        preparsedPolicySetId: this.#usePolicies(call.action),
        validateRequest: true,
      })
      if (answer.type === 'failure') return refused(answer.errors.map(error => error.message))
      const { decision, diagnostics } = answer.response
      return {
        allowed: decision === 'allow',
        rules: diagnostics.reason,
        errors: diagnostics.errors.map(each => `${each.policyId}: ${each.error.message}`),
      }
    } catch (thrown) {
      return refused([thrown instanceof Error ? thrown.message : String(thrown)])
    }
  }

  /** Whether the schema puts this action into the group. An action it does not know is in none. */
  isIn(action: string, group: string): boolean {
    return this.#groups.get(entityKey('Action', action))?.has(entityKey('Action', group)) ?? false
  }

  #useSchema(): string {
    if (slots[this.#slot] !== this) {
      this.#slot = nextSlot++ % slots.length
      slots[this.#slot] = this
      this.#loaded.clear()
      check(cedar.preparseSchema(`schema-${this.#slot}`, this.#schema))
    }
    return `schema-${this.#slot}`
  }

  /** Only policies whose scope has this action can say anything about it; fewer are faster. */
  #usePolicies(action: Uid): string {
    const asked = entityKey(action.type, action.id)
    // Cedar keeps what it has parsed: an action nobody declared gets no set of its own.
    const key = this.#groups.has(asked) ? asked : ''
    const name = `policies-${this.#slot}-${key}`
    if (this.#loaded.has(name)) return name
    const applying: Record<string, string> = {}
    for (const [id, { text, scope }] of this.#policies)
      if (coversAction(scope, key, this.#groups.get(key))) applying[id] = text
    check(cedar.preparsePolicySet(name, { staticPolicies: applying }))
    this.#loaded.add(name)
    return name
  }
}

/** Whether a policy with this scope speaks of the action; both it and its groups by key. */
export function coversAction(
  scope: cedar.ActionConstraint,
  action: string,
  groups: ReadonlySet<string> | undefined,
): boolean {
  if (scope.op === 'All') return true
  const named = 'entities' in scope ? scope.entities : 'entity' in scope ? [scope.entity] : []
  return (named as Uid[]).some(({ type, id }) => {
    const key = entityKey(type, id)
    return key === action || (scope.op === 'in' && groups?.has(key) === true)
  })
}

/** Everything wrong with the policies under the schema; empty means they may be used. */
export function findFaults(schema: string, policies: ReadonlyMap<string, Policy>): Fault[] {
  const texts = Object.fromEntries([...policies].map(([id, { text }]) => [id, text]))
  const answer = cedar.validate({
    schema,
    policies: { staticPolicies: texts },
    validationSettings: { mode: 'strict' },
  })
  if (answer.type === 'failure') return answer.errors.map(error => faultOf(null, error))
  return answer.validationErrors.map(({ policyId, error }) => faultOf(policyId, error))
}

/** Cuts a text into its policies, each exactly as written, in order. Templates are refused. */
export function splitPolicies(text: string): { policies: string[] } | { fault: Fault } {
  if (isTooDeep(text)) return { fault: { rule: null, says: tooDeep, at: 0 } }
  const parts = cedar.policySetTextToParts(text)
  if (parts.type === 'failure') {
    const [error] = parts.errors
    return { fault: faultOf(null, error ?? { message: 'not Cedar' }) }
  }
  if (parts.policy_templates.length > 0)
    return { fault: { rule: null, says: 'templates are not used here', at: 0 } }
  return { policies: parts.policies.toSorted((a, b) => text.indexOf(a) - text.indexOf(b)) }
}

/** One policy as written: its effect, annotations and which actions it speaks of. Throws on what is not one. */
export function parsePolicy(text: string): Policy {
  if (isTooDeep(text)) throw new Error(tooDeep)
  const answer = cedar.policyToJson(text)
  if (answer.type === 'failure') throw new Error(answer.errors[0]?.message ?? 'not a policy')
  const { effect, annotations, action: scope, conditions } = answer.json
  const named = JSON.stringify(conditions).matchAll(/"left":\{"Var":"context"\},"attr":\[?"(\w+)"/g)
  const reads = new Set([...named].map(([, fact]) => fact ?? ''))
  return { text, effect, annotations: new Map(Object.entries(annotations ?? {})), scope, reads }
}

/** Texts and comments, words and numbers, each other sign. */
export const tokens = /"(?:[^"\\]|\\.)*"|\/\/[^\n\r]*|\w+|&&|\|\||\S/gs
const operator = /^(?:[-+*.!<>[]|&&|\|\||if|else|has|like|in|is)$/
const tooDeep = 'a policy is nested too deep: say it in several, or in fewer words'

/** ATTACKER: cedar-wasm does not come back from what is nested too deep, and decides nothing after. */
function isTooDeep(text: string): boolean {
  let brackets = 0
  let operators = 0
  for (const [token] of text.matchAll(tokens)) {
    if ('([{'.includes(token)) brackets++
    else if (')]}'.includes(token)) brackets = Math.max(0, brackets - 1)
    operators = token === ';' ? 0 : operators + Number(operator.test(token))
    if (brackets > bounds.policyBrackets || operators > bounds.policyOperators) return true
  }
  return false
}

/** For each action: every group it is in, groups of groups included. */
function groupsOf(schema: string): Map<string, Set<string>> {
  const answer = cedar.schemaToJson(schema)
  const parents = new Map<string, string[]>()
  if (answer.type === 'failure') return new Map()
  for (const [namespace, { actions }] of Object.entries(answer.json)) {
    const own = namespace === '' ? 'Action' : `${namespace}::Action`
    for (const [id, action] of Object.entries(actions))
      parents.set(
        entityKey(own, id),
        (action.memberOf ?? []).map(group => entityKey(group.type ?? own, group.id)),
      )
  }
  return new Map([...parents.keys()].map(key => [key, closureOf(parents, key)]))
}

/** Everything that can be reached; the beginning itself only where there is a circle. */
export function closureOf(
  edges: ReadonlyMap<string, readonly string[]>,
  from: string,
): Set<string> {
  const reached = new Set<string>()
  const open = [from]
  for (let at = open.pop(); at !== undefined; at = open.pop())
    for (const next of edges.get(at) ?? [])
      if (!reached.has(next)) {
        reached.add(next)
        open.push(next)
      }
  return reached
}

function refused(errors: readonly string[]): EngineAnswer {
  return { allowed: false, rules: [], errors }
}

function check(answer: cedar.CheckParseAnswer): void {
  if (answer.type === 'failure') throw new Error(answer.errors[0]?.message ?? 'not parsed')
}

function faultOf(
  rule: string | null,
  error: { message: string; help?: string | null; sourceLocations?: { start: number }[] },
): Fault {
  const help = error.help ? ` (${error.help})` : ''
  return { rule, says: `${error.message}${help}`, at: error.sourceLocations?.[0]?.start ?? 0 }
}

/** ATTACKER: 2^53 + 1 reads as 2^53 in JavaScript, and a policy would compare the wrong number. */
function refuseInexact(value: unknown): void {
  if (typeof value === 'bigint' || (typeof value === 'number' && !Number.isSafeInteger(value)))
    throw new Error(`the number ${value} can not be given exactly`)
  if (typeof value === 'string' && !value.isWellFormed())
    throw new Error('a text holds half a character')
  if (typeof value === 'object' && value !== null)
    for (const each of Object.values(value)) refuseInexact(each)
}
