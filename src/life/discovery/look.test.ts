import { beforeEach, describe, expect, it } from 'vitest'
import { type LeaseTestWorld, leaseWorld } from '../../../test/support/lease-world.ts'
import { testPermit } from '../../../test/support/permit.ts'
import { readEntries } from '../../../test/support/replay.ts'
import { leaves, person } from '../../../test/support/world.ts'
import type { ThingId } from '../../core/base/ids.ts'
import type { Instant } from '../../core/base/time.ts'
import type { Targets } from '../../core/lease/targets.ts'
import { imageOf, listWhere } from '../../core/ledger/fact-table.ts'
import type { Found } from '../../core/target/target.ts'
import { bounds } from './bounds.ts'
import { claimThing } from './claim.ts'
import { lookNow, sweepLooks } from './look.ts'
import { countFound, type FoundThing, listFound, thingTable } from './rows.ts'

let world: LeaseTestWorld

const stranger = (name: string, more: Partial<Found> = {}): Found => ({
  id: `oid ${name}`,
  kind: 'account',
  name,
  ours: false,
  madeAt: null,
  lastUsedAt: null,
  details: {},
  ...more,
})
const silentSince = '2020-01-01T00:00:00.000Z' as Instant
const all = { seenBy: null, silentSince }
const list = () => listFound(world.store, all)
const states = async () => (await list()).map(({ name, state }) => `${name} ${state}`)
const entries = async (): Promise<number> => {
  const rows = await world.store.query<{ n: number }>('select count(*)::int as n from ledger_inbox')
  return rows[0]?.n ?? -1
}
const aDay = () => world.clock.advance(bounds.lookEveryMs + 1)
const named = async (name: string): Promise<FoundThing> => {
  const thing = (await list()).find(each => each.name === name)
  if (thing === undefined) throw new Error(`there is no ${name}`)
  return thing
}
const claim = (id: ThingId, by = world.first.id) =>
  claimThing(world, testPermit('thing.claim', by, id), { thingId: id })

beforeEach(async () => {
  world = await leaseWorld()
  world.target.strangers = [
    [stranger('ada'), stranger('bot', { creator: 'maya' })],
    [stranger('cron', { endsAt: '2027-01-01T00:00:00.000Z' as Instant })],
  ]
})

describe('a look that is asked for', () => {
  const look = () => lookNow(world, world.targetId)

  it('is one look more, though the target was looked at today', async () => {
    await sweepLooks(world)
    world.clock.advance(1_000)
    world.target.strangers[1]?.push(stranger('new'))
    expect(await sweepLooks(world)).toBe(0)
    const at = world.clock.now()
    expect(await look()).toEqual({ begunAt: at, isOver: true, things: 4, unseen: [] })
    const since = { ...all, since: (await named('ada')).firstSeenAt }
    expect((await listFound(world.store, since)).map(({ name }) => name)).toEqual(['new'])
    world.target.strangers[1]?.pop()
    world.clock.advance(1_000)
    await look()
    expect((await named('new')).state).toBe('gone')
  })

  it('says what it was not shown, and calls nothing gone then', async () => {
    await look()
    world.clock.advance(1_000)
    world.target.strangers = [[]]
    world.target.hides = ['accounts']
    expect(await look()).toMatchObject({ isOver: true, unseen: ['accounts: a right'] })
    expect(await states()).toEqual(['ada found', 'bot found', 'cron found'])
  })

  it('of a target that is away is no look', async () => {
    world.target.mode = 'refuses'
    await expect(look()).rejects.toMatchObject({ code: 'target-refused' })
  })
})

describe('a look', () => {
  it('keeps what is not ours, page by page, and nothing of ours', async () => {
    world.target.strangers[0]?.push(
      stranger('mine', { ours: true }),
      stranger('session 7', { kind: 'session' }),
    )
    expect(await sweepLooks(world)).toBe(1)
    expect(await states()).toEqual(['ada found', 'bot found', 'cron found'])
    expect(await countFound(world.store, all)).toEqual({ unknown: 3, ownerless: 3, neverEnding: 2 })
  })

  it('is not due again for a day, and then writes only what changed', async () => {
    await sweepLooks(world)
    const before = await entries()
    expect(await sweepLooks(world)).toBe(0)
    aDay()
    expect(await sweepLooks(world)).toBe(1)
    expect(await entries()).toBe(before)
    world.target.strangers[1] = [stranger('cron-2', { id: 'oid cron' })]
    aDay()
    await sweepLooks(world)
    expect(await entries()).toBe(before + 1)
    expect(await states()).toContain('cron-2 found')
  })

  it('does not write down every day that something is used daily', async () => {
    const used = (at: Instant) => {
      world.target.strangers = [[stranger('ada', { lastUsedAt: at })]]
      return sweepLooks(world)
    }
    const first = world.clock.now()
    await used(first)
    const before = await entries()
    aDay()
    await used(world.clock.now())
    expect(await entries()).toBe(before)
    world.clock.advance(bounds.usedEveryMs)
    await used(world.clock.now())
    expect(await entries()).toBe(before + 1)
  })

  it('goes on at its page after it broke off, and calls nothing gone meanwhile', async () => {
    await sweepLooks(world)
    aDay()
    world.target.strangers = [[stranger('ada')], [], []]
    const pages = world.target.strangers
    const { targets } = world
    let calls = 0
    const call: Targets['call'] = (id, lane, run) => {
      if (++calls === 2) world.target.mode = 'refuses'
      return targets.call(id, lane, run)
    }
    const broken = { call } as Targets
    expect(await sweepLooks({ ...world, targets: broken })).toBe(0)
    world.target.mode = 'honest'
    expect(await states()).toEqual(['ada found', 'bot found', 'cron found'])
    world.target.calls.length = 0
    expect(await sweepLooks(world)).toBe(1)
    expect(world.target.calls).toEqual(pages.slice(1).map((_, i) => `look ${i + 1}`))
    expect(await states()).toEqual(['ada found', 'bot gone', 'cron gone'])
  })

  it('from which more is hidden calls nothing gone; one that sees as much as before does', async () => {
    await sweepLooks(world)
    world.target.strangers = [[stranger('ada')]]
    world.target.hides = ['tokens']
    aDay()
    await sweepLooks(world)
    expect(await states()).toEqual(['ada found', 'bot found', 'cron found'])
    world.target.hides = []
    aDay()
    await sweepLooks(world)
    expect(await states()).toEqual(['ada found', 'bot gone', 'cron gone'])
  })

  it('calls gone what it would see, though something else was hidden all the time', async () => {
    world.target.hides = ['tokens', 'keys']
    await sweepLooks(world)
    world.target.strangers = [[stranger('ada')]]
    world.target.hides = ['tokens', 'hooks']
    aDay()
    await sweepLooks(world)
    expect(await states()).toEqual(['ada found', 'bot found', 'cron found'])
    // Keys were hidden when they were seen, hooks when they were not: each has to be seen now.
    world.target.hides = ['tokens', 'keys']
    aDay()
    await sweepLooks(world)
    expect(await states()).toEqual(['ada found', 'bot found', 'cron found'])
    world.target.hides = ['tokens']
    aDay()
    await sweepLooks(world)
    expect(await states()).toEqual(['ada found', 'bot gone', 'cron gone'])
  })

  it('keeps so many things of a target and then says no more of it', async () => {
    await sweepLooks(world)
    const most = bounds.thingsOfTarget
    world.target.strangers = [Array.from({ length: most + 1 }, (_, i) => stranger(`n${i}`))]
    aDay()
    await sweepLooks(world)
    expect(await states()).toEqual(['ada found', 'bot found', 'cron found'])
  })

  it('passes over a target that is away, and finds what returns again', async () => {
    await sweepLooks(world)
    aDay()
    world.target.mode = 'refuses'
    expect(await sweepLooks(world)).toBe(0)
    expect(await states()).toEqual(['ada found', 'bot found', 'cron found'])
  })

  it('keeps a name that would turn a line around as harmless text', async () => {
    world.target.strangers = [[stranger(`evil${String.fromCodePoint(0x202e, 27)}[2Jbot`)]]
    await sweepLooks(world)
    expect((await list())[0]?.name).toMatch(/^evil[·[2J]*bot$/u)
  })

  it('can be played again from the log', async () => {
    await sweepLooks(world)
    const { id } = await named('bot')
    await claim(id)
    const played = new Map<string, unknown>()
    for (const { facts } of await readEntries(world.store))
      for (const { table, row } of facts.rows ?? [])
        if (table === 'found_thing') played.set(row.id, row)
    const rows = await listWhere(world.store, thingTable, {})
    expect(rows).toHaveLength(3)
    for (const row of rows) expect(played.get(row.id)).toEqual(imageOf(thingTable, row))
    // Names there can be people's: beside the log, where they can be erased.
    expect(JSON.stringify([...played.values()])).not.toMatch(/bot|oid|maya/)
  })
})

describe('a claim', () => {
  it('makes a living person its owner; again is no change', async () => {
    await sweepLooks(world)
    const { id } = await named('bot')
    expect(await claim(id)).toMatchObject({ state: 'claimed', ownerId: world.first.id })
    const before = await entries()
    expect(await claim(id)).toMatchObject({ state: 'claimed' })
    expect(await entries()).toBe(before)
    expect(await countFound(world.store, all)).toMatchObject({ unknown: 3, ownerless: 2 })
  })

  it('of what somebody else claimed is refused, until they have left', async () => {
    await sweepLooks(world)
    const { id } = await named('bot')
    const maya = await person(world, 'Maya')
    await claim(id, maya)
    await expect(claim(id)).rejects.toMatchObject({ code: 'already-exists' })
    await leaves(world, maya)
    expect(await countFound(world.store, all)).toMatchObject({ ownerless: 3 })
    expect(await claim(id)).toMatchObject({ ownerId: world.first.id })
  })

  it('by who has left, or was not seen for long, is refused', async () => {
    await sweepLooks(world)
    const { id } = await named('bot')
    const maya = await person(world, 'Maya')
    await leaves(world, maya)
    await expect(claim(id, maya)).rejects.toMatchObject({ code: 'denied' })
  })

  it('by a workload is refused', async () => {
    await sweepLooks(world)
    const { id } = await named('bot')
    const by = world.identity.id
    const permit = testPermit('thing.claim', by, id)
    await expect(claimThing(world, permit, { thingId: id })).rejects.toMatchObject({
      code: 'human-required',
    })
  })

  it('of what is not there any more is refused', async () => {
    await sweepLooks(world)
    const { id } = await named('bot')
    world.target.strangers = []
    aDay()
    await sweepLooks(world)
    await expect(claim(id)).rejects.toMatchObject({ code: 'wrong-state' })
  })

  it('people without a role see their own targets and things alone', async () => {
    await sweepLooks(world)
    const maya = await person(world, 'Maya')
    const seen = async () =>
      (await listFound(world.store, { seenBy: maya, silentSince })).map(({ name }) => name)
    expect(await seen()).toEqual([])
    await claim((await named('bot')).id, maya)
    expect(await seen()).toEqual(['bot'])
  })
})
