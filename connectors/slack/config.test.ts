/** What is written to connect it: the page people read holds what is taken, and what is not is refused. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { Json } from '../../src/core/base/json.ts'
import { slackConnector } from './slack.ts'

const page = readFileSync(new URL('../../docs/connectors/slack.md', import.meta.url), 'utf8')
const block = (kind: string) => {
  const [, text = ''] = new RegExp(`\`\`\`json ${kind}\\n(.*?)\\n\`\`\``, 's').exec(page) ?? []
  return JSON.parse(text.replaceAll('…', '0'.repeat(12))) as Record<string, Json>
}
const written = { botToken: `xoxb-${'0'.repeat(12)}`, plan: 'standard' }

test('the documented configurations and objects are taken as they stand', () => {
  for (const kind of ['config', 'enterprise']) {
    const taken = slackConnector.parseConfig(block(kind))
    expect(slackConnector.parseConfig(taken)).toEqual(taken)
    expect(slackConnector.addressOf(taken)).toBe('slack.com')
  }
  for (const kind of ['object', 'whole'])
    expect(slackConnector.parseObject(block(kind))).toMatchObject(block(kind))
})

test.each([
  ['a token that rotates', { botToken: `xoxe.xoxb-1-${'0'.repeat(12)}` }, 'connect.botToken'],
  ['a refresh token', { refreshToken: `xoxe-1-${'0'.repeat(12)}` }, 'connect'],
  ['no plan', { plan: null }, 'connect.plan'],
  ['a client without its secret', { clientId: '123.456' }, 'connect'],
  ['an organisation on a plan that has none', { enterpriseId: 'E0ACME' }, 'connect'],
  ['a bot that looks', { adminToken: written.botToken }, 'connect.adminToken'],
  ['an address of the network', { url: 'http://10.0.0.1' }, 'connect.url'],
] as const)('%s is refused, and what stood there is not repeated', (_, more, field) => {
  const parse = () => slackConnector.parseConfig({ ...written, ...more })
  expect(parse).toThrow(expect.objectContaining({ code: 'invalid-field', field }))
  expect(parse).not.toThrow(/000000/)
})
