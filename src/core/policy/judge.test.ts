import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readCases, runCase, sampleOf } from '../../life/why/cases.ts'
import type { DecisionId, GrantId } from '../base/ids.ts'
import type { JsonObject } from '../base/json.ts'
import { limits } from '../base/limits.ts'
import { type Instant, toMs } from '../base/time.ts'
import { type Bundle, openBundle, readShipped, withFile } from './bundle.ts'
import type { Facts } from './facts.ts'
import { type Asked, judge } from './judge.ts'

const shipped = readShipped()
const bundle = openBundle(shipped)

function asked(facts: Asked['facts'], action = 'lease.issue', more: Partial<Asked> = {}): Asked {
  return {
    v: 1,
    id: 'dc_1' as DecisionId,
    at: '2026-11-22T14:00:00.000Z' as Instant,
    actor: { kind: 'identity', id: 'id_run' as never },
    action,
    about: { type: 'lease', id: 'ls_1' },
    bundle: bundle.hash,
    freshness: { position: 1, ageMs: 5, regressed: false },
    facts,
    ...more,
  }
}

function withRule(text: string): Bundle {
  return openBundle(withFile(shipped, text))
}

const reading = sampleOf('run', 'read')
const [granted] = reading.grants
if (granted === undefined) throw new Error('the sample has a grant')

describe('a yes', () => {
  it('names the rule of what is done to the data first', () => {
    expect(judge(bundle, asked(reading)).rules).toEqual([
      'prototype-read',
      'credential-under-grant',
    ])
  })

  it('reaches to the earliest end of task, grant and app', () => {
    const ends = { task: '2026-11-22T15:00:00.000Z', grant: '2026-11-22T14:30:00.000Z' }
    const reach = (facts: Facts) => judge(bundle, asked(facts)).reach
    expect(reach(reading)?.endsAt).toBe(ends.task)
    const short = { ...granted, facts: { ...granted.facts, endsAt: ends.grant } }
    expect(reach({ ...reading, grants: [short] })?.endsAt).toBe(ends.grant)
    const app = { ...(reading.context['app'] as JsonObject), endsAt: '2026-11-22T14:10:00.000Z' }
    expect(reach({ ...reading, context: { ...reading.context, app } })?.endsAt).toBe(
      '2026-11-22T14:10:00.000Z',
    )
  })

  it('has short terms when nobody is there', () => {
    const task = {
      ...(reading.context['task'] as JsonObject),
      autonomy: 'unattended',
      humanInLoop: false,
    }
    const alone = { ...reading, context: { ...reading.context, task } }
    expect(judge(bundle, asked(reading)).reach?.termSeconds).toBe(limits.leaseTermSeconds)
    expect(judge(bundle, asked(alone)).reach?.termSeconds).toBe(300)
  })

  it.each([
    ['public', limits.holdForMs],
    ['internal', limits.holdForMs],
    ['customer', 0],
  ])('for %s data may go on for %i ms on stale facts', (dataClass, holdForMs) => {
    const resource = { ...reading.resource, attrs: { ...reading.resource.attrs, dataClass } }
    expect(judge(bundle, asked({ ...reading, resource })).reach?.holdForMs).toBe(holdForMs)
  })

  it('needs one candidate that is enough for all that is wanted, and names it', () => {
    const other = { id: 'gr_other' as GrantId, facts: { ...granted.facts, actions: ['write'] } }
    const both = {
      id: 'gr_both' as GrantId,
      facts: { ...granted.facts, actions: ['read', 'write'] },
    }
    const uses = [
      { action: 'read', purposeCovers: true },
      { action: 'write', purposeCovers: true },
    ] as const
    const outcome = (grants: Facts['grants']) => judge(bundle, asked({ ...reading, uses, grants }))
    expect(outcome([other, granted, both])).toMatchObject({ allowed: true, grantId: 'gr_both' })
    expect(outcome([other, granted])).toMatchObject({
      allowed: false,
      grantId: null,
      rules: ['default-deny'],
    })
  })
})

describe('a no', () => {
  it('when the log has gone back, whatever is asked', () => {
    const freshness = { position: 1, ageMs: 0, regressed: true }
    for (const [facts, action] of [
      [reading, 'lease.issue'],
      [sampleOf('owner', 'app.end'), 'app.end'],
    ] as const)
      expect(judge(bundle, asked(facts, action, { freshness })).rules).toEqual(['log-regressed'])
  })

  it('when the facts are too old to give out something new; ending goes on', () => {
    const freshness = { position: 1, ageMs: limits.freshForIssueMs + 1, regressed: false }
    expect(judge(bundle, asked(reading, 'lease.issue', { freshness })).rules).toEqual([
      'stale-facts',
    ])
    const ending = sampleOf('owner', 'app.end')
    expect(judge(bundle, asked(ending, 'app.end', { freshness })).allowed).toBe(true)
    const onTheEdge = { ...freshness, ageMs: limits.freshForIssueMs }
    expect(judge(bundle, asked(reading, 'lease.issue', { freshness: onTheEdge })).allowed).toBe(
      true,
    )
  })

  it.each(['actor', 'thing', 'action'] as const)('when the %s is not known', unknown => {
    expect(judge(bundle, asked({ unknown })).rules).toEqual([`unknown-${unknown}`])
  })

  it('when a rule can not be evaluated, though Cedar would permit', () => {
    const broken = withRule(
      '@id("broken")\n@says("Overflows.")\nforbid (principal, action == Action::"read", resource) when { context.holds + 9223372036854775807 > context.ageMs };',
    )
    const one = { ...reading, context: { ...reading.context, holds: 1 } }
    expect(judge(broken, asked(one))).toMatchObject({ allowed: false, rules: ['policy-error'] })
    expect(judge(broken, asked(one)).errors[0]).toContain('broken')
  })

  it('when a policy permits without a grant: there is nothing to make a credential of', () => {
    const generous = withRule(
      '@id("generous")\n@says("All.")\npermit (principal, action, resource);',
    )
    expect(judge(generous, asked({ ...reading, grants: [] }))).toMatchObject({ allowed: false })
  })

  it('names what stops everything before what concerns the data', () => {
    const task = { ...(reading.context['task'] as JsonObject), state: 'closed' }
    const resource = { ...reading.resource, attrs: { ...reading.resource.attrs, dataClass: 'hr' } }
    const facts = { ...reading, resource, context: { ...reading.context, task, holds: 1 } }
    expect(judge(bundle, asked(facts)).rules).toEqual([
      'hold',
      'data-on-hold',
      'task-over',
      'regulated-needs-managed',
    ])
  })
})

// ── properties over everything the cases ask ──

const cases = readCases(bundle)
const someCase = fc.constantFrom(...cases)

describe('always', () => {
  it('a rule that forbids more never allows more', { timeout: 120_000 }, () => {
    const stricter = [
      'forbid (principal, action in Action::"data", resource);',
      'forbid (principal is Person, action, resource) when { principal.roles.contains("platform") };',
      'forbid (principal, action in Action::"gain", resource) when { context.mode == "solo" };',
      'forbid (principal, action, resource) when { context.holds > 0 };',
    ].map(text => withRule(`@id("stricter")\n@says("Stricter.")\n${text}`))
    const before = cases.map(each => runCase(bundle, each).allowed)
    const after = stricter.map(other => cases.map(each => runCase(other, each).allowed))
    const opened = after.flatMap(row =>
      cases.filter((_, i) => row[i] === true && before[i] === false),
    )
    const stopped = after.flatMap(row =>
      cases.filter((_, i) => row[i] === false && before[i] === true),
    )
    expect(opened).toEqual([])
    expect(stopped.length).toBeGreaterThan(20)
  })

  it('the order of files and rules changes no answer', { timeout: 120_000 }, () => {
    const mixed = openBundle({
      ...shipped,
      files: shipped.files.toReversed().map(file => ({
        ...file,
        text: file.text
          .split(/^(?=@id)/m)
          .toReversed()
          .join('\n'),
      })),
    })
    expect(mixed.rules.size).toBe(bundle.rules.size)
    for (const each of cases) {
      const [one, other] = [runCase(bundle, each), runCase(mixed, each)]
      expect({ ...other, rules: other.rules.toSorted() }).toEqual({
        ...one,
        rules: one.rules.toSorted(),
      })
    }
  })

  it('a fact that is missing never allows more', { timeout: 120_000 }, () => {
    const optional = [
      'grant',
      'request',
      'data',
      'hold',
      'findingOwner',
      'app.orphanedAt',
      'app.offeredTo',
      'app.pausedBecause',
      'task.onBehalfOf',
    ]
    fc.assert(
      fc.property(someCase, fc.subarray(optional, { minLength: 1 }), (each, missing) => {
        const gone = Object.fromEntries(
          missing.flatMap(path => (has(each, path) ? [[path, null]] : [])),
        )
        const less = runCase(bundle, { ...each, with: { ...each.with, ...gone } })
        expect(less.allowed && !runCase(bundle, each).allowed).toBe(false)
      }),
      { numRuns: 500 },
    )
  })

  it.each(['mode', 'holds', 'now', 'app.state', 'app.endsAt', 'task.state', 'app.ownerLiving'])(
    'without %s nothing is allowed',
    path => {
      const { rules } = runCase(bundle, { who: 'run', do: 'read', with: { [path]: null } })
      expect(rules).toEqual(['policy-error'])
    },
  )

  it('an app later in time is allowed no more than now', { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(someCase, fc.integer({ min: 1, max: 400 }), (each, days) => {
        if (each.do === 'app.make') return
        const now = new Date(
          toMs('2026-11-22T14:00:00.000Z' as Instant) + days * 86_400_000,
        ).toISOString()
        const then = runCase(bundle, { ...each, with: { ...each.with, now } }).allowed
        expect(then && !runCase(bundle, each).allowed).toBe(false)
      }),
      { numRuns: 300 },
    )
  })
})

function has(each: { who: string; do: string; with: object }, path: string): boolean {
  const [first = '', second] = path.split('.')
  const facts = sampleOf(each.who, each.do)
  if (first === 'grant') return facts.grants.length > 0
  if (second === undefined) return first in each.with
  return first in facts.context
}
