/** What is taken, and that the page people read holds it. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Json } from '../../src/core/base/json.ts'
import { azureConnector } from './azure.ts'
import { parseConfig, parseObject, parseScope, scopeOf } from './config.ts'

const page = readFileSync(new URL('../../docs/connectors/azure.md', import.meta.url), 'utf8')
const blocks = (kind: string) =>
  [...page.matchAll(new RegExp(`\`\`\`json ${kind}\\n(.*?)\\n\`\`\``, 'gs'))].map(
    ([, text = '']) => JSON.parse(text) as Record<string, Json>,
  )
const [config = {}] = blocks('config')
const [object = {}, ofResource = {}] = blocks('object')

describe('what a person connects', () => {
  test('is taken as documented, with a secret and without, and parsed again it is the same', () => {
    for (const one of [config, { ...config, clientSecret: 'x'.repeat(40) }]) {
      const taken = parseConfig(one)
      expect(parseConfig(taken)).toEqual(taken)
      expect(azureConnector().addressOf(taken)).toBe(`management.azure.com/${taken.tenant}`)
    }
  })

  test.each([
    ['tenant', { tenant: 'acme.onmicrosoft.com' }],
    ['clientId', { clientId: 'x' }],
    ['roles', { roles: { Owner: '8e3af657-a8ff-443c-a75c-2fe8c4bcb635' } }],
    ['roles', { roles: { Mine: '18d7d88d-d35e-4fb5-a5c3-7773c20a72d9' } }],
    ['roles', { roles: { Mine: 'f58310d9-a9f6-439a-9e8d-f62e7b41a168' } }],
    ['roles', { roles: { Reader: 'reader' } }],
    ['clientSecret', { clientSecret: 'a\nb' }],
    ['url', { url: 'http://10.0.0.1' }],
  ])('is refused with a wrong %s, which is named and not repeated', (field, wrong) => {
    const parse = () => parseConfig({ ...config, ...wrong })
    expect(parse).toThrow(new RegExp(`\`connect\\.${field}`))
    expect(parse).not.toThrow(/10\.0|8e3af657/)
  })
})

describe('what a resource names', () => {
  test('is taken as documented, and is one scope', () => {
    expect(parseObject(object)).toEqual(object)
    expect(parseObject(ofResource)).toEqual(ofResource)
    const scope = scopeOf(parseObject(ofResource))
    expect(scope).toMatch(/^\/subscriptions\/[^/]+\/resourceGroups\/[^/]+\/providers\/Microsoft\./)
    expect(parseScope(scope)).toBe(scope)
  })

  test.each([
    { resource: 'Microsoft.Web/sites' },
    { resource: 'Microsoft.Web/sites/../x' },
    { resource: 'Microsoft.Web/sites/a?b' },
    { resourceGroup: 'a/providers/x' },
    { roles: { read: [] } },
    { roles: { use: ['Reader'] } },
  ])('is refused where it is another path, or nothing: %j', wrong => {
    expect(() => parseObject({ ...object, ...wrong })).toThrow(/invalid-field/)
  })

  test('a scope that somebody wrote is one of ours or none', () => {
    const scope = scopeOf(parseObject(object))
    for (const wrong of ['', '/', `${scope}/`, `${scope}/../x`, '/subscriptions/x', `x${scope}`])
      expect(parseScope(wrong)).toBeUndefined()
  })
})
