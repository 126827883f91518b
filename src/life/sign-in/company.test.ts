import { expect, test } from 'vitest'
import { parseName } from '../../core/people/person.ts'
import { wordsOf } from './company.ts'

test('what a provider sends as a name can neither break a sign-in nor hide itself', () => {
  const { name, email } = wordsOf({
    name: `<img src=x>\u202e\u001b[31m${'y'.repeat(500)}`,
    email: 'not an address',
    sub: 'u-xss',
  })
  for (const letter of ['\u202e', '\u001b']) expect(name).not.toContain(letter)
  expect(parseName(name)).toBe(name)
  expect(email).toBeNull()
})

test.each([
  [{ name: '   ', email: 'm@example.com', sub: 'u-1' }, 'm@example.com', 'm@example.com'],
  [{ name: 7, email: [], sub: 'u-none' }, 'u-none', null],
  [{ sub: ' ' }, 'somebody', null],
])('somebody without a usable name is called what else is known: %j', (said, name, email) => {
  expect(wordsOf(said)).toEqual({ name, email })
})
