/** What others chose, put where it could mean something: in each place it is a value and nothing more. */
import { describe, expect, test } from 'vitest'
import { isProblem } from '../../src/core/base/problem.ts'
import { fillBody, fillHeader, fillPath, fillQuery, fillTexts, placeholdersIn } from './fill.ts'

const hostile = [
  "x'; DROP TABLE keys;--",
  '" OR ""="',
  '$(rm -rf /)',
  '`id`',
  '| cat /etc/passwd',
  '&& true',
  '%2e%2e%2fadmin',
  '?admin=true#',
  'a&b=c',
  'a;b=c',
  'ｌｈ＿ａ',
  'lh_а',
  '\u202Eevil',
  'a'.repeat(64),
  '{credential}',
  '{{7*7}}',
  '${7*7}',
  '<script>',
  '%00',
]
const leading = ['..', '.', '../x', 'a/../../b', 'a/b', '/', '\\', 'a\\..\\b', '']
const breaking = ['a\r\nx-admin: yes', 'a\nb', 'a\0b', 'a\tb']
const at = (value: string) => ({ 'object.project': value })

const refusal = (work: () => unknown): string => {
  try {
    return `made ${JSON.stringify(work())}`
  } catch (thrown) {
    if (isProblem(thrown, 'target-refused')) return thrown.detail
    throw thrown
  }
}

describe('in a path', () => {
  test.each(hostile.filter(value => !value.includes('/')))('%j is one segment', value => {
    const path = fillPath('/teams/{object.project}/keys', at(value))
    const url = new URL(`https://example.com/api${path}`)
    expect(url.pathname.split('/')).toHaveLength(5)
    expect(decodeURIComponent(url.pathname.split('/')[3] ?? '')).toBe(value)
    expect(url.search + url.hash).toBe('')
    expect(path).toMatch(/^[\w.~%/-]*$/)
  })

  test.each([...leading, ...breaking, ...hostile.filter(value => value.includes('/'))])(
    '%j leads nowhere: it is refused, and not shown',
    value => {
      const says = refusal(() => fillPath('/teams/{object.project}/keys', at(value)))
      expect(says).toBe('A value does not fit where it would stand in a path.')
    },
  )

  test('beside other text of its segment it can not lead up either', () => {
    const says = refusal(() => fillPath('/teams/.{object.project}/keys', at('.')))
    expect(says).toMatch(/does not fit/)
    expect(fillPath('/teams/v{object.project}/keys', at('..'))).toBe('/teams/v../keys')
  })
})

test.each([...hostile, ...leading, ...breaking])('in a query %j is one value', value => {
  const query = fillQuery({ name: 'is {object.project}', other: 'x' }, at(value))
  const read = new URL(`https://example.com/keys${query}`).searchParams
  expect([...read]).toEqual([
    ['name', `is ${value}`],
    ['other', 'x'],
  ])
  expect(query).toMatch(/^\?[\w.~%&=-]*$/)
})

test.each([...hostile, ...leading, ...breaking])('in JSON %j is one string', value => {
  const template = { name: '{object.project}', list: ['a {object.project}', 7, null, true] }
  const body = JSON.stringify(fillBody(template, at(value)))
  expect(JSON.parse(body)).toEqual({ name: value, list: [`a ${value}`, 7, null, true] })
})

test('in JSON a key is never a value, and a value that is a list stands there as one', () => {
  expect(fillBody({ scopes: '{rights}' }, { rights: ['a', 'b'] })).toEqual({ scopes: ['a', 'b'] })
  expect(refusal(() => fillBody({ scopes: 'x {rights}' }, { rights: ['a'] }))).toMatch(/fit/)
  expect(placeholdersIn({ '{object.project}': 'x' })).toBeUndefined()
})

test.each([...hostile, ...breaking])('in a form %j is one value', value => {
  const form = new URLSearchParams(fillTexts({ name: '{object.project}' }, at(value)))
  expect([...new URLSearchParams(form.toString())]).toEqual([['name', value]])
})

describe('in a header', () => {
  test.each([...breaking, 'lh_а', '\u202Eevil', ' a', 'a ', ''])('%j is refused', value =>
    expect(refusal(() => fillHeader('{object.project}', at(value)))).toMatch(/in a header/),
  )
  test('visible ASCII stands as it is', () =>
    expect(fillHeader('Token {secret}', { secret: 'a"b\\c;d' })).toBe('Token a"b\\c;d'))
})

describe('a placeholder', () => {
  test('is filled once: what it stands for is never read as another', () =>
    expect(fillPath('/a/{principal}', { principal: '{id}', id: 'x' })).toBe('/a/%7Bid%7D'))

  test.each(['{toString}', '{constructor}', '{id}'])('%s that nobody knows is refused', name =>
    expect(refusal(() => fillHeader(name, {}))).toMatch(/not known for this one/),
  )

  test.each(['{', '}', '{a-b}', '{}', '{a.b.c}', '{ a }', '{a{b}}'])('is nothing like %s', text =>
    expect(placeholdersIn(text)).toBeUndefined(),
  )

  test('is half a character nowhere', () => {
    expect(refusal(() => fillPath('/a/{id}', { id: '\ud800' }))).toMatch(/fit/)
    expect(refusal(() => fillQuery({ a: '{id}' }, { id: '\ud800' }))).toMatch(/fit/)
  })
})
