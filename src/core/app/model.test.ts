// The machine of an app against a model written from the design alone, through the verbs and a real
// database: every event in every state, those that must be refused included. Prints what was visited
// and fails when a pair was not. LEASEHOLD_SEED repeats a run, LEASEHOLD_RUNS makes it longer.
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { testPermit } from '../../../test/support/permit.ts'
import { expectReplay } from '../../../test/support/replay.ts'
import { leaves, person, seen, type TestWorld, testWorld } from '../../../test/support/world.ts'
import { type AppId, newId, type PersonId, systemId } from '../base/ids.ts'
import { isProblem } from '../base/problem.ts'
import { addMs, type Instant } from '../base/time.ts'
import { findingTable } from '../finding/rows.ts'
import { imageOf } from '../ledger/fact-table.ts'
import { type AppEvent, stepApp } from './app.ts'
import {
  acceptApp,
  beginEnd,
  extendApp,
  finishEnd,
  nameBackup,
  pauseApp,
  resumeApp,
  transferApp,
} from './events.ts'
import { makeApp } from './make.ts'
import { appStates, appTable, findApp, type PauseCause } from './rows.ts'
import { sweepApps } from './sweep.ts'

const hour = 3_600_000
const day = 24 * hour
const seed = Number(process.env['LEASEHOLD_SEED'] ?? 20261122)
const numRuns = Number(process.env['LEASEHOLD_RUNS'] ?? 60)

const events = [
  'make',
  'extend',
  'offer',
  'name-backup',
  'accept',
  'pause',
  'resume',
  'owner-gone',
  'owner-back',
  'hand-over-due',
  'end-due',
  'end',
  'gone',
  'graduate',
] as const
type EventName = (typeof events)[number]
type Who = 'owner' | 'backup' | 'third' | 'stranger'

/** What the design says of an app, kept apart from the code under test. */
interface Model {
  state: string
  cause: PauseCause | null
  orphaned: Instant | null
  people: Record<Who, PersonId>
  owner: PersonId
  backup: PersonId
  offered: PersonId | null
  endsAt: Instant
  maxEndsAt: Instant
  lastSeen: Map<PersonId, Instant>
  left: Set<PersonId>
}
interface Real {
  id: AppId
}

let world: TestWorld
const visited = new Map<string, { ok: number; refused: number }>()
beforeAll(async () => {
  world = await testWorld('team')
})

const now = () => world.clock.now()
const lives = (model: Model, id: PersonId) =>
  !model.left.has(id) && now() <= addMs(model.lastSeen.get(id) ?? now(), 45 * day)
const isOver = (model: Model) => model.endsAt <= now()
const isAlive = (model: Model) => ['active', 'paused'].includes(model.state)
const isOpen = (model: Model) => isAlive(model) && !isOver(model)

/** Notes the visit, does it, and compares what happened with what the model said would. */
async function attempt(
  model: Model,
  real: Real,
  event: EventName,
  run: { may: boolean; act: () => Promise<unknown>; after: () => void },
) {
  const key = `${model.state} ${event}`
  const counts = visited.get(key) ?? { ok: 0, refused: 0 }
  visited.set(key, counts)
  const before = await findApp(world.store, real.id)
  const entries = await countEntries()
  const outcome = await run.act().then(
    () => 'ok',
    (thrown: unknown) => {
      if (!isProblem(thrown)) throw thrown
      expect(thrown.next, `${key}: ${thrown.detail}`).toBeTruthy()
      return 'refused'
    },
  )
  expect(outcome, `${key} at ${now()} of ${JSON.stringify(before)}`).toBe(
    run.may ? 'ok' : 'refused',
  )
  if (run.may) run.after()
  counts[run.may ? 'ok' : 'refused']++
  expect(await countEntries()).toBe(entries + (run.may ? 1 : 0))
  await compare(model, real)
}

async function compare(model: Model, real: Real) {
  const app = await findApp(world.store, real.id)
  expect(app).toMatchObject({
    state: model.state,
    pausedBecause: model.cause,
    orphanedAt: model.orphaned,
    ownerId: model.owner,
    backupId: model.backup,
    offeredTo: model.offered,
    endsAt: model.endsAt,
  })
  if (app !== undefined)
    expect(world.replica.get(appTable, real.id)).toEqual(imageOf(appTable, app))
}

async function countEntries(): Promise<number> {
  const rows = await world.store.query<{ n: number }>('select count(*)::int as n from ledger_inbox')
  return rows[0]?.n ?? 0
}

interface Step {
  run: (model: Model, real: Real) => Promise<void>
  toString: () => string
}
const command = (name: string, run: Step['run']): Step => ({ run, toString: () => name })

const own = <A extends Parameters<typeof testPermit>[0]>(action: A, by: PersonId, real: Real) =>
  testPermit(action, by, real.id)

const remake = command('make', (model, real) =>
  attempt(model, real, 'make', {
    may: false,
    act: () =>
      makeApp(world, own('app.make', model.people.owner, real), {
        ...input(model, real.id),
        slug: 'another',
      }),
    after: () => {},
  }),
)

const extendBy = (days: number) =>
  command(`extend ${days} d`, (model, real) => {
    const endsAt = addMs(model.endsAt, days * day)
    return attempt(model, real, 'extend', {
      may: isOpen(model) && days > 0 && endsAt <= model.maxEndsAt,
      act: () => extendApp(world, own('app.extend', model.owner, real), { appId: real.id, endsAt }),
      after: () => {
        model.endsAt = endsAt
      },
    })
  })
const extend = fc.constantFrom(-1, 1, 5, 400).map(extendBy)

const offerTo = (who: Who) =>
  command(`offer to ${who}`, (model, real) => {
    const to = model.people[who]
    return attempt(model, real, 'offer', {
      may: isOpen(model) && to !== model.owner && lives(model, to),
      act: () => transferApp(world, own('app.transfer', model.owner, real), { appId: real.id, to }),
      after: () => {
        model.offered = to
      },
    })
  })
const offer = fc.constantFrom<Who>('owner', 'backup', 'third').map(offerTo)

const backupIs = (who: Who) =>
  command(`name ${who} as backup`, (model, real) => {
    const backupId = model.people[who]
    return attempt(model, real, 'name-backup', {
      may: isOpen(model) && backupId !== model.owner && lives(model, backupId),
      act: () =>
        nameBackup(world, own('app.transfer', model.owner, real), { appId: real.id, backupId }),
      after: () => {
        model.backup = backupId
      },
    })
  })
const renameBackup = fc.constantFrom<Who>('owner', 'third', 'stranger').map(backupIs)

const acceptBy = (who: Who | 'asked') =>
  command(`${who} accepts`, (model, real) => {
    const by = who === 'asked' ? (model.offered ?? model.backup) : model.people[who]
    const isAsked =
      by === model.offered || (model.orphaned !== null && by === model.backup && by !== model.owner)
    const backup = [model.backup, model.owner].find(id => id !== by && lives(model, id))
    return attempt(model, real, 'accept', {
      may:
        isOpen(model) && isAsked && by !== model.owner && backup !== undefined && lives(model, by),
      act: () => acceptApp(world, own('app.accept', by, real), { appId: real.id }),
      after: () => {
        model.owner = by
        model.backup = backup ?? by
        model.offered = null
        back(model)
      },
    })
  })
const accept = fc.constantFrom<Who | 'asked'>('owner', 'stranger', 'third', 'asked').map(acceptBy)

function back(model: Model) {
  model.orphaned = null
  if (model.cause === 'owner-gone') {
    model.state = 'active'
    model.cause = null
  }
}

const causes = { owner: 'owner', security: 'person', control: 'drift' } as const
const rank = ['owner', 'owner-gone', 'drift', 'person']
const pauseBy = (side: keyof typeof causes) =>
  command(`${side} pauses`, (model, real) => {
    const actor = { owner: model.owner, security: world.first.id, control: systemId('schedule') }
    const isStronger = rank.indexOf(causes[side]) > rank.indexOf(model.cause ?? '')
    return attempt(model, real, 'pause', {
      may: isOpen(model) && (model.state === 'active' || (model.state === 'paused' && isStronger)),
      act: () => pauseApp(world, testPermit('app.pause', actor[side], real.id), { appId: real.id }),
      after: () => {
        model.state = 'paused'
        model.cause = causes[side]
      },
    })
  })
const pause = fc.constantFrom<keyof typeof causes>('owner', 'security', 'control').map(pauseBy)

const resumeBy = (isOwner: boolean) =>
  command(`${isOwner ? 'owner' : 'security'} resumes`, (model, real) => {
    const by = isOwner ? model.owner : world.first.id
    return attempt(model, real, 'resume', {
      may:
        isOpen(model) &&
        model.state === 'paused' &&
        model.orphaned === null &&
        !(isOwner && model.cause === 'person'),
      act: () => resumeApp(world, own('app.resume', by, real), { appId: real.id }),
      after: () => {
        model.state = 'active'
        model.cause = null
      },
    })
  })
const resume = fc.boolean().map(resumeBy)

const end = command('end', (model, real) =>
  attempt(model, real, 'end', {
    may: isAlive(model),
    act: () => beginEnd(world, own('app.end', model.owner, real), { appId: real.id }),
    after: () => {
      model.state = 'ending'
      model.cause = model.offered = null
    },
  }),
)

const finishAs = (outcome: 'gone' | 'graduate') =>
  command(outcome, (model, real) =>
    attempt(model, real, outcome, {
      may: model.state === 'ending',
      act: () =>
        finishEnd(world, testPermit('offboard.run', systemId('offboard'), real.id), {
          appId: real.id,
          outcome,
        }),
      after: () => {
        model.state = outcome === 'gone' ? 'ended' : 'graduated'
      },
    }),
  )
const finish = fc.constantFrom('gone' as const, 'graduate' as const).map(finishAs)

/** The sweep sends at most one of its events to an app; all four are also asked of the machine itself. */
const sweep = command('sweep', async (model, real) => {
  const due = sweepDue(model)
  for (const kind of ['end-due', 'owner-gone', 'owner-back', 'hand-over-due'] as const) {
    const app = await findApp(world.store, real.id)
    if (app === undefined) throw new Error('the app is there')
    const may = mayHappen(model, kind)
    const stepped = stepApp(app, { kind } satisfies AppEvent, now())
    expect(isProblem(stepped), `${model.state} ${kind}`).toBe(!may)
    const key = `${model.state} ${kind}`
    const counts = visited.get(key) ?? { ok: 0, refused: 0 }
    counts[may ? 'ok' : 'refused']++
    visited.set(key, counts)
  }
  await sweepApps(world)
  if (due === 'end-due') {
    model.state = 'ending'
    model.cause = model.offered = null
  }
  if (due === 'owner-gone') model.orphaned = now()
  if (due === 'owner-back') back(model)
  if (due === 'hand-over-due') {
    model.state = 'paused'
    model.cause = 'owner-gone'
  }
  await compare(model, real)
})

/** What can happen to an app, whatever is true of its people. */
function mayHappen(model: Model, kind: string): boolean {
  if (kind === 'end-due') return isAlive(model) && isOver(model)
  if (!isOpen(model)) return false
  if (kind === 'owner-gone') return model.orphaned === null
  if (kind === 'owner-back') return model.orphaned !== null
  return (
    model.state === 'active' && model.orphaned !== null && now() >= addMs(model.orphaned, 72 * hour)
  )
}

function sweepDue(model: Model): string | undefined {
  const isOrphan = !lives(model, model.owner)
  if (mayHappen(model, 'end-due')) return 'end-due'
  if (isOrphan && mayHappen(model, 'owner-gone')) return 'owner-gone'
  if (!isOrphan && mayHappen(model, 'owner-back')) return 'owner-back'
  return mayHappen(model, 'hand-over-due') ? 'hand-over-due' : undefined
}

const waitFor = (hours: number) =>
  command(`wait ${hours} h`, async () => world.clock.advance(hours * hour))
const wait = fc.constantFrom(1, 24, 73, 400).map(waitFor)

const waitLong = command('wait until it is over', async model => {
  if (!isOver(model)) world.clock.set(model.endsAt)
})

const leaveOf = (who: Who) =>
  command(`${who} leaves`, async model => {
    const id = model.people[who]
    model.left.add(id)
    await leaves(world, id)
  })
const ownerLeaves = fc.constantFrom<Who>('owner', 'backup').map(leaveOf)

const signIn = command('owner signs in', async model => {
  if (model.left.has(model.owner)) return
  model.lastSeen.set(model.owner, now())
  await seen(world, model.owner)
})

/** What an app that is ending or over refuses. */
const refused: Step[] = [
  remake,
  extendBy(1),
  offerTo('third'),
  backupIs('third'),
  acceptBy('asked'),
  pauseBy('security'),
  resumeBy(false),
  sweep,
  end,
]
const finishes = [finishAs('gone'), finishAs('graduate')]

/** Walks that reach every state and do what is possible there; what is random begins after one of them. */
const walks: Step[][] = [
  [offerTo('third'), acceptBy('asked'), extendBy(1), backupIs('stranger'), waitLong, sweep],
  [pauseBy('owner'), offerTo('backup'), acceptBy('asked'), resumeBy(true)],
  [pauseBy('owner'), extendBy(1), backupIs('third'), waitLong, sweep],
  [pauseBy('owner'), pauseBy('security'), resumeBy(true), resumeBy(false)],
  [leaveOf('owner'), sweep, waitFor(73), sweep, acceptBy('asked')],
  [leaveOf('owner'), sweep, acceptBy('asked')],
  [offerTo('backup'), leaveOf('backup'), acceptBy('asked')],
  [waitFor(24 * 6), sweep, signIn, sweep],
  [waitFor(24 * 6), sweep, waitFor(73), sweep, signIn, sweep],
  [pauseBy('security'), waitFor(24 * 6), sweep, signIn, sweep],
  [remake, pauseBy('owner'), resumeBy(true), acceptBy('stranger'), ...finishes],
  [remake, resumeBy(true), ...finishes],
  [pauseBy('owner'), remake, sweep, ...finishes],
  [end, ...refused],
  [pauseBy('owner'), end, finishAs('gone'), ...refused, ...finishes],
  [end, finishAs('graduate'), ...refused, ...finishes],
]
const anything = fc.array(
  fc.oneof(
    fc.constant(remake),
    extend,
    offer,
    renameBackup,
    accept,
    pause,
    resume,
    fc.constant(end),
    finish,
    fc.constant(sweep),
    fc.constant(sweep),
    wait,
    ownerLeaves,
    fc.constant(signIn),
  ),
  { minLength: 6, maxLength: 12 },
)

const alive = ['active', 'paused']
/** Where an event can be more than refused. */
const possible: Record<Exclude<EventName, 'make'>, string[]> = {
  extend: alive,
  offer: alive,
  'name-backup': alive,
  accept: alive,
  pause: ['active', 'paused'],
  resume: ['paused'],
  'owner-gone': alive,
  'owner-back': alive,
  'hand-over-due': ['active'],
  'end-due': alive,
  end: alive,
  gone: ['ending'],
  graduate: ['ending'],
}

function input(model: Model, id: AppId) {
  return {
    id,
    slug: `a${id.slice(3, 20)}`,
    ownerId: model.owner,
    backupId: model.backup,
    team: null,
    purpose: 'board of stuck deals',
    dataClasses: ['internal'] as const,
    stage: 'prototype' as const,
    endTrigger: 'date' as const,
    endsAt: model.endsAt,
  }
}

/** An app whose owner was last seen 40 days ago: six more days of silence and the owner is gone. */
async function setUp(): Promise<{ model: Model; real: Real }> {
  const owner = await person(world, 'Maya')
  const lastSeen = new Map([[owner, now()]])
  world.clock.advance(40 * day)
  const names = { backup: 'Tom', third: 'Ann', stranger: 'Rob' }
  const others: Partial<Record<Who, PersonId>> = {}
  for (const [who, name] of Object.entries(names)) {
    const id = await person(world, name)
    others[who as Who] = id
    lastSeen.set(id, now())
  }
  const people = { owner, ...others } as Record<Who, PersonId>
  const model: Model = {
    state: 'active',
    cause: null,
    orphaned: null,
    people,
    owner,
    backup: people.backup,
    offered: null,
    endsAt: addMs(now(), 20 * day),
    maxEndsAt: addMs(now(), 30 * day),
    lastSeen,
    left: new Set(),
  }
  const id = newId('app')
  await makeApp(world, testPermit('app.make', owner, id), input(model, id))
  return { model, real: { id } }
}

/** Leaves nothing alive that a later run's sweep would find. */
async function tearDown({ model, real }: { model: Model; real: Real }) {
  const appId = real.id
  if (isAlive(model)) await beginEnd(world, own('app.end', model.owner, real), { appId })
  if (isAlive(model) || model.state === 'ending')
    await finishEnd(world, testPermit('offboard.run', systemId('offboard'), appId), {
      appId,
      outcome: 'gone',
    })
}

describe('the life of an app', () => {
  it('is what the model says, whatever happens in whatever order', async () => {
    const live = async (steps: readonly Step[]) => {
      const at = await setUp()
      for (const step of steps) await step.run(at.model, at.real)
      await tearDown(at)
    }
    for (const walk of walks) await live(walk)
    const runs = fc.asyncProperty(fc.constantFrom(...walks), anything, (walk, rest) =>
      live([...walk, ...rest]),
    )
    await fc.assert(runs, { seed, numRuns, endOnFailure: true })
  }, 240_000)

  it('was tried with every event in every state', () => {
    const cell = (state: string, event: string) => visited.get(`${state} ${event}`)
    const table = events.map(event => {
      const cells = appStates.map(state => {
        const { ok, refused } = cell(state, event) ?? { ok: 0, refused: 0 }
        return `${ok}/${refused}`.padStart(10)
      })
      return `${event.padEnd(14)}${cells.join('')}`
    })
    const head = `${'done/refused'.padEnd(14)}${appStates.map(s => s.padStart(10)).join('')}`
    process.stdout.write(`\nseed ${seed}\n${[head, ...table].join('\n')}\n`)
    const missed = appStates.flatMap(state =>
      events.filter(event => cell(state, event) === undefined).map(event => `${state} ${event}`),
    )
    expect(missed).toEqual([])
    const never = Object.entries(possible).flatMap(([event, states]) =>
      states.filter(state => (cell(state, event)?.ok ?? 0) === 0).map(state => `${state} ${event}`),
    )
    expect(never, 'possible, and never done').toEqual([])
  })

  it('played again from the log, equals the tables', () =>
    expectReplay(world.store, [appTable, findingTable]))
})
