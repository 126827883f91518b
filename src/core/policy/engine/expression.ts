/**
 * Expressions of Cedar, from their JSON form to functions over a frame. Each means what Cedar's
 * evaluator means by it; where it can not be evaluated there, a `Fault` is thrown here.
 *
 * Not here: the scope of a policy, and which policies are asked (`rules.ts`).
 * INVARIANT: an operator that is not in the table below is not guessed at, it is `NotExact`.
 */
import { bounds } from './bounds.ts'
import { functions } from './extension.ts'
import { type Frame, find, isIn } from './frame.ts'
import { compileLike } from './like.ts'
import { addLongs, type Long, longOf, multiplyLongs, subtractLongs } from './long.ts'
import { NotExact } from './types.ts'
import { Fault, isSame, Rec, type Ref, SetValue, spend, type Value } from './value.ts'

/** `constant`: where it is the same value in every frame. */
export interface Evaluate {
  (frame: Frame): Value
  readonly constant?: Value
}

/** Whole numbers beyond 2^53 as the policy wrote them, by the mark that stands for each. */
export type Written = ReadonlyMap<number, bigint>

export function compileExpression(json: unknown, written: Written): Evaluate {
  const compile = (part: unknown, depth: number): Evaluate => {
    if (depth > bounds.expressionDepth) throw new NotExact('a policy is nested too deep')
    const [[operator, body] = ['', null], ...more] = Object.entries(membersOf(part))
    if (more.length > 0) throw new NotExact('an expression has two operators')
    if (operator === 'Value') return constantly(literalOf(body, written))
    const deeper = (inner: unknown) => compile(inner, depth + 1)
    return (
      operators.get(operator)?.(body, deeper) ?? compileCall(operator, listOf(body).map(deeper))
    )
  }
  return compile(json, 0)
}

type Deeper = (json: unknown) => Evaluate
type Operator = (body: unknown, deeper: Deeper) => Evaluate

const operators: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ['Var', variable],
  ['!', unary(arg => !truth(arg))],
  ['neg', unary(arg => got(subtractLongs(0, long(arg)), overflow))],
  ['isEmpty', unary(arg => set(arg).items.length === 0)],
  ['==', binary(isSame)],
  ['!=', binary((a, b, frame) => !isSame(a, b, frame))],
  ['<', binary((a, b) => order(a, b, (x, y) => x < y))],
  ['<=', binary((a, b) => order(a, b, (x, y) => x <= y))],
  ['>', binary((a, b) => order(a, b, (x, y) => x > y))],
  ['>=', binary((a, b) => order(a, b, (x, y) => x >= y))],
  ['+', binary((a, b) => got(addLongs(long(a), long(b)), overflow))],
  ['-', binary((a, b) => got(subtractLongs(long(a), long(b)), overflow))],
  ['*', binary((a, b) => got(multiplyLongs(long(a), long(b)), overflow))],
  ['in', binary((a, b, frame) => isWithin(entity(a), b, frame))],
  ['contains', binary((a, b, frame) => set(a).has(b, frame))],
  ['containsAll', binary((a, b, frame) => set(a).hasAll(set(b), frame))],
  ['containsAny', binary((a, b, frame) => hasAny(set(a), set(b), frame))],
  ['hasTag', binary((a, b, frame) => hasTag(entity(a), text(b), frame))],
  [
    'getTag',
    binary((a, b, frame) => got(got(find(frame, entity(a)), noEntity).tags.get(text(b)), noTag)),
  ],
  ['&&', parts(['left', 'right'], (a, b) => frame => truth(a(frame)) && truth(b(frame)))],
  ['||', parts(['left', 'right'], (a, b) => frame => truth(a(frame)) || truth(b(frame)))],
  ['if-then-else', parts(['if', 'then', 'else'], (a, b, c) => f => (truth(a(f)) ? b(f) : c(f)))],
  ['.', attribute],
  ['has', has],
  ['like', like],
  ['is', is],
  ['Set', setOf],
  ['Record', recordOf],
])

export const truth = need('truth', value => typeof value === 'boolean')
const text = need('String', value => typeof value === 'string')
const long = need('Long', value => typeof value === 'number' || typeof value === 'bigint')
const set = need('Set', value => value instanceof SetValue)
const notEntity = new Fault('something that is no entity stands where one is needed')
const notOrdered = new Fault('these two have no order')
const notHolder = new Fault('only a record or an entity has attributes')
const overflow = new Fault('the result is beyond 64 bits')
const wrongCount = new Fault('this function takes another number of arguments')
const noTag = new Fault('the entity does not have this tag')
const noEntity = new Fault('nothing is known of the entity')

function need<V extends Value>(name: string, is: (value: Value) => value is V) {
  const fault = new Fault(`something that is no ${name} stands where one is needed`)
  return (value: Value): V => {
    if (!is(value)) throw fault
    return value
  }
}

function constantly(constant: Value): Evaluate {
  return Object.assign(() => constant, { constant })
}

function variable(name: unknown): Evaluate {
  if (name === 'action') return frame => frame.action.ref
  if (name !== 'principal' && name !== 'resource' && name !== 'context')
    throw new NotExact(`the variable \`${String(name)}\` is not known`)
  return frame => frame[name]
}

/** JSON says what it is, and a whole number is the one that was written. */
function literalOf(json: unknown, written: Written): Value {
  if (typeof json === 'boolean') return json
  if (typeof json === 'string' && json.isWellFormed()) return json
  if (typeof json === 'number' && Number.isSafeInteger(json)) {
    const size = written.get(Math.abs(json)) ?? BigInt(Math.abs(json))
    const value = longOf(json < 0 ? -size : size)
    if (value !== undefined) return value
  }
  const { __entity: named } = membersOf(json)
  const { type, id } = membersOf(named)
  if (typeof type === 'string' && typeof id === 'string' && id.isWellFormed())
    return { kind: 'entity', type, id }
  throw new NotExact('a literal is neither a truth, a number, a text nor an entity')
}

function unary(apply: (arg: Value) => Value): Operator {
  return parts(['arg'], arg => frame => apply(arg(frame)))
}

function binary(apply: (a: Value, b: Value, frame: Frame) => Value): Operator {
  return parts(['left', 'right'], (a, b) => frame => apply(a(frame), b(frame), frame))
}

function parts(
  names: readonly string[],
  make: (a: Evaluate, b: Evaluate, c: Evaluate) => Evaluate,
): Operator {
  return (body, deeper) => {
    const [a, b, c] = names.map(name => deeper(membersOf(body)[name]))
    // What a maker does not name it does not call.
    const none = a ?? constantly(false)
    return make(none, b ?? none, c ?? none)
  }
}

function attribute(body: unknown, deeper: Deeper): Evaluate {
  const { left, attr } = membersOf(body)
  const holder = deeper(left)
  const name = nameOf(attr)
  const missing = new Fault(`there is no attribute \`${name}\``)
  return frame => {
    const from = holder(frame)
    const facts = isRecord(from) ? from : got(find(frame, entity(from, notHolder)), noEntity).attrs
    return got(facts.get(name), missing)
  }
}

/** `a has b.c` asks step by step and stops at what is not there. */
function has(body: unknown, deeper: Deeper): Evaluate {
  const { left, attr } = membersOf(body)
  const holder = deeper(left)
  const names = (Array.isArray(attr) ? attr : [attr]).map(nameOf)
  return frame => {
    let from = holder(frame)
    for (const name of names) {
      const facts = isRecord(from) ? from : find(frame, entity(from, notHolder))?.attrs
      const value = facts?.get(name)
      if (value === undefined) return false
      from = value
    }
    return true
  }
}

function like(body: unknown, deeper: Deeper): Evaluate {
  const { left, pattern } = membersOf(body)
  const given = deeper(left)
  const isLike = compileLike(listOf(pattern))
  return frame => isLike(text(given(frame)), frame)
}

function is(body: unknown, deeper: Deeper): Evaluate {
  const { left, entity_type: type, in: above } = membersOf(body)
  const given = deeper(left)
  if (above === undefined) return frame => entity(given(frame)).type === type
  const within = deeper(above)
  return frame => {
    const ref = entity(given(frame))
    return ref.type === type && isWithin(ref, within(frame), frame)
  }
}

function setOf(body: unknown, deeper: Deeper): Evaluate {
  const items = listOf(body).map(deeper)
  const constants = items.flatMap(({ constant }) => (constant === undefined ? [] : [constant]))
  if (constants.length === items.length) return constantly(new SetValue(constants))
  return frame => new SetValue(items.map(item => item(frame)))
}

function recordOf(body: unknown, deeper: Deeper): Evaluate {
  const members = membersOf(body)
  const shape = new Map(Object.keys(members).map((name, place) => [name, place]))
  const values = Object.values(members).map(deeper)
  const evaluateAll = (frame: Frame) => values.map(value => value(frame))
  return frame => new Rec(shape, evaluateAll(frame))
}

/** What fails with constants fails each time it is asked, and not before. */
function compileCall(name: string, args: readonly Evaluate[]): Evaluate {
  const called = functions.get(name)
  if (called === undefined) throw new NotExact(`\`${name}\` is not compiled`)
  const [a, b = constantly(false)] = args
  if (a === undefined || args.length !== called.arity)
    return () => got<Value>(undefined, wrongCount)
  if (a.constant === undefined || b.constant === undefined)
    return frame => called.call(a(frame), b(frame))
  try {
    return constantly(called.call(a.constant, b.constant))
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
    return () => got<Value>(undefined, thrown)
  }
}

function hasTag(ref: Ref, name: string, frame: Frame): boolean {
  return find(frame, ref)?.tags.has(name) ?? false
}

function isWithin(ref: Ref, above: Value, frame: Frame): boolean {
  if (!(above instanceof SetValue)) return isIn(frame, ref, entity(above))
  spend(frame, above.items.length)
  // One that is no entity is an error, wherever it stands.
  return above.items.map(item => entity(item)).some(item => isIn(frame, ref, item))
}

function hasAny(one: SetValue, other: SetValue, frame: Frame): boolean {
  return one.items.some(item => other.has(item, frame))
}

function order(a: Value, b: Value, holds: (a: Long, b: Long) => boolean): boolean {
  if (typeof a !== 'object') return holds(long(a), long(b))
  // Decimals have an order too, but Cedar writes it as a method.
  if (typeof b !== 'object' || (a.kind !== 'datetime' && a.kind !== 'duration')) throw notOrdered
  if (a.kind !== b.kind || !('count' in b)) throw notOrdered
  return holds(a.count, b.count)
}

function got<V>(value: V | undefined, fault: Fault): V {
  if (value === undefined) throw fault
  return value
}

function isRecord(value: Value): value is Rec {
  return typeof value === 'object' && value.kind === 'record'
}

function entity(value: Value, fault = notEntity): Ref {
  if (typeof value !== 'object' || value.kind !== 'entity') throw fault
  return value
}

function membersOf(json: unknown): Readonly<Record<string, unknown>> {
  if (typeof json !== 'object' || json === null) throw new NotExact('an expression is not known')
  return json as Readonly<Record<string, unknown>>
}

function listOf(json: unknown): readonly unknown[] {
  if (!Array.isArray(json)) throw new NotExact('an operator is not known')
  return json
}

function nameOf(json: unknown): string {
  if (typeof json !== 'string') throw new NotExact('an attribute has no name')
  return json
}
