/** Many at once, where calls really run beside each other: the first minute of a build day. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type RunningPostgres, startPostgres } from '../../../test/fakes/postgres.ts'
import { issueOne, type LeaseTestWorld, leaseWorld } from '../../../test/support/lease-world.ts'
import { testPermit } from '../../../test/support/permit.ts'
import { openStore } from '../store/open.ts'
import { sweepLeases } from './sweep.ts'
import { endLease } from './term.ts'

let postgres: RunningPostgres
let world: LeaseTestWorld
beforeAll(async () => {
  postgres = await startPostgres({ fsync: false })
  world = await leaseWorld(await openStore({ url: postgres.url() }), 20_000)
})
afterAll(async () => {
  await world.store.close()
  await postgres.stop()
})

const count = async (text: string) =>
  (await world.store.query<{ n: number }>(`select count(*)::int as n from ${text}`))[0]?.n

test('the first leases of a grant, all at once, are all issued after one canary', async () => {
  const leases = await Promise.all(Array.from({ length: 24 }, () => issueOne(world)))
  expect(leases.every(({ state }) => state === 'live')).toBe(true)
  expect(world.target.calls.filter(call => call === 'preflight')).toHaveLength(1)
  expect(await count(`ledger_inbox where kind = 'lease.issue'`)).toBe(24)
  expect(await count('task where version = 2')).toBe(1)
  expect(await count('app_grant where version = 2')).toBe(1)
})

test('ends while sweeps run are all proven', async () => {
  const leases = await Promise.all(Array.from({ length: 24 }, () => issueOne(world)))
  const over = new AbortController()
  const sweeping = (async () => {
    while (!over.signal.aborted) await sweepLeases(world)
  })()
  const ended = await Promise.all(
    leases.map(({ id: leaseId }) => {
      const permit = testPermit('lease.end', world.first.id, leaseId)
      return endLease(world, permit, { leaseId, cause: 'released' })
    }),
  )
  over.abort()
  await sweeping
  expect(ended.every(({ outcome }) => outcome === 'verified-gone')).toBe(true)
  const ends = world.target.calls.filter(call => call.startsWith('end '))
  expect(ends).toHaveLength(leases.length)
})

test('one that can not be recorded holds up none of its batch, and is told', async () => {
  const leases = await Promise.all(Array.from({ length: 9 }, () => issueOne(world)))
  const poisoned = leases[4]
  if (poisoned === undefined) throw new Error('nine were issued')
  // What no database keeps as text: a target may say anything.
  world.target.residueOf = principal => (principal === poisoned.principal ? ['\u0000'] : [])
  world.clock.advance(3_600_000)
  await expect(sweepLeases(world)).rejects.toThrow(/./)
  const states = await world.store.query<{ id: string; state: string }>(
    'select id, state from lease where id = any($1)',
    [leases.map(({ id }) => id)],
  )
  const open = states.filter(({ state }) => state !== 'gone').map(({ id }) => id)
  expect(open).toEqual([poisoned.id])
  world.target.residueOf = undefined
  world.clock.advance(3_600_000)
  expect((await sweepLeases(world)).gone).toBe(1)
})
