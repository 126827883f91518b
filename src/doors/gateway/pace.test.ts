import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bounds } from './bounds.ts'
import { Pace } from './pace.ts'

const { tunnelBurst, tunnelGapMs } = bounds

test('a burst comes through at once, and the next waits a gap', () => {
  const pace = new Pace()
  const waits = Array.from({ length: tunnelBurst + 2 }, () => pace.take(1000))
  expect(waits.slice(0, tunnelBurst)).toEqual(Array(tunnelBurst).fill(0))
  expect(waits.slice(tunnelBurst)).toEqual([tunnelGapMs, 2 * tunnelGapMs])
})

test('in no window do more come through than a burst and one for each gap of it', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(3 * tunnelGapMs), { minLength: 1, maxLength: 300 }), steps => {
      const pace = new Pace()
      let nowMs = 0
      const through = steps.map(step => {
        nowMs += step
        return nowMs + pace.take(nowMs)
      })
      for (const [index, from] of through.entries())
        for (const [more, to] of through.slice(index).entries())
          expect(more + 1).toBeLessThanOrEqual(tunnelBurst + (to - from) / tunnelGapMs)
    }),
    { numRuns: 30 },
  )
})

test('a slow one never waits, and owes nothing after its gap', () => {
  const pace = new Pace()
  for (let turn = 0; turn < 3 * tunnelBurst; turn++) expect(pace.take(turn * tunnelGapMs)).toBe(0)
  const lastMs = (3 * tunnelBurst - 1) * tunnelGapMs
  expect(pace.isIdle(lastMs + tunnelGapMs - 1)).toBe(false)
  expect(pace.isIdle(lastMs + tunnelGapMs)).toBe(true)
})
