import { describe, expect, test } from 'vitest'
import { pad, safeJson, safeLine, shortIds } from './text.ts'
import { clockTime, dayTime, moment, span } from './time.ts'

process.env['TZ'] = 'UTC'

describe('text', () => {
  test('keeps what people write, in any script', () => {
    for (const text of ['Zoë Müller', '李雷', 'שלום', '🙂 ok', 'a – b · c'])
      expect(safeLine(text)).toBe(text)
  })

  test('that could act is shown as dots, and what is too long is cut', () => {
    expect(safeLine('a\u001b[31mb\u0000c\u202ed\ufeffe\u{e0041}f')).toBe('a·[31mb·c·d·e·f')
    expect(safeLine('\ud800x')).toBe('\ufffdx')
    expect(safeLine('x'.repeat(2000))).toHaveLength(1000)
    expect(safeLine('abcdef', 4)).toBe('abc…')
  })

  test('in JSON is the same text, without a byte that acts', () => {
    const value = { a: 'x\u001b\u202e\u{e0041}\u2028\n"', b: ['\u009b'] }
    const text = safeJson(value)
    expect(JSON.parse(text)).toEqual(value)
    expect(text).toContain(String.raw`\u202e\udb40\udc41\u2028\n\"`)
  })

  test('shows short ids for long ones, of things that have them', () => {
    const id = '7k2q9'.padEnd(26, '0')
    expect(shortIds(`ls_${id} rq_${id}, dc_${id}`)).toBe('L-7K2Q9 R-7K2Q9, D-7K2Q9')
    expect(shortIds(`ho_${id} lh_deal_desk_7k2q`)).toBe(`ho_${id} lh_deal_desk_7k2q`)
  })

  test('is padded by what is seen', () => {
    expect(pad('🙂', 3)).toBe('🙂  ')
    expect(pad('long', 2)).toBe('long')
  })
})

describe('time', () => {
  const now = Date.parse('2026-11-22T14:00:00Z')

  test.each([
    ['2026-11-22T15:52:00Z', 'in 1 h 52 min, 15:52'],
    ['2026-11-22T13:57:00Z', '3 min ago, 13:57'],
    ['2026-11-22T14:00:41Z', 'in 41 s, 14:00'],
    ['2026-11-27T17:00:00Z', 'in 5 d 3 h, Fri 27 Nov 17:00'],
    ['2027-01-01T14:00:00Z', 'in 40 d, Fri 1 Jan 2027 14:00'],
    ['not a time', 'at an unknown time'],
  ])('%s is said as "%s"', (instant, says) => {
    expect(moment(instant, now)).toBe(says)
  })

  test('of day has tenths where there are some', () => {
    expect(clockTime('2026-11-22T14:02:08.130Z')).toBe('14:02:08.1')
    expect(clockTime('2026-11-22T14:02:08.000Z')).toBe('14:02:08')
    expect(dayTime('2026-11-22T09:05:00Z', now)).toBe('Sun 22 Nov 09:05')
    expect(span(59_400)).toBe('59 s')
    expect(span(3_600_000)).toBe('1 h')
  })
})
