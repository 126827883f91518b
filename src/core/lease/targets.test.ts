import { beforeEach, describe, expect, it } from 'vitest'
import { issueOne, type LeaseTestWorld, leaseWorld } from '../../../test/support/lease-world.ts'

import { addSeconds } from '../base/time.ts'
import { type TargetRow, targetTable } from '../grant/rows.ts'

let world: LeaseTestWorld
let atOnce: number
beforeEach(async () => {
  world = await leaseWorld()
  await issueOne(world)
  atOnce = (await world.targets.describe(world.grant.targetId)).callsAtOnce ?? 0
})

/** Calls that nothing ends but their own bound; answers how each went. */
function hang(count: number, onCall: () => void = () => {}) {
  const one = () =>
    world.targets.call(world.grant.targetId, 'issue', () => {
      onCall()
      return new Promise<never>(() => {})
    })
  return Promise.allSettled(Array.from({ length: count }, one))
}

describe('a target that is full', () => {
  it('keeps who comes later waiting, and no longer than one call may take', async () => {
    let called = 0
    const went = await hang(4 * atOnce, () => called++)
    expect(called).toBeGreaterThanOrEqual(atOnce)
    expect(called).toBeLessThanOrEqual(2 * atOnce)
    const last = went.at(-1)
    expect(last?.status === 'rejected' && last.reason).toMatchObject({
      code: 'target-busy',
      detail: expect.stringContaining('are waiting'),
    })
    const after = world.targets.call(world.grant.targetId, 'issue', async () => 'in')
    await expect(after).resolves.toBe('in')
  })

  it('still ends: issuing has places of its own', async () => {
    const hung = hang(2 * atOnce)
    const end = world.targets.call(world.grant.targetId, 'end', async () => 'in')
    await expect(end).resolves.toBe('in')
    expect((await hung).every(({ status }) => status === 'rejected')).toBe(true)
  })
})

describe('a target that is connected again', () => {
  const change = (more: Partial<TargetRow>) => {
    const row = world.replica.get(targetTable, world.grant.targetId)
    if (row === undefined) throw new Error('there is one')
    const next = { ...row, ...more, version: row.version + 1 }
    world.replica.apply([{ table: targetTable.name, row: next }])
  }
  const closes = () => world.target.calls.filter(call => call === 'close').length

  it('is opened anew, and what calls still use stays open until they are over', async () => {
    const { targets, grant, clock } = world
    const gate = Promise.withResolvers<void>()
    const call = targets.call(grant.targetId, 'issue', () => gate.promise)
    await targets.describe(grant.targetId)
    change({ adminRotatedAt: addSeconds(clock.now(), 1) })
    await targets.describe(grant.targetId)
    expect(closes()).toBe(0)
    gate.resolve()
    await call
    expect(closes()).toBe(1)
  })

  it('is not opened anew because of its canary', async () => {
    change({ preflightAt: addSeconds(world.clock.now(), 1) })
    await world.targets.describe(world.grant.targetId)
    expect(closes()).toBe(0)
  })
})
