/** The page people read holds what is taken. */
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { Json } from '../../src/core/base/json.ts'
import { githubConnector } from './github.ts'
import table from './lists.json' with { type: 'json' }

const page = readFileSync(new URL('../../docs/connectors/github.md', import.meta.url), 'utf8')
const block = (kind: string) => {
  const [, text = ''] = new RegExp(`\`\`\`json ${kind}\\n(.*?)\\n\`\`\``, 's').exec(page) ?? []
  return JSON.parse(text) as Record<string, Json>
}

test('the documented configuration is taken, with a key in place of the dots', () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const privateKeyPem = privateKey.export({ format: 'pem', type: 'pkcs1' })
  const written = block('config')
  expect(written['privateKeyPem']).toMatch(privateKeyPem.split('\n')[0] ?? '')
  const taken = githubConnector.parseConfig({ ...written, privateKeyPem })
  expect(githubConnector.addressOf(taken)).toBe('api.github.com/acme')
})

test('the documented object is taken as it stands', () => {
  expect(githubConnector.parseObject(block('object'))).toEqual(block('object'))
  expect(githubConnector.parseObject(block('ending'))).toEqual(block('ending'))
})

test('each right that shows a list is told, in the words of the settings page', () => {
  const told = page.toLowerCase().replaceAll(/[^a-z]+/g, ' ')
  const words: Readonly<Record<string, string>> = {
    repository_hooks: 'webhooks',
    organization_hooks: 'webhooks',
    actions_variables: 'variables',
    organization_actions_variables: 'variables',
    organization_self_hosted_runners: 'self hosted runners',
  }
  for (const { needs } of Object.values(table))
    expect(told).toContain(words[needs] ?? needs.replaceAll('_', ' '))
})
