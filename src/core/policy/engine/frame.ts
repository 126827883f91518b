/**
 * One question as policies see it: who, what and on which thing, the context, and the facts of the
 * entities that came with it, all found to fit the schema.
 */
import { bounds } from './bounds.ts'
import type { EngineCall } from './cedar.ts'
import { countOf, isPlain, readText } from './intake.ts'
import { type ActionType, type EntityType, isAction, type Types } from './types.ts'
import { entityKey, Rec, type Ref, spend, type Value, type Work } from './value.ts'

/** As `Work`: the steps left for evaluating. */
export interface Frame extends Work {
  readonly types: Types
  readonly principal: Ref
  readonly action: ActionType
  readonly resource: Ref
  readonly context: Rec
  readonly entities: readonly EntityFacts[]
  /** Where there are many. */
  readonly byKey: ReadonlyMap<string, EntityFacts> | undefined
}

export interface EntityFacts {
  readonly ref: Ref
  readonly attrs: Rec
  readonly tags: ReadonlyMap<string, Value>
  readonly parents: readonly Ref[]
  /** Everything it is in, by key; made when first asked for. */
  above?: Above
}

type Above = ReadonlySet<string>

/** Up to here looking at each is faster. */
const few = 8
const noFacts = new Rec(new Map(), [])
const noTags: EntityFacts['tags'] = new Map()
const noIds: ReadonlySet<string> = new Set()
const nothingAbove: Above = new Set()

/** Undefined: it does not fit the schema, or only cedar-wasm knows whether it does. */
export function readCall(types: Types, call: EngineCall): Frame | undefined {
  const intake = { left: bounds.callWeight }
  const action = readAction(types, call.action)
  const principal = readRef(types, call.principal, intake)
  const resource = readRef(types, call.resource, intake)
  if (action === undefined || principal === undefined || resource === undefined) return undefined
  if (!action.principals.has(principal.type) || !action.resources.has(resource.type))
    return undefined
  const context = action.context(call.context, intake)
  const entities = context === undefined ? undefined : readEntities(types, call.entities, intake)
  if (context === undefined || entities === undefined) return undefined
  const byKey =
    entities.length > few ? new Map(entities.map(each => [keyOf(each), each])) : undefined
  const left = bounds.steps
  const frame = { types, principal, action, resource, context, entities, byKey, left }
  const isAboveItself = (each: EntityFacts) => aboveOf(frame, each.ref).has(keyOf(each))
  if (hasTwins(frame) || (types.mayCircle && entities.some(isAboveItself))) return undefined
  return frame
}

/** Undefined where nothing is known of it. Actions are known from the schema. */
export function find({ types, entities, byKey }: Frame, ref: Ref): EntityFacts | undefined {
  const { type, id } = ref
  if (byKey === undefined) {
    for (const facts of entities) if (facts.ref.id === id && facts.ref.type === type) return facts
  } else if (byKey.has(entityKey(type, id))) return byKey.get(entityKey(type, id))
  const above = types.actions.get(type)?.get(id)?.groups
  return above === undefined ? above : { ref, attrs: noFacts, tags: noTags, parents: [], above }
}

export function isIn(frame: Frame, ref: Ref, other: Ref): boolean {
  if (ref.id === other.id && ref.type === other.type) return true
  const above = aboveOf(frame, ref)
  return above.size > 0 && above.has(entityKey(other.type, other.id))
}

export function aboveOf(frame: Frame, ref: Ref): Above {
  const facts = find(frame, ref)
  if (facts === undefined) return nothingAbove
  facts.above ??= facts.parents.length === 0 ? nothingAbove : climb(frame, facts.parents)
  return facts.above
}

function climb(frame: Frame, parents: readonly Ref[]): Above {
  const above = new Set<string>()
  const open = [...parents]
  for (let ref = open.pop(); ref !== undefined; ref = open.pop()) {
    spend(frame, 1)
    const key = entityKey(ref.type, ref.id)
    if (above.has(key)) continue
    above.add(key)
    open.push(...(find(frame, ref)?.parents ?? []))
  }
  return above
}

/** One entity told twice: whether that is the same told again, cedar-wasm knows. */
function hasTwins(frame: Frame): boolean {
  const { entities, byKey } = frame
  if (byKey !== undefined) return byKey.size < entities.length
  return entities.some(each => find(frame, each.ref) !== each)
}

function keyOf({ ref }: { readonly ref: Ref }): string {
  return entityKey(ref.type, ref.id)
}

function readAction(types: Types, json: unknown): ActionType | undefined {
  if (!isPlain(json) || countOf(json) !== 2) return undefined
  return types.actions.get(json['type'] as string)?.get(json['id'] as string)
}

function readRef(types: Types, json: unknown, intake: Work): Ref | undefined {
  if (!isPlain(json) || countOf(json) !== 2) return undefined
  // What is no text is no key of the map, so it is no type.
  const type = json['type'] as string
  const { ids } = types.entities.get(type) ?? { ids: noIds }
  const id = readText(json['id'], intake)
  if (id === undefined || (ids !== undefined && !ids.has(id))) return undefined
  return { kind: 'entity', type, id }
}

type Given = EngineCall['entities'][number] & { readonly tags?: unknown }

function readEntities(
  types: Types,
  given: readonly Given[],
  intake: Work,
): EntityFacts[] | undefined {
  const entities: EntityFacts[] = []
  for (const json of given) {
    if (!isPlain(json) || countOf(json) !== ('tags' in json ? 4 : 3)) return undefined
    if (isAction(json.uid.type)) {
      if (!isAsDeclared(types, json)) return undefined
      continue
    }
    const facts = readEntity(types, json, intake)
    if (facts === undefined) return undefined
    entities.push(facts)
  }
  return entities
}

function readEntity(types: Types, json: Given, intake: Work): EntityFacts | undefined {
  const ref = readRef(types, json.uid, intake)
  const type = ref === undefined ? undefined : types.entities.get(ref.type)
  const attrs = type?.attrs(json.attrs, intake)
  if (ref === undefined || type === undefined || attrs === undefined) return undefined
  const tags = json.tags === undefined ? noTags : readTags(type, json.tags, intake)
  const parents: Ref[] = []
  for (const each of json.parents) {
    const parent = readRef(types, each, intake)
    if (parent === undefined || !type.above.has(parent.type)) return undefined
    parents.push(parent)
  }
  return tags === undefined ? undefined : { ref, attrs, tags, parents }
}

function readTags(type: EntityType, json: unknown, intake: Work): EntityFacts['tags'] | undefined {
  if (!isPlain(json)) return undefined
  const tags = new Map<string, Value>()
  for (const [name, given] of Object.entries(json)) {
    const value = type.tag?.(given, intake)
    if (value === undefined || readText(name, intake) === undefined) return undefined
    tags.set(name, value)
  }
  return tags
}

/** An action may be told again, with all its groups. */
function isAsDeclared(types: Types, { uid, attrs, parents, tags }: Given): boolean {
  const groups = readAction(types, uid)?.groups
  if (groups === undefined || tags !== undefined || !isPlain(attrs)) return false
  const told = new Set(parents.flatMap(each => readAction(types, each) ?? []).map(keyOf))
  const isWhole = parents.length === groups.size && told.size === groups.size
  return isWhole && countOf(attrs) === 0 && told.isSubsetOf(groups)
}
