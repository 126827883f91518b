import { expect, it } from 'vitest'
import { newId } from '../../core/base/ids.ts'
import { shortId } from './short-id.ts'

it('people see a letter and five characters of the id', () => {
  const id = newId('lease')
  expect(shortId('lease', id)).toBe(`L-${id.slice(3, 8).toUpperCase()}`)
})
