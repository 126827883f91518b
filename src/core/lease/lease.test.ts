import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { newId } from '../base/ids.ts'
import { isProblem } from '../base/problem.ts'
import { addMs, addSeconds, type Instant } from '../base/time.ts'
import { judge } from '../target/judge.ts'
import type { Evidence } from '../target/target.ts'
import { type LeaseEvent, nextTryAt, stepLease } from './lease.ts'
import { principalName } from './names.ts'
import type { LeaseRow, LeaseState } from './rows.ts'

const now = '2026-11-22T14:00:00.000Z' as Instant
const states: readonly LeaseState[] = ['intended', 'live', 'ending', 'gone']

function leaseIn(state: LeaseState, change: Partial<LeaseRow> = {}): LeaseRow {
  const issued = state === 'live' || change.issuedAt !== undefined
  return {
    id: newId('lease'),
    version: 3,
    appId: newId('app'),
    identityId: newId('identity'),
    taskId: newId('task'),
    grantId: newId('grant'),
    targetId: newId('target'),
    resourceId: newId('resource'),
    actions: ['read'],
    principal: 'lh_test_role',
    idempotencyHash: null,
    state,
    outcome: state === 'gone' ? 'verified-gone' : null,
    contained: false,
    cause: null,
    term: 1,
    intentDeadline: addMs(now, 10_000),
    madeAt: now,
    issuedAt: issued ? now : null,
    termEndsAt: addSeconds(now, 900),
    endsAt: addSeconds(now, 1800),
    diesAt: null,
    acceptedPath: issued ? 'memory' : null,
    evidence: null,
    endedAt: null,
    ...change,
  }
}

const gone: Evidence = {
  listed: 'absent',
  credential: 'refused',
  probe: 'accepted',
  sessions: 0,
  residue: [],
  paths: [],
  at: now,
}

const events = {
  issued: { kind: 'issued', at: now, acceptedPath: 'memory', diesAt: null },
  renewed: { kind: 'renewed', at: now, termEndsAt: addSeconds(now, 1200), diesAt: null },
  end: { kind: 'end', cause: 'revoked' },
  seen: { kind: 'seen', evidence: gone, cause: 'expired', canTry: true },
} as const satisfies Record<LeaseEvent['kind'], LeaseEvent>
const kinds = Object.keys(events) as LeaseEvent['kind'][]

/** What every state does with every event: the whole machine, as a table somebody can read. */
const machine: Record<LeaseState, Record<keyof typeof events, LeaseState | 'refused'>> = {
  intended: { issued: 'live', renewed: 'refused', end: 'ending', seen: 'gone' },
  live: { issued: 'refused', renewed: 'live', end: 'ending', seen: 'gone' },
  ending: { issued: 'refused', renewed: 'refused', end: 'ending', seen: 'gone' },
  gone: { issued: 'refused', renewed: 'refused', end: 'refused', seen: 'refused' },
}

describe('the lease machine', () => {
  for (const state of states)
    for (const kind of kinds)
      it(`${state} on ${kind} is ${machine[state][kind]}`, () => {
        const expected = machine[state][kind]
        const step = () => stepLease(leaseIn(state), events[kind])
        if (expected !== 'refused') expect(step().state).toBe(expected)
        else expect(step).toThrow(/wrong-state/)
      })

  it('a renewal never goes beyond the end, and never shortens or repeats', () => {
    fc.assert(
      fc.property(fc.integer({ min: -3600, max: 7200 }), seconds => {
        const lease = leaseIn('live')
        try {
          const after = stepLease(lease, {
            ...events.renewed,
            termEndsAt: addSeconds(now, seconds),
          })
          expect(after.termEndsAt <= lease.endsAt).toBe(true)
          expect(after.termEndsAt > lease.termEndsAt).toBe(true)
          expect(after.term).toBe(lease.term + 1)
        } catch (thrown) {
          expect(isProblem(thrown, 'wrong-state')).toBe(true)
          expect(seconds <= 900).toBe(true)
        }
      }),
    )
  })

  it('a term that is over can not be renewed, not even by a millisecond', () => {
    const lease = leaseIn('live')
    const at = (ms: number) =>
      stepLease(lease, {
        ...events.renewed,
        at: addMs(lease.termEndsAt, ms),
        termEndsAt: lease.endsAt,
      })
    expect(at(-1).state).toBe('live')
    expect(() => at(0)).toThrow(/wrong-state/)
    expect(() => at(1)).toThrow(/wrong-state/)
  })

  it('gone is reached only by evidence that says so, whatever the evidence', () => {
    const evidence = fc.record({
      listed: fc.constantFrom('absent', 'present', 'unknown'),
      credential: fc.constantFrom('refused', 'accepted', 'not-tried'),
      probe: fc.constantFrom('accepted', 'refused', 'not-tried'),
      sessions: fc.option(fc.integer({ min: 0, max: 3 })),
      residue: fc.array(fc.string(), { maxLength: 2 }),
      paths: fc.constant([]),
      at: fc.constant(now),
    }) as fc.Arbitrary<Evidence>
    fc.assert(
      fc.property(
        evidence,
        fc.boolean(),
        fc.constantFrom(...states.slice(0, 3)),
        (seen, canTry, state) => {
          const after = stepLease(leaseIn(state), {
            kind: 'seen',
            evidence: seen,
            cause: 'expired',
            canTry,
          })
          if (after.state !== 'gone') {
            expect(after.state).toBe('ending')
            return
          }
          expect(seen.listed).toBe('absent')
          expect(seen.credential).not.toBe('accepted')
          expect(seen.sessions).toBe(0)
          expect(seen.residue).toEqual([])
          if (after.outcome === 'verified-gone') expect(judge(seen)).toBe('verified-gone')
          if (after.outcome === 'never-made') expect(leaseIn(state).issuedAt).toBeNull()
          if (after.outcome === 'revoked-unverified') expect(canTry).toBe(false)
        },
      ),
    )
  })

  it('a refusal counts for nothing where the same path refuses everybody', () => {
    const dead = { ...gone, probe: 'refused' } as const
    expect(stepLease(leaseIn('live'), { ...events.seen, evidence: dead }).state).toBe('ending')
  })

  it('what is left behind but harmless is contained, and not gone', () => {
    const left = { ...gone, listed: 'present', residue: ['table notes'] } as const
    const after = stepLease(leaseIn('live'), { ...events.seen, evidence: left })
    expect(after).toMatchObject({ state: 'ending', contained: true, outcome: null })
  })

  it('the first cause stays: who ended it is what happened', () => {
    const ending = stepLease(leaseIn('live'), { kind: 'end', cause: 'tampered' })
    expect(stepLease(ending, { kind: 'end', cause: 'released' }).cause).toBe('tampered')
    expect(stepLease(ending, events.seen).cause).toBe('tampered')
  })
})

describe('retries', () => {
  it('come later each time, at most five minutes apart, and never stop', () => {
    const waits = Array.from(
      { length: 40 },
      (_, i) => Date.parse(nextTryAt(now, i + 1)) - Date.parse(now),
    )
    expect(waits.slice(0, 4)).toEqual([1000, 2000, 4000, 8000])
    expect(Math.max(...waits)).toBe(300_000)
    expect(waits.every((wait, i) => i === 0 || wait >= (waits[i - 1] ?? 0))).toBe(true)
  })
})

describe('names at targets', () => {
  it('fit 63 bytes of [a-z0-9_] for every slug, and differ when the lease differs', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z][a-z0-9]{0,12}(-[a-z0-9]{1,12}){0,2}$/), slug => {
        const name = principalName(newId('app'), slug, newId('lease'))
        expect(name).toMatch(/^[a-z0-9_]{1,63}$/)
        expect(name).not.toBe(principalName(newId('app'), slug, newId('lease')))
      }),
    )
  })
})
