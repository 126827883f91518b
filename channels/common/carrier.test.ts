/** Whom a notice goes to, by which channel, and when again; each with the neighbour who gets nothing. */
import { describe, expect, test } from 'vitest'
import { newId } from '../../src/core/base/ids.ts'
import type { JsonObject } from '../../src/core/base/json.ts'
import { addMs, type Instant, msBetween } from '../../src/core/base/time.ts'
import type { Happened, Notice, Telling, View } from '../../src/life/notify/notice.ts'
import { makeCarrier } from './carrier.ts'
import { type Channel, kinds, type Message } from './channel.ts'
import { messageOf } from './say.ts'
import says from './says.json' with { type: 'json' }

const at = '2026-11-23T10:00:00.000Z' as Instant
const person = () => newId('person')
const [owner, backup, answers, platform] = [person(), person(), person(), person()]
const app = {
  id: newId('app'),
  slug: 'deal-desk',
  state: 'active',
  ownerId: owner,
  backupId: backup,
}
const [hour, day] = [3_600_000, 24 * 3_600_000]

const tables: Record<string, JsonObject[]> = {
  app: [app],
  person: [
    { id: platform, roles: ['platform'] },
    { id: owner, roles: ['security'] },
  ],
}
const view: View = {
  find: (table, id) => tables[table]?.find(row => row['id'] === id),
  all: table => tables[table] ?? [],
}
const channel = (over: Partial<Channel> = {}): Channel => ({
  name: 'one',
  kinds,
  reaches: 'people',
  updates: true,
  tell: async () => null,
  ...over,
})
const feed = channel({ name: 'feed', reaches: 'feed', updates: false })
const tellings = (happened: Partial<Happened>, over?: Partial<Channel>) =>
  makeCarrier([channel(over)], 'https://x.example').tellingsOf(
    { at, kind: 'any.kind', table: 'app', row: {}, ...happened },
    view,
  )
const whom = (all: readonly Telling[]) =>
  all.map(({ kind, personId, quiet }) => [kind, personId, quiet])

const request = (over: JsonObject) => ({
  table: 'request',
  row: {
    id: newId('request'),
    version: 1,
    kind: 'grant',
    state: 'open',
    appId: app.id,
    askedBy: owner,
    approvers: [answers],
    expiresAt: at,
    ...over,
  },
})
const finding = (over: JsonObject) => ({
  table: 'finding',
  row: {
    id: newId('finding'),
    version: 1,
    kind: 'odd',
    severity: 'high',
    about: app.id,
    ownerId: owner,
    state: 'open',
    ...over,
  },
})

describe('concerned is', () => {
  test('who may answer a request; and when it is closed, who asked, while the others see it closed', () => {
    expect(whom(tellings(request({})))).toEqual([['request.created', answers, false]])
    for (const state of ['agreed', 'denied', 'withdrawn', 'expired'])
      expect(whom(tellings(request({ state })))).toEqual([
        ['request.closed', owner, false],
        ['request.closed', answers, true],
      ])
    expect(tellings(request({ state: 'used' }))).toEqual([])
  })

  test('the owner of the app where a workload asked, and nobody where nobody is behind it', () => {
    const askedBy = newId('identity')
    expect(whom(tellings(request({ askedBy, state: 'agreed' })))[0]).toEqual([
      'request.closed',
      owner,
      false,
    ])
    const none = tellings(request({ askedBy, appId: null, state: 'agreed', approvers: [] }))
    expect(none).toEqual([])
  })

  test('whose a finding is; without one, the role platform and no other role', () => {
    expect(whom(tellings(finding({})))).toEqual([['finding.raised', owner, false]])
    expect(whom(tellings(finding({ ownerId: null })))).toEqual([
      ['finding.raised', platform, false],
    ])
    expect(whom(tellings(finding({ state: 'resolved' })))).toEqual([
      ['finding.closed', owner, true],
    ])
  })

  test('nobody, where a row is of another table or an app changed otherwise', () => {
    expect(tellings({ table: 'lease', row: { id: newId('lease'), version: 1 } })).toEqual([])
    for (const kind of ['app.make', 'app.offer', 'app.end'])
      expect(tellings({ kind, row: { ...app, version: 2 } })).toEqual([])
  })
})

describe('a channel', () => {
  test('tells what it was chosen for', () => {
    expect(tellings(request({}), { kinds: ['finding.raised'] })).toEqual([])
    expect(tellings(finding({}), { kinds: ['finding.raised'] })).toHaveLength(1)
  })

  test('that can not say anew says nothing of what is only closed', () => {
    expect(whom(tellings(request({ state: 'denied' }), { updates: false }))).toEqual([
      ['request.closed', owner, false],
    ])
    expect(tellings(finding({ state: 'answered' }), { updates: false })).toEqual([])
  })

  test('with a place says it there too, once', () => {
    const place = { reaches: 'people-and-place' } as const
    expect(whom(tellings(finding({}), place))).toEqual([
      ['finding.raised', '', false],
      ['finding.raised', owner, false],
    ])
  })

  test('that is a feed gets each notice once and at once, whoever is concerned', () => {
    const low = finding({ severity: 'low', ownerId: null })
    const [one, ...rest] = tellings(low, feed)
    expect([one?.personId, one?.dueAt, rest]).toEqual(['', at, []])
    const [person] = tellings(low)
    expect(person?.dueAt).toBe('2026-11-24T09:00:00.000Z')
    const early = '2026-11-23T03:00:00.000Z' as Instant
    expect(tellings({ ...low, at: early })[0]?.dueAt).toBe('2026-11-23T09:00:00.000Z')
  })

  test('does not tell that it is silent itself', () => {
    expect(tellings(finding({ about: 'one' }))).toEqual([])
    expect(tellings(finding({ about: 'one' }), { name: 'two' })).toHaveLength(1)
  })
})

describe('an end', () => {
  const carrier = makeCarrier([channel()], 'https://x.example')
  const warned = (endsInMs: number, sinceMs: number, over: JsonObject = {}) =>
    carrier
      .warningsOf({ ...app, endsAt: addMs(at, endsInMs), ...over }, addMs(at, -sinceMs), at)
      .map(({ facts, personId }) => [facts['hours'], personId])

  test('is told when a distance was passed since the last look, and not before or again', () => {
    expect(warned(7 * day, 1)).toEqual([[168, owner]])
    expect(warned(7 * day + 1, 1)).toEqual([])
    expect(warned(7 * day - 1, 1)).toEqual([])
    expect(warned(day, 5_000)).toEqual([[24, owner]])
    expect(warned(hour, 5_000)).toEqual([
      [1, owner],
      [1, backup],
    ])
  })

  test('of which several were passed is told by the nearest', () => {
    expect(warned(hour / 2, 8 * day)).toEqual([
      [1, owner],
      [1, backup],
    ])
  })

  test('that is over, or of an app that ended before, is not told', () => {
    expect(warned(0, 8 * day)).toEqual([])
    for (const state of ['ending', 'ended', 'graduated'])
      expect(warned(day, 5_000, { state })).toEqual([])
    expect(warned(day, 5_000, { state: 'paused' })).toHaveLength(1)
  })
})

test('what fails is tried eight times within a day, later each time', () => {
  const carrier = makeCarrier([], 'https://x.example')
  const waits = [1, 2, 3, 4, 5, 6, 7].map(tries => msBetween(at, carrier.nextTry(tries, at) ?? at))
  expect(waits.toSorted((a, b) => a - b)).toEqual(waits)
  expect(waits.reduce((sum, ms) => sum + ms, 0)).toBeLessThan(day)
  expect(waits.reduce((sum, ms) => sum + ms, 0)).toBeGreaterThan(day - hour)
  expect(carrier.nextTry(8, at)).toBeNull()
})

describe('what is over by now', () => {
  const told: Message[] = []
  const carrier = makeCarrier(
    [
      channel({ tell: async message => (told.push(message), 'said') }),
      { ...feed, tell: async message => (told.push(message), 'said') },
    ],
    'https://x.example',
  )
  const [asked] = carrier.tellingsOf({ at, kind: 'request.make', ...request({}) }, view)
  if (asked === undefined) throw new Error('a request concerns somebody')
  const notice: Notice = { ...asked, before: null, said: undefined, people: [], to: undefined }
  const tell = (one: Notice) => carrier.tell(one, view, AbortSignal.timeout(1_000))

  test('is news to a feed alone', async () => {
    expect(await tell(notice)).toBeNull()
    expect(await tell({ ...notice, channel: 'feed' })).toBe('said')
    tables['request'] = [{ id: notice.about, state: 'open' }]
    expect(await tell(notice)).toBe('said')
    expect(await tell({ ...notice, channel: 'gone' })).toBeNull()
  })

  test('is said to an earlier message, and to nobody where there is none', async () => {
    const closed = { ...notice, kind: 'request.closed', quiet: true }
    expect(await tell(closed)).toBeNull()
    expect(await tell({ ...closed, before: 'there' })).toBe('said')
    expect(told.at(-1)?.instead).toBe('there')
  })
})

test('each kind has its sentence, and each sentence is filled from what is known', () => {
  const facts = {
    appId: app.id,
    state: 'not-green',
    hours: 24,
    endsAt: at,
    because: 'drift',
    asks: 'call',
    askedBy: owner,
    what: 'odd',
    expiresAt: at,
  }
  for (const kind of kinds) {
    const people = [{ id: owner, name: 'Maya', email: null, state: 'living' }]
    const base = { id: 'x', channel: 'one', personId: '', thread: 't', at, dueAt: at, quiet: false }
    const about = kind.startsWith('app.') ? app.id : newId('request')
    const notice = {
      ...base,
      kind,
      about,
      facts,
      before: null,
      said: undefined,
      people,
      to: undefined,
    }
    const { title, text, link, step } = messageOf(notice, view, 'https://x.example')
    for (const each of [title, text, step]) {
      expect(each).not.toMatch(/[{}]|undefined|null|\[object/)
      expect(each.length).toBeGreaterThan(2)
    }
    expect(link).toMatch(
      /^https:\/\/x\.example\/(apps\/deal-desk(\/end)?|(a|requests|findings)\/\w+)$/,
    )
  }
  const keys = kinds.flatMap(kind =>
    kind === 'app.ended' ? [`${kind}.verified-gone`, `${kind}.not-green`] : [kind],
  )
  expect(Object.keys(says.says).sort()).toEqual(keys.sort())
})

test('a name is one line, bounded, and nothing that becomes a link', () => {
  const name = `Eve\r\nBcc: x@y.example http://evil.example www.evil.example \u202e${'x'.repeat(200)}`
  const people = [{ id: owner, name, email: null, state: 'living' }]
  const facts = { appId: app.id, askedBy: owner, asks: 'grant', expiresAt: at }
  const base = { id: 'x', channel: 'one', personId: '', thread: 't', at, dueAt: at, quiet: false }
  const kind = 'request.created'
  const notice = {
    ...base,
    kind,
    about: newId('request'),
    facts,
    before: null,
    said: undefined,
    people,
    to: undefined,
  }
  const { title, text } = messageOf(notice, view, 'https://x.example')
  for (const each of [title, text]) expect(each).not.toMatch(/[\r\n\u202e]|:\/\/|www\./)
  expect([...title].length).toBeLessThanOrEqual(120)
})
