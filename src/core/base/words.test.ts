import { expect, it } from 'vitest'
import { type Word, words } from './words.ts'

it('a list of words is its words in order, and each is a type', () => {
  const list: ('read' | 'write' | 'log.read')[] = words('read write', 'log.read')
  expect(list).toEqual(['read', 'write', 'log.read'])
  // @ts-expect-error: no word of the text
  const other: Word<'read write'> = 'wri'
  expect(words('read write')).not.toContain(other)
})
