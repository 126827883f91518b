import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { handClock } from '../../../test/support/clock.ts'
import { type AppId, newId, type PersonId, systemId } from '../base/ids.ts'
import { isProblem, Problem } from '../base/problem.ts'
import { addMs, addSeconds } from '../base/time.ts'
import { type AppEvent, handOverEndsAt, stateAt, stepApp } from './app.ts'
import { type AppRow, appStates } from './rows.ts'

const now = handClock().now()
const [maya, tom, ann] = ['pe_maya', 'pe_tom', 'pe_ann'] as [PersonId, PersonId, PersonId]

const app = (over: Partial<AppRow> = {}): AppRow => ({
  id: newId('app') as AppId,
  version: 7,
  slug: 'deal-desk',
  ownerId: maya,
  backupId: tom,
  offeredTo: null,
  team: null,
  day: null,
  purpose: 'board of stuck deals',
  dataClasses: ['internal'],
  stage: 'prototype',
  state: 'active',
  endTrigger: 'date',
  endsAt: addSeconds(now, 5 * 86_400),
  maxEndsAt: addSeconds(now, 30 * 86_400),
  origin: null,
  watchedUntil: null,
  openTo: [],
  pausedBecause: null,
  orphanedAt: null,
  madeBy: systemId('genesis'),
  madeAt: now,
  endedAt: null,
  ...over,
})

const must = (row: AppRow | Problem): AppRow => {
  if (row instanceof Problem) throw row
  return row
}
const step = (row: AppRow, ...events: AppEvent[]) =>
  events.reduce((at, event) => must(stepApp(at, event, now)), row)

const event: fc.Arbitrary<AppEvent> = fc.oneof(
  fc
    .constantFrom('owner-gone', 'owner-back', 'hand-over-due', 'end-due', 'end', 'gone', 'graduate')
    .map(kind => ({ kind })),
  fc.integer({ min: -1, max: 40 }).map(days => ({
    kind: 'extend' as const,
    endsAt: addSeconds(now, days * 86_400),
  })),
  fc.constantFrom(maya, tom, ann).map(to => ({ kind: 'offer' as const, to })),
  fc.constantFrom(maya, tom, ann).map(backupId => ({ kind: 'name-backup' as const, backupId })),
  fc
    .tuple(fc.constantFrom(maya, tom, ann), fc.constantFrom(maya, tom, ann))
    .map(([by, backupId]) => ({ kind: 'accept' as const, by, backupId })),
  fc
    .constantFrom('owner' as const, 'drift' as const, 'person' as const)
    .map(because => ({ kind: 'pause' as const, because })),
  fc.constantFrom('owner' as const, 'person' as const).map(by => ({ kind: 'resume' as const, by })),
)

describe('an app, whatever happens to it', () => {
  it('keeps two people, an end within its longest life, and a cause exactly while paused', () => {
    const history = fc.array(fc.tuple(event, fc.integer({ min: 0, max: 100 })), { maxLength: 30 })
    fc.assert(
      fc.property(history, list => {
        let at = app()
        let time = now
        for (const [each, hours] of list) {
          time = addMs(time, hours * 3_600_000)
          const after = stepApp(at, each, time)
          if (isProblem(after)) expect(after.next).toBeTruthy()
          else checkStep(at, after)
          if (!(after instanceof Problem)) at = after
        }
      }),
      { numRuns: 3_000 },
    )
  })

  function checkStep(before: AppRow, after: AppRow) {
    expect(after.ownerId).not.toBe(after.backupId)
    expect(after.endsAt <= after.maxEndsAt).toBe(true)
    expect(after.endsAt >= before.endsAt).toBe(true)
    expect(after.maxEndsAt).toBe(before.maxEndsAt)
    expect(after.state === 'paused').toBe(after.pausedBecause !== null)
    expect(['ended', 'graduated'].includes(after.state)).toBe(after.endedAt !== null)
    expect(['ended', 'graduated']).not.toContain(before.state)
    if (before.state === 'ending') expect(['ended', 'graduated']).toContain(after.state)
    expect(after.version).toBe(before.version)
  }
})

describe('time', () => {
  it('makes an app ending at its end date, and not a millisecond earlier', () => {
    const { endsAt } = app()
    expect(stateAt(app(), addMs(endsAt, -1))).toBe('active')
    expect(stateAt(app(), endsAt)).toBe('ending')
    expect(stateAt(app({ state: 'ended', endedAt: endsAt }), endsAt)).toBe('ended')
  })

  it('passed, an end date is not moved, and nothing else revives the app', () => {
    const late = addMs(app().endsAt, 1)
    const endsAt = addSeconds(late, 86_400)
    for (const each of [
      { kind: 'extend', endsAt },
      { kind: 'pause', because: 'owner' },
      { kind: 'offer', to: ann },
    ] satisfies AppEvent[])
      expect(stepApp(app(), each, late)).toMatchObject({
        code: 'wrong-state',
        detail: expect.stringContaining('is ending'),
      })
    expect(must(stepApp(app(), { kind: 'end-due' }, late)).state).toBe('ending')
  })

  it('pauses an app without an owner after 72 hours, not after 71', () => {
    const orphan = app({ orphanedAt: now })
    const due = { kind: 'hand-over-due' } as const
    expect(stepApp(orphan, due, addMs(handOverEndsAt(now), -1))).toMatchObject({
      code: 'wrong-state',
    })
    expect(stepApp(orphan, due, handOverEndsAt(now))).toMatchObject({
      state: 'paused',
      pausedBecause: 'owner-gone',
    })
  })
})

describe('a pause', () => {
  it('of somebody else is not lifted by the owner, who lifts their own', () => {
    const paused = step(app(), { kind: 'pause', because: 'person' })
    expect(stepApp(paused, { kind: 'resume', by: 'owner' }, now)).toMatchObject({
      code: 'wrong-state',
    })
    expect(step(paused, { kind: 'resume', by: 'person' }).state).toBe('active')
    const own = step(app(), { kind: 'pause', because: 'owner' })
    expect(step(own, { kind: 'resume', by: 'owner' }).state).toBe('active')
  })

  it('takes the place of a weaker one, never of a stronger', () => {
    const own = step(app(), { kind: 'pause', because: 'owner' })
    const stronger = step(own, { kind: 'pause', because: 'person' })
    expect(stronger.pausedBecause).toBe('person')
    expect(stepApp(stronger, { kind: 'pause', because: 'drift' }, now)).toBeInstanceOf(Problem)
  })

  it('for a missing owner ends when the app is accepted; any other stays', () => {
    const gone = app({ state: 'paused', pausedBecause: 'owner-gone', orphanedAt: now })
    const accept = { kind: 'accept', by: tom, backupId: ann } as const
    expect(step(gone, accept)).toMatchObject({ state: 'active', orphanedAt: null, ownerId: tom })
    const held = app({ state: 'paused', pausedBecause: 'person', orphanedAt: now })
    expect(step(held, accept)).toMatchObject({
      state: 'paused',
      pausedBecause: 'person',
      orphanedAt: null,
    })
  })

  it('is not lifted while nobody owns the app, and the refusal says who can accept it', () => {
    const gone = app({ state: 'paused', pausedBecause: 'owner', orphanedAt: now })
    expect(stepApp(gone, { kind: 'resume', by: 'person' }, now)).toMatchObject({
      code: 'wrong-state',
      next: 'Accept it: leasehold transfer accept deal-desk',
    })
  })
})

describe('a hand-over', () => {
  it('needs an offer, or an orphaned app and its backup', () => {
    const accept = { kind: 'accept', by: tom, backupId: ann } as const
    expect(stepApp(app(), accept, now)).toMatchObject({ code: 'wrong-state' })
    expect(step(app(), { kind: 'offer', to: tom }, accept).ownerId).toBe(tom)
    expect(step(app(), { kind: 'owner-gone' }, accept).ownerId).toBe(tom)
    const stranger = { kind: 'accept', by: ann, backupId: tom } as const
    expect(stepApp(step(app(), { kind: 'owner-gone' }), stranger, now)).toBeInstanceOf(Problem)
  })

  it('leaves owner and backup two people', () => {
    const offered = step(app(), { kind: 'offer', to: ann })
    expect(stepApp(offered, { kind: 'accept', by: ann, backupId: ann }, now)).toMatchObject({
      field: 'backupId',
    })
    expect(stepApp(app(), { kind: 'name-backup', backupId: maya }, now)).toMatchObject({
      field: 'backupId',
    })
    expect(stepApp(app(), { kind: 'offer', to: maya }, now)).toMatchObject({ field: 'to' })
  })
})

it('a refusal names the app, its state, and a next step for each state', () => {
  const texts = appStates.map(state => {
    const row = app({ state, pausedBecause: state === 'paused' ? 'owner' : null })
    const refused = stepApp(row, { kind: state === 'ending' ? 'end' : 'gone' }, now)
    return refused instanceof Problem ? `${refused.detail} ${refused.next}` : 'done'
  })
  expect(texts).toMatchInlineSnapshot(`
    [
      "\`deal-desk\` is active and can not be called ended. See how it is: leasehold status deal-desk",
      "\`deal-desk\` is paused and can not be called ended. Resume it: leasehold resume deal-desk",
      "\`deal-desk\` is ending and can not be ended. Its end goes on by itself. Follow it: leasehold show deal-desk",
      "\`deal-desk\` is ended and can not be called ended. It is gone everywhere. Make a new app: leasehold new",
      "\`deal-desk\` is graduated and can not be called ended. It is a managed service now. Make a new app: leasehold new",
    ]
  `)
})

describe('watching', () => {
  const until = addSeconds(now, 86_400)
  const watch: AppEvent = { kind: 'watch', until }

  it('is for what was adopted, and for nothing made here', () => {
    expect(step(app({ origin: 'adopted' }), watch)).toMatchObject({ watchedUntil: until })
    expect(stepApp(app(), watch, now)).toMatchObject({ code: 'wrong-state' })
    const made = app({ watchedUntil: until })
    expect(stepApp(made, { kind: 'watch', until: null }, now)).toMatchObject({
      code: 'wrong-state',
    })
  })

  it.each(appStates)(
    'in the state %s is possible while the app lives, and so is its end',
    state => {
      const isLiving = ['active', 'paused'].includes(state)
      for (const event of [watch, { kind: 'watch', until: null }] as const)
        expect(stepApp(app({ origin: 'adopted', state }), event, now) instanceof Problem).toBe(
          !isLiving,
        )
    },
  )
})
