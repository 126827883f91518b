/** Before something is issued: our own credential is not over, and what is made can be ended. */
import { beforeEach, describe, expect, it } from 'vitest'
import { issueOne, type LeaseTestWorld, leaseWorld } from '../../../test/support/lease-world.ts'
import { testPermit } from '../../../test/support/permit.ts'
import { listOpenFindings } from '../../life/lists/lists.ts'
import { addSeconds } from '../base/time.ts'
import { type TargetRow, targetTable } from '../grant/rows.ts'
import { sweepLeases } from './sweep.ts'
import { endLease } from './term.ts'

let world: LeaseTestWorld
beforeEach(async () => {
  world = await leaseWorld()
})

const endNow = (lease: Awaited<ReturnType<typeof issueOne>>) => {
  const permit = testPermit('lease.end', world.first.id, lease.id)
  return endLease(world, permit, { leaseId: lease.id, cause: 'revoked' })
}

describe('our own credential that is over', () => {
  it('issues nothing new and says what next; what is there ends all the same', async () => {
    const lease = await issueOne(world)
    const row = world.replica.get(targetTable, world.targetId)
    if (row === undefined) throw new Error('there is one')
    const endsAt = (adminEndsAt: typeof row.adminEndsAt) => {
      const version = (world.replica.get(targetTable, row.id)?.version ?? 0) + 1
      const next: TargetRow = { ...row, adminEndsAt, version }
      world.replica.apply([{ table: targetTable.name, row: next }])
    }
    endsAt(world.clock.now())
    await expect(issueOne(world)).rejects.toMatchObject({
      code: 'target-refused',
      detail: expect.stringContaining('nothing new is issued there'),
      next: expect.stringContaining('connect rotate crm'),
    })
    expect(await endNow(lease)).toMatchObject({ state: 'gone', outcome: 'verified-gone' })
    endsAt(addSeconds(world.clock.now(), 1))
    expect(await issueOne(world)).toMatchObject({ state: 'live' })
  })
})

describe('a target where ending got stuck', () => {
  const played = () => world.target.calls.filter(call => call === 'preflight').length
  const getStuck = async () => {
    const lease = await issueOne(world)
    world.target.mode = 'lies'
    await endNow(lease)
    for (let tries = 0; tries < 5; tries++) {
      world.clock.advance(300_000)
      await sweepLeases(world)
    }
  }

  it('plays its canary again before the next issue, however young the last is', async () => {
    await getStuck()
    expect(played()).toBe(1)
    await issueOne(world)
    expect(played()).toBe(2)
    // It passed after that: once is enough.
    await issueOne(world)
    expect(played()).toBe(2)
  })

  it('is not used where that fails: a finding says so until it passes', async () => {
    await getStuck()
    world.target.fails = 'ended'
    await expect(issueOne(world)).rejects.toMatchObject({
      code: 'target-refused',
      detail: expect.stringContaining('at the step "ended"'),
    })
    const told = async () =>
      (await listOpenFindings(world.store, { about: world.targetId })).map(({ kind }) => kind)
    expect(await told()).toEqual(['target-preflight'])
    await expect(issueOne(world)).rejects.toMatchObject({ code: 'target-refused' })
    delete world.target.fails
    expect(await issueOne(world)).toMatchObject({ state: 'live' })
    expect(await told()).toEqual([])
  })

  it('elsewhere changes nothing here', async () => {
    await issueOne(world)
    await issueOne(world)
    expect(played()).toBe(1)
  })
})
