/**
 * The text of an app's own rules, and opened: who of its users may do what with its things. Cedar, with
 * a schema of its own; it knows none of our words, and nothing of ours is decided by it. Pure.
 */
import { sha256Hex } from '../../core/base/hash.ts'
import { canonicalJson, type JsonObject } from '../../core/base/json.ts'
import { type Problem, problemOf } from '../../core/base/problem.ts'
import type { Entity, Policy, Uid } from '../../core/policy/engine/cedar.ts'
import { Engine, findFaults, parsePolicy, splitPolicies } from '../../core/policy/engine/cedar.ts'
import { compileEngine } from '../../core/policy/engine/compiled.ts'
import { pruned, shapesOf } from './shapes.ts'

/** A user or a thing: as it was sent, or known to the rules by name, with facts nobody need send. */
export interface Thing {
  readonly type: string
  readonly id: string
  readonly properties: JsonObject
}

export interface AppRulesText {
  readonly schema: string
  readonly policies: string
  readonly entities: readonly Thing[]
}

export type AppRules = ReturnType<typeof openAppRules>

/** Problem `invalid-field` names the first fault. What opens is what may come into force. */
export function openAppRules(text: AppRulesText) {
  const policies = readPolicies(text.policies)
  const [fault] = findFaults(text.schema, policies)
  if (fault !== undefined)
    throw faulty(fault.rule === null ? 'schema' : 'policies', `${fault.rule ?? ''} ${fault.says}`)
  const shapes = shapesOf(text.schema)
  /** By type and id. */
  const known: ReadonlyMap<string, Thing> = new Map(
    text.entities.map(entity => [keyOf(entity), entity]),
  )
  if (known.size !== text.entities.length) throw faulty('entities', 'one is named twice')
  for (const { type } of known.values())
    if (!shapes.entities.has(type)) throw faulty('entities', `the schema has no type ${type}`)
  const marked = [...policies].filter(([, policy]) => policy.annotations.has('durable'))
  /** What they decide is in the database before the answer is given. */
  const durable: ReadonlySet<string> = new Set(marked.map(([id]) => id))
  /** What the compiled engine is compared with. */
  const cedar = new Engine(text.schema, policies)
  const engine = compileEngine(text.schema, policies, cedar)
  return { hash: hashOf(text), engine, cedar, shapes, durable, known }
}

export function hashOf({ schema, policies, entities }: AppRulesText): string {
  return sha256Hex(canonicalJson({ schema, policies, entities }))
}

export function keyOf({ type, id }: Uid): string {
  return `${type} ${id}`
}

/** By `@id`, or by their number: what an answer names. */
function readPolicies(text: string): Map<string, Policy> {
  const parts = splitPolicies(text)
  if ('fault' in parts) throw faulty('policies', parts.fault.says)
  const policies = new Map<string, Policy>()
  for (const [nth, part] of parts.policies.entries()) {
    const policy = parsePolicy(part)
    const id = policy.annotations.get('id') ?? `rule-${nth + 1}`
    if (policies.has(id)) throw faulty('policies', `\`${id}\` is there twice`)
    policies.set(id, policy)
  }
  return policies
}

/** Facts that were sent fill in what the rules do not know; what they know is not overruled. */
export function entityOf({ shapes, known }: AppRules, sent: Thing): Entity {
  const facts = { ...sent.properties, ...known.get(keyOf(sent))?.properties }
  const attrs = pruned(facts, shapes.entities.get(sent.type) ?? new Map())
  return { uid: { type: sent.type, id: sent.id }, attrs, parents: [] }
}

function faulty(field: string, says: string): Problem {
  return problemOf('field-refused', { why: says.trim().slice(0, 300), field: `/${field}` })
}
