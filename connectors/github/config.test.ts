import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { Json } from '../../src/core/base/json.ts'
import { parseConfig, parseObject, permissionsOf } from './config.ts'

const pem = (type: 'rsa' | 'ed25519', form: 'pkcs1' | 'pkcs8') => {
  const { privateKey } =
    type === 'rsa'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ed25519')
  return privateKey.export({ format: 'pem', type: form })
}
const config = {
  appId: 4242,
  privateKeyPem: pem('rsa', 'pkcs1'),
  installationId: 7001,
  organisation: 'acme',
}
const object = { repository: 'acme/deal-desk', permissions: { read: { contents: 'read' } } }

describe('what a person connects', () => {
  test('is taken with a key as GitHub gives it, and parsed again it is the same', () => {
    const taken = parseConfig(config)
    expect(taken).toEqual({ ...config, url: 'https://api.github.com' })
    expect(parseConfig(taken)).toEqual(taken)
    const { appId: _, ...rest } = config
    const byClient = { ...rest, clientId: 'Iv23liAbCd', privateKeyPem: pem('rsa', 'pkcs8') }
    expect(parseConfig(byClient)).toMatchObject({ clientId: 'Iv23liAbCd' })
  })

  test.each([
    ['both names of an App', { clientId: 'Iv23liAbCd' }],
    ['neither', { appId: undefined }],
    ['another kind of key', { privateKeyPem: pem('ed25519', 'pkcs8') }],
    ['no key', { privateKeyPem: 'secret' }],
    ['a name with a path in it', { organisation: 'acme/../x' }],
    ['our own network', { url: 'https://10.0.0.1/api/v3' }],
    ['plain http elsewhere', { url: 'http://ghe.example.com' }],
    ['what nobody asked for', { token: 'x' }],
  ])('is refused with %s, without a word of the key', (_, change) => {
    const entries = Object.entries({ ...config, ...change }).filter(([, v]) => v !== undefined)
    const input = Object.fromEntries(entries) as Json
    expect(() => parseConfig(input)).toThrow(/^invalid-field: (?!.*(BEGIN|secret`))/s)
  })
})

describe('what a resource names', () => {
  test.each(['acme/deal-desk', 'a/b', 'Acme-2/.github', 'acme/a_b.c-d'])(
    'may be the repository %s',
    repository => {
      expect(parseObject({ ...object, repository })).toMatchObject({ repository })
    },
  )

  test.each([
    'acme',
    'acme/',
    'acme/..',
    'acme/.',
    'acme/a/b',
    '-acme/a',
    'acme-/a',
    'ac--me/a',
    'acme/a%2fb',
    'acme/а',
    'acme/a b',
    'acme/a?x=1',
    'acme/a.git',
    `${'a'.repeat(40)}/b`,
    `acme/${'a'.repeat(101)}`,
    'acme/a\n',
  ])('is never the repository %j', repository => {
    expect(() => parseObject({ ...object, repository })).toThrow(/invalid-field/)
  })

  test.each([
    ['nothing', {}],
    ['an action nobody has', { look: { contents: 'read' } }],
    ['a level nobody has', { read: { contents: 'all' } }],
    ['a write that is called a read', { read: { contents: 'write' } }],
    ['deploy keys under `write`', { write: { administration: 'write' } }],
    ['secrets under `write`', { write: { secrets: 'write' } }],
    ['the organisation under `destroy`', { destroy: { organization_hooks: 'write' } }],
    ['a permission that is a path', { read: { '../x': 'read' } }],
  ])('is refused with the permissions %s', (_, permissions) => {
    expect(() => parseObject({ ...object, permissions })).toThrow(/invalid-field/)
  })

  test('gives each action its permissions, together the strongest, and an unnamed action none', () => {
    const permissions = {
      read: { contents: 'read', issues: 'read' },
      write: { issues: 'write' },
      'change-privilege': { administration: 'write' },
    }
    const named = parseObject({ ...object, permissions })
    expect(permissionsOf(named, ['read'])).toEqual({
      metadata: 'read',
      contents: 'read',
      issues: 'read',
    })
    expect(permissionsOf(named, ['write', 'read'])).toMatchObject({
      contents: 'read',
      issues: 'write',
    })
    expect(permissionsOf(named, ['change-privilege'])).toEqual({
      metadata: 'read',
      administration: 'write',
    })
    expect(() => permissionsOf(named, ['destroy'])).toThrow(/`destroy`/)
  })
})
