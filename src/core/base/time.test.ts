import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { handClock } from '../../../test/support/clock.ts'
import {
  addMs,
  addSeconds,
  earliest,
  forwardOnly,
  fromMs,
  type Instant,
  msBetween,
  parseInstant,
  systemClock,
  toMs,
  toSeconds,
  wakefulMs,
} from './time.ts'

const instants = fc.integer({ min: -62_167_219_200_000, max: 253_402_300_799_999 }).map(fromMs)

describe('an instant', () => {
  it('compares as text exactly as it compares in time', () => {
    fc.assert(
      fc.property(instants, instants, (a, b) => {
        expect(a < b).toBe(toMs(a) < toMs(b))
        expect(a === b).toBe(toMs(a) === toMs(b))
        expect(a).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
      }),
    )
  })

  it('comes back through its own parser', () => {
    const isSame = (instant: Instant) => parseInstant(instant) === instant
    expect(() => fc.assert(fc.property(instants, isSame))).not.toThrow()
  })

  it('is never made outside the years in which it compares', () => {
    for (const ms of [253_402_300_800_000, -62_167_219_200_001, Number.NaN, Infinity])
      expect(() => fromMs(ms)).toThrow(RangeError)
    expect(() => addSeconds(fromMs(0), 1e12)).toThrow(RangeError)
  })

  it('adds and measures', () => {
    const at = fromMs(1_700_000_000_123)
    expect(addSeconds(at, 60)).toBe(addMs(at, 60_000))
    expect(msBetween(at, addMs(at, -5))).toBe(-5)
    expect(toSeconds(at)).toBe(1_700_000_000)
    expect(earliest(addMs(at, 2), null, addMs(at, 1), addMs(at, 3))).toBe(addMs(at, 1))
  })
})

describe('an instant that somebody writes', () => {
  it.each([
    ['2026-11-22', '2026-11-22T00:00:00.000Z'],
    ['2026-11-22T14:02Z', '2026-11-22T14:02:00.000Z'],
    ['2026-11-22 14:02:08Z', '2026-11-22T14:02:08.000Z'],
    ['2026-11-22T14:02:08.123456789Z', '2026-11-22T14:02:08.123Z'],
    ['2026-11-22T23:30:00+01:00', '2026-11-22T22:30:00.000Z'],
    ['2024-02-29', '2024-02-29T00:00:00.000Z'],
  ])('%s is %s', (text, instant) => {
    expect(parseInstant(text)).toBe(instant)
  })

  it.each([
    ['', 'nothing'],
    ['tomorrow', 'no date'],
    ['2026-11-22T14:02:08', 'no zone: it would mean another time on every machine'],
    ['2026-02-30', 'not in the calendar'],
    ['2026-02-30T00:00:00Z', 'not in the calendar'],
    ['2025-02-29', 'not a leap year'],
    ['2026-13-01', 'no such month'],
    ['2026-11-22T25:00:00Z', 'no such hour'],
    ['2026-11-22T14:02:60Z', 'a leap second'],
    ['0000-01-01T00:00:00+01:00', 'before the first year'],
    ['9999-12-31T23:59:59-01:00', 'after the last year'],
    ['26-11-22', 'two-digit year'],
    ['2026-11-22T14:02:08Z\n', 'more after it'],
  ])('%j is refused (%s)', text => {
    expect(parseInstant(text)).toBeNull()
  })
})

describe('a clock', () => {
  it('that jumps back stands still until time has caught up', () => {
    const hand = handClock('2026-11-22T14:00:00.000Z')
    const clock = forwardOnly(hand)
    hand.set('2026-11-22T13:00:00.000Z' as Instant)
    expect(clock.now()).toBe('2026-11-22T14:00:00.000Z')
    hand.set('2026-11-22T14:00:00.001Z' as Instant)
    expect(clock.now()).toBe('2026-11-22T14:00:00.001Z')
    hand.advance(5)
    expect(clock.monotonicMs()).toBe(5)
  })

  it('of the machine never runs backwards while it is read', () => {
    const read = Array.from({ length: 1_000 }, () => systemClock.monotonicMs())
    expect(read).toEqual(read.toSorted((a, b) => a - b))
    expect(parseInstant(systemClock.now())).not.toBeNull()
  })

  it('counts the time a machine slept as gone, and no jump back', () => {
    let steady = 100
    let wall = 1_000_000
    const read = wakefulMs(
      () => steady,
      () => wall,
    )
    const pass = (steadyBy: number, wallBy: number) => {
      steady += steadyBy
      wall += wallBy
      return read()
    }
    expect(read()).toBe(100)
    expect(pass(50, 51)).toBe(150)
    // Slept for eight hours: the steady clock stood still.
    expect(pass(10, 8 * 3_600_000)).toBe(100 + 50 + 8 * 3_600_000 + 1)
    expect(pass(10, -3_600_000)).toBe(100 + 60 + 8 * 3_600_000 + 1)
  })
})
