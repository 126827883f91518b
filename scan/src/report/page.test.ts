/** The page reaches nothing and runs nothing but its own script, whatever a name in it says. */
import { describe, expect, test } from 'vitest'
import { sha256 } from '../../../src/core/base/hash.ts'
import { handClock } from '../../../test/support/clock.ts'
import { judge } from '../judge.ts'
import { recipes } from '../recipes.ts'
import type { Scanned } from '../scan.ts'
import { newFacts } from '../source.ts'
import { shown, type Thing } from '../thing.ts'
import { pageOf } from './page.ts'
import { fold, most, newTotals } from './totals.ts'

const now = handClock().now()
const hostile = '"><img src=x onerror=alert(1)><script>alert(2)</script>\u202eevil</td>'

const thing = (name: string, is: Partial<Thing> = {}): Thing => ({
  system: 'github:acme',
  kind: 'deploy key',
  id: `key ${name}`,
  name: shown(name),
  where: shown(name),
  madeAt: null,
  lastUsedAt: null,
  isUseTold: true,
  endsAt: null,
  neverEnds: true,
  creator: shown(name),
  creatorDid: 'added it',
  creatorWeight: 0.6,
  group: 'access',
  ours: false,
  notes: [shown(name)],
  ...is,
})

function pageWith(things: readonly Thing[], is: Partial<Scanned> = {}): string {
  const totals = newTotals()
  const facts = { ...newFacts(), repositoriesRead: 1 }
  for (const each of things) fold(totals, judge(each, { facts, known: new Map(), now }))
  const scanned: Scanned = {
    startedAt: now,
    endedAt: now,
    isWhole: true,
    isStopped: false,
    sources: [{ name: 'github:acme', state: 'whole', pages: 1, found: 1 }],
    unseen: [{ system: 'x', what: hostile, needs: `\`${hostile}\``, times: 1 }],
    calls: [{ system: 'x', shape: hostile, times: 1 }],
    keptBack: 0,
    facts,
    ...is,
  }
  return pageOf({ scanned, totals, hasKnown: false })
}

describe('the page', () => {
  const page = pageWith([thing(hostile), thing(hostile, { recipe: 'aws', path: shown(hostile) })])

  test('shows a name as letters, never as markup, and turns nothing around', () => {
    expect(page).not.toContain('<img')
    expect(page.match(/<script/g)).toHaveLength(1)
    expect(page).toContain('&lt;script&gt;alert(2)')
    expect(page).not.toContain('\u202e')
  })

  test('names its style and its script by their hashes, and allows nothing else', () => {
    const part = (tag: string) => new RegExp(`<${tag}>(.*?)</${tag}>`, 's').exec(page)?.[1] ?? ''
    const hash = (text: string) => `sha256-${sha256(text).toString('base64')}`
    const policy = /Content-Security-Policy" content="([^"]*)"/.exec(page)?.[1] ?? ''
    expect(policy).toContain('default-src &#39;none&#39;')
    expect(policy).toContain(hash(part('style')))
    expect(policy).toContain(hash(part('script')))
    expect(policy).not.toMatch(/unsafe|\*|http/)
  })

  test('has no handler and no style in its markup, and loads nothing', () => {
    const markup = page.replace(/<(script|style)>.*?<\/\1>/gs, '')
    const tags = markup.match(/<[a-z][^>]*>/g) ?? []
    expect(tags.filter(tag => /\s(on\w+|style|src)=/.test(tag))).toEqual([])
    expect(tags.filter(tag => /\shref="(?!#)/.test(tag))).toEqual([])
  })

  test('has one heading above all, and a real table with heads', () => {
    expect(page.match(/<h1>/g)).toHaveLength(1)
    expect(page).toMatch(/<th scope="col"[^>]*>What/)
    expect(page).toContain('<html lang="en">')
  })

  test('gives the lines that end a stored key', () => {
    for (const line of recipes['aws']?.lines ?? []) expect(page).toContain(line)
  })
})

test('an incomplete report says so before its numbers, and a complete one does not', () => {
  const why = { state: 'not read' as const, why: 'It did not answer.', next: 'Try again.' }
  const sources = [{ name: 'slack', pages: 0, found: 0, ...why }]
  const page = pageWith([], { isWhole: false, sources })
  expect(page.indexOf('This report is incomplete')).toBeLessThan(page.indexOf('class="three"'))
  expect(page.indexOf('This report is incomplete')).toBeGreaterThan(0)
  // Of what was not read no number is told.
  expect(page).toContain('<td>?</td>')
  expect(pageWith([])).not.toContain('This report is incomplete')
})

test('of more than a page can hold the worst are there, and how many are not', () => {
  const many = Array.from({ length: 2 * most.rows + 10 }, (_, i) => thing(`k${i}`, { ours: true }))
  const page = pageWith([...many, thing('worst', { creator: null })])
  expect(page.match(/<tr role="row" data-is/g)).toHaveLength(most.rows)
  expect(page).toContain('<strong>worst</strong>')
  expect(page).toContain('2,011 more are in the JSON file')
})
