import { beforeAll, describe, expect, it } from 'vitest'
import { testPermit } from '../../../test/support/permit.ts'
import { expectReplay, readEntries } from '../../../test/support/replay.ts'
import { failing, type TestWorld, testWorld } from '../../../test/support/world.ts'
import { listHolds } from '../../life/lists/lists.ts'
import { newId } from '../base/ids.ts'
import { dayOf, everything, heldBy } from './hold.ts'
import { type HoldScope, holdTable } from './rows.ts'
import { liftHold, setHold } from './set.ts'

let world: TestWorld
beforeAll(async () => {
  world = await testWorld('team')
})

const hold = (scope: HoldScope, about: string, at: TestWorld = world) => {
  const id = newId('hold')
  return setHold(at, testPermit('hold.set', world.first.id, id), {
    id,
    scope,
    about,
    reason: 'It posts to everyone.',
  })
}
const lift = (holdId: ReturnType<typeof newId<'hold'>>) =>
  liftHold(world, testPermit('hold.lift', world.first.id, holdId), { holdId })

describe('a hold', () => {
  it('stops what it names, and nothing beside it, until it is lifted', async () => {
    const [appId, identityId, owner, other] = [
      newId('app'),
      newId('identity'),
      newId('person'),
      newId('person'),
    ]
    const concerned = [appId, identityId, owner]
    const beside = [newId('app'), newId('identity'), other]
    const things = [
      ['app', appId],
      ['identity', identityId],
      ['person', owner],
    ] as const
    for (const [scope, about] of things) {
      const { id } = await hold(scope, about)
      expect(heldBy(world.replica, concerned).map(one => one.id)).toEqual([id])
      expect(heldBy(world.replica, beside)).toEqual([])
      await lift(id)
      expect(heldBy(world.replica, concerned)).toEqual([])
    }
  })

  it('on a day stops the apps of that day, and none of another', async () => {
    const { id } = await hold('day', 'day/build-day')
    const held = (day: string | null) => heldBy(world.replica, [dayOf({ day })]).map(one => one.id)
    expect([held('build-day'), held('other-day'), held(null)]).toEqual([[id], [], []])
    expect((await readEntries(world.store)).at(-1)?.subjects).toContain('day/build-day')
    await lift(id)
    expect(held('build-day')).toEqual([])
  })

  it('on a day called everything stops nothing else', async () => {
    const { id } = await hold('day', 'day/everything')
    expect(heldBy(world.replica, [newId('app')])).toEqual([])
    await lift(id)
  })

  it('on everything stops everything, also what nobody knows', async () => {
    const { id } = await hold('everything', everything)
    const nobody = [null, undefined]
    expect(heldBy(world.replica, nobody).map(one => one.id)).toEqual([id])
    await lift(id)
    expect(heldBy(world.replica, nobody)).toEqual([])
  })

  it('is set once on one thing, also by two at the same moment, and again after it was lifted', async () => {
    const about = newId('app')
    const [one, two] = await Promise.all([hold('app', about), hold('app', about)])
    expect(one.id).toBe(two.id)
    const entries = (await readEntries(world.store)).length
    expect((await hold('app', about)).id).toBe(one.id)
    expect((await readEntries(world.store)).length).toBe(entries)
    await lift(one.id)
    await expect(lift(one.id)).rejects.toMatchObject({ code: 'wrong-state' })
    expect((await hold('app', about)).id).not.toBe(one.id)
  })

  it('needs the id of what it says it holds', async () => {
    const refused = [
      ['app', newId('person')],
      ['person', 'maya'],
      ['everything', newId('app')],
      ['identity', everything],
      ['task', newId('app')],
      ['tool', 'tracker/search'],
      ['tool', `${newId('target')}/a b`],
      ['issuer', 'not an address'],
      ['day', 'build-day'],
      ['day', 'day/Build day'],
    ] as const
    for (const [scope, about] of refused)
      await expect(hold(scope, about)).rejects.toMatchObject({ field: 'about' })
    await expect(lift(newId('hold'))).rejects.toMatchObject({ code: 'not-found' })
  })

  it('is neither set nor lifted with a permit for another one', async () => {
    const { id } = await hold('app', newId('app'))
    const other = newId('hold')
    const about = newId('app')
    await expect(
      setHold(world, testPermit('hold.set', world.first.id, other), {
        id: newId('hold'),
        scope: 'app',
        about,
        reason: 'x',
      }),
    ).rejects.toThrow('permit for')
    await expect(
      liftHold(world, testPermit('hold.lift', world.first.id, other), { holdId: id }),
    ).rejects.toThrow('permit for')
    expect((await listHolds(world.store)).map(one => one.about)).not.toContain(about)
    await lift(id)
  })

  it('whose entry can not be written is not set', async () => {
    const about = newId('app')
    const broken = failing(world, 'at the entry')
    await expect(hold('app', about, broken)).rejects.toMatchObject({ sqlstate: '22012' })
    expect((await listHolds(world.store)).filter(one => one.about === about)).toEqual([])
    expect(heldBy(world.replica, [about])).toEqual([])
  })

  it('names what it concerns in the log, and keeps its reason out of facts', async () => {
    const about = newId('app')
    await hold('app', about)
    const entry = (await readEntries(world.store)).at(-1)
    expect(entry?.subjects).toContain(about)
    expect(JSON.stringify(entry?.facts)).not.toContain('posts')
  })

  it('played again from the log, equals the table', () => expectReplay(world.store, [holdTable]))
})
