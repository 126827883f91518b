/** What is written to connect it: the page people read holds what is taken, and what is not is refused. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { Json } from '../../src/core/base/json.ts'
import { notionConnector } from './notion.ts'

const page = readFileSync(new URL('../../docs/connectors/notion.md', import.meta.url), 'utf8')
const block = (kind: string) => {
  const [, text = ''] = new RegExp(`\`\`\`json ${kind}\\n(.*?)\\n\`\`\``, 's').exec(page) ?? []
  return JSON.parse(text.replaceAll('…', '0'.repeat(24))) as Record<string, Json>
}

test('the documented configurations and objects are taken as they stand', () => {
  for (const kind of ['internal', 'public', 'personal']) {
    const taken = notionConnector.parseConfig(block(kind))
    expect(taken).toMatchObject({ connection: kind })
    expect(notionConnector.parseConfig(taken)).toEqual(taken)
    expect(notionConnector.addressOf(taken)).toBe('api.notion.com')
  }
  for (const kind of ['object', 'whole'])
    expect(notionConnector.parseObject(block(kind))).toMatchObject(block(kind))
})

test.each([
  ['no kind', { connection: 'other' }, 'connect.connection'],
  ['a public one without its client', { connection: 'public' }, 'connect.clientId'],
  ['a refresh token', { refreshToken: '0'.repeat(24) }, 'connect'],
  [
    'a workspace that is no id',
    { admin: { token: '0'.repeat(24), spaceId: '../x' } },
    'connect.admin.spaceId',
  ],
  ['an address of the network', { url: 'http://10.0.0.1' }, 'connect.url'],
] as const)('%s is refused, and what stood there is not repeated', (_, more, field) => {
  const parse = () => notionConnector.parseConfig({ ...block('internal'), ...more })
  expect(parse).toThrow(expect.objectContaining({ code: 'invalid-field', field }))
  expect(parse).not.toThrow(/000000/)
})
