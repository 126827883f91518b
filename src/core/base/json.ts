/**
 * JSON as a type, its canonical bytes (RFC 8785), and a bounded parser for what comes from outside.
 * Not for: streaming, or numbers beyond ±2^53 (refused, never rounded).
 */
import { limits } from './limits.ts'
import { Problem } from './problem.ts'

export type Json = null | boolean | number | string | readonly Json[] | JsonObject
export interface JsonObject {
  readonly [key: string]: Json
}

/**
 * RFC 8785: keys sorted by UTF-16 code units, no white space, ECMAScript number form.
 * Members that are `undefined` are left out. Throws on what JSON can not say exactly.
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'number') return canonicalNumber(value)
  if (typeof value === 'string') return canonicalString(value)
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (typeof value === 'object') return canonicalObject(value as Record<string, unknown>)
  throw new TypeError(`canonical JSON can not hold a ${typeof value}`)
}

function canonicalObject(value: Record<string, unknown>): string {
  const members: string[] = []
  for (const key of Object.keys(value).sort()) {
    const member = value[key]
    if (member !== undefined) members.push(`${canonicalString(key)}:${canonicalJson(member)}`)
  }
  return `{${members.join(',')}}`
}

function canonicalNumber(value: number): string {
  if (!Number.isFinite(value)) throw new TypeError('canonical JSON can not hold this number')
  if (Number.isInteger(value) && !Number.isSafeInteger(value))
    throw new TypeError('canonical JSON refuses integers beyond 2^53')
  return JSON.stringify(value)
}

function canonicalString(value: string): string {
  if (!value.isWellFormed()) throw new TypeError('canonical JSON can not hold a lone surrogate')
  return JSON.stringify(value)
}

/**
 * Parses text from outside: bounded length and depth, no `__proto__` or `constructor` keys, no
 * duplicate keys, no integer beyond 2^53. Throws `Problem` `bad-json` naming the first fault.
 */
export function parseJson(text: string, maxBytes: number = limits.bodyBytes): Json {
  if (Buffer.byteLength(text) > maxBytes)
    throw new Problem('too-large', { detail: `The body is larger than ${maxBytes} bytes.` })
  checkShape(text)
  try {
    return JSON.parse(text, refuseUnsafe) as Json
  } catch (cause) {
    if (cause instanceof Problem) throw cause
    throw new Problem('bad-json', { detail: 'The body is not valid JSON.', cause })
  }
}

const forbiddenKeys = new Set(['__proto__', 'constructor', 'prototype'])

function refuseUnsafe(this: unknown, key: string, value: unknown): unknown {
  if (forbiddenKeys.has(key))
    throw new Problem('bad-json', { detail: `The key \`${key}\` is not allowed.` })
  if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value))
    throw new Problem('bad-json', { detail: `The number at \`${key}\` is beyond 2^53.` })
  return value
}

/** One pass over the text before parsing: depth, and keys that occur twice in one object. */
function checkShape(text: string): void {
  const keys: (Set<string> | null)[] = []
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    const c = text[i]
    if (c === '{' || c === '[') {
      if (++depth > limits.jsonDepth)
        throw new Problem('bad-json', {
          detail: `The body is nested deeper than ${limits.jsonDepth}.`,
        })
      keys.push(c === '{' ? new Set() : null)
    } else if (c === '}' || c === ']') {
      depth--
      keys.pop()
    } else if (c === '"') {
      const end = stringEnd(text, i)
      noteKey(text, i, end, keys.at(-1) ?? null)
      i = end
    }
  }
}

function stringEnd(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    if (text[i] === '\\') i++
    else if (text[i] === '"') return i
  }
  return text.length
}

function noteKey(text: string, start: number, end: number, seen: Set<string> | null): void {
  if (seen === null) return
  let after = end + 1
  while (after < text.length && ' \t\r\n'.includes(text.charAt(after))) after++
  if (text[after] !== ':') return
  const key = text.slice(start + 1, end)
  if (seen.has(key))
    throw new Problem('bad-json', { detail: `The key \`${key.slice(0, 60)}\` occurs twice.` })
  seen.add(key)
}
