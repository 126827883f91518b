/** What the settings of a server may say, where a wrong word would let strangers in or nobody. */
import { expect, test } from 'vitest'
import { readConfig } from '../src/config.ts'

const issuers = (text: string) => readConfig({ LEASEHOLD_CI_ISSUERS: text }).ciIssuers

test('a SPIFFE trust domain is registered with the address of its bundle, beside other issuers', () => {
  const domain = 'spiffe://prod.acme.example=https://bundles.acme.example/bundle'
  expect(issuers(`https://gitlab.com ${domain}`)).toEqual(['https://gitlab.com', domain])
})

test.each([
  'spiffe://prod.acme.example',
  'spiffe://prod.acme.example=',
  'spiffe://prod.acme.example/path=https://bundles.acme.example/',
  'spiffe://PROD.acme.example=https://bundles.acme.example/',
  'spiffe://prod.acme.example=file:///etc/bundle',
  'spiffe:prod.acme.example=https://bundles.acme.example/',
  'spiffe://a=https://b.example/=https://c.example/',
])('%s is refused before the server starts', text => {
  expect(() => issuers(text)).toThrow(
    expect.objectContaining({ code: 'bad-configuration', field: 'LEASEHOLD_CI_ISSUERS' }),
  )
})

test('a runner is named by its address and the thumbprint of its key', () => {
  const key = 'k'.repeat(43)
  const runner = (text: string) => readConfig({ LEASEHOLD_RUNNER: text }).runner
  expect(runner('')).toBe(null)
  for (const address of ['https://runner.acme.example', 'http://127.0.0.1:4600'])
    expect(runner(`${address} ${key}`)).toEqual({ address, key })
  for (const bad of [
    'https://runner.acme.example',
    `https://runner.acme.example ${key}x`,
    `https://runner.acme.example/path ${key}`,
    `https://user@runner.acme.example ${key}`,
    `http://runner.acme.example ${key}`,
    `http://127.0.0.1.evil.example ${key}`,
    `file:///runner ${key}`,
  ])
    expect(() => runner(bad)).toThrow(
      expect.objectContaining({ code: 'bad-configuration', field: 'LEASEHOLD_RUNNER' }),
    )
})
