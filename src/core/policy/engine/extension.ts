/**
 * The functions of Cedar's extensions by name: what they take, and what they make of it. Constructors
 * take a text; the rest are methods, whose first argument stands before the dot.
 */
import { isInRange, isLoopback, isMulticast, readIp } from './address.ts'
import { readDatetime, readDecimal, readDuration } from './instant.ts'
import { addLongs, divideLong, type Long, moduloLong, subtractLongs } from './long.ts'
import { Fault, type Ip, type Units, type Value } from './value.ts'

export interface ExtensionFunction {
  readonly arity: 1 | 2
  /** Throws `Fault` on what it does not take. */
  call(a: Value, b: Value): Value
}

/** By the name of the type one makes, as a schema writes it. `fn`: its own name. */
export const constructors: Readonly<
  Record<string, { fn: string; read: (text: string) => Ip | Units | undefined }>
> = {
  decimal: { fn: 'decimal', read: readDecimal },
  ipaddr: { fn: 'ip', read: readIp },
  datetime: { fn: 'datetime', read: readDatetime },
  duration: { fn: 'duration', read: readDuration },
}

const day = 86_400_000

export const functions: ReadonlyMap<string, ExtensionFunction> = new Map<string, ExtensionFunction>(
  [
    ...Object.entries(constructors).map(
      ([type, { fn, read }]) => [fn, construct(type, read)] as const,
    ),
    ['lessThan', compare((a, b) => a < b)],
    ['lessThanOrEqual', compare((a, b) => a <= b)],
    ['greaterThan', compare((a, b) => a > b)],
    ['greaterThanOrEqual', compare((a, b) => a >= b)],
    ['isIpv4', one(a => ipOf(a).width === 32)],
    ['isIpv6', one(a => ipOf(a).width === 128)],
    ['isLoopback', one(a => isLoopback(ipOf(a)))],
    ['isMulticast', one(a => isMulticast(ipOf(a)))],
    ['isInRange', two((a, b) => isInRange(ipOf(a), ipOf(b)))],
    ['offset', two((a, b) => made('datetime', addLongs(instant(a), span(b))))],
    ['durationSince', two((a, b) => made('duration', subtractLongs(instant(a), instant(b))))],
    ['toDate', one(a => made('datetime', subtractLongs(instant(a), moduloLong(instant(a), day))))],
    ['toTime', one(a => made('duration', moduloLong(instant(a), day)))],
    ['toMilliseconds', one(a => span(a))],
    ['toSeconds', one(a => divideLong(span(a), 1000))],
    ['toMinutes', one(a => divideLong(span(a), 60_000))],
    ['toHours', one(a => divideLong(span(a), 3_600_000))],
    ['toDays', one(a => divideLong(span(a), day))],
  ],
)

const wrongKind = new Fault('something of another type stands where this function needs its own')
const beyond = new Fault('the result is beyond what Cedar can hold')

function one(call: (a: Value) => Value): ExtensionFunction {
  return { arity: 1, call }
}

function two(call: (a: Value, b: Value) => Value): ExtensionFunction {
  return { arity: 2, call }
}

function construct(type: string, read: (text: string) => Value | undefined): ExtensionFunction {
  const malformed = new Fault(`the text is no ${type}`)
  return one(text => {
    if (typeof text !== 'string') throw wrongKind
    const value = read(text)
    if (value === undefined) throw malformed
    return value
  })
}

function compare(holds: (a: Long, b: Long) => boolean): ExtensionFunction {
  return two((a, b) => holds(countOf(a, 'decimal'), countOf(b, 'decimal')))
}

function made(kind: Units['kind'], count: Long | undefined): Units {
  if (count === undefined) throw beyond
  return { kind, count }
}

function instant(value: Value): Long {
  return countOf(value, 'datetime')
}

function span(value: Value): Long {
  return countOf(value, 'duration')
}

function countOf(value: Value, kind: Units['kind']): Long {
  const isKind = typeof value === 'object' && value.kind === kind && 'count' in value
  if (!isKind) throw wrongKind
  return value.count
}

function ipOf(value: Value): Ip {
  if (typeof value !== 'object' || value.kind !== 'ipaddr') throw wrongKind
  return value
}
