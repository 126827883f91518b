import { expect, test } from 'vitest'
import { newId } from '../../base/ids.ts'
import { limits } from '../../base/limits.ts'
import { addSeconds, type Instant } from '../../base/time.ts'
import { matchPerson, parsePersonBinding } from './person.ts'

const now = '2026-11-22T14:00:00.000Z' as Instant
const [owner, backup, other] = [newId('person'), newId('person'), newId('person')]
const app = { ownerId: owner, backupId: backup }
const living = { state: 'living', seenAt: now } as const

test('who holds the part now is attested, and nobody else', () => {
  const asOwner = parsePersonBinding({ as: ['owner'] })
  expect(matchPerson(asOwner, app, { id: owner, ...living }, now)).toBeNull()
  expect(matchPerson(asOwner, app, { id: backup, ...living }, now)?.refusal.refused).toBe('claims')
  const either = parsePersonBinding({ as: ['backup', 'owner'] })
  expect(matchPerson(either, app, { id: backup, ...living }, now)).toBeNull()
  expect(matchPerson(either, app, { id: other, ...living }, now)?.refusal.refused).toBe('claims')
})

test('a person who left, or was silent too long, is not attested', () => {
  const binding = parsePersonBinding({ as: ['owner'] })
  const left = { id: owner, state: 'left', seenAt: now } as const
  expect(matchPerson(binding, app, left, now)?.refusal.needs).toMatch(/signed in lately/)
  const later = addSeconds(now, (limits.ownerSilentDays * 24 + 1) * 3600)
  expect(matchPerson(binding, app, { id: owner, ...living }, later)?.refusal.refused).toBe('claims')
})

test.each([
  {},
  { as: [] },
  { as: 'owner' },
  { as: ['owner', 'owner'] },
  { as: ['anybody'] },
  { as: ['owner'], sub: owner },
])('a rule %j is refused', claims => {
  expect(() => parsePersonBinding(claims)).toThrow(/owner/)
})
