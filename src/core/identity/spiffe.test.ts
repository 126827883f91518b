import { expect, test } from 'vitest'
import { parseIdentityName, parseSpiffeId, spiffeId } from './spiffe.ts'

const name = { trustDomain: 'example.com', slug: 'deal-desk', role: 'run' } as const
const id = 'spiffe://example.com/app/deal-desk/run'

test('an id is written one way and read back the same', () => {
  expect(spiffeId(name)).toBe(id)
  expect(parseSpiffeId(id)).toEqual(name)
})

test.each([
  ['a slash at the end', `${id}/`],
  ['two slashes', 'spiffe://example.com/app//deal-desk/run'],
  ['steps', 'spiffe://example.com/app/x/../deal-desk/run'],
  ['encoded steps', 'spiffe://example.com/app/%2e%2e/run'],
  ['an encoded letter', 'spiffe://example.com/app/deal%2Ddesk/run'],
  ['upper case in the scheme', 'SPIFFE://example.com/app/deal-desk/run'],
  ['upper case in the domain', 'spiffe://Example.com/app/deal-desk/run'],
  ['upper case in the role', 'spiffe://example.com/app/deal-desk/Run'],
  ['an unknown role', 'spiffe://example.com/app/deal-desk/admin'],
  ['a composed accent', 'spiffe://example.com/app/d\u00e9al/run'],
  ['a decomposed accent', 'spiffe://example.com/app/de\u0301al/run'],
  ['full-width letters', 'spiffe://example.com/app/\uff44eal/run'],
  ['a query', `${id}?a=b`],
  ['a fragment', `${id}#a`],
  ['a port', 'spiffe://example.com:1/app/deal-desk/run'],
  ['user info', 'spiffe://a@example.com/app/deal-desk/run'],
  ['a line break', `${id}\n`],
  ['another path', 'spiffe://example.com/deal-desk/run'],
  ['more than 2048 characters', `spiffe://example.com/app/${'a'.repeat(2048)}/run`],
])('an id with %s is not an id of ours', (_what, text) => {
  expect(parseSpiffeId(text)).toBeNull()
  expect(parseIdentityName(text, 'example.com')).toBeNull()
})

test('people may write app and role', () => {
  expect(parseIdentityName('deal-desk/run', 'example.com')).toBe(id)
  expect(parseIdentityName(id, 'other.example')).toBe(id)
  for (const text of ['deal-desk', 'deal-desk/', '/run', '../x/run', 'a/b/run', ''])
    expect(parseIdentityName(text, 'example.com')).toBeNull()
})
