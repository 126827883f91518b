/** What a Cedar schema says of names alone: which types, actions and attributes there are. Pure. */
import { schemaToJson } from '@cedar-policy/cedar-wasm/nodejs'
import { isObject, type Json, type JsonObject } from '../../core/base/json.ts'

/** Attributes of a record; of those that are records themselves, theirs. */
export interface Shape extends ReadonlyMap<string, Shape | null> {}

type Types = Readonly<Record<string, unknown>>

/** Of a schema that was found valid. */
export function shapesOf(schema: string) {
  const answer = schemaToJson(schema)
  const spaces = answer.type === 'failure' ? {} : answer.json
  /** By entity type, as written with its namespace. */
  const entities = new Map<string, Shape>()
  /** What the context of each action has. Only the empty namespace has actions that are asked by name. */
  const actions = new Map<string, Shape>()
  for (const [space, { entityTypes, actions: own, commonTypes = {} }] of Object.entries(spaces)) {
    for (const [name, type] of Object.entries(entityTypes))
      entities.set(
        space === '' ? name : `${space}::${name}`,
        shapeOf((type as { shape?: unknown }).shape, commonTypes) ?? none,
      )
    for (const [name, { appliesTo }] of Object.entries(space === '' ? own : {}))
      actions.set(name, shapeOf(appliesTo?.context, commonTypes) ?? none)
  }
  return { entities, actions }
}

const none: Shape = new Map()

/** Null for what is no record. Cedar's common types do not go in circles. */
function shapeOf(type: unknown, common: Types): Shape | null {
  const said = (type ?? {}) as { type?: string; name?: string; attributes?: Types }
  if (said.attributes !== undefined)
    return new Map(Object.entries(said.attributes).map(([name, of]) => [name, shapeOf(of, common)]))
  const alias = common[said.name ?? said.type ?? '']
  return alias === undefined ? null : shapeOf(alias, common)
}

/** Without the members the rules do not know: a caller may send more than an app's rules ask for. */
export function pruned(value: JsonObject, shape: Shape): JsonObject {
  const kept: Record<string, Json> = {}
  for (const [name, of] of shape) {
    const member = value[name]
    if (member !== undefined)
      kept[name] = of !== null && isObject(member) ? pruned(member, of) : member
  }
  return kept
}
