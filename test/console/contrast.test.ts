/** The colours: every text can be read on every ground it stands on, in both themes (WCAG 2.2, 1.4.3 and 1.4.11). */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

const css = readFileSync(join(import.meta.dirname, '../../console/src/style.css'), 'utf8')

/** The colours of one theme, by name: each is written once, for both. */
function tokensOf(theme: 'light' | 'dark'): Record<string, string> {
  const found = [...css.matchAll(/--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);/g)]
  return Object.fromEntries(
    found.map(([, name, light, dark]) => [name, theme === 'light' ? light : dark]),
  )
}

/** WCAG 2.2: relative luminance. */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map(at => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255
    return part <= 0.040_45 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

function contrast(one: string, other: string): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b)
  return (light + 0.05) / (dark + 0.05)
}

const themes = { light: tokensOf('light'), dark: tokensOf('dark') }

test('the ruler itself is right: black on white is 21, a colour on itself 1', () => {
  expect(contrast('#000000', '#ffffff')).toBeCloseTo(21, 5)
  expect(contrast('#8ab0ff', '#8ab0ff')).toBe(1)
})

test('every colour is said for both themes, and nowhere else', () => {
  const names = new Set([...css.matchAll(/var\(--([\w-]+)\)/g)].map(([, name]) => name))
  expect(Object.keys(themes.light).sort()).toEqual([...names].sort())
  expect(css.replaceAll(/--[\w-]+: light-dark\(.*\);/g, '')).not.toMatch(/#[0-9a-f]{3,8}\b/)
})

describe.each(Object.entries(themes))('in %s', (_name, tokens) => {
  const of = (name: string) => tokens[name] ?? 'missing'
  const grounds = ['bg', 'panel', 'hover']

  test.each(['text', 'muted', 'accent', 'ok', 'warn', 'bad'])(
    '%s is read on every ground',
    name => {
      for (const ground of grounds)
        expect(contrast(of(name), of(ground))).toBeGreaterThanOrEqual(4.5)
    },
  )

  test('what stands on the accent is read, and what frames a field or a bar is seen', () => {
    expect(contrast(of('on-accent'), of('accent'))).toBeGreaterThanOrEqual(4.5)
    for (const ground of grounds)
      expect(contrast(of('muted'), of(ground))).toBeGreaterThanOrEqual(3)
  })

  test('a line is only a line: it would not do for text', () => {
    expect(contrast(of('line'), of('panel'))).toBeLessThan(3)
  })
})
