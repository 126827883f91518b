/** What a Cedar schema says of names alone: which types, actions and attributes there are. Pure. */
import { schemaToJson } from '@cedar-policy/cedar-wasm/nodejs'

export interface Shapes {
  /** Attributes by entity type, as written with its namespace. */
  readonly entities: ReadonlyMap<string, ReadonlySet<string>>
  /** For each action of the plain kind: who may be its principal, what its resource, what its context has. */
  readonly actions: ReadonlyMap<string, ActionShape>
}

export interface ActionShape {
  readonly principals: ReadonlySet<string>
  readonly resources: ReadonlySet<string>
  readonly context: ReadonlySet<string>
}

/** Of a schema that was found valid. Only the empty namespace has actions that can be asked by name. */
export function shapesOf(schema: string): Shapes {
  const answer = schemaToJson(schema)
  const spaces = answer.type === 'failure' ? {} : answer.json
  const entities = new Map<string, ReadonlySet<string>>()
  const actions = new Map<string, ActionShape>()
  for (const [space, { entityTypes, actions: own, commonTypes = {} }] of Object.entries(spaces)) {
    const named = (name: string) =>
      space === '' || name.includes('::') ? name : `${space}::${name}`
    const members = (type: unknown) => membersOf(type, commonTypes)
    for (const [name, type] of Object.entries(entityTypes))
      entities.set(named(name), members((type as { shape?: unknown }).shape))
    if (space !== '') continue
    for (const [name, { appliesTo }] of Object.entries(own))
      actions.set(name, {
        principals: new Set(appliesTo?.principalTypes ?? []),
        resources: new Set(appliesTo?.resourceTypes ?? []),
        context: members(appliesTo?.context),
      })
  }
  return { entities, actions }
}

function membersOf(type: unknown, common: Readonly<Record<string, unknown>>): Set<string> {
  const { type: kind, attributes } = (type ?? {}) as { type?: string; attributes?: object }
  if (attributes !== undefined) return new Set(Object.keys(attributes))
  const alias = kind === undefined ? undefined : common[kind]
  return alias === undefined ? new Set() : membersOf(alias, {})
}
