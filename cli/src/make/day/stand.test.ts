import { describe, expect, it } from 'vitest'
import type { FoundView } from '../../../../src/doors/api/contract.ts'
import { outsideOf, type SystemLook } from './inventory.ts'
import { type AppStand, blocksOf, howOf } from './stand.ts'

const proven = { state: 'verified-gone', certifiedAt: '2026-11-22T14:00:00.000Z' } as const

describe('an app of a day', () => {
  it.each([
    ['ended', proven, null, 'verified-gone'],
    ['ended', { ...proven, certifiedAt: null }, null, 'not-yet'],
    ['ended', { ...proven, state: 'not-green' }, null, 'not-yet'],
    ['ending', proven, null, 'not-yet'],
    ['ending', proven, 'Tom Reyes', 'not-yet'],
    ['active', proven, null, 'not-yet'],
    ['active', proven, 'Tom Reyes', 'extended'],
    ['paused', proven, 'Tom Reyes', 'extended'],
    ['graduated', { ...proven, certifiedAt: null }, null, 'graduated'],
  ] as const)('that is %s, by %o, approved by %s: %s', (state, end, approver, how) => {
    expect(howOf(state, end, approver)).toBe(how)
  })
})

const thing: FoundView = {
  id: 'th_1',
  shortId: 'U-1',
  target: 'crm',
  kind: 'account',
  name: 'shadow',
  firstSeenAt: '2026-11-22T14:00:00.000Z',
  state: 'found',
  isKnown: false,
  owner: null,
  app: null,
  creator: null,
  madeAt: null,
  lastUsedAt: null,
  lastSeenAt: null,
  endsAt: null,
  goneAt: null,
  stopped: null,
}
const later = '2026-12-01T00:00:00.000Z'

describe('what was born outside', () => {
  it.each([
    ['found', null, null, false],
    ['found', null, later, false],
    ['claimed', 'Maya', null, false],
    ['claimed', 'Maya', later, true],
    ['leased', 'Maya', later, true],
    ['watched', 'Maya', later, true],
    ['ending', 'Maya', later, false],
    ['revoked', 'Maya', later, true],
    ['gone', null, null, true],
  ] as const)('and is %s, of %s, until %s: settled %s', (state, owner, endsAt, isSettled) => {
    expect(outsideOf({ ...thing, state, owner }, endsAt)).toMatchObject({ isSettled })
  })
})

describe('what keeps a day open', () => {
  const stand = {
    app: 'desk',
    state: 'ended',
    of: 1,
    how: 'not-yet',
    items: [],
  } as unknown as AppStand
  const look: SystemLook = { system: 'crm', looked: true, things: 0, unseen: [], because: null }
  const item = { name: 'lh_desk', system: 'crm', state: 'still-there', because: 'it is listed' }

  it('is nothing where all is gone, looked at and settled', () => {
    const gone: AppStand = { ...stand, how: 'verified-gone' }
    expect(blocksOf([gone], [look], [outsideOf({ ...thing, state: 'gone' }, null)])).toEqual([])
  })

  it('is each thing that is not gone, with its system', () => {
    const lying = {
      ...stand,
      items: [item, { ...item, state: 'verified-gone' }],
    } as unknown as AppStand
    const says = 'lh_desk is still there: it is listed'
    expect(blocksOf([lying], [look], [])).toEqual([{ about: 'desk', system: 'crm', says }])
  })

  it('is an app that was not ended, or has no certificate', () => {
    const says = blocksOf([stand, { ...stand, state: 'active' }], [look], [])
    expect(says.map(each => each.says)).toEqual([
      'has no certificate yet, of 1 things',
      'is active',
    ])
  })

  it('is a system that was not looked at to its end', () => {
    const blind = { ...look, looked: false, because: 'it hangs' }
    expect(blocksOf([], [blind], [])).toMatchObject([
      { system: 'crm', says: 'was not looked at: it hangs' },
    ])
  })

  it('is what nobody answers for', () => {
    expect(blocksOf([], [look], [outsideOf(thing, null)])).toMatchObject([
      { about: 'shadow', system: 'crm' },
    ])
  })
})
