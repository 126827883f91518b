/** What a file may say, and what it is refused for: by its field, and with a next step. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import type { Json, JsonObject } from '../../src/core/base/json.ts'
import { isProblem, type Problem } from '../../src/core/base/problem.ts'
import { fileOf } from '../../test/support/kit/declared.ts'
import { objectValues, parseConfig, parseObject } from './config.ts'
import { declaredConnector } from './declared.ts'
import { fileSchema } from './shape.ts'

const keyring = parse(fileOf('keyring')) as JsonObject
const least = {
  credential: 'a word of ours',
  settings: { team: 'acme' },
  canary: { project: 'canary' },
}
const config = (file: Json, more: object = {}): Json => ({ file, ...least, ...more })

function refusal(work: () => unknown): Problem {
  try {
    work()
  } catch (thrown) {
    if (isProblem(thrown, 'invalid-field')) return thrown
    throw thrown
  }
  throw new Error('it was taken')
}

/** The file with something else at that path. */
function changed(path: string, value: Json): JsonObject {
  const file = structuredClone(keyring) as Record<string, unknown>
  const keys = path.split('.')
  let at = file
  for (const key of keys.slice(0, -1)) at = at[key] as Record<string, unknown>
  at[keys.at(-1) ?? ''] = value
  return file as JsonObject
}

describe('a file', () => {
  test('is taken as text and as what it says, and its own result is the same', () => {
    const once = parseConfig(config(fileOf('keyring')))
    expect(parseConfig(config(keyring))).toEqual(once)
    expect(parseConfig(structuredClone(once))).toEqual(once)
  })

  test('shows where it is, and no secret', () => {
    const shown = declaredConnector.addressOf(parseConfig(config(keyring, { probe: 'another' })))
    expect(shown).toBe('Keyring at keyring.example.com')
  })

  test('may be somewhere else than it says', () => {
    const url = 'http://127.0.0.1:8080/api'
    expect(declaredConnector.addressOf(config(keyring, { url }))).toBe('Keyring at 127.0.0.1:8080')
  })

  test.each([
    ['http://keyring.example.com', 'not on this machine without TLS'],
    ['https://10.0.0.1/api', 'an address and no name'],
    ['https://[::ffff:127.0.0.1]', 'an address in disguise'],
    ['https://169.254.169.254', 'what clouds tell their machines'],
    ['https://0x0a000001/api', 'an address as a number'],
    ['https://a:b@keyring.example.com', 'with a user'],
    ['https://keyring.example.com/?a=b', 'with a query'],
    ['file:///etc/passwd', 'a file'],
  ])('is not at %s: %s', url => {
    expect(refusal(() => parseConfig(config(keyring, { url }))).field).toBe('connect.url')
    expect(refusal(() => parseConfig(config(changed('url', url)))).field).toMatch(/url$/)
  })
})

describe('is refused at its field', () => {
  test.each([
    ['file', 'isues', {}],
    ['file.issue', 'issue.pth', '/x'],
    ['file.issue.path', 'issue.path', '/keys?name={principal}'],
    ['file.issue.path', 'issue.path', '/keys/../admin'],
    ['file.issue.path', 'issue.path', 'https://elsewhere.example.com/keys'],
    ['file.issue.path', 'issue.path', '/keys/{id}'],
    ['file.issue.path', 'issue.path', '/keys/{secret}'],
    ['file.issue.path', 'issue.path', '/keys/{setting.unknown}'],
    ['file.issue.path', 'issue.path', '/keys/{object.unknown}'],
    ['file.issue.path', 'issue.path', '/keys/{rights}'],
    ['file.issue.body', 'issue.body', { a: '{{principal}}' }],
    ['file.issue.body', 'issue.body', { '{principal}': 'a' }],
    ['file.issue', 'issue.body', {}],
    ['file.issue.answer.secret', 'issue.answer.secret', 'key.token'],
    ['file.sent', 'issue.answer.parts', { token: '/key/token' }],
    ['file.issue', 'issue.answer.shown', ['token']],
    ['file.list.path', 'list.path', '/projects/{object.project}/keys'],
    ['file.list.paging', 'list.paging', 'all'],
    ['file.list.body', 'list.body', {}],
    ['file.check.accepted', 'check.accepted', { status: [200], at: '/ok' }],
    ['file.check.refused', 'check.refused', { status: [429] }],
    ['file.check.refused.status.0', 'check.refused', { status: [500] }],
    ['file.check', 'check.as', 'admin'],
    ['file.check.query', 'check.query', { key: '{secret}' }],
    ['file.end', 'end', []],
    ['file.hold.path', 'hold.path', '/keys/{object.project}'],
    ['file.hold', 'release', undefined],
    ['file.headers.authorization', 'headers', { authorization: 'Token {credential}' }],
    ['file.admin', 'admin', { authorization: 'Token' }],
    ['file.admin', 'admin', { authorization: 'Token {secret}' }],
    ['file.admin.host', 'admin', { host: '{credential}' }],
    ['file.sent', 'sent', { authorization: 'Bearer {credential}' }],
    ['file.sent', 'sent', undefined],
    ['file.rights', 'gives', ['read']],
    ['file.rights', 'rights', undefined],
    ['file.sessions', 'sessions', 'some'],
    ['file.gateway.preset', 'gateway', { preset: 'keyring' }],
    ['file.limits', 'issue.body', { a: '{lifeSeconds}', b: '{rights}' }],
  ] as const)('%s, where `%s` is %j', (field, path, value) => {
    const problem = refusal(() => parseConfig(config(changed(path, value as never))))
    expect(problem.field).toBe(`connect.${field}`)
    expect(problem.next).toContain('docs/connectors/declared.md')
  })

  test.each([
    ['credential', { credential: 'a\nb' }],
    ['credential', { credential: undefined }],
    ['probe', { probe: '' }],
    ['settings', { settings: {} }],
    ['settings.team', { settings: { team: '../admin' } }],
    ['settings.team', { settings: { team: 'аcme' } }],
    ['settings', { settings: { team: 'acme', more: 'x' } }],
    ['canary.project', { canary: {} }],
    ['', { password: 'x' }],
  ])('%s of what is connected: %j', (field, more) => {
    const problem = refusal(() => parseConfig(config(keyring, more)))
    expect(problem.field).toMatch(new RegExp(`^connect${field && `\\.${field}`}`))
    expect(problem.detail).not.toContain('a\nb')
  })
})

test('a text of many blank lines is a text', () =>
  expect(parseConfig(config(`${'\n'.repeat(100)}${fileOf('keyring')}`)).file.system).toBe(
    'Keyring',
  ))

describe('a text that is no plain YAML', () => {
  test.each([
    ['an anchor', 'system: &a Keyring\nother: *a\n'],
    ['a tag', 'system: !!binary Keyring\n'],
    ['a key twice', 'system: a\nsystem: b\n'],
    ['a second document', 'system: a\n---\nsystem: b\n'],
    ['an endless indentation', `a:\n${' '.repeat(5_000)}b: c\n`],
    ['more than anybody reads', `# ${'x'.repeat(40_000)}`],
    ['no YAML', 'a: [\n'],
  ])('is refused for %s', (_, text) => {
    const problem = refusal(() => parseConfig(config(text)))
    expect(problem.field).toBe('connect.file')
    expect(problem.next).toContain('docs/declared-system.schema.json')
  })
})

describe('a resource', () => {
  const parsed = parseConfig(config(keyring))

  test('names what the file declares', () =>
    expect(objectValues(parsed, { project: 'deals' })).toEqual({ 'object.project': 'deals' }))

  test.each([
    ['object.project', {}],
    ['object.project', { project: 'deals/../admin' }],
    ['object.project', { project: 'deals\u202e' }],
    ['object.project', { project: 'ｄeals' }],
    ['object.project', { project: '..' }],
    ['object', { project: 'deals', team: 'x' }],
  ])('is refused at %s when it is %j', (field, object) =>
    expect(refusal(() => objectValues(parsed, object)).field).toBe(field),
  )

  test('may say nothing where the file asks nothing', () => expect(parseObject(null)).toEqual({}))
})

test('the published JSON Schema is the one this code reads by', () => {
  const path = join(import.meta.dirname, '../../docs/declared-system.schema.json')
  const text = `${JSON.stringify(fileSchema, null, 2)}\n`
  if (process.env['LEASEHOLD_WRITE_DOCS'] === '1') writeFileSync(path, text)
  expect(readFileSync(path, 'utf8')).toBe(text)
})
