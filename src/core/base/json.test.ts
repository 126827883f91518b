import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalJson, parseJson } from './json.ts'
import { limits } from './limits.ts'
import { Problem } from './problem.ts'

describe('canonical JSON (RFC 8785)', () => {
  it('sorts keys by UTF-16 code units, not by code point or locale', () => {
    // The order of RFC 8785 §3.2.3: the emoji's first unit is d83d, below U+FB33.
    const keys = ['\u20ac', '\r', '\ufb33', '1', '\u{1f600}', '\u0080', '\u00f6']
    const value = Object.fromEntries(keys.map((key, i) => [key, i]))
    expect(canonicalJson(value)).toBe(
      '{"\\r":1,"1":3,"\u0080":5,"\u00f6":6,"\u20ac":0,"\u{1f600}":4,"\ufb33":2}',
    )
  })

  it.each([
    [0, '0'],
    [-0, '0'],
    [1, '1'],
    [-1, '-1'],
    [4.5, '4.5'],
    [0.002, '0.002'],
    [1e-7, '1e-7'],
    [5e-324, '5e-324'],
    [0.1 + 0.2, '0.30000000000000004'],
    [Number.MAX_SAFE_INTEGER, '9007199254740991'],
    [-Number.MAX_SAFE_INTEGER, '-9007199254740991'],
  ])('writes the number %d as %s', (value, text) => {
    expect(canonicalJson(value)).toBe(text)
  })

  it('escapes what must be escaped and nothing else', () => {
    expect(canonicalJson('\u0000\u0008\t\n\f\r\u001f"\\/\u007f\u2028é')).toBe(
      '"\\u0000\\b\\t\\n\\f\\r\\u001f\\"\\\\/\u007f\u2028é"',
    )
  })

  it('keeps the order where no object can: numbers as keys, and the key of the prototype', () => {
    expect(canonicalJson({ 9: 'b', 10: 'a', a: { 2: 1, 12: 1 } })).toBe(
      '{"10":"a","9":"b","a":{"12":1,"2":1}}',
    )
    expect(canonicalJson(JSON.parse('{"b":1,"__proto__":{"a":1}}'))).toBe(
      '{"__proto__":{"a":1},"b":1}',
    )
    expect(canonicalJson({ text: '\\ud800' })).toBe('{"text":"\\\\ud800"}')
  })

  it('writes nested values without white space and leaves out undefined members', () => {
    expect(canonicalJson({ b: [1, { d: null, c: true }], a: undefined })).toBe(
      '{"b":[1,{"c":true,"d":null}]}',
    )
    expect(canonicalJson([])).toBe('[]')
    expect(canonicalJson(Object.assign(Object.create(null) as object, { a: 1 }))).toBe('{"a":1}')
  })

  it.each<[string, unknown]>([
    ['not a number', Number.NaN],
    ['infinity', Number.POSITIVE_INFINITY],
    ['an integer beyond 2^53', 2 ** 53],
    ['a lone surrogate', '\ud800'],
    ['a key with a lone surrogate', { '\udfff': 1 }],
    ['undefined in a list', [undefined]],
    ['a hole in a list', Object.assign([1], { 2: 3 })],
    ['a function', () => 1],
    ['a bigint', 1n],
    ['a date, which would become {}', new Date(0)],
    ['a map, which would become {}', new Map([[1, 2]])],
    ['bytes', new Uint8Array(2)],
    ['an instance of a class', new Problem('internal', { detail: 'x' })],
  ])('refuses %s', (_what, value) => {
    expect(() => canonicalJson(value)).toThrow(TypeError)
    expect(() => canonicalJson({ deep: [value] })).toThrow(TypeError)
  })

  it('says the same of the same value however its keys were ordered', () => {
    fc.assert(
      fc.property(jsonValue, value => {
        const text = canonicalJson(value)
        const back = JSON.parse(text) as unknown
        expect(canonicalJson(back)).toBe(text)
        expect(canonicalJson(reversed(back))).toBe(text)
        expect(back).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
  })
})

const deepObject = (n: number) => `${'{"a":'.repeat(n)}1${'}'.repeat(n)}`

describe('parsing JSON from outside', () => {
  it('reads what canonical JSON writes', () => {
    fc.assert(
      fc.property(jsonValue, value => {
        const text = canonicalJson(value)
        expect(canonicalJson(parseJson(text))).toBe(text)
      }),
    )
  })

  it.each<[string, string, RegExp]>([
    ['nothing', '', /not valid JSON/],
    ['half an object', '{"a":1', /not valid JSON/],
    ['a trailing comma', '[1,]', /not valid JSON/],
    ['two values', '1 2', /not valid JSON/],
    ['a byte order mark', '\ufeff{}', /not valid JSON/],
    ['a string that does not end', '{"a":"', /not valid JSON/],
    ['a key that reaches a prototype', '{"a":{"__proto__":{"isAdmin":true}}}', /`__proto__`/],
    ['the same by escapes', '{"\\u005f_proto__":1}', /`__proto__`/],
    ['a constructor', '{"constructor":{"prototype":1}}', /not allowed/],
    ['a key twice', '{"a":1,"b":2,"a":3}', /`a` occurs twice/],
    ['a key twice, once escaped', '{"role":"a","\\u0072ole":"b"}', /`role` occurs twice/],
    ['a key twice, with white space', '{"a" :1,"a"\n:2}', /occurs twice/],
    ['a key twice, deep', '[{"x":{"y":1,"y":2}}]', /occurs twice/],
    ['the empty key twice', '{"":1,"":2}', /occurs twice/],
    ['an integer beyond 2^53', '{"n":9007199254740993}', /`n` is beyond 2\^53/],
    ['a number too great for a double', '{"n":1e999}', /beyond 2\^53/],
    ['half a character', '["\\ud800"]', /half a character/],
    ['half a character in a key', '{"\\ud800":1}', /half a character/],
    ['a zero byte', '{"a":"x\\u0000"}', /zero byte/],
  ])('refuses %s', (_what, text, says) => {
    const problem = problemOf(() => parseJson(text))
    expect(problem).toMatchObject({ code: 'bad-json', detail: expect.stringMatching(says) })
  })

  it('takes the same key in different objects, and text that only looks like a key', () => {
    expect(parseJson('[{"a":1},{"a":{"a":"a"}},"a","a"]')).toEqual([
      { a: 1 },
      { a: { a: 'a' } },
      'a',
      'a',
    ])
    expect(parseJson('{"a":"\\"a\\":","b":"{[","c":"\\\\"}')).toEqual({
      a: '"a":',
      b: '{[',
      c: '\\',
    })
  })

  it('takes nesting up to its bound and refuses one more, also in objects', () => {
    const deep = (n: number) => '['.repeat(n) + ']'.repeat(n)
    expect(() => parseJson(deep(limits.jsonDepth))).not.toThrow()
    expect(problemOf(() => parseJson(deep(limits.jsonDepth + 1))).detail).toMatch(/nested deeper/)
    expect(problemOf(() => parseJson(deepObject(100_000), 1e9)).detail).toMatch(/nested deeper/)
  })

  it('counts bytes, not characters, and refuses before it parses', () => {
    expect(parseJson('"€"', 5)).toBe('€')
    expect(problemOf(() => parseJson('"€€"', 7)).code).toBe('too-large')
    expect(problemOf(() => parseJson('['.repeat(limits.bodyBytes + 1))).code).toBe('too-large')
  })

  it('never repeats a value in its texts, and shows a key safely', () => {
    const secret = problemOf(() => parseJson('{"password":"hunter2",}'))
    expect(inspect(secret, { depth: 5 })).not.toContain('hunter2')
    const key = problemOf(() => parseJson('{"\\u001b[2J\\u202e":1e999}'))
    expect(key.detail).toContain('`·[2J·`')
  })
})

const jsonValue = fc.letrec<{ value: unknown }>(tie => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true, min: -1e6, max: 1e6 }),
    text(),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(text(), tie('value'), { maxKeys: 4 }),
  ),
})).value

function text() {
  const isPlain = (word: string) => !['__proto__', 'constructor', 'prototype'].includes(word)
  return fc
    .string({ unit: 'grapheme', maxLength: 8 })
    .filter(word => isPlain(word) && !word.includes('\0'))
}

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed)
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).map(([key, member]) => [key, reversed(member)] as const)
  return Object.fromEntries(members.toReversed())
}

function problemOf(run: () => unknown): Problem {
  try {
    run()
  } catch (thrown) {
    if (thrown instanceof Problem) return thrown
    throw thrown
  }
  throw new Error('nothing was refused')
}
