/**
 * A schema as the compiled engine reads it: for each type of entity and each action, what fits it and
 * how its facts are read from JSON.
 *
 * Not here: which policies there are. What of a schema is not known exactly is `NotExact`, and then
 * cedar-wasm decides everything under it.
 */
import * as cedar from '@cedar-policy/cedar-wasm/nodejs'
import { closureOf } from './cedar.ts'
import { constructors } from './extension.ts'
import type { Reader } from './intake.ts'
import {
  entityReader,
  extensionReader,
  readLong,
  readText,
  readTruth,
  recordReader,
  setReader,
} from './intake.ts'
import { entityKey, Rec, type Ref } from './value.ts'

/** Why cedar-wasm has to decide instead. */
export class NotExact extends Error {}

export interface EntityType {
  /** Every type that something of this type may be in, however far up. */
  readonly above: ReadonlySet<string>
  /** The only ids there are, where the schema lists them. */
  readonly ids: ReadonlySet<string> | undefined
  readonly attrs: Reader<Rec>
  readonly tag: Reader | undefined
}

export interface ActionType {
  readonly ref: Ref
  /** Every group it is in, groups of groups included, by key. */
  readonly groups: ReadonlySet<string>
  readonly principals: ReadonlySet<string>
  readonly resources: ReadonlySet<string>
  readonly context: Reader<Rec>
}

export interface Types {
  readonly entities: ReadonlyMap<string, EntityType>
  /** By type and then by id. */
  readonly actions: ReadonlyMap<string, ReadonlyMap<string, ActionType>>
  /** Something could be above itself; each question is then looked at for that. */
  readonly mayCircle: boolean
}

type Schema = cedar.SchemaJson<string>
type Type = cedar.Type<string>

/** Throws `NotExact` where cedar-wasm has to decide. */
export function readTypes(schema: string): Types {
  const answer = cedar.schemaToJsonWithResolvedTypes(schema)
  if (answer.type === 'failure') throw new NotExact('the schema is not one')
  const declared = new Map(
    Object.entries(answer.json).flatMap(([space, { entityTypes }]) =>
      Object.entries(entityTypes).map(([name, type]) => [qualify(space, name), type] as const),
    ),
  )
  const read = typeReader(answer.json, declared)
  const parents = new Map(
    [...declared].map(([name, type]) => [name, 'enum' in type ? [] : (type.memberOfTypes ?? [])]),
  )
  const entities = new Map<string, EntityType>()
  for (const [name, type] of declared) {
    entities.set(name, {
      above: closureOf(parents, name),
      ids: 'enum' in type ? new Set(type.enum) : undefined,
      attrs: recordOf(read, 'enum' in type ? undefined : type.shape),
      tag: 'tags' in type && type.tags !== undefined ? read(type.tags) : undefined,
    })
  }
  const mayCircle = [...entities].some(([name, { above }]) => above.has(name))
  return { entities, actions: readActions(answer.json, read), mayCircle }
}

function readActions(json: Schema, read: ReadType): Types['actions'] {
  const declared = Object.entries(json).flatMap(([space, { actions }]) =>
    Object.entries(actions).map(([id, action]) => {
      const type = qualify(space, 'Action')
      const parents = (action.memberOf ?? []).map(each => entityKey(each.type ?? type, each.id))
      return { key: entityKey(type, id), parents, type, id, action }
    }),
  )
  const above = new Map(declared.map(({ key, parents }) => [key, parents]))
  const byType = new Map<string, Map<string, ActionType>>()
  for (const { key, type, id, action } of declared) {
    if (Object.keys(action.attributes ?? {}).length > 0)
      throw new NotExact(`the schema gives the action \`${id}\` facts of its own`)
    const ofType = byType.getOrInsertComputed(type, () => new Map())
    ofType.set(id, {
      ref: { kind: 'entity', type, id },
      groups: closureOf(above, key),
      principals: new Set(action.appliesTo?.principalTypes),
      resources: new Set(action.appliesTo?.resourceTypes),
      context: recordOf(read, action.appliesTo?.context),
    })
  }
  return byType
}

type ReadType = (type: Type) => Reader

function typeReader(
  json: Schema,
  declared: ReadonlyMap<string, cedar.EntityType<string>>,
): ReadType {
  const known = new Map<string, Reader>()
  const read: ReadType = type => {
    if ('element' in type) return setReader(read(type.element))
    if ('attributes' in type) {
      if (type.additionalAttributes === true)
        throw new NotExact('the schema has a record that may hold anything')
      const fields = Object.entries(type.attributes).map(([name, attr]) => {
        return { name, read: read(attr), isRequired: attr.required ?? true }
      })
      return recordReader(fields)
    }
    if (type.type === 'Entity' && 'name' in type) return entityOf(type.name, declared)
    const name = 'name' in type ? type.name : type.type
    const held = known.get(name) ?? readNamed(name)
    known.set(name, held)
    return held
  }
  const readNamed = (name: string): Reader => {
    const at = name.lastIndexOf('::')
    const space = at < 0 ? '' : name.slice(0, at)
    const local = at < 0 ? name : name.slice(at + 2)
    const common = Object.entries(json[space]?.commonTypes ?? {}).find(([own]) => own === local)
    if (common !== undefined) return read(common[1])
    const plain = space === '' || space === '__cedar' ? plainReader(local) : undefined
    if (plain === undefined) throw new NotExact(`the type \`${name}\` of the schema is not known`)
    return plain
  }
  return read
}

function plainReader(name: string): Reader | undefined {
  if (name === 'String') return readText
  if (name === 'Long') return readLong
  if (name === 'Bool' || name === 'Boolean') return readTruth
  return Object.hasOwn(constructors, name) ? extensionReader(name) : undefined
}

function entityOf(name: string, declared: ReadonlyMap<string, cedar.EntityType<string>>): Reader {
  const type = declared.get(name)
  if (type === undefined) throw new NotExact(`facts of the type \`${name}\` are not read here`)
  return entityReader(name, 'enum' in type ? new Set(type.enum) : undefined)
}

function recordOf(read: ReadType, type: Type | undefined): Reader<Rec> {
  const reader = type === undefined ? recordReader([]) : read(type)
  return (json, intake) => {
    const value = reader(json, intake)
    return value instanceof Rec ? value : undefined
  }
}

export function isAction(type: string): boolean {
  return type === 'Action' || type.endsWith('::Action')
}

function qualify(space: string, name: string): string {
  return space === '' ? name : `${space}::${name}`
}
