/**
 * Values put into what a file declares, by the place where they stand: a segment of a path, a query, a
 * value of JSON, a header. There is no language here: a placeholder is a name in braces, and what it
 * stands for is never read again. Pure.
 *
 * ATTACKER: a value (the name of a resource, what a target answered) that means something where it stands.
 */
import { isObject, type Json } from '../../src/core/base/json.ts'
import { Problem } from '../../src/core/base/problem.ts'

/** What placeholders stand for: `principal`, `object.project`. */
export type Values = Readonly<Record<string, Json>>

const placeholder = /\{([A-Za-z]+(?:\.[A-Za-z0-9]+)?)\}/g
const whole = /^\{([A-Za-z]+(?:\.[A-Za-z0-9]+)?)\}$/

/** The names in it, also below. Undefined where a brace is no placeholder. */
export function placeholdersIn(template: Json): string[] | undefined {
  if (typeof template !== 'string') {
    if (typeof template !== 'object' || template === null) return []
    const below = Object.entries(template).map(([key, value]) =>
      !Array.isArray(template) && /[{}]/.test(key) ? undefined : placeholdersIn(value),
    )
    return below.includes(undefined) ? undefined : below.flatMap(names => names ?? [])
  }
  if (/[{}]/.test(template.replaceAll(placeholder, ''))) return undefined
  return [...template.matchAll(placeholder)].map(([, name = '']) => name)
}

/** INVARIANT: as many segments as the template has, none of which leads up or is empty by a value. */
export function fillPath(template: string, values: Values): string {
  const segments = template.split('/').map(segment => {
    if (!segment.includes('{')) return segment
    const plain = replace(segment, values)
    // A server may decode before it divides: what divides is not let through encoded either.
    if (plain === '' || /^\.{1,2}$|[/\\\p{Cc}]/u.test(plain)) throw unfit('a path')
    return replace(segment, values, strictly)
  })
  return segments.join('/')
}

/** With its question mark; empty where nothing is asked. */
export function fillQuery(templates: Readonly<Record<string, string>>, values: Values): string {
  const pairs = Object.entries(templates).map(
    ([name, template]) => `${strictly(name)}=${strictly(replace(template, values))}`,
  )
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`
}

/** Strings alone change; one that is a placeholder and no more becomes its value, whatever that is. */
export function fillBody(template: Json, values: Values): Json {
  if (typeof template === 'string') {
    const [, name] = whole.exec(template) ?? []
    return name === undefined ? replace(template, values) : valueOf(name, values)
  }
  if (Array.isArray(template)) return template.map((each: Json) => fillBody(each, values))
  if (!isObject(template)) return template
  return Object.fromEntries(
    Object.entries(template).map(([key, value]) => [key, fillBody(value, values)]),
  )
}

/** RFC 9110 §5.5, and less: visible ASCII, single spaces between. */
export function fillHeader(template: string, values: Values): string {
  const text = replace(template, values)
  if (/^[\x21-\x7e]+( [\x21-\x7e]+)*$/.test(text)) return text
  throw unfit('a header')
}

/** Each as a text, for places that know nothing else. */
export function fillTexts(templates: Readonly<Record<string, string>>, values: Values) {
  return Object.fromEntries(
    Object.entries(templates).map(([name, template]) => [name, replace(template, values)]),
  )
}

function replace(template: string, values: Values, encode = (text: string) => text): string {
  return template.replaceAll(placeholder, (_, name: string) => {
    const value = valueOf(name, values)
    if (typeof value !== 'string' && typeof value !== 'number') throw unfit('a text')
    const text = String(value)
    if (!text.isWellFormed()) throw unfit('a text')
    return encode(text)
  })
}

function valueOf(name: string, values: Values): Json {
  const value = Object.hasOwn(values, name) ? values[name] : undefined
  if (value !== undefined) return value
  throw new Problem('target-refused', {
    detail: `A call of this system needs \`{${name}}\`, which is not known for this one.`,
    next: 'Compare its file with docs/connectors/declared.md.',
  })
}

/** RFC 3986: all but its unreserved characters. */
function strictly(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    each => `%${each.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

/** The value is not told. */
function unfit(place: string): Problem {
  return new Problem('target-refused', {
    detail: `A value does not fit where it would stand in ${place}.`,
    next: 'Name the resource, or the setting, by another word.',
  })
}
