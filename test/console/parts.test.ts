/** What the pages decide by themselves: who needs what first, which word a state gets, what a rule says. */
import { describe, expect, test } from 'vitest'
import * as atTerminal from '../../cli/src/make/day/watch.ts'
import { changedBy, isIn } from '../../console/src/changes.ts'
import { sortTiles, tileOf } from '../../console/src/day.ts'
import { listNeeds, mayAnswer, type Seen } from '../../console/src/needs.ts'
import { csvOf, type Ended } from '../../console/src/population.ts'
import { readRules } from '../../console/src/rules.ts'
import { localTimes, relative, span } from '../../console/src/time.ts'
import { many, noun, placeOf, sayState, shortName } from '../../console/src/words.ts'

// biome-ignore format: a row of a list
const person = (id: string, name: string, roles: string[] = []) => ({
  id, name, roles, state: 'living' as const, isLiving: true,
  seenAt: '2026-11-20T10:00:00.000Z',
})
const sam = person('pe_sam', 'Sam', ['platform'])
const maya = person('pe_maya', 'Maya')

// biome-ignore format: a row of a list
const app = {
  id: 'ap_1', slug: 'deal-desk', purpose: 'a board', endTrigger: 'date', team: null, day: null,
  endsAt: '2026-11-27T10:00:00.000Z', maxEndsAt: '2026-12-20T10:00:00.000Z',
  madeAt: '2026-11-20T10:00:00.000Z', owner: maya, backup: sam, dataClasses: [],
  stage: 'prototype' as const, state: 'active' as const, says: 'It runs.', origin: null,
  watchedUntil: null, offeredTo: null, pausedBecause: null, endedAt: null, next: null,
}
// biome-ignore format: a row of a list
const request = {
  id: 'rq_1', shortId: 'R-1', kind: 'grant', askedBy: 'Maya', reason: 'why', bodyHash: 'h',
  madeAt: '2026-11-20T11:00:00.000Z', expiresAt: '2026-12-01T10:00:00.000Z',
  state: 'open' as const, says: 'Maya asks', gives: [], approvers: ['Sam'], body: {},
  quorum: 1, answers: [], app: 'deal-desk', worst: null, closedAt: null, made: null,
}
// biome-ignore format: a row of a list
const finding = {
  id: 'fi_1', shortId: 'F-1', kind: 'lease.stuck', about: 'deal-desk', says: 'stuck',
  state: 'open', madeAt: '2026-11-20T12:00:00.000Z', severity: 'low' as const,
  details: {}, owner: null, answer: null,
}
// biome-ignore format: a row of a list
const residual = {
  app: 'deal-desk', system: 'crm', name: 'lh_x', sinceAt: '2026-11-20T12:00:00.000Z',
  state: 'still-there' as const, turn: 'platform' as const,
}
// biome-ignore format: a row of a list
const seen: Seen = {
  me: sam, apps: [app], requests: [request], findings: [finding], residual: [residual],
  targets: [],
}

describe('what needs somebody', () => {
  test('comes gravest first: not gone, then who waits, then what is low', () => {
    expect(listNeeds(seen).map(({ kind }) => kind)).toEqual(['STILL THERE', 'ASK', 'FINDING'])
    const high = { ...finding, severity: 'high' as const }
    const kinds = listNeeds({ ...seen, findings: [high] }).map(({ kind }) => kind)
    expect(kinds).toEqual(['STILL THERE', 'FINDING', 'ASK'])
  })

  test('is not what it is somebody else’s turn to do', () => {
    const needs = listNeeds({
      ...seen,
      me: maya,
      findings: [],
      residual: [{ ...residual, turn: 'security' }],
    })
    expect(needs).toEqual([])
    expect(
      listNeeds({ ...seen, me: maya, residual: [{ ...residual, turn: 'owner' }] })[0],
    ).toMatchObject({ kind: 'STILL THERE', to: '/apps/deal-desk/end' })
  })

  test('a request asks for an answer of who is named, once, and while it is open', () => {
    expect(mayAnswer(request, sam)).toBe(true)
    expect(mayAnswer(request, maya)).toBe(false)
    expect(mayAnswer({ ...request, state: 'agreed' }, sam)).toBe(false)
    const answers = [{ person: 'Sam', at: '', says: 'yes' as const, comment: null }]
    expect(mayAnswer({ ...request, answers }, sam)).toBe(false)
  })
})

describe('a state', () => {
  test('that is not known is said as it is, and is never green', () => {
    for (const state of ['something-new', '', 'ok', 'toString', '__proto__', 'constructor'])
      expect(sayState(state).tone).not.toBe('ok')
    expect(sayState('something-new').word).toBe('something-new')
  })

  test('of an end is green only where it was read back, or has somebody who answers', () => {
    const green = ['verified-gone', 'transferred', 'kept']
    const other = ['revoked-unverified', 'manual-attested', 'unreachable', 'still-there', 'to-do']
    for (const state of green) expect(sayState(state).tone).toBe('ok')
    for (const state of other) expect(sayState(state).tone).not.toBe('ok')
  })
})

describe('what is read', () => {
  test('a rule says its id, its words and whose it is; what looks like a rule in a comment is none', () => {
    const text = `// permit (principal, action, resource);
@id("hold") @says("Held \\"now\\".")
@owner("security")
forbid (principal, action, resource) when { context.holds > 0 };
permit (principal, action, resource);`
    expect(readRules(text)).toEqual([
      { id: 'hold', says: 'Held "now".', owner: 'security', effect: 'forbid' },
      { id: 'rule 2', says: '', owner: '', effect: 'permit' },
    ])
  })

  test('an id becomes the short one people know; a name stays a name', () => {
    expect(shortName('ls_769fb939vpxae8n7q5bdaw58yw')).toBe('L-769FB')
    expect(shortName('deal-desk')).toBe('deal-desk')
  })

  test('a thing has the page of its kind, or none', () => {
    const lease = { type: 'lease', id: 'ls_1', path: '/v1/leases/ls_1' }
    expect(placeOf(lease, 'L-1AB2C')).toBe('/trace/L-1AB2C')
    expect(placeOf({ ...lease, type: 'person' }, 'x')).toBe(undefined)
  })
})

describe('a time', () => {
  test('is said as far as it is, and never as a negative', () => {
    expect(span(59_000)).toBe('59 s')
    expect(span(-3 * 3_600_000 - 60_000)).toBe('3 h 1 min')
    expect(span(6 * 86_400_000 + 2 * 3_600_000)).toBe('6 d 2 h')
    expect(relative('2026-11-20T10:00:00.000Z', Date.parse('2026-11-20T10:04:00.000Z'))).toBe(
      '4 min ago',
    )
  })

  test('inside a sentence is in the reader’s own zone, and nothing else is touched', () => {
    expect(localTimes('until 2026-11-28T02:41:28.054Z, at most 9')).toMatch(
      /^until \w+ \d.*, at most 9$/,
    )
    expect(localTimes('2026 is a year')).toBe('2026 is a year')
  })
})

describe('what an entry changes', () => {
  test('is read anew, and nothing else: a lease is not another list of apps', () => {
    const changed = changedBy(['lease.issue', 'decision.deny'])
    expect(isIn('/v1/leases?app=one', changed)).toBe(true)
    expect(isIn('/v1/apps/one', changed)).toBe(true)
    expect(isIn('/v1/decisions?app=one', changed)).toBe(true)
    expect(isIn('/v1/apps', changed)).toBe(false)
    expect(isIn('/v1/targets', changed)).toBe(false)
  })

  test('of a kind nobody named here is everything', () => {
    for (const kind of ['app.pause', 'something.new', 'toString', ''])
      expect(isIn('/v1/targets', changedBy(['lease.issue', kind]))).toBe(true)
    expect(isIn('/v1/targets', changedBy([]))).toBe(false)
  })
})

test('one thing is one thing, wherever a count is said', () => {
  expect([0, 1, 2, 1200].map(count => many(count, 'thing'))).toEqual([
    '0 things',
    '1 thing',
    '2 things',
    '1,200 things',
  ])
  expect([0, 1, 2, undefined].map(count => noun(count, 'entry', 'entries'))).toEqual([
    'entries',
    'entry',
    'entries',
    'entries',
  ])
})

describe('a tile of the wall', () => {
  const at = (minute: number) => `2026-11-20T11:${String(minute).padStart(2, '0')}:00.000Z`
  const lease = (minute: number, state: 'live' | 'gone') => ({ state, madeAt: at(minute) })
  const no = { rule: 'no-purpose', says: 'It says no.', at: at(30), shortId: 'D-1' }
  const asked = { ...request, approvers: ['Tom', 'Sam'], madeAt: at(20) }
  const hold = { id: 'ho_1', reason: 'stop' }
  const of = (more: object) =>
    ({
      ...app,
      day: 'day',
      leases: [],
      requests: [],
      holds: [],
      lastDenial: null,
      ...more,
    }) as unknown as Parameters<typeof tileOf>[0]
  const teams: Readonly<Record<string, ReturnType<typeof of>>> = {
    idle: of({}),
    held: of({ holds: [hold], lastDenial: no }),
    paused: of({ state: 'paused', says: 'It is paused.' }),
    'a no': of({ lastDenial: no, leases: [lease(10, 'live')] }),
    'a no it got over': of({ lastDenial: no, leases: [lease(40, 'live'), lease(41, 'gone')] }),
    waiting: of({ requests: [asked, { ...asked, madeAt: at(10), approvers: ['Tom'] }] }),
    'an answered no': of({ requests: [{ ...asked, state: 'denied', closedAt: at(50) }] }),
    offered: of({ offeredTo: 'Maya' }),
    ended: of({ state: 'ended', holds: [hold] }),
    ending: of({ state: 'ending' }),
  }

  test.each(Object.keys(teams))('says of %s what the terminal says', name => {
    const team = teams[name] ?? of({})
    const { to: _, ...tile } = tileOf(team)
    expect(tile).toEqual(atTerminal.tileOf(team.slug, { name: 'day' }, team))
  })

  test('stands where the terminal has it', () => {
    const tiles = Object.entries(teams).map(([slug, team]) => tileOf({ ...team, slug }))
    const there = Object.entries(teams).map(([slug, team]) =>
      atTerminal.tileOf(slug, { name: 'day' }, team),
    )
    expect(sortTiles(tiles).map(({ team }) => team)).toEqual(
      atTerminal.sortTiles(there).map(({ team }) => team),
    )
  })

  test('says one lease as one', () => {
    expect(tileOf(of({ leases: [lease(1, 'live')] })).says).toBe('1 lease so far')
  })
})

describe('a population as CSV', () => {
  const ended: Ended = {
    app: 'one',
    appId: 'ap_1',
    purpose: 'p',
    owner: 'Maya',
    state: 'ended',
    endedAt: '2026-11-20T11:00:00.000Z',
    endedEntry: 7,
    proof: 'verified-gone',
    outcomes: 'verified-gone 2',
    certificateHash: 'ab',
    certificateEntry: 9,
    isSealed: true,
  }
  const rowOf = (purpose: string) => csvOf({ apps: [{ ...ended, purpose }] }).split('\r\n')[1]

  test('keeps what somebody wrote in its cell', () => {
    expect(rowOf('a "b", c')).toContain('"ap_1","a ""b"", c","Maya"')
  })

  test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1'])('makes no formula of %j', purpose => {
    expect(rowOf(purpose)).toContain(`"ap_1","'${purpose}"`)
  })

  test('leaves empty what is not there', () => {
    const apps = [{ ...ended, certificateHash: null, certificateEntry: null, isSealed: null }]
    expect(csvOf({ apps })).toMatch(/"","",""\r\n$/)
  })
})
