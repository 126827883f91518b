// The verbs of an app against a real database: who may own one, what is refused and by whom.
import { beforeAll, describe, expect, it } from 'vitest'
import { testPermit } from '../../../test/support/permit.ts'
import { expectReplay, readEntries } from '../../../test/support/replay.ts'
import {
  failing,
  leaves,
  person,
  seen,
  type TestWorld,
  testWorld,
} from '../../../test/support/world.ts'
import { findAppBySlug, listApps, listOpenFindings } from '../../life/lists/lists.ts'
import { type AppId, newId, type PersonId, systemId } from '../base/ids.ts'
import { limits } from '../base/limits.ts'
import { addSeconds } from '../base/time.ts'
import { findingTable } from '../finding/rows.ts'
import { recorded } from '../ledger/record.ts'
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
import { makeApp, type NewApp } from './make.ts'
import { appTable, backupGone, findApp, orphaned } from './rows.ts'
import { sweepApps } from './sweep.ts'

let world: TestWorld
let maya: PersonId
let tom: PersonId
beforeAll(async () => {
  world = await testWorld('team')
  maya = await person(world, 'Maya')
  tom = await person(world, 'Tom')
})

let count = 0
const draft = (over: Partial<NewApp> = {}): NewApp => ({
  id: newId('app'),
  slug: `deal-desk-${++count}`,
  ownerId: maya,
  backupId: tom,
  team: 'sales-ops',
  purpose: 'board of deals stuck > 14 days',
  dataClasses: ['internal'],
  stage: 'prototype',
  endTrigger: 'date',
  endsAt: addSeconds(world.clock.now(), 7 * 86_400),
  ...over,
})
const make = (over: Partial<NewApp> = {}, at: TestWorld = world) => {
  const input = draft(over)
  return makeApp(at, testPermit('app.make', maya, input.id), input)
}
const end = (appId: AppId, at: TestWorld = world) =>
  beginEnd(at, testPermit('app.end', maya, appId), { appId })
const countEntries = async () => (await readEntries(world.store)).length

describe('making an app', () => {
  it('needs two living people, a purpose, and an end within 30 days', async () => {
    const gone = await person(world, 'Rob')
    await leaves(world, gone)
    const now = world.clock.now()
    const refused: [Partial<NewApp>, string][] = [
      [{ ownerId: gone }, 'ownerId'],
      [{ backupId: gone }, 'backupId'],
      [{ backupId: newId('person') }, 'backupId'],
      [{ backupId: maya }, 'backupId'],
      [{ purpose: '  ' }, 'purpose'],
      [{ purpose: 'x\u202ey' }, 'purpose'],
      [{ slug: 'Deal-Desk' }, 'slug'],
      [{ team: 'Sales Ops' }, 'team'],
      [{ endsAt: now }, 'endsAt'],
      [{ endsAt: addSeconds(now, 31 * 86_400) }, 'endsAt'],
    ]
    for (const [over, field] of refused)
      await expect(make(over)).rejects.toMatchObject({ code: 'invalid-field', field })
    const app = await make({ endsAt: addSeconds(now, 30 * 86_400) })
    expect(app).toMatchObject({ state: 'active', stage: 'prototype', maxEndsAt: app.endsAt })
    const managed = await make({ stage: 'managed', endsAt: addSeconds(now, 300 * 86_400) })
    expect(managed.stage).toBe('managed')
  })

  it('takes a name that no app ever had: an ended one keeps it', async () => {
    const first = await make()
    const other = { slug: first.slug }
    await expect(make(other)).rejects.toMatchObject({ code: 'already-exists', field: 'slug' })
    await end(first.id)
    await expect(make(other)).rejects.toMatchObject({ code: 'already-exists' })
    const permit = testPermit('offboard.run', systemId('offboard'), first.id)
    await finishEnd(world, permit, { appId: first.id, outcome: 'gone' })
    await expect(make(other)).rejects.toMatchObject({ code: 'already-exists', field: 'slug' })
    expect((await findAppBySlug(world.store, first.slug))?.id).toBe(first.id)
  })

  it('by two at the same moment under one name makes one', async () => {
    const slug = 'race'
    const both = await Promise.allSettled([make({ slug }), make({ slug })])
    expect(both.map(one => one.status).sort()).toEqual(['fulfilled', 'rejected'])
  })

  it('again under the same id is the same app; another under that id is refused', async () => {
    const input = draft()
    const permit = testPermit('app.make', maya, input.id)
    const app = await makeApp(world, permit, input)
    const entries = await countEntries()
    expect(await makeApp(world, permit, input)).toEqual(app)
    expect(await countEntries()).toBe(entries)
    await expect(makeApp(world, permit, { ...input, slug: 'other' })).rejects.toMatchObject({
      code: 'already-exists',
    })
  })

  it('whose entry can not be written made nothing; whose answer was lost made it once', async () => {
    const input = draft()
    const permit = testPermit('app.make', maya, input.id)
    await expect(makeApp(failing(world, 'at the entry'), permit, input)).rejects.toMatchObject({
      sqlstate: '22012',
    })
    expect(await findApp(world.store, input.id)).toBeUndefined()
    await expect(makeApp(failing(world, 'after the commit'), permit, input)).rejects.toThrow('lost')
    const entries = await countEntries()
    expect(await makeApp(world, permit, input)).toMatchObject({ id: input.id, version: 1 })
    expect(await countEntries()).toBe(entries)
  })

  it('keeps its purpose out of facts and of memory', async () => {
    const app = await make({ purpose: 'Zoe wants a board' })
    const entry = (await readEntries(world.store)).at(-1)
    expect(JSON.stringify(entry?.facts)).not.toContain('Zoe')
    expect(Object.values(entry?.words ?? {})).toEqual(['Zoe wants a board'])
    expect(world.replica.get(appTable, app.id)).not.toHaveProperty('purpose')
  })
})

describe('a solo installation', () => {
  it('lets one person own an app and be its backup; a team does not', async () => {
    const solo = await testWorld('solo')
    const { id: only } = solo.first
    const input = { ...draft(), ownerId: only, backupId: only, endsAt: draft().endsAt }
    const app = await makeApp(solo, testPermit('app.make', only, input.id), input)
    expect(app.backupId).toBe(only)
    const stolen = "update app set owner_id = $1, backup_id = $1 where state = 'active'"
    await expect(world.store.query(stolen, [maya])).rejects.toMatchObject({
      constraint: 'app_two_people',
    })
  })
})

describe('an app that does not exist', () => {
  it('is not found, by any verb', async () => {
    const appId = newId('app')
    const permit = <A extends Parameters<typeof testPermit>[0]>(action: A) =>
      testPermit(action, maya, appId)
    const endsAt = addSeconds(world.clock.now(), 60)
    for (const attempt of [
      () => extendApp(world, permit('app.extend'), { appId, endsAt }),
      () => transferApp(world, permit('app.transfer'), { appId, to: tom }),
      () => nameBackup(world, permit('app.transfer'), { appId, backupId: tom }),
      () => acceptApp(world, permit('app.accept'), { appId, backupId: tom }),
      () => pauseApp(world, permit('app.pause'), { appId }),
      () => resumeApp(world, permit('app.resume'), { appId }),
      () => beginEnd(world, permit('app.end'), { appId }),
    ])
      await expect(attempt()).rejects.toMatchObject({ code: 'not-found' })
  })

  it('and a permit for another app changes nothing here', async () => {
    const [mine, other] = [await make(), await make()]
    const permit = testPermit('app.end', maya, other.id)
    await expect(beginEnd(world, permit, { appId: mine.id })).rejects.toThrow('permit for app.end')
    expect((await findApp(world.store, mine.id))?.state).toBe('active')
  })
})

describe('two changes at once', () => {
  it('follow one another: the second sees what the first left', async () => {
    const app = await make()
    const both = await Promise.allSettled([end(app.id), end(app.id)])
    expect(both.filter(one => one.status === 'rejected')).toMatchObject([
      { reason: { code: 'wrong-state' } },
    ])
    expect((await findApp(world.store, app.id))?.version).toBe(2)
  })

  it('from a row that is not the newest any more are a conflict', async () => {
    const app = await make()
    await pauseApp(world, testPermit('app.pause', maya, app.id), { appId: app.id })
    await expect(
      recorded(world, scope => scope.save(appTable, app, { ...app, state: 'ending' })),
    ).rejects.toMatchObject({ code: 'conflict' })
    expect((await findApp(world.store, app.id))?.state).toBe('paused')
  })
})

describe('an end', () => {
  it('is begun once, and finished only by proof: until then the app is ending', async () => {
    const app = await make()
    const finish = () =>
      finishEnd(world, testPermit('offboard.run', systemId('offboard'), app.id), {
        appId: app.id,
        outcome: 'gone',
      })
    await expect(finish()).rejects.toMatchObject({ code: 'wrong-state' })
    await expect(end(app.id, failing(world, 'at the entry'))).rejects.toMatchObject({
      sqlstate: '22012',
    })
    expect((await findApp(world.store, app.id))?.state).toBe('active')
    await end(app.id)
    expect(await finish()).toMatchObject({ state: 'ended', endedAt: world.clock.now() })
    expect(world.replica.get(appTable, app.id)?.state).toBe('ended')
  })

  it('comes by itself when the date has come, not before', async () => {
    const app = await make({ endsAt: addSeconds(world.clock.now(), 3600) })
    world.clock.advance(3_599_999)
    await sweepApps(world)
    expect((await findApp(world.store, app.id))?.state).toBe('active')
    world.clock.advance(1)
    await sweepApps(world)
    expect((await findApp(world.store, app.id))?.state).toBe('ending')
  })
})

describe('an owner who leaves', () => {
  it('makes the app orphaned: the backup is asked, paused after 72 h, resumed when accepted', async () => {
    const owner = await person(world, 'Ann')
    const app = await make({ ownerId: owner })
    await leaves(world, owner)
    await sweepApps(world)
    expect(await findApp(world.store, app.id)).toMatchObject({
      state: 'active',
      orphanedAt: world.clock.now(),
    })
    const about = { about: app.id }
    expect(await listOpenFindings(world.store, about)).toMatchObject([
      { kind: orphaned, ownerId: tom, severity: 'high' },
    ])
    expect(await sweepApps(world)).toBe(0)
    world.clock.advance(limits.handOverHours * 3_600_000)
    await sweepApps(world)
    expect(await findApp(world.store, app.id)).toMatchObject({ pausedBecause: 'owner-gone' })
    const accept = (by: PersonId, backupId?: PersonId) =>
      acceptApp(world, testPermit('app.accept', by, app.id), {
        appId: app.id,
        ...(backupId === undefined ? {} : { backupId }),
      })
    await expect(accept(maya)).rejects.toMatchObject({ code: 'wrong-state' })
    await expect(accept(tom)).rejects.toMatchObject({ code: 'invalid-field', field: 'backupId' })
    expect(await accept(tom, maya)).toMatchObject({
      ownerId: tom,
      backupId: maya,
      state: 'active',
      orphanedAt: null,
    })
    expect(await listOpenFindings(world.store, about)).toEqual([])
  })

  it('or stays silent for 45 days is gone, and back with the next sign-in', async () => {
    const owner = await person(world, 'Ann')
    world.clock.advance(44 * 86_400_000)
    await Promise.all([maya, tom, world.first.id].map(id => seen(world, id)))
    const app = await make({ ownerId: owner })
    world.clock.advance(2 * 86_400_000)
    await sweepApps(world)
    expect((await findApp(world.store, app.id))?.orphanedAt).toBe(world.clock.now())
    world.clock.advance(limits.handOverHours * 3_600_000)
    await sweepApps(world)
    await seen(world, owner)
    await sweepApps(world)
    expect(await findApp(world.store, app.id)).toMatchObject({ state: 'active', orphanedAt: null })
    expect(await listOpenFindings(world.store, { about: app.id })).toEqual([])
  })

  it('and signs in while the sweep runs is not gone', async () => {
    const owner = await person(world, 'Ann')
    world.clock.advance(46 * 86_400_000)
    await Promise.all([maya, tom, world.first.id].map(id => seen(world, id)))
    const app = await make()
    await world.store.query('update app set owner_id = $2 where id = $1', [app.id, owner])
    const query: TestWorld['store']['query'] = async (text, params) => {
      const rows = await world.store.query(text, params)
      await seen(world, owner)
      return rows as never
    }
    const store = { ...world.store, ending: world.store.ending, query }
    await sweepApps({ ...world, store })
    expect((await findApp(world.store, app.id))?.orphanedAt).toBeNull()
  })

  it('whose backup is gone too is told to whoever runs the platform', async () => {
    const [owner, backup] = [await person(world), await person(world)]
    const app = await make({ ownerId: owner, backupId: backup })
    await leaves(world, backup)
    await sweepApps(world)
    expect(await listOpenFindings(world.store, { about: app.id })).toMatchObject([
      { kind: backupGone, ownerId: owner },
    ])
    const name = { appId: app.id, backupId: maya }
    await nameBackup(world, testPermit('app.transfer', owner, app.id), name)
    expect(await listOpenFindings(world.store, { about: app.id })).toEqual([])
  })
})

describe('the database, without the code', () => {
  const change = (id: AppId, set: string) =>
    world.store.query(`update app set ${set} where id = $1`, [id])

  it('refuses an app without owner, backup, purpose or end', async () => {
    const app = await make()
    for (const column of ['owner_id', 'backup_id', 'purpose', 'ends_at', 'data_classes'])
      await expect(change(app.id, `${column} = null`)).rejects.toThrow('null')
    await expect(change(app.id, `purpose = ''`)).rejects.toThrow('check constraint')
    await expect(change(app.id, 'backup_id = owner_id')).rejects.toMatchObject({
      constraint: 'app_two_people',
    })
    await expect(change(app.id, `owner_id = 'pe_nobody'`)).rejects.toThrow('foreign key')
    await expect(change(app.id, `data_classes = array['top']`)).rejects.toThrow('check constraint')
  })

  it('refuses a longer life than the stage allows, and an end date that moves back', async () => {
    const app = await make()
    await expect(change(app.id, `ends_at = ends_at + interval '40 days'`)).rejects.toThrow('check')
    await expect(
      change(app.id, `max_ends_at = max_ends_at + interval '1 day'`),
    ).rejects.toMatchObject({ constraint: 'app_end_is_final' })
    await expect(change(app.id, `ends_at = ends_at - interval '1 day'`)).rejects.toMatchObject({
      constraint: 'app_end_is_final',
    })
  })

  it('refuses to revive an app that is ending or ended, and a state without its reason', async () => {
    const app = await make()
    await expect(change(app.id, `state = 'paused'`)).rejects.toThrow('check constraint')
    await expect(change(app.id, `state = 'ended'`)).rejects.toThrow('check constraint')
    await end(app.id)
    await expect(change(app.id, `state = 'active'`)).rejects.toMatchObject({
      constraint: 'app_end_is_final',
    })
    await change(app.id, `state = 'ended', ended_at = now()`)
    await expect(change(app.id, `state = 'ending', ended_at = null`)).rejects.toMatchObject({
      constraint: 'app_end_is_final',
    })
    await change(app.id, `state = 'ended', ended_at = ended_at, version = version`)
  })
})

it('a list shows living apps first, and of those that may be seen alone', async () => {
  const all = await listApps(world.store, {})
  const isOver = all.map(app => Number(app.endedAt !== null))
  expect(isOver).toEqual(isOver.toSorted((a, b) => a - b))
  const apps = all.slice(0, 1).map(({ id }) => id)
  expect((await listApps(world.store, { apps })).map(({ id }) => id)).toEqual(apps)
  expect(await listApps(world.store, { apps: [] })).toEqual([])
})

it('played again from the log, equals the tables', () => expectReplay(world.store, [findingTable]))
