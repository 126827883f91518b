import { beforeEach, describe, expect, it } from 'vitest'
import { type LeaseTestWorld, leaseWorld } from '../../../test/support/lease-world.ts'
import { newId } from '../../core/base/ids.ts'
import type { Found } from '../../core/target/target.ts'
import type { PlanItem } from './item.ts'
import { lookAtSystem } from './look.ts'

let world: LeaseTestWorld
let item: PlanItem
const bot: Found = {
  id: 'key 7',
  kind: 'key',
  name: 'old bot',
  ours: false,
  madeAt: null,
  lastUsedAt: null,
  details: {},
}

beforeEach(async () => {
  world = await leaseWorld()
  world.target.strangers = [[{ ...bot, id: 'key 8', name: 'other' }], [bot]]
  const id = newId('thing')
  const { targetId, app } = world
  await world.store.query(
    `insert into found_thing (id, version, target_id, native_id, kind, name, state, owner_id, app_id, first_seen_at)
     values ($1, 1, $2, 'key 7', 'key', 'old bot', 'adopted', $3, $4, $5)`,
    [id, targetId, app.ownerId, app.id, world.clock.now()],
  )
  const seen = { state: 'to-do', paths: [], because: null, at: null } as const
  item = { order: 1, kind: 'thing', id, name: 'old bot', system: 'crm', targetId, ...seen }
})
const look = async () => {
  const [seen] = await lookAtSystem({ world, appId: world.app.id, owner: 'lho_x' }, [item])
  if (seen === undefined) throw new Error('it was not looked at')
  return seen
}

describe('a thing that a connector can not end', () => {
  it('is there until a look at everything did not see it: a person is told what to delete where', async () => {
    const seen = await look()
    expect(seen).toMatchObject({ state: 'still-there' })
    expect(seen.because).toMatch(/a person deletes the key old bot there/)
    world.target.strangers = []
    expect(await look()).toMatchObject({ state: 'still-there' })
    const text = "update found_thing set state = 'gone', gone_at = $1"
    await world.store.query(text, [world.clock.now()])
    const gone = await look()
    expect(gone).toMatchObject({ state: 'verified-gone', because: null })
    expect(gone.paths).toEqual([`list of everything there, looked through at ${world.clock.now()}`])
  })
})

describe('a thing that a connector ends', () => {
  beforeEach(() => void (world.target.endsFound = true))

  it('is gone when its own id and the list of everything there both say so', async () => {
    expect(await look()).toMatchObject({ state: 'verified-gone', because: null })
    expect(world.target.strangers.flat().map(({ id }) => id)).toEqual(['key 8'])
  })

  it('is there while the list names it, whatever its end answered', async () => {
    world.target.mode = 'lies'
    expect(await look()).toMatchObject({ state: 'still-there' })
  })

  it('is not known to be gone where something is hidden from the list', async () => {
    world.target.hides = ['keys']
    expect(await look()).toMatchObject({ state: 'unreachable' })
  })

  it('is unreachable where its target refuses or does not answer', async () => {
    world.target.mode = 'refuses'
    expect(await look()).toMatchObject({ state: 'unreachable' })
  })
})
