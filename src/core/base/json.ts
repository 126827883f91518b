/**
 * JSON as a type, its canonical bytes (RFC 8785), and a bounded parser for what comes from outside.
 * Not for: streaming, or numbers beyond ±2^53 (refused, never rounded).
 */
import { limits } from './limits.ts'
import { Problem, problemsWith } from './problem.ts'
import { safeText } from './text.ts'

export type Json = null | boolean | number | string | readonly Json[] | JsonObject
export interface JsonObject {
  readonly [key: string]: Json
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * RFC 8785: keys sorted by UTF-16 code units, no white space, ECMAScript number form.
 * Members that are `undefined` are left out. Throws on what JSON can not say exactly: a `Date` or a
 * `Map` would silently become `{}` in a text that is hashed for good.
 */
export function canonicalJson(value: unknown): string {
  const order = { isKept: true }
  const text = JSON.stringify(inOrder(value, order))
  // Half a character is written as an escape, which text may hold as well: the slow way tells.
  return order.isKept && !text.includes('\\ud') ? text : canonicalText(value)
}

/**
 * A copy whose own order of keys is the sorted one, for the engine's writer, which is three times as fast as
 * ours. No object can keep `2` behind `10`, nor `__proto__` as a key: then it says that order is not kept.
 */
function inOrder(value: unknown, order: { isKept: boolean }): unknown {
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return value
  if (typeof value === 'number') return exactNumber(value)
  if (Array.isArray(value)) {
    const copy: unknown[] = []
    for (const member of value) copy.push(inOrder(member, order))
    return copy
  }
  if (!isPlainObject(value)) throw new TypeError(`canonical JSON can not hold a ${typeof value}`)
  const copy: Record<string, unknown> = {}
  for (const key of sortedKeys(value)) {
    if (key <= '9' || key === '__proto__') order.isKept = false
    const member = value[key]
    if (member !== undefined) copy[key] = inOrder(member, order)
  }
  return copy
}

/** Most objects are written in order, or nearly: looking is cheaper than sorting. */
function sortedKeys(value: object): string[] {
  const keys = Object.keys(value)
  let last = ''
  for (const key of keys) {
    if (key < last) return keys.sort()
    last = key
  }
  return keys
}

/** The same, written by us. */
function canonicalText(value: unknown): string {
  if (typeof value === 'string') return canonicalString(value)
  if (Array.isArray(value)) return `[${Array.from(value, canonicalText).join(',')}]`
  if (isPlainObject(value)) return canonicalObject(value)
  return JSON.stringify(value)
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) return true
  return Object.getPrototypeOf(prototype) === null
}

function canonicalObject(value: Record<string, unknown>): string {
  let text = '{'
  for (const key of sortedKeys(value)) {
    const member = value[key]
    if (member === undefined) continue
    text += `${text === '{' ? '' : ','}${canonicalString(key)}:${canonicalText(member)}`
  }
  return `${text}}`
}

function exactNumber(value: number): number {
  if (!Number.isFinite(value)) throw new TypeError('canonical JSON can not hold this number')
  if (Number.isInteger(value) && !Number.isSafeInteger(value))
    throw new TypeError('canonical JSON refuses integers beyond 2^53')
  return value
}

function canonicalString(value: string): string {
  if (!value.isWellFormed()) throw new TypeError('canonical JSON can not hold a lone surrogate')
  return JSON.stringify(value)
}

/**
 * Parses text from outside: bounded length and depth, no key twice in one object or that reaches a
 * prototype, no number JavaScript would change, no text a database can not keep. Throws `Problem`
 * `bad-json` naming the first fault.
 */
export function parseJson(text: string, maxBytes: number = limits.bodyBytes): Json {
  if (Buffer.byteLength(text) > maxBytes)
    throw new Problem('too-large', { detail: `The JSON is larger than ${maxBytes} bytes.` })
  let value: Json
  try {
    value = JSON.parse(text) as Json
  } catch {
    // The parser's own words quote the text, which may hold a secret.
    throw bad('This is not valid JSON.')
  }
  // What stands there without an escape is checked at once.
  const isPlain = !text.includes('\\') && isStorable(text)
  if (checkValue('', value, { isPlain, depth: 0 }) !== keysIn(text).length) throw twice(text)
  return value
}

const forbiddenKeys = new Set(['__proto__', 'constructor', 'prototype'])

/** Every member, and how many there are. */
function checkValue(key: string, value: Json, at: { isPlain: boolean; depth: number }): number {
  if (forbiddenKeys.has(key)) throw bad(`The key \`${key}\` is not allowed.`)
  if (!at.isPlain && !(isStorable(key) && (typeof value !== 'string' || isStorable(value))))
    throw bad(`The text at ${shown(key)} holds half a character or a zero byte.`)
  if (typeof value === 'number' && !isExact(value))
    throw bad(`The number at ${shown(key)} is beyond 2^53.`)
  if (typeof value !== 'object' || value === null) return 0
  const below = { isPlain: at.isPlain, depth: at.depth + 1 }
  if (below.depth > limits.jsonDepth) throw bad(`It is nested deeper than ${limits.jsonDepth}.`)
  const isList = Array.isArray(value)
  let count = 0
  for (const [name, member] of Object.entries(value))
    count += checkValue(isList ? '' : name, member, below) + (isList ? 0 : 1)
  return count
}

function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0')
}

function isExact(value: number): boolean {
  return Number.isSafeInteger(value) || (Number.isFinite(value) && !Number.isInteger(value))
}

/** Each brace and each text, with its colon where it is a key. */
const tokens = /[{}]|"[^"\\]*(?:\\.[^"\\]*)*"(?:\s*:)?/g

/** Of valid JSON, as they stand there. */
function keysIn(text: string): string[] {
  return (text.match(tokens) ?? []).filter(token => token.endsWith(':'))
}

/** ATTACKER: `"\u0061"` and `"a"` are one key; two readers that disagree are a way past a check. */
function twice(text: string): Problem {
  const open: Set<string>[] = []
  for (const token of text.match(tokens) ?? []) {
    if (token === '{') open.push(new Set())
    else if (token === '}') open.pop()
    else if (token.endsWith(':')) {
      const key = JSON.parse(token.slice(0, token.lastIndexOf('"') + 1)) as string
      if (open.at(-1)?.has(key) === true) return bad(`The key ${shown(key)} occurs twice.`)
      open.at(-1)?.add(key)
    }
  }
  return bad('A key occurs twice.')
}

function shown(key: string): string {
  return key === '' ? 'the top' : `\`${safeText(key, 60)}\``
}

const bad = problemsWith('bad-json', 'Send one JSON value, as UTF-8.')
