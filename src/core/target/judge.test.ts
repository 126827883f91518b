import { describe, expect, it } from 'vitest'
import { parseInstant } from '../base/time.ts'
import { judge, judgeHolder } from './judge.ts'
import type { Evidence } from './target.ts'

const at = parseInstant('2026-11-22T14:00:00.000Z')
if (at === null) throw new Error('an instant')

const gone: Evidence = {
  listed: 'absent',
  credential: 'refused',
  probe: 'accepted',
  sessions: 0,
  residue: [],
  paths: ['list of roles', 'the key itself'],
  at,
}

describe('what evidence of a lease means', () => {
  it('is verified gone when every look says so', () => {
    expect(judge(gone)).toBe('verified-gone')
  })

  it.each([
    ['it is listed', { listed: 'present' }],
    ['its credential is accepted', { credential: 'accepted' }],
    [
      'its credential is accepted though the list can not be read',
      { listed: 'unknown', credential: 'accepted' },
    ],
    ['a session is open', { sessions: 1 }],
    ['something of it is left', { residue: ['member of x'] }],
    [
      'something of it is left though the list can not be read',
      { listed: 'unknown', residue: ['x'] },
    ],
  ] as const)('is still there when %s', (_, change) => {
    expect(judge({ ...gone, ...change })).toBe('still-there')
  })

  it.each([
    ['sessions can not be counted', { sessions: null }],
    ['the credential was not tried', { credential: 'not-tried' }],
    ['the probe was refused as well', { probe: 'refused' }],
    ['no probe was tried', { probe: 'not-tried' }],
  ] as const)('is revoked, unverified when %s', (_, change) => {
    expect(judge({ ...gone, ...change })).toBe('revoked-unverified')
  })

  it('is unreachable when nothing could be looked at', () => {
    expect(judge({ ...gone, listed: 'unknown' })).toBe('unreachable')
    expect(judge({ ...gone, listed: 'unknown', credential: 'not-tried', sessions: null })).toBe(
      'unreachable',
    )
  })

  it('is green for exactly one combination of all there are', () => {
    const all = ['absent', 'present', 'unknown'].flatMap(listed =>
      ['refused', 'accepted', 'not-tried'].flatMap(credential =>
        ['accepted', 'refused', 'not-tried'].flatMap(probe =>
          [0, 1, null].flatMap(sessions =>
            [[], ['x']].map(residue => ({ listed, credential, probe, sessions, residue })),
          ),
        ),
      ),
    )
    const green = all
      .map(seen => ({ ...gone, ...(seen as Partial<Evidence>) }))
      .filter(evidence => judge(evidence) === 'verified-gone')
    expect(all).toHaveLength(162)
    expect(green).toEqual([gone])
  })
})

describe('what evidence of a rights holder means', () => {
  it.each([
    ['verified-gone', 'absent', []],
    ['still-there', 'present', []],
    ['still-there', 'absent', ['owns table x']],
    ['still-there', 'unknown', ['owns table x']],
    ['unreachable', 'unknown', []],
  ] as const)('is %s when it is %s and %j is left', (state, listed, residue) => {
    expect(judgeHolder({ listed, residue, at })).toBe(state)
  })
})
