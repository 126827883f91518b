import { expect, it } from 'vitest'
import { againstGoal, round3, tableOf } from './row.ts'

it('what has a goal and no other side is above 1 where it keeps it', () => {
  const row = againstGoal('start', { ours: 2, goal: 5, unit: 's', all: [2, 1, 4] }, { of: 'x' })
  expect(row).toMatchObject({ ours: 2, peer: 5, ratio: 2.5, rounds: 3, spread: [1.25, 5] })
  expect(row.extra).toMatchObject({ of: 'x' })
  expect(againstGoal('start', { ours: 10, goal: 5, unit: 's' }, {}).ratio).toBe(0.5)
})

it('a table has one line for each row, with name, ratio and rounds', () => {
  const row = againstGoal('memory-idle', { ours: 200, goal: 400, unit: 'MB' }, {})
  const [line, end] = tableOf([row]).split('\n')
  expect(line).toMatch(/^memory-idle .*200.*400.*MB.*ratio 2 .*1 rounds$/)
  expect(end).toBe('')
})

it('a figure has three digits that count', () => {
  expect([1234.5, 0.012345, 9.999].map(round3)).toEqual([1230, 0.0123, 10])
})
