import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { testPermit } from '../../../test/support/permit.ts'
import { expectReplay, readEntries } from '../../../test/support/replay.ts'
import { failing, leaves, person, type TestWorld, testWorld } from '../../../test/support/world.ts'
import { listTasks } from '../../life/lists/lists.ts'
import { beginEnd, pauseApp } from '../app/events.ts'
import { makeApp } from '../app/make.ts'
import { type AppRow, dataClasses } from '../app/rows.ts'
import { newId, type PersonId, systemId, type TaskId } from '../base/ids.ts'
import { limits } from '../base/limits.ts'
import { addSeconds, type Instant } from '../base/time.ts'
import { makeIdentities, revokeIdentity } from '../identity/identities.ts'
import type { IdentityRow } from '../identity/rows.ts'
import { entryKind } from '../ledger/kind.ts'
import { recorded } from '../ledger/record.ts'
import { closeTask, sweepTasks } from './close.ts'
import { type NewTask, openTask, touchIn } from './open.ts'
import { findTask, taskTable } from './rows.ts'
import { canJoin, taskEndsAt, withTouched } from './task.ts'

let world: TestWorld
let maya: PersonId
let app: AppRow
let identity: IdentityRow
const exchanged = entryKind('test.exchange', 'exchanged a token')

beforeEach(async () => {
  world ??= await testWorld('team')
  maya = await person(world, 'Maya')
  const id = newId('app')
  const permit = testPermit('app.make', maya, id)
  app = await makeApp(world, permit, {
    id,
    slug: `a${id.slice(3, 20)}`,
    ownerId: maya,
    backupId: await person(world, 'Tom'),
    team: null,
    purpose: 'board of stuck deals',
    dataClasses: ['internal'],
    stage: 'prototype',
    endTrigger: 'date',
    endsAt: addSeconds(world.clock.now(), 7 * 86_400),
  })
  const [made] = await makeIdentities(world, permit, { appId: id, roles: ['run'] })
  if (made === undefined) throw new Error('an identity was made')
  identity = made
})

const open = (over: Partial<NewTask> = {}, at: TestWorld = world) =>
  recorded(at, async scope => {
    const input: NewTask = {
      id: newId('task'),
      appId: app.id,
      identityId: identity.id,
      kind: 'job',
      purpose: 'stuck-deals',
      autonomy: 'unattended',
      onBehalfOf: null,
      parentId: null,
      provenance: { commit: '9f2c1', run: '41' },
      provenanceKey: 'github 41',
      ...over,
    }
    const permit = testPermit('token.exchange', input.identityId, input.id)
    const task = await openTask(scope, permit, input)
    scope.entry({ kind: exchanged, by: permit })
    return task
  })
const close = (taskId: TaskId) =>
  closeTask(world, testPermit('task.close', identity.id, taskId), { taskId, because: 'done' })

describe('a task', () => {
  it('ends with its kind’s longest life or the app, whichever is first', async () => {
    const now = world.clock.now()
    const job = await open()
    expect(job.endsAt).toBe(addSeconds(now, limits.jobSeconds))
    const service = await open({ kind: 'service', provenanceKey: 'pod' })
    expect(service.endsAt).toBe(addSeconds(now, limits.serviceSeconds))
    world.clock.set(addSeconds(app.endsAt, -60))
    expect((await open({ provenanceKey: 'late' })).endsAt).toBe(app.endsAt)
  })

  it('is joined by a second call of the same run and purpose, also at the same moment', async () => {
    const [first, second] = await Promise.all([open(), open()])
    expect(first.id).toBe(second.id)
    expect((await open({ purpose: 'other' })).id).not.toBe(first.id)
    expect((await open({ provenanceKey: 'github 42' })).id).not.toBe(first.id)
    await close(first.id)
    expect((await open()).id).not.toBe(first.id)
  })

  it('is not joined as other work: not attended by unattended, not for another person', async () => {
    const attended = { autonomy: 'attended', onBehalfOf: maya } as const
    await open(attended)
    await expect(open()).rejects.toMatchObject({ code: 'conflict' })
    await expect(open({ ...attended, onBehalfOf: app.backupId })).rejects.toMatchObject({
      code: 'conflict',
    })
    expect(await listTasks(world.store, { appId: app.id })).toHaveLength(1)
  })

  it('that ran out is not joined, but closed to make room', async () => {
    const old = await open()
    world.clock.set(old.endsAt)
    const fresh = await open()
    expect(fresh.id).not.toBe(old.id)
    expect(await findTask(world.store, old.id)).toMatchObject({ closedBecause: 'expired' })
  })

  it('is not opened for an app that is paused, ending or past its end, nor by another identity', async () => {
    const other = testPermit('token.exchange', newId('identity'), newId('task'))
    await expect(
      recorded(world, scope =>
        openTask(scope, other, { ...({} as NewTask), appId: app.id, identityId: identity.id }),
      ),
    ).rejects.toThrow('by the identity it is of')
    await pauseApp(world, testPermit('app.pause', maya, app.id), { appId: app.id })
    await expect(open()).rejects.toMatchObject({ code: 'wrong-state' })
    world.clock.set(app.endsAt)
    await expect(open()).rejects.toMatchObject({ code: 'wrong-state' })
  })

  it('is not opened by an identity that was revoked meanwhile', async () => {
    const permit = testPermit('identity.revoke', maya, identity.id)
    await revokeIdentity(world, permit, { identityId: identity.id })
    await expect(open()).rejects.toMatchObject({ code: 'wrong-state' })
  })

  it('whose entry can not be written is not open', async () => {
    await expect(open({}, failing(world, 'at the entry'))).rejects.toMatchObject({
      sqlstate: '22012',
    })
    expect(await listTasks(world.store, { appId: app.id })).toEqual([])
    expect(world.replica.by(taskTable, 'appId', app.id)).toEqual([])
  })

  it('is closed once; closing it again says the same and records nothing', async () => {
    const task = await open()
    expect(await close(task.id)).toMatchObject({ state: 'closed', closedBecause: 'done' })
    const entries = (await readEntries(world.store)).length
    expect(await close(task.id)).toMatchObject({ state: 'closed', version: 2 })
    expect((await readEntries(world.store)).length).toBe(entries)
    expect(world.replica.get(taskTable, task.id)).toBeUndefined()
    await expect(close(newId('task'))).rejects.toMatchObject({ code: 'not-found' })
    const other = testPermit('task.close', identity.id, newId('task'))
    const { id: taskId } = await open()
    await expect(closeTask(world, other, { taskId, because: 'done' })).rejects.toThrow('permit for')
    expect((await findTask(world.store, taskId))?.state).toBe('open')
  })
})

describe('the sweep', () => {
  it('closes a task whose time is over, not one minute earlier', async () => {
    const task = await open()
    world.clock.set(addSeconds(task.endsAt, -60))
    await sweepTasks(world)
    expect((await findTask(world.store, task.id))?.state).toBe('open')
    world.clock.advance(60_000)
    await sweepTasks(world)
    expect((await findTask(world.store, task.id))?.closedBecause).toBe('expired')
  })

  it('closes tasks of an app that ends', async () => {
    const ended = await open()
    await beginEnd(world, testPermit('app.end', maya, app.id), { appId: app.id })
    await sweepTasks(world)
    expect((await findTask(world.store, ended.id))?.closedBecause).toBe('app')
  })

  it('closes tasks of a revoked identity', async () => {
    const task = await open()
    await revokeIdentity(world, testPermit('identity.revoke', maya, identity.id), {
      identityId: identity.id,
    })
    await sweepTasks(world)
    expect((await findTask(world.store, task.id))?.closedBecause).toBe('identity')
  })

  it('closes tasks for a person who left, and leaves those of a paused app open', async () => {
    const ann = await person(world, 'Ann')
    const hers = await open({ autonomy: 'attended', onBehalfOf: ann })
    const other = await open({ provenanceKey: 'github 42' })
    await leaves(world, ann)
    await pauseApp(world, testPermit('app.pause', maya, app.id), { appId: app.id })
    await sweepTasks(world)
    expect((await findTask(world.store, hers.id))?.closedBecause).toBe('person')
    expect((await findTask(world.store, other.id))?.state).toBe('open')
  })
})

describe('what a task touched', () => {
  it('only grows, is noted once, and not on a closed task', async () => {
    const task = await open()
    const touch = (dataClass: (typeof dataClasses)[number]) =>
      recorded(world, async scope => {
        await touchIn(scope, task.id, dataClass)
        scope.entry({ kind: exchanged, by: systemId('schedule') })
      })
    await touch('hr')
    await touch('customer')
    await touch('hr')
    expect(await findTask(world.store, task.id)).toMatchObject({
      touched: ['customer', 'hr'],
      version: 3,
    })
    await close(task.id)
    await expect(touch('secret')).rejects.toMatchObject({ code: 'wrong-state' })
  })

  it('is the same in any order, and never loses a class', () => {
    const some = fc.array(fc.constantFrom(...dataClasses), { maxLength: 12 })
    fc.assert(
      fc.property(some, given => {
        const touched = given.reduce(withTouched, [] as ReturnType<typeof withTouched>)
        expect(touched).toEqual([...new Set(given)].sort())
      }),
    )
  })
})

describe('the rules', () => {
  it('never let a task outlive its app or its kind', () => {
    const seconds = fc.integer({ min: 1, max: 40 * 86_400 })
    const now = '2026-11-22T14:00:00.000Z' as Instant
    fc.assert(
      fc.property(seconds, fc.constantFrom('job' as const, 'service' as const), (life, kind) => {
        const endsAt = addSeconds(now, life)
        const at = taskEndsAt(kind, { endsAt }, now)
        expect(at <= endsAt).toBe(true)
        expect(at <= addSeconds(now, limits.serviceSeconds)).toBe(true)
      }),
    )
  })

  it('let only the same work join, and never after the end', () => {
    const now = '2026-11-22T14:00:00.000Z' as Instant
    const work = { kind: 'job', autonomy: 'attended', onBehalfOf: 'pe_maya' as PersonId } as const
    const task = { ...work, state: 'open', endsAt: addSeconds(now, 1) } as const
    expect(canJoin(task, work, now)).toBe(true)
    expect(canJoin(task, work, task.endsAt)).toBe(false)
    expect(canJoin({ ...task, state: 'closed' }, work, now)).toBe(false)
    expect(canJoin(task, { ...work, kind: 'service' }, now)).toBe(false)
    expect(canJoin(task, { ...work, autonomy: 'unattended' }, now)).toBe(false)
    expect(canJoin(task, { ...work, onBehalfOf: null }, now)).toBe(false)
  })
})

describe('the database, without the code', () => {
  it('refuses a task that outlives its app, or is closed without a time', async () => {
    const task = await open()
    const change = (set: string) =>
      world.store.query(`update task set ${set} where id = $1`, [task.id])
    await expect(change(`ends_at = ends_at + interval '30 days'`)).rejects.toMatchObject({
      constraint: 'ends_within_app',
    })
    await expect(change(`state = 'closed'`)).rejects.toThrow('check constraint')
  })
})

it('played again from the log, equals the table', () => expectReplay(world.store, [taskTable]))
