import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type IdKind, idPrefixes, isId, newId, systemId } from './ids.ts'

const kinds = Object.keys(idPrefixes) as IdKind[]

it('an id says its kind and is of no other', () => {
  fc.assert(
    fc.property(fc.constantFrom(...kinds), fc.constantFrom(...kinds), (kind, other) => {
      const id = newId(kind)
      expect(id).toMatch(/^[a-z]{2}_[0-9a-hjkmnp-tv-z]{26}$/)
      expect(isId(kind, id)).toBe(true)
      expect(isId(other, id)).toBe(kind === other)
    }),
  )
})

it('prefixes differ, so that one kind can never be read as another', () => {
  expect(new Set(Object.values(idPrefixes)).size).toBe(kinds.length)
})

it('ids do not repeat, and each place of them takes every letter', () => {
  const ids = Array.from({ length: 5_000 }, () => newId('lease'))
  expect(new Set(ids).size).toBe(ids.length)
  for (let place = 3; place < 29; place++)
    expect(new Set(ids.map(id => id[place])).size, `place ${place}`).toBe(32)
})

it.each([
  '',
  'ls_',
  'ls_0123456789abcdefghjkmnpqr',
  'ls_0123456789abcdefghjkmnpqrst',
  'ls_0123456789ABCDEFGHJKMNPQRS',
  'ls_0123456789abcdefghijklmnop',
  'ls-0123456789abcdefghjkmnpqrs',
  'ls_0123456789abcdefghjkmnpqrs\n',
  ' ls_0123456789abcdefghjkmnpqrs',
  "ls_0123456789abcdefghjkmnpq';",
])('text that is almost an id is none: %j', text => {
  expect(isId('lease', text)).toBe(false)
})

it('a sweep of ours has a name and is no random id', () => {
  expect(systemId('lease-sweep')).toBe('sy_lease-sweep')
  expect(isId('system', systemId('lease-sweep'))).toBe(false)
})
