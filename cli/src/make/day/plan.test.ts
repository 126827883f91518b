import { describe, expect, it } from 'vitest'
import { Problem } from '../../problem.ts'
import { parseDay, refusePast } from './plan.ts'

const now = Date.parse('2026-11-22T14:30:00Z')
const file = `day: build-day   # ours
window:
  opens: 2026-11-26T09:00+01:00
  closes: 2026-11-26T17:00+01:00
ends: 2026-11-27T18:00:00Z
approvers: [tom@acme.example]
spendCap: 20 dollars/day
datasets:
  deals: crm.deals:read
  model: model:spend
templates:
  board:
    says: "Shows what is stuck: all of it"
    data: [deals]
  empty:
    says: 'It isn''t much'
teams:
- name: deal-desk
  purpose: board of deals # the oldest first
  driver: maya@acme.example
  engineer: tom@acme.example
  template: board
- name: churn
  purpose: who leaves
  driver: ada@acme.example
  engineer: eve@acme.example
  template: empty
  data:
    - model
`

/** What is said of the file once a line of it is another. */
function refusal(from: string | RegExp, to: string): string {
  const text = file.replace(from, to)
  if (text === file) throw new Error('nothing was changed')
  try {
    parseDay(text)
  } catch (error) {
    if (error instanceof Problem) return [error.text.what, error.text.why].join(' ').trim()
    throw error
  }
  return 'it was taken'
}

describe('a file of a day', () => {
  it('is teams with what they need, in UTC', () => {
    const day = parseDay(file)
    expect(day).toMatchObject({
      name: 'build-day',
      opens: '2026-11-26T08:00:00.000Z',
      closes: '2026-11-26T16:00:00.000Z',
      approvers: [{ row: 6, text: 'tom@acme.example' }],
    })
    expect(day.teams).toMatchObject([
      { row: 18, name: 'deal-desk', says: 'Shows what is stuck: all of it' },
      { row: 23, name: 'churn', says: "It isn't much" },
    ])
    const [desk, churn] = day.teams.map(({ needs }) => needs)
    expect(desk).toMatchObject([{ resource: 'crm.deals', actions: ['read'], budget: undefined }])
    expect(churn).toMatchObject([{ resource: 'model', budget: { per: 'day', spendCents: 2000 } }])
  })

  it.each([
    [
      'an action that is none',
      'deals: crm.deals:read',
      'deals: crm.deals:reed',
      'Row 9: `reed` is nothing to do',
    ],
    ['a template whose name is none', '  empty:', '  Empty_one:', 'Row 16: `Empty_one` is no name'],
    [
      'two teams with one name',
      'name: churn',
      'name: deal-desk',
      'Row 23: team `deal-desk` is there already, in row 18.',
    ],
    [
      'a person in two teams',
      'ada@',
      'Maya@',
      'Row 23: `Maya@acme.example` is in row 18 as well; a team has two people of its own.',
    ],
    [
      'one person twice in a team',
      'eve@',
      'ada@',
      'Row 23: `ada@acme.example` is both driver and engineer; a team has two people of its own.',
    ],
    ['an unknown dataset', '[deals]', '[deal]', 'Row 14: there is no dataset `deal`.'],
    ['an unknown dataset of a team', '- model', '- modle', 'Row 29: there is no dataset `modle`.'],
    [
      'an unknown template',
      'template: board',
      'template: bord',
      'Row 22: there is no template `bord`.',
    ],
    ['a window that closes first', 'T17:00', 'T08:00', 'Row 4: the window closes before it opens.'],
    [
      'an end before it closes',
      '2026-11-27T18',
      '2026-11-25T18',
      'Row 5: `ends` is before the window closes.',
    ],
    [
      'a time without zone',
      'T09:00+01:00',
      'T09:00',
      'Row 3: `2026-11-26T09:00` is no time with its zone, as 2026-11-26T09:00+01:00.',
    ],
    [
      'a day that is none',
      '11-27T',
      '13-45T',
      'Row 5: `2026-13-45T18:00:00Z` is no time with its zone, as 2026-11-26T09:00+01:00.',
    ],
    [
      'what spends without a cap',
      /spendCap.*\n/,
      '',
      'Row 9: `model` spends, and the day has no `spendCap`.',
    ],
    [
      'a cap that is none',
      '20 dollars/day',
      'a lot',
      'Row 7: `a lot` is no bound of one task or of one day.',
    ],
    [
      'a name that is none',
      'day: build-day',
      'day: Build Day',
      'Row 1: `Build Day` is no name: lower-case letters, digits and single dashes.',
    ],
    [
      'a member nobody knows',
      'engineer: eve',
      'enginer: eve',
      'Row 26: `enginer` is not known here; there are: name purpose driver engineer template data.',
    ],
    ['a member that is missing', 'ends: 2026', '# 2026', 'Row 1: `ends` is missing.'],
    [
      'one member twice',
      'purpose: who',
      'name: who',
      'Row 24: `name` is there already, in row 23.',
    ],
    [
      'a tab',
      '  driver: ada',
      '\tdriver: ada',
      'Row 25: it begins with a tab; indent with spaces.',
    ],
    [
      'an anchor',
      'board of deals',
      '&a board',
      'Row 19: only plain texts are read; put `&a board` in quotes.',
    ],
    ['a tag', 'board of deals', '!!js board', 'Row 19: only plain texts are read'],
    ['a block text', 'board of deals', '|', 'Row 19: only plain texts are read'],
    ['a map in braces', 'board of deals', '{a: b}', 'Row 19: only plain texts are read'],
    [
      'a quote without an end',
      'board of deals # the oldest first',
      '"board',
      'Row 19: a quote has no end.',
    ],
    ['a second document', 'teams:', '---\nteams:', 'Row 17: one document, without `---` or `%`.'],
    [
      'what is further in',
      '  driver: ada',
      '    driver: ada',
      'Row 25: it is further in than it may be.',
    ],
    [
      'what is no member',
      '  driver: ada',
      '  driver ada',
      'Row 25: it is no `name: value` and no `- item`.',
    ],
    ['a name without a value', '    - model\n', '', 'Row 28: it has no value.'],
    [
      'text where members stand',
      /window:\n.*\n.*\n/,
      'window: soon\n',
      'Row 2: here stand members, as `name: value`.',
    ],
  ])('is refused for %s, with its row', (_, from, to, says) => {
    expect(refusal(from, to)).toContain(says)
  })

  it('is told all that is wrong at once', () => {
    const said = refusal(/11-27T18|churn/g, '11-20T18')
    expect(said).toMatch(/^Row 5: .* Row 23: /)
  })

  it('of 10 MB is refused by the row where it is too long, before it is read', () => {
    const row = '- name: x\n'
    const text = file + row.repeat(1024 * 1024)
    expect(() => parseDay(text)).toThrow(
      /^Row \d{5}: here the file passes 524288 bytes; it has 104\d{5}\.$/,
    )
  })

  it('nested without end is refused, not followed', () => {
    expect(() => parseDay(`a:\n${'- '.repeat(5000)}x\n`)).toThrow('it is nested too deep')
  })

  it('with more teams than a day can have is refused', () => {
    const teams = Array.from({ length: 1001 }, (_, i) => `- name: t${i}\n`).join('')
    expect(refusal(/teams:[^]*/, `teams:\n${teams}`)).toContain('a list has at most 1000 items')
  })
})

describe('a window', () => {
  const at = (text: string) => () => refusePast(parseDay(file), Date.parse(text))

  it('in the past is refused, with its row', () => {
    expect(at('2026-11-26T16:00:00Z')).toThrow(
      'Row 4: the window was over at 2026-11-26T16:00:00.000Z.',
    )
    expect(at('2026-11-26T15:59:00Z')).not.toThrow()
  })

  it('further away than an app can live is refused', () => {
    expect(at('2026-10-27T14:30:00Z')).toThrow('Row 4: `ends` is more than 30 days away')
    expect(() => refusePast(parseDay(file), now)).not.toThrow()
  })
})
