/** What is found there beside leases, and what is not shown. */
import { beforeEach, expect, test } from 'vitest'
import type { InventoryPage, Target } from '../../src/core/target/target.ts'
import { addPat, newUser } from '../../test/fakes/snowflake/state.ts'
import { type FakeSnowflake, startFakeSnowflake } from '../../test/fakes/snowflake.ts'
import { handClock } from '../../test/support/clock.ts'
import { snowflakeConnector } from './snowflake.ts'

let snowflake: FakeSnowflake
let target: Target

beforeEach(async () => {
  const clock = handClock()
  snowflake = await startFakeSnowflake(clock)
  target = snowflakeConnector.open(snowflakeConnector.parseConfig(snowflake.config), clock)
  return async () => {
    await target.close()
    expect(snowflake.breaches).toEqual([])
    await snowflake.close()
  }
})

async function listAll() {
  const pages: InventoryPage[] = []
  for (let cursor: string | null = null; ; ) {
    const page: InventoryPage = await target.inventory(cursor, AbortSignal.timeout(5_000))
    pages.push(page)
    cursor = page.next
    if (cursor === null) break
  }
  const unseen = pages.flatMap(page => page.unseen ?? [])
  return { found: pages.flatMap(page => page.found), unseen }
}

test('users are found with their tokens, keys and workload identities, then roles', async () => {
  const etl = newUser(snowflake, 'ETL"x', 'SERVICE')
  etl.fingerprint = 'SHA256:abc'
  etl.workloads = ['ci']
  const pat = addPat(snowflake, etl, 'NIGHT', 'PUBLIC')
  const { found, unseen } = await listAll()
  expect(unseen).toEqual([])
  const of = found.filter(each => each.id.includes('ETL"x'))
  expect(of.map(({ kind, name }) => [kind, name])).toEqual([
    ['account', 'ETL"x'],
    ['token', 'NIGHT'],
    ['key', 'SHA256:abc'],
    ['trust', 'ci'],
  ])
  expect(of[1]?.endsAt).toBe(pat.expiresAt)
  expect(JSON.stringify(found)).not.toContain(pat.value)
  expect(found.at(-1)).toMatchObject({ kind: 'role', name: 'PUBLIC', ours: false })
})

test('tokens that it may not see are said not to be seen, and are not taken for our own', async () => {
  const etl = newUser(snowflake, 'ETL', 'SERVICE')
  addPat(snowflake, etl, 'NIGHT', 'PUBLIC')
  const own = snowflake.users.get('LEASEHOLD')
  if (own) addPat(snowflake, own, 'OURS', 'PUBLIC')
  snowflake.hiddenTokens.add('ETL')
  const { found, unseen } = await listAll()
  expect(found.filter(each => each.kind === 'token').map(each => each.name)).toEqual(['OURS'])
  expect(unseen).toMatchObject([{ needs: expect.stringContaining('user ETL') }])
})

test('users it may not see are said not to be seen, once', async () => {
  snowflake.roles.set('LEASES_ADMIN', [])
  expect((await listAll()).unseen).toMatchObject([{ needs: 'MANAGE GRANTS on the account' }])
})

test('a cursor of somebody else is refused', async () => {
  for (const cursor of ['x', '["TABLES",""]', '[]'])
    await expect(target.inventory(cursor, AbortSignal.timeout(5_000))).rejects.toThrow(
      /invalid-field|bad-json/,
    )
})
