/**
 * Who ends when, while a managed app takes over from a prototype: every order of what people, workloads
 * and time do to the two, against a model written apart.
 */
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { type LeaseTestWorld, leaseWorld } from '../../../test/support/lease-world.ts'
import { testPermit } from '../../../test/support/permit.ts'
import { failing } from '../../../test/support/world.ts'
import { beginEnd, pauseApp, resumeApp } from '../../core/app/events.ts'
import { type AppRow, appTable, findApp } from '../../core/app/rows.ts'
import { requestTable } from '../../core/approval/rows.ts'
import { sha256Hex } from '../../core/base/hash.ts'
import { type AppId, newId, systemId } from '../../core/base/ids.ts'
import { addSeconds } from '../../core/base/time.ts'
import { grantTable } from '../../core/grant/rows.ts'
import { identityTable } from '../../core/identity/rows.ts'
import { leaseTable } from '../../core/lease/rows.ts'
import { entryKind } from '../../core/ledger/kind.ts'
import { recorded } from '../../core/ledger/record.ts'
import { taskTable } from '../../core/task/rows.ts'
import { outcomeOf, sweepGraduations } from './graduate.ts'

const day = 86_400_000
const made = entryKind('test.pair', 'made a prototype and its successor for a test')
let world: LeaseTestWorld
beforeAll(async () => {
  world = await leaseWorld()
})

/** A prototype with work to do, and the successor people agreed to; each with what a lease hangs on. */
async function newPair() {
  const { clock, app: like, first } = world
  const request = newId('request')
  const ids = { old: newId('app'), next: `ap_${request.slice(3)}` as AppId }
  const maxEndsAt = addSeconds(clock.now(), 30 * 86_400)
  await recorded(world, async scope => {
    const of = { ...like, version: 1, madeAt: clock.now(), endsAt: maxEndsAt, maxEndsAt }
    const named = (id: AppId) => ({ id, slug: `a${id.slice(3, 20)}` })
    await scope.insert(appTable, { ...of, ...named(ids.old) })
    await scope.insert(appTable, { ...of, ...named(ids.next), stage: 'managed' })
    await scope.insert(requestTable, {
      id: request,
      kind: 'graduate',
      appId: ids.old,
      askedBy: like.backupId,
      body: '{}',
      bodyHash: sha256Hex('{}'),
      reason: 'it stays',
      approvers: [first.id],
      quorum: 1,
      ownAnswer: false,
      state: 'agreed',
      expiresAt: maxEndsAt,
      closedAt: clock.now(),
    })
    scope.entry({ kind: made, by: systemId('genesis') })
  })
  return { ids, tasks: { old: await work(ids.old), next: await work(ids.next) } }
}

/** Something it works at, and the lease it could have for that. */
async function work(appId: AppId) {
  const { identity, task, grant, clock } = world
  const ids = { identity: newId('identity'), task: newId('task'), grant: newId('grant') }
  const fresh = { version: 1, madeAt: clock.now(), appId }
  await recorded(world, async scope => {
    const spiffeId = `${identity.spiffeId}/${ids.identity}`
    await scope.insert(identityTable, { ...identity, ...fresh, id: ids.identity, spiffeId })
    const identityId = ids.identity
    const opened = { openedAt: clock.now(), endsAt: addSeconds(clock.now(), 20 * 86_400) }
    await scope.insert(taskTable, {
      ...task,
      version: 1,
      appId,
      ...opened,
      id: ids.task,
      identityId,
    })
    const held = { holder: `lhg_${ids.grant}`, requestId: null, endsAt: opened.endsAt }
    await scope.insert(grantTable, {
      ...grant,
      ...fresh,
      ...held,
      glassBy: world.first.id,
      id: ids.grant,
    })
    scope.entry({ kind: made, by: systemId('genesis') })
  })
  return ids
}

interface Model {
  old: AppRow['state']
  next: AppRow['state']
  tookOverMs: number | null
  isBusy: boolean
  nowMs: number
}
type Pair = Awaited<ReturnType<typeof newPair>>
interface Step {
  readonly name: string
  readonly model: (model: Model) => void
  readonly real: (pair: Pair) => Promise<unknown>
}

const change = (of: 'old' | 'next', to: 'paused' | 'active' | 'ending'): Step => ({
  name: `${of} becomes ${to}`,
  model: model => {
    const from = { paused: ['active'], active: ['paused'], ending: ['active', 'paused'] }[to]
    if (from.includes(model[of])) model[of] = to
  },
  real: async ({ ids }) => {
    const appId = ids[of]
    const by = world.first.id
    const verbs = {
      paused: () => pauseApp(world, testPermit('app.pause', by, appId), { appId }),
      active: () => resumeApp(world, testPermit('app.resume', by, appId), { appId }),
      ending: () => beginEnd(world, testPermit('app.end', by, appId), { appId }),
    }
    await verbs[to]().catch(() => {})
  },
})

const takeOver: Step = {
  name: 'the successor has a lease',
  model: model => void (model.tookOverMs ??= model.nowMs),
  real: async ({ ids, tasks }) => {
    const { clock, targetId, resource } = world
    const now = clock.now()
    await recorded(world, async scope => {
      const id = newId('lease')
      await scope.insert(leaseTable, {
        id,
        appId: ids.next,
        identityId: tasks.next.identity,
        taskId: tasks.next.task,
        grantId: tasks.next.grant,
        targetId,
        resourceId: resource.id,
        actions: ['read'],
        principal: `lh_${id}`,
        state: 'live',
        contained: false,
        term: 1,
        intentDeadline: now,
        issuedAt: now,
        termEndsAt: addSeconds(now, 300),
        endsAt: addSeconds(now, 300),
      })
      scope.entry({ kind: made, by: systemId('genesis') })
    })
  },
}

const closeTask: Step = {
  name: 'the prototype is done',
  model: model => void (model.isBusy = false),
  real: async ({ tasks }) =>
    recorded(world, async scope => {
      const [task] = await scope.tx.query<never>(
        `select ${taskTable.select} from task where id = $1 and state = 'open' for update`,
        [tasks.old.task],
      )
      if (task === undefined) return
      const over = { state: 'closed', closedBecause: 'done', closedAt: scope.at } as const
      await scope.save(taskTable, task, { ...(task as object), ...over } as never)
      scope.entry({ kind: made, by: systemId('genesis') })
    }),
}

const wait = (ms: number): Step => ({
  name: `${ms} ms pass`,
  model: model => void (model.nowMs += ms),
  real: async () => world.clock.advance(ms),
})

/** From the page, not from the code: docs/decisions/graduate.md, steps 5 and 6, and what is undone. */
const sweep: Step = {
  name: 'the sweep looks',
  model: model => {
    if (model.next !== 'active' || !['active', 'paused'].includes(model.old)) return
    if (model.tookOverMs === null) {
      if (model.nowMs >= 7 * day) model.next = 'ending'
    } else if (!model.isBusy || model.nowMs - model.tookOverMs >= 30_000) model.old = 'ending'
  },
  real: () => sweepGraduations(world),
}

async function expectPlayed(steps: readonly Step[]): Promise<void> {
  const pair = await newPair()
  const model: Model = { old: 'active', next: 'active', tookOverMs: null, isBusy: true, nowMs: 0 }
  for (const step of steps) {
    step.model(model)
    await step.real(pair)
    const [old, next] = await Promise.all(
      [pair.ids.old, pair.ids.next].map(id => findApp(world.store, id)),
    )
    expect([step.name, old?.state, next?.state]).toEqual([step.name, model.old, model.next])
    const isAlive = ['active', 'paused'].includes(model.next)
    expect(await outcomeOf(world.store, pair.ids.old)).toBe(isAlive ? 'graduate' : 'gone')
  }
  // What is left over of this pair is nobody's in the next.
  for (const appId of [pair.ids.old, pair.ids.next])
    await beginEnd(world, testPermit('app.end', world.first.id, appId), { appId }).catch(() => {})
}

const steps = [
  takeOver,
  closeTask,
  sweep,
  change('old', 'paused'),
  change('old', 'active'),
  change('old', 'ending'),
  change('next', 'paused'),
  change('next', 'active'),
  change('next', 'ending'),
  ...[1_000, 29_999, 30_000, 6 * day, day].map(wait),
]

describe('a prototype and its successor', () => {
  it.each([
    ['ends once its successor works and it is done', [takeOver, closeTask, sweep]],
    [
      'ends half a minute after its successor works',
      [takeOver, wait(29_999), sweep, wait(1), sweep],
    ],
    ['goes on while nobody has taken over', [closeTask, wait(6 * day), sweep]],
    ['is what stays where nobody takes over', [wait(7 * day), sweep, takeOver, sweep]],
    ['waits while its successor is paused', [takeOver, change('next', 'paused'), wait(day), sweep]],
  ])('%s', (_, told) => expectPlayed(told))

  it('does what the page says, in any order', async () => {
    const any = fc.array(fc.constantFrom(...steps, sweep, sweep, takeOver), {
      minLength: 4,
      maxLength: 10,
    })
    await fc.assert(fc.asyncProperty(any, expectPlayed), { numRuns: 40 })
  })

  it('a sweep that dies has begun no end, or all of one; the next goes on', async () => {
    const { ids } = await newPair()
    world.clock.advance(7 * day)
    await expect(sweepGraduations(failing(world, 'at the entry') as never)).rejects.toThrow(
      '1 of a',
    )
    expect((await findApp(world.store, ids.next))?.state).toBe('active')
    await expect(sweepGraduations(failing(world, 'after the commit') as never)).rejects.toThrow(
      '1 of',
    )
    expect((await findApp(world.store, ids.next))?.state).toBe('ending')
    expect(await sweepGraduations(world)).toBe(0)
    expect((await findApp(world.store, ids.old))?.state).toBe('active')
  })
})
