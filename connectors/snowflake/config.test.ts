/** What is taken, and that the page people read holds it. */
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Json } from '../../src/core/base/json.ts'
import { parseConfig, parseObject } from './config.ts'
import { snowflakeConnector } from './snowflake.ts'

const page = readFileSync(new URL('../../docs/connectors/snowflake.md', import.meta.url), 'utf8')
const block = (kind: string) => {
  const [, text = ''] = new RegExp(`\`\`\`json ${kind}\\n(.*?)\\n\`\`\``, 's').exec(page) ?? []
  return JSON.parse(text) as Record<string, Json>
}
const pem = (type: 'rsa' | 'ed25519') => {
  const { privateKey } =
    type === 'rsa'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ed25519')
  return privateKey.export({ format: 'pem', type: 'pkcs8' })
}
const config = { ...block('config'), privateKeyPem: pem('rsa') }

describe('what a person connects', () => {
  test('is taken as documented, has an address, and parsed again it is the same', () => {
    const taken = parseConfig(config)
    expect(taken).toEqual({ ...config, url: 'https://acme-main.snowflakecomputing.com' })
    expect(parseConfig(taken)).toEqual(taken)
    expect(snowflakeConnector.addressOf(taken)).toBe('acme-main.snowflakecomputing.com')
  })

  test.each([
    ['another kind of key', { privateKeyPem: pem('ed25519') }],
    ['no key', { privateKeyPem: 'secret' }],
    ['an account with a region', { account: 'XY12345.EU-WEST-1' }],
    ['an account that is a path', { account: 'ACME/../X' }],
    ['a user that was quoted', { user: 'a"b' }],
    ['no role', { role: undefined }],
    ['our own network', { url: 'https://10.0.0.1' }],
    ['plain http elsewhere', { url: 'http://acme.example.com' }],
    ['what nobody asked for', { password: 'x' }],
  ])('is refused with %s, without a word of the key', (_, change) => {
    const told = () => parseConfig({ ...config, ...change } as Json)
    expect(told).toThrow(/^Problem: invalid-field|invalid-field/)
    expect(told).not.toThrow(/PRIVATE|secret|BEGIN/)
  })
})

test('the documented object is taken as it stands', () => {
  expect(parseObject(block('object'))).toEqual(block('object'))
})

test('the documented recipe gives our role nothing that reaches beyond what it made', () => {
  const [, recipe = ''] = /```sql recipe\n(.*?)\n```/s.exec(page) ?? []
  expect(recipe).toContain('GRANT CREATE USER ON ACCOUNT')
  expect(recipe).not.toMatch(/MANAGE GRANTS|ACCOUNTADMIN TO|ALL PRIVILEGES|OWNERSHIP/)
})
