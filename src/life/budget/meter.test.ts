import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type RunningPostgres, startPostgres } from '../../../test/fakes/postgres.ts'
import {
  issuePermitFor,
  type LeaseTestWorld,
  leaseWorld,
} from '../../../test/support/lease-world.ts'
import { readEntries } from '../../../test/support/replay.ts'
import { failing } from '../../../test/support/world.ts'
import { newId } from '../../core/base/ids.ts'
import type { Budget } from '../../core/grant/rows.ts'
import { openStore } from '../../core/store/open.ts'
import { openPostgres } from '../../core/store/postgres.ts'
import { Meter } from './meter.ts'
import { readUsed } from './rows.ts'

// Real transactions beside each other: an embedded database has one at a time.
let server: RunningPostgres
let world: LeaseTestWorld
let databases = 0
beforeAll(async () => {
  server = await startPostgres({ fsync: false })
}, 60_000)
afterAll(() => server.stop())
beforeEach(async () => {
  const name = `budget_${databases++}`
  const admin = openPostgres({ url: server.url(), connections: 1 })
  await admin.query(`create database ${name}`)
  await admin.close()
  const store = await openStore({ url: server.url(name), connections: 20 })
  world = await leaseWorld(store)
  return () => store.close()
})

const meterOf = (budget: Budget, at: LeaseTestWorld = world) => {
  const { grant, task, identity, resource } = at
  const permit = issuePermitFor(at, newId('lease'))
  const [record] = permit.decisions
  if (record === undefined) throw new Error('a permit has its decision')
  return new Meter(at, {
    grantId: grant.id,
    taskId: task.id,
    identityId: identity.id,
    resource: resource.slug,
    budget,
    record,
  })
}

async function used(span: string = world.task.id) {
  return readUsed(world.store, { grantId: world.grant.id, span })
}

/** One after the other, until there is no more: how many it was. */
async function takeAll(budget: Budget, each: object, meters: number, tries: number) {
  const taken = await Promise.all(
    Array.from({ length: meters }, async () => {
      const meter = meterOf(budget)
      let count = 0
      for (let i = 0; i < tries; i++) {
        const outcome = await Promise.resolve(meter.take(each)).then(
          () => 'taken' as const,
          (thrown: { code?: string }) => thrown.code,
        )
        if (outcome !== 'taken') {
          expect(outcome).toBe('over-budget')
          break
        }
        count++
      }
      await meter.close()
      return count
    }),
  )
  return taken.reduce((sum, one) => sum + one, 0)
}

describe('a budget', () => {
  it('of calls is exact, however many call at once', async () => {
    expect(await takeAll({ per: 'task', calls: 50 }, { calls: 1 }, 64, 1)).toBe(50)
    expect(await used()).toMatchObject({ calls: 50 })
  }, 30_000)

  it('of rows and bytes is never passed, and what one has ahead comes back when it closes', async () => {
    const budget = { per: 'task', rows: 10_000, bytes: 1_000_000 } as const
    const taken = await takeAll(budget, { rows: 7, bytes: 900 }, 32, 200)
    expect(taken * 900).toBeLessThanOrEqual(1_000_000)
    expect(await used()).toMatchObject({ rows: taken * 7, bytes: taken * 900 })
    // What was left when others closed is there again: now it is used up to the last message.
    const rest = await takeAll(budget, { rows: 7, bytes: 900 }, 1, 2_000)
    expect(taken + rest).toBe(Math.floor(1_000_000 / 900))
  }, 30_000)

  it('that is used up says so, once in the log each time, with the decision it stands under', async () => {
    const meter = meterOf({ per: 'day', calls: 1 })
    await meter.take({ calls: 1 })
    await expect(meter.take({ calls: 1 })).rejects.toMatchObject({
      code: 'over-budget',
      detail: 'What was agreed for `crm.deals` in one day is used up: 1 of 1 calls.',
    })
    const entry = (await readEntries(world.store)).at(-1)
    expect(entry).toMatchObject({ kind: 'budget.refuse', facts: { used: { calls: 1 } } })
    expect(JSON.stringify(entry)).toContain('"decisions":[')
  })

  it('of a day begins anew on the next, one of a task in another task', async () => {
    const today = world.clock.now().slice(0, 10)
    expect(await takeAll({ per: 'day', calls: 2 }, { calls: 1 }, 1, 5)).toBe(2)
    expect(await used(today)).toMatchObject({ calls: 2 })
    world.clock.advance(24 * 3600_000)
    expect(await takeAll({ per: 'day', calls: 2 }, { calls: 1 }, 1, 5)).toBe(2)
    const other = { ...world, task: { ...world.task, id: newId('task') } }
    for (const at of [world, other]) {
      const meter = meterOf({ per: 'task', calls: 1 }, at)
      await meter.take({ calls: 1 })
      await expect(meter.take({ calls: 1 })).rejects.toMatchObject({ code: 'over-budget' })
    }
  })

  it('of spend takes an estimate before, and afterwards what it was', async () => {
    const budget = { per: 'task', spendCents: 100 } as const
    const spend = async (cost: number | undefined) => {
      const meter = meterOf(budget)
      await meter.begin('spend')
      if (cost !== undefined) meter.settle(cost)
      await meter.close()
    }
    await spend(300.5)
    expect(await used()).toMatchObject({ spend: 301 })
    // What does not say what it cost has cost the estimate: a twentieth.
    await spend(undefined)
    expect(await used()).toMatchObject({ spend: 50_301 })
    // Beyond what was agreed by what one call cost more than that; then no more.
    await spend(2_000_000)
    expect(await used()).toMatchObject({ spend: 2_050_301 })
    await expect(spend(1)).rejects.toMatchObject({ code: 'over-budget' })
    expect(await used()).toMatchObject({ spend: 2_050_301 })
  })

  it('counts what it does not bound as nothing, and asks nobody', async () => {
    const meter = meterOf({ per: 'task', calls: 10 })
    expect(meter.take({ rows: 1e9, bytes: 1e12 })).toBeUndefined()
    expect(await used()).toBeUndefined()
  })

  it('whose refusal can not be written down is refused all the same', async () => {
    const budget = { per: 'task', calls: 1 } as const
    await meterOf(budget).take({ calls: 1 })
    const broken = meterOf(budget, { ...world, ...failing(world, 'at the entry') })
    await expect(broken.take({ calls: 1 })).rejects.toMatchObject({ sqlstate: '22012' })
    expect(await used()).toMatchObject({ calls: 1 })
  })
})
