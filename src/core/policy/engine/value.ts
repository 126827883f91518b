/**
 * Values while policies are evaluated, and when two are the same. A truth, a text and a Long are
 * JavaScript's own; the rest say what they are by `kind`.
 *
 * Not here: reading them from JSON (`intake.ts`), what may be done with them (`expression.ts`).
 * INVARIANT: a value is never changed once it is made, so one may stand in many places.
 */
import type { Long } from './long.ts'

export type Value = boolean | string | Long | Ref | SetValue | Rec | Units | Ip

/** An entity by name; its facts are in the frame. */
export interface Ref {
  readonly kind: 'entity'
  readonly type: string
  readonly id: string
}

/** A decimal in ten-thousandths, a datetime or a duration in milliseconds. */
export interface Units {
  readonly kind: 'decimal' | 'datetime' | 'duration'
  readonly count: Long
}

/** An address with the length of its prefix; bits beyond the prefix are part of what it is. */
export interface Ip {
  readonly kind: 'ipaddr'
  readonly width: 32 | 128
  readonly bits: bigint
  readonly prefix: number
}

/** The names a record may have, each with its place among the values; one for each type of record. */
export type Shape = ReadonlyMap<string, number>

export class Rec {
  readonly kind = 'record'
  readonly shape: Shape
  /** undefined: this record does not have it. */
  readonly values: readonly (Value | undefined)[]
  constructor(shape: Shape, values: Rec['values']) {
    this.shape = shape
    this.values = values
  }

  get(name: string): Value | undefined {
    const place = this.shape.get(name)
    return place === undefined ? undefined : this.values[place]
  }
}

/** So many items are compared one by one; of more the keys are made, once. */
const few = 8

export class SetValue {
  readonly kind = 'set'
  /** May hold one value twice; no answer depends on that. */
  readonly items: readonly Value[]
  #keys: Set<string> | undefined
  constructor(items: readonly Value[]) {
    this.items = items
  }

  has(value: Value, work: Work): boolean {
    spend(work, 1)
    if (this.items.length <= few) return this.items.some(item => isSame(item, value, work))
    return this.keys(work).has(keyOf(value, work))
  }

  hasAll(other: SetValue, work: Work): boolean {
    return other.items.every(item => this.has(item, work))
  }

  keys(work: Work): ReadonlySet<string> {
    this.#keys ??= new Set(this.items.map(item => keyOf(item, work)))
    return this.#keys
  }
}

/** A policy can not be evaluated on these facts: Cedar passes over it and names it. */
export class Fault extends Error {}

/** How many steps are left for one question. */
export interface Work {
  left: number
}

/** No `Fault`: it is not passed over, nothing is decided. */
const tooMuch = new Error('these facts are more than is decided on at once')

export function spend(work: Work, steps: number): void {
  work.left -= steps
  if (work.left < 0) throw tooMuch
}

/** Values of different kinds are different, never an error. */
export function isSame(a: Value, b: Value, work: Work): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object') return false
  spend(work, 1)
  if (a.kind === 'entity') return b.kind === 'entity' && a.id === b.id && a.type === b.type
  if (a.kind === 'set') return b.kind === 'set' && a.hasAll(b, work) && b.hasAll(a, work)
  if (a.kind === 'record') return b.kind === 'record' && holds(a, b, work) && holds(b, a, work)
  if (a.kind === 'ipaddr') return keyOf(a, work) === keyOf(b, work)
  return a.kind === b.kind && a.count === b.count
}

/** Every member of the other, the same. */
function holds(record: Rec, other: Rec, work: Work): boolean {
  for (const [name, place] of other.shape) {
    const theirs = other.values[place]
    const ours = theirs === undefined ? undefined : record.get(name)
    if (theirs !== undefined && (ours === undefined || !isSame(ours, theirs, work))) return false
  }
  return true
}

/** A text that two values share exactly when they are the same. */
function keyOf(value: Value, work: Work): string {
  spend(work, 1)
  if (typeof value === 'string') return `s${value}`
  if (typeof value !== 'object') return String(value)
  if (value.kind === 'entity') return `e${entityKey(value.type, value.id)}`
  if (value.kind === 'ipaddr') return `i${value.width}/${value.bits}/${value.prefix}`
  if (value.kind === 'set') return `[${sized([...value.keys(work)].toSorted())}`
  if (value.kind !== 'record') return `${value.kind}${value.count}`
  const members = [...value.shape.keys()].toSorted().flatMap(name => {
    const member = value.get(name)
    return member === undefined ? [] : [name, keyOf(member, work)]
  })
  return `{${sized(members)}`
}

/** Each part with its length before it: no two lists make the same text. */
function sized(parts: readonly string[]): string {
  return parts.map(part => `${part.length}:${part}`).join('')
}

/** A name of a type holds no NUL, so no two entities share a key. */
export function entityKey(type: string, id: string): string {
  return `${type}\0${id}`
}
