import { beforeEach, describe, expect, it } from 'vitest'
import { issueOne, type LeaseTestWorld, leaseWorld } from '../../../test/support/lease-world.ts'

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
      code: 'target-unavailable',
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
