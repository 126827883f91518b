import { expect, test } from 'vitest'
import { checkAddress } from './guard.ts'

const none: ReadonlySet<string> = new Set()
const github = 'https://token.actions.githubusercontent.com'

test('a plain https name is an address, with and without a path', () => {
  expect(checkAddress(github, 'issuer', none).origin).toBe(github)
  expect(checkAddress(`${github}/.well-known/jwks`, 'issuer', none).pathname).toBe(
    '/.well-known/jwks',
  )
})

test.each([
  ['plain http', 'http://token.actions.githubusercontent.com'],
  [
    'user info that looks like the host',
    'https://token.actions.githubusercontent.com@evil.example',
  ],
  ['user and password', 'https://a:b@token.actions.githubusercontent.com'],
  ['a port', 'https://token.actions.githubusercontent.com:8443'],
  ['the default port written out', 'https://token.actions.githubusercontent.com:443'],
  ['a trailing dot', 'https://token.actions.githubusercontent.com.'],
  ['upper case', 'https://Token.actions.githubusercontent.com'],
  ['an international look-alike', 'https://tokеn.actions.githubusercontent.com'],
  ['the same in ASCII spelling', 'https://xn--tokn-ffd.actions.githubusercontent.com'],
  ['white space', `${github} `],
  ['a line break', `${github}\n`],
  ['a query', `${github}/?a=b`],
  ['a fragment', `${github}/#a`],
  ['a path that walks', `${github}/a/../b`],
  ['a back-slash', 'https:\\\\evil.example'],
  ['loopback', 'https://127.0.0.1'],
  ['loopback in decimal', 'https://2130706433'],
  ['loopback in octal', 'https://0177.0.0.1'],
  ['loopback in short form', 'https://127.1'],
  ['loopback by name', 'https://localhost'],
  ['the metadata service', 'https://169.254.169.254'],
  ['a private address', 'https://10.0.0.1'],
  ['a public address without a name', 'https://140.82.112.3'],
  ['IPv6 loopback', 'https://[::1]'],
  ['a mapped address', 'https://[::ffff:127.0.0.1]'],
  ['another scheme', 'file:///etc/passwd'],
  ['a script', 'javascript:alert(1)'],
  ['nothing', ''],
])('an address with %s is refused', (_what, address) => {
  expect(() => checkAddress(address, 'issuer', none)).toThrow(
    expect.objectContaining({ code: 'address-refused', field: 'issuer' }),
  )
})

test('a refusal never repeats the address, which may hold a credential', () => {
  const secret = Math.random().toString(36).slice(2)
  expect(() => checkAddress(`https://user:${secret}@host.example`, 'issuer', none)).toThrow(
    expect.toSatisfy(thrown => !(JSON.stringify(thrown) + String(thrown)).includes(secret)),
  )
})

test('the operator may list an origin; a neighbour of it stays refused', () => {
  const allowed = new Set(['http://127.0.0.1:4401'])
  expect(checkAddress('http://127.0.0.1:4401/keys', 'issuer', allowed).port).toBe('4401')
  expect(() => checkAddress('http://127.0.0.1:4402', 'issuer', allowed)).toThrow(/not https/)
  expect(() => checkAddress('http://u@127.0.0.1:4401', 'issuer', allowed)).toThrow(/has a user/)
})
