import { describe, expect, it } from 'vitest'
import { newId } from '../../core/base/ids.ts'
import { Problem } from '../../core/base/problem.ts'
import type { Instant } from '../../core/base/time.ts'
import type { ThingRow } from './rows.ts'
import { stateOf, stepThing, type ThingEvent } from './thing.ts'

const now = '2026-11-22T14:00:00.000Z' as Instant
const later = '2026-12-01T14:00:00.000Z' as Instant
const [maya, tom] = [newId('person'), newId('person')]
const app = { id: newId('app'), slug: 'old-bot', ownerId: maya, origin: 'adopted' } as const
const found: ThingRow = {
  id: newId('thing'),
  version: 1,
  targetId: newId('target'),
  nativeId: '16401',
  kind: 'account',
  name: 'old_bot',
  creator: null,
  madeAt: null,
  lastUsedAt: null,
  endsAt: null,
  state: 'found',
  ownerId: null,
  appId: null,
  firstSeenAt: now,
  goneAt: null,
}
const claimed = { ...found, state: 'claimed', ownerId: maya } as const
const adopted = { ...claimed, state: 'adopted', appId: app.id } as const
const gone = { ...found, state: 'gone', goneAt: now } as const
const rows = { found, claimed, adopted, gone }
const events = {
  'claim by Maya': { kind: 'claim', by: maya, isOwned: true },
  'claim by Tom': { kind: 'claim', by: tom, isOwned: true },
  'claim by Tom of who left': { kind: 'claim', by: tom, isOwned: false },
  'adopt by the app': { kind: 'adopt', app },
  'adopt by an app made here': { kind: 'adopt', app: { ...app, id: newId('app'), origin: null } },
  "adopt by Tom's app": { kind: 'adopt', app: { ...app, id: newId('app'), ownerId: tom } },
  seen: { kind: 'seen', isOver: false },
  missed: { kind: 'missed' },
} satisfies Record<string, ThingEvent>

/** Written apart from the machine: the state that comes, or the code of the no. */
const model: Record<keyof typeof rows, Record<keyof typeof events, string>> = {
  found: {
    'claim by Maya': 'claimed',
    'claim by Tom': 'claimed',
    'claim by Tom of who left': 'claimed',
    'adopt by the app': 'wrong-state',
    'adopt by an app made here': 'wrong-state',
    "adopt by Tom's app": 'wrong-state',
    seen: 'found',
    missed: 'gone',
  },
  claimed: {
    'claim by Maya': 'claimed',
    'claim by Tom': 'already-exists',
    'claim by Tom of who left': 'claimed',
    'adopt by the app': 'adopted',
    'adopt by an app made here': 'wrong-state',
    "adopt by Tom's app": 'wrong-state',
    seen: 'claimed',
    missed: 'gone',
  },
  adopted: {
    'claim by Maya': 'already-exists',
    'claim by Tom': 'already-exists',
    'claim by Tom of who left': 'already-exists',
    'adopt by the app': 'adopted',
    'adopt by an app made here': 'wrong-state',
    "adopt by Tom's app": 'wrong-state',
    seen: 'adopted',
    missed: 'gone',
  },
  gone: {
    'claim by Maya': 'wrong-state',
    'claim by Tom': 'wrong-state',
    'claim by Tom of who left': 'wrong-state',
    'adopt by the app': 'wrong-state',
    'adopt by an app made here': 'wrong-state',
    "adopt by Tom's app": 'wrong-state',
    seen: 'found',
    missed: 'gone',
  },
}

describe.each(Object.entries(rows))('a thing that is %s', (state, row) => {
  it.each(Object.entries(events))('%s', (name, event) => {
    const after = stepThing(row, event, later)
    const got = after instanceof Problem ? after.code : after.state
    expect(got).toBe(model[state as keyof typeof model][name as keyof typeof events])
    if (!(after instanceof Problem)) expect(after.goneAt === null).toBe(after.state !== 'gone')
  })
})

it('what comes back is whose it was', () => {
  const missed = stepThing(adopted, { kind: 'missed' }, now) as ThingRow
  // And as new as what was never there: somebody made it again.
  const again = { ...adopted, firstSeenAt: later }
  expect(stepThing(missed, { kind: 'seen', isOver: false }, later)).toEqual(again)
  const other = stepThing(
    { ...claimed, state: 'gone', goneAt: now },
    { kind: 'seen', isOver: false },
    later,
  )
  expect(other).toEqual({ ...claimed, firstSeenAt: later })
  const after = stepThing(missed, { kind: 'seen', isOver: true }, later)
  expect(after).toEqual({ ...found, firstSeenAt: later })
})

it('what Tom claims after its owner left is his, and not hers', () => {
  const event = { kind: 'claim', by: tom, isOwned: false } as const
  expect(stepThing(claimed, event, now)).toMatchObject({ ownerId: tom })
})

it('what is adopted is watched, leased or revoked as its app lives, by the clock', () => {
  const active = { state: 'active', endsAt: later, watchedUntil: null } as const
  const shown = (of: object, at: Instant) => stateOf(adopted, { ...active, ...of }, at)
  const between = '2026-11-25T14:00:00.000Z' as Instant
  expect(shown({}, now)).toBe('leased')
  expect(shown({ watchedUntil: between }, now)).toBe('watched')
  expect(shown({ watchedUntil: between }, between)).toBe('leased')
  expect(shown({ watchedUntil: later }, later)).toBe('ending')
  expect(shown({ state: 'ending' }, now)).toBe('ending')
  expect(shown({ state: 'ended' }, now)).toBe('revoked')
  expect(stateOf(claimed, undefined, now)).toBe('claimed')
})
