import { expect, test } from 'vitest'
import { addMs, addSeconds, parseInstant } from '../../core/base/time.ts'
import { turnOf } from './residual.ts'

const since = parseInstant('2026-11-22T14:00:00.000Z')
if (since === null) throw new Error('an instant')

test.each([
  [0, 'owner'],
  [3, 'backup'],
  [6, 'platform'],
  [9, 'security'],
  [400, 'security'],
] as const)('after %i days it is the turn of the %s', (days, turn) => {
  expect(turnOf(since, addSeconds(since, days * 86_400))).toBe(turn)
})

test('a day has to be over to count, and what begins later is the owner’s', () => {
  expect(turnOf(since, addMs(addSeconds(since, 3 * 86_400), -1))).toBe('owner')
  expect(turnOf(addSeconds(since, 60), since)).toBe('owner')
})
