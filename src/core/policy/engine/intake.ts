/**
 * Values out of the JSON of a question, read by the type the schema gives them.
 *
 * INVARIANT: a reader takes only what cedar-wasm takes, and as the same value. Whatever else it meets,
 * also what Cedar could perhaps make something of, is undefined: then cedar-wasm is asked.
 * ATTACKER: names of members are the schema's, never the caller's; what a prototype gives is no fact.
 */
import { constructors } from './extension.ts'
import { addLongs, type Long, longOf } from './long.ts'
import type { Ip, Ref, Units, Value, Work } from './value.ts'
import { Rec, SetValue, spend } from './value.ts'

/** `intake`: what may still be taken in for one question, by weight. */
export type Reader<V extends Value = Value> = (json: unknown, intake: Work) => V | undefined

type Field = { readonly name: string; readonly read: Reader; readonly isRequired: boolean }

export function readTruth(json: unknown, intake: Work): boolean | undefined {
  spend(intake, 1)
  return typeof json === 'boolean' ? json : undefined
}

/** A bigint says exactly what a number beyond 2^53 can not. */
export function readLong(json: unknown, intake: Work): Long | undefined {
  spend(intake, 1)
  if (typeof json === 'bigint') return longOf(json)
  return typeof json === 'number' && Number.isSafeInteger(json) ? json + 0 : undefined
}

export function readText(json: unknown, intake: Work): string | undefined {
  if (typeof json !== 'string') return undefined
  spend(intake, 1 + (json.length >> 4))
  return json.isWellFormed() ? json : undefined
}

/** `{type, id}`, or that within `__entity`. `ids`: the only ones there are. */
export function entityReader(type: string, ids: ReadonlySet<string> | undefined): Reader<Ref> {
  return (json, intake) => {
    const named = isPlain(json) && json['type'] === type ? json : within(json, '__entity')
    if (named?.['type'] !== type || countOf(named) !== 2) return undefined
    const id = readText(named['id'], intake)
    if (id === undefined || (ids !== undefined && !ids.has(id))) return undefined
    return { kind: 'entity', type, id }
  }
}

/** The text its constructor takes, or that as a call: `{fn, arg}`, bare or within `__extn`. */
export function extensionReader(type: string): Reader<Ip | Units> {
  return (json, intake) => {
    if (typeof json === 'string')
      return readCall({ fn: constructors[type]?.fn, arg: json }, type, intake)
    const called = within(json, '__extn')
    const isOffset = type === 'datetime' && called?.['fn'] === 'offset'
    return isOffset ? readOffset(called, intake) : readCall(called, type, intake)
  }
}

function readCall(json: unknown, type: string, intake: Work): Ip | Units | undefined {
  if (!isPlain(json) || countOf(json) !== 2 || json['fn'] !== constructors[type]?.fn)
    return undefined
  const text = readText(json['arg'], intake)
  return text === undefined ? undefined : constructors[type]?.read(text)
}

/** As Cedar itself writes a datetime: so far from another. */
function readOffset({ args }: Plain, intake: Work): Units | undefined {
  if (!Array.isArray(args) || args.length !== 2) return undefined
  const [from, by] = args.map(arg => (isPlain(arg) && countOf(arg) === 1 ? arg['__extn'] : null))
  const start = readCall(from, 'datetime', intake)
  const distance = readCall(by, 'duration', intake)
  if (start?.kind !== 'datetime' || distance?.kind !== 'duration') return undefined
  const count = addLongs(start.count, distance.count)
  return count === undefined ? undefined : { kind: 'datetime', count }
}

export function setReader(readItem: Reader): Reader<SetValue> {
  return (json, intake) => {
    if (!Array.isArray(json)) return undefined
    spend(intake, 1)
    const items: Value[] = []
    for (const each of json) {
      const item = readItem(each, intake)
      if (item === undefined) return undefined
      items.push(item)
    }
    return new SetValue(items)
  }
}

export function recordReader(fields: readonly Field[]): Reader<Rec> {
  const shape = new Map(fields.map(({ name }, place) => [name, place]))
  const doubtful = new Set([...shape.keys()].filter(name => name in Object.prototype))
  return (json, intake) => {
    if (!isPlain(json)) return undefined
    spend(intake, 1)
    const values: (Value | undefined)[] = []
    let taken = 0
    for (const { name, read, isRequired } of fields) {
      const isOwn = doubtful.size === 0 || !doubtful.has(name) || Object.hasOwn(json, name)
      const given = isOwn ? json[name] : undefined
      const value = given === undefined ? undefined : read(given, intake)
      if (value === undefined && (isRequired || given !== undefined)) return undefined
      if (value !== undefined) taken++
      values.push(value)
    }
    return countOf(json) === taken ? new Rec(shape, values) : undefined
  }
}

type Plain = Readonly<Record<string, unknown>>

export function isPlain(json: unknown): json is Plain {
  if (typeof json !== 'object' || json === null) return false
  const prototype: unknown = Object.getPrototypeOf(json)
  return prototype === Object.prototype || prototype === null
}

/** How many members it has; faster than a list of them. */
export function countOf(json: object): number {
  let count = 0
  for (const _ in json) count++
  return count
}

/** What is written under this name alone, or the thing itself where it is not. */
function within(json: unknown, name: string): Plain | undefined {
  if (!isPlain(json)) return undefined
  const inner = json[name]
  if (inner === undefined) return json
  return isPlain(inner) && countOf(json) === 1 ? inner : undefined
}
