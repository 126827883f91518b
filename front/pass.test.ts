/** What an app says of its own pages, with our bar let in and nothing else. */
import { expect, test } from 'vitest'
import { allowBar } from './pass.ts'

const at = 'http://desk.apps.localhost:4400'
const bar = `${at}/.leasehold/bar.js`
const own = `${at}/.leasehold/`

test.each([
  [
    'nothing but by a nonce',
    "default-src 'none'; script-src 'nonce-abc'; connect-src 'self'",
    `default-src 'none'; script-src 'nonce-abc'; connect-src 'self' ${own}; script-src-elem 'nonce-abc' ${bar}`,
  ],
  [
    'nothing at all',
    "default-src 'none'",
    `default-src 'none'; script-src-elem ${bar}; connect-src ${own}`,
  ],
  [
    'the first of two',
    "Script-Src 'self'; script-src *; img-src *",
    `script-src 'self'; img-src *; script-src-elem 'self' ${bar}`,
  ],
  ['no word about scripts', "frame-ancestors 'none'", "frame-ancestors 'none'"],
  [
    'two policies, of which each holds',
    "default-src 'self', script-src 'none'",
    `default-src 'self'; script-src-elem 'self' ${bar}; connect-src 'self' ${own}, script-src 'none'; script-src-elem ${bar}`,
  ],
])('a policy that allows %s', (_, policy, expected) => {
  expect(allowBar(policy, at)).toBe(expected)
})
