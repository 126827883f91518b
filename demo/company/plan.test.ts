import { describe, expect, test } from 'vitest'
import { parseInstant } from '../../src/core/base/time.ts'
import { departments } from './names.ts'
import { at, historyDays, planCompany, randomOf, wanted } from './plan.ts'

const now = parseInstant('2026-11-20T14:06:00Z')
if (now === null) throw new Error('it is an instant')

describe('the plan of the company', () => {
  test('is the same for one seed and one time, and another for another seed', () => {
    expect(planCompany(7, now)).toEqual(planCompany(7, now))
    expect(planCompany(8, now)).not.toEqual(planCompany(7, now))
  })

  test('has as many of each as are to be there', () => {
    for (const seed of [0, 7, 2 ** 31]) {
      const { people, apps } = planCompany(seed, now)
      expect(people).toHaveLength(wanted.people - 1)
      expect(new Set(people.map(({ sub }) => sub)).size).toBe(people.length)
      // Three that graduate leave a successor each, which is running.
      expect(apps).toHaveLength(wanted.apps - wanted.graduated)
      expect(new Set(apps.map(({ slug }) => slug)).size).toBe(apps.length)
      expect(new Set(apps.map(each => each.department))).toEqual(new Set(departments))
      const of = (fate: string) => apps.filter(each => each.fate === fate).length
      expect(of('running') + of('graduated')).toBe(wanted.running)
      for (const fate of ['waiting', 'drifting', 'ended', 'graduated', 'orphan'] as const)
        expect(of(fate)).toBe(wanted[fate])
    }
  })

  test('lets nobody be their own backup, no app live longer than thirty days, none work when it is over', () => {
    for (let seed = 0; seed < 50; seed++)
      for (const app of planCompany(seed, now).apps) {
        expect(app.owner.sub).not.toBe(app.backup.sub)
        expect(app.days).toBeLessThanOrEqual(30)
        expect(app.madeAgo).toBeLessThan(historyDays)
        for (const ago of app.worksAgo) {
          expect(ago).toBeLessThan(app.madeAgo)
          expect(ago).toBeGreaterThan(app.overAgo)
        }
      }
  })
})

test('a day of the plan is counted from midnight, whatever the time is now', () => {
  expect(at(now, 0, 0)).toBe('2026-11-20T00:00:00.000Z')
  expect(at(now, 30, 7 * 60)).toBe('2026-10-21T07:00:00.000Z')
})

test('numbers of a seed are spread, and below one', () => {
  const random = randomOf(7)
  const drawn = Array.from({ length: 10_000 }, random)
  const mean = drawn.reduce((sum, each) => sum + each, 0) / drawn.length
  expect(Math.abs(mean - 0.5)).toBeLessThan(0.02)
  expect(drawn.every(each => each >= 0 && each < 1)).toBe(true)
})
