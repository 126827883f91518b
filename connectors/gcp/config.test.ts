/** What is taken, and that the page people read holds it. */
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Json } from '../../src/core/base/json.ts'
import { parseConfig, parseObject } from './config.ts'
import { gcpConnector } from './gcp.ts'
import { accountId } from './names.ts'

const page = readFileSync(new URL('../../docs/connectors/gcp.md', import.meta.url), 'utf8')
const blocks = (kind: string) =>
  [...page.matchAll(new RegExp(`\`\`\`json ${kind}\\n(.*?)\\n\`\`\``, 'gs'))].map(
    ([, text = '']) => JSON.parse(text) as Record<string, Json>,
  )
const pem = (type: 'rsa' | 'ed25519') => {
  const { privateKey } =
    type === 'rsa'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ed25519')
  return privateKey.export({ format: 'pem', type: 'pkcs8' })
}
const [byIssuer = {}, byKey = {}] = blocks('config')
const keyed = { ...byKey, key: { ...(byKey['key'] as object), private_key: pem('rsa') } } as Json

describe('what a person connects', () => {
  test('is taken as documented, by an issuer or by a key, and parsed again it is the same', () => {
    for (const one of [byIssuer, keyed]) {
      const taken = parseConfig(one)
      expect(parseConfig(taken)).toEqual(taken)
      expect(gcpConnector().addressOf(taken)).toBe('googleapis.com/acme-leases')
    }
  })

  test('is told no secret, and a key file as Google gives it is taken with what else is in it', () => {
    const key = { ...(byKey['key'] as object), private_key: pem('rsa'), universe_domain: 'x' }
    expect(JSON.stringify(parseConfig({ ...byKey, key }))).not.toContain('universe_domain')
  })

  test.each([
    ['project', { ...byIssuer, project: 'acme/leases' }],
    ['connect', { ...byIssuer, key: (keyed as typeof byKey)['key'] ?? null }],
    ['connect', { project: 'acme-leases' }],
    ['connect', { ...byIssuer, serviceAccount: undefined }],
    ['provider', { ...byIssuer, provider: '//iam.googleapis.com/projects/1/x' }],
    ['key', { ...byKey, key: { ...(byKey['key'] as object), private_key: pem('ed25519') } }],
    ['roles', { ...byIssuer, roles: ['roles/editor'] }],
    ['roles', { ...byIssuer, roles: ['roles/iam.serviceAccountTokenCreator'] }],
    ['roles', { ...byIssuer, roles: ['roles/resourcemanager.projectIamAdmin'] }],
    ['url', { ...byIssuer, url: 'http://10.0.0.1' }],
  ])('is refused with a wrong %s, which is named and not repeated', (field, wrong) => {
    expect(() => parseConfig(wrong as Json)).toThrow(new RegExp(`\`connect\\.?${field}|\`connect`))
    expect(() => parseConfig(wrong as Json)).not.toThrow(/BEGIN|10\.0/)
  })
})

describe('what a resource names', () => {
  test('is taken as documented', () => {
    const objects = blocks('object')
    expect(objects.length).toBe(3)
    for (const each of objects) expect(parseObject(each)).toEqual(each)
  })

  test.each([
    [{ project: 'acme-data', roles: {} }],
    [{ bucket: 'acme', roles: { read: ['roles/bigquery.dataViewer'] } }],
    [{ project: 'acme-data', roles: { read: ['roles/storage.objectAdmin'] } }],
    [{ project: 'acme-data', roles: { read: ['roles/viewer'] } }],
    [{ secret: 'crm-key' }],
  ])('is refused where it is more or less than one thing: %j', object => {
    expect(() => parseObject(object as Json)).toThrow(/invalid-field/)
  })
})

describe('the id of a service account', () => {
  test('is one that Google takes, is of one name, and tells the kinds apart', () => {
    const names = ['lh_a', `lh_${'a'.repeat(60)}`, 'lhg_a', 'lho_a', 'lh_b']
    const ids = names.map(accountId)
    for (const each of ids) expect(each).toMatch(/^[a-z]([-a-z0-9]{4,28}[a-z0-9])$/)
    expect(new Set(ids).size).toBe(names.length)
    expect(ids[2]).toMatch(/^lhg-/)
    expect(accountId('lh_a')).toBe(ids[0])
  })

  test('is made of no name that is not of our form', () => {
    for (const name of ['lh_A', 'lh_', 'x', 'lh_a@b', `lh_${'a'.repeat(61)}`])
      expect(() => accountId(name)).toThrow(/invalid-field/)
  })
})
