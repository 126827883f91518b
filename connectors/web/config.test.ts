/** The page people read holds what is taken. */

import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { Json } from '../../src/core/base/json.ts'
import { httpConnector, mcpConnector } from './web.ts'

const page = readFileSync(new URL('../../docs/connectors/web.md', import.meta.url), 'utf8')
const blocks = [...page.matchAll(/```json (http|mcp)\n(.*?)\n```/gs)]
const connectors = { http: httpConnector, mcp: mcpConnector }
const key = () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey

test('each documented configuration is taken, as it stands', () => {
  expect(blocks).toHaveLength(5)
  for (const [, kind, text = ''] of blocks) {
    const written = JSON.parse(text.replaceAll('…', 'x')) as Json
    const connector = connectors[kind as 'http' | 'mcp']
    const taken = connector.parseConfig(written)
    expect(connector.parseConfig(taken)).toEqual(taken)
    expect(connector.addressOf(taken)).toMatch(/^https:/)
  }
})

test('each documented object is taken', () => {
  const objects = [...page.matchAll(/`(\{"(rules|tools|prices)".*?\})`/g)]
  expect(objects).toHaveLength(3)
  for (const [, text = '', kind] of objects) {
    const connector = kind === 'tools' ? mcpConnector : httpConnector
    expect(connector.parseObject(JSON.parse(text))).toMatchObject(JSON.parse(text))
  }
})

test('an API that is not an MCP server is not asked for OAuth, and its key is in no error', () => {
  const pem = key().export({ format: 'pem', type: 'pkcs8' })
  const oauth = {
    issuer: 'https://id.example.com',
    clientId: 'us',
    privateKeyPem: pem,
    algorithm: 'RS256',
  }
  const config = { url: 'https://tracker.example.com/mcp', oauth }
  expect(mcpConnector.parseConfig(config)).toEqual(config)
  expect(() => httpConnector.parseConfig(config)).toThrow(/^invalid-field: (?!.*BEGIN)/s)
})
