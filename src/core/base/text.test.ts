import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { limits } from './limits.ts'
import { isProblem } from './problem.ts'
import { parseSlug, parseText, safeText } from './text.ts'

describe('a slug', () => {
  it.each(['a', 'deal-desk', 'a1-b2-c3', 'x'.repeat(limits.slugChars)])('may be %s', slug => {
    expect(parseSlug(slug, 'slug')).toBe(slug)
  })

  it.each([
    '',
    '-a',
    'a-',
    'a--b',
    '1a',
    'Deal',
    'deal desk',
    'deal_desk',
    'deal.desk',
    'dеal',
    'deal\u200b',
    'deal\n',
    '../a',
    'é',
    'x'.repeat(limits.slugChars + 1),
  ])('is refused and not mended: %j', slug => {
    const refused = refusal(() => parseSlug(slug, 'slug'))
    expect(refused).toMatchObject({
      code: 'invalid-field',
      field: 'slug',
      next: expect.any(String),
    })
  })
})

describe('free words', () => {
  it('are trimmed, and keep every script and emoji', () => {
    for (const words of [
      'Zoë Müller',
      '株式会社の集計',
      'تقرير المبيعات',
      'I ❤️ deals 🎉',
      "O'Brien",
    ])
      expect(parseText(`  ${words} `, 'purpose')).toBe(words)
  })

  it.each([
    ['a line break', 'a\nb'],
    ['a tab', 'a\tb'],
    ['an escape sequence', '\u001b[2Ja'],
    ['a C1 control', 'a\u009bb'],
    ['a right-to-left override', 'invoice\u202egnp.exe'],
    ['a left-to-right override', 'a\u202d'],
    ['an isolate', 'a\u2066b\u2069'],
    ['a directional mark', 'a\u200fb'],
    ['an Arabic letter mark', 'a\u061cb'],
    ['a zero-width space', 'pay\u200bpal'],
    ['a zero-width joiner', 'a\u200db'],
    ['a word joiner', 'a\u2060b'],
    ['a byte order mark inside', 'a\ufeffb'],
    ['a soft hyphen', 'pass\u00adword'],
    ['a grapheme joiner', 'a\u034fb'],
    ['a Hangul filler', 'a\u3164b'],
    ['a Braille blank', 'a\u2800b'],
    ['a tag character', 'a\u{e0041}b'],
    ['variation selectors after a letter, which can carry a message', 'a\ufe0f'],
    ['a row of variation selectors', '❤\ufe0f\ufe0f'],
    ['a supplementary variation selector', '❤\u{e0101}'],
    ['a line separator', 'a\u2028b'],
    ['private use', 'a\ue000b'],
    ['half a character', 'a\ud83d'],
  ])('may not hold %s', (_what, words) => {
    expect(refusal(() => parseText(words, 'purpose')).field).toBe('purpose')
  })

  it('have a length in characters, not code units', () => {
    expect(parseText('🎉'.repeat(5), 'purpose', 5)).toHaveLength(10)
    expect(refusal(() => parseText('🎉'.repeat(6), 'purpose', 5)).detail).toContain('1 to 5')
    expect(refusal(() => parseText('   ', 'purpose')).detail).toContain('1 to 500')
  })
})

describe('text shown to people', () => {
  it('can not act, whatever it was, and is never longer than asked', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 40 }),
        fc.integer({ min: 1, max: 30 }),
        (text, n) => {
          const shown = safeText(text, n)
          expect([...shown].length).toBeLessThanOrEqual(n)
          expect(shown.isWellFormed()).toBe(true)
          expect(shown).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069\u200b-\u200f\u2028\u2029]/u)
        },
      ),
    )
  })

  it('marks what it took away, and where it cut', () => {
    expect(safeText('a\u001b[31m\u202eb')).toBe('a·[31m·b')
    expect(safeText('plain words stay')).toBe('plain words stay')
    expect(safeText('🎉🎉🎉🎉', 3)).toBe('🎉🎉…')
    expect(safeText('x'.repeat(1_000_000))).toHaveLength(200)
  })
})

function refusal(run: () => unknown) {
  try {
    run()
  } catch (thrown) {
    if (isProblem(thrown, 'invalid-field')) return thrown
    throw thrown
  }
  throw new Error('nothing was refused')
}
