/** What the kit does not ask, because no other system is like this one. */
import { setTimeout as wait } from 'node:timers/promises'
import { beforeEach, describe, expect, test } from 'vitest'
import { isProblem } from '../../src/core/base/problem.ts'
import { addSeconds } from '../../src/core/base/time.ts'
import { judge } from '../../src/core/target/judge.ts'
import type { IssueOrder, Target } from '../../src/core/target/target.ts'
import { addPat } from '../../test/fakes/snowflake/state.ts'
import { type FakeSnowflake, startFakeSnowflake } from '../../test/fakes/snowflake.ts'
import { type HandClock, handClock } from '../../test/support/clock.ts'
import { snowflakeConnector } from './snowflake.ts'

let clock: HandClock
let snowflake: FakeSnowflake
let target: Target
const soon = () => AbortSignal.timeout(10_000)
const openWith = (change: object = {}) =>
  snowflakeConnector.open(snowflakeConnector.parseConfig({ ...snowflake.config, ...change }), clock)

beforeEach(async () => {
  clock = handClock()
  snowflake = await startFakeSnowflake(clock)
  target = openWith()
  return async () => {
    await target.close()
    expect(snowflake.breaches).toEqual([])
    await snowflake.close()
  }
})

const deals = { database: 'SALES', schema: 'CRM', table: 'DEALS' }
const short = { database: 'SALES', schema: 'CRM', view: 'DEALS_SHORT' }
function orderOf(change: Partial<IssueOrder> = {}): IssueOrder {
  return {
    principal: 'lh_test_desk',
    holder: 'lhg_test',
    owner: 'lho_test',
    object: deals,
    actions: ['read'],
    columns: [],
    secret: 'derived-and-never-used',
    deadline: addSeconds(clock.now(), 10),
    endsAt: addSeconds(clock.now(), 900),
    ...change,
  }
}

async function issueNew(change: Partial<IssueOrder> = {}) {
  const order = orderOf(change)
  await target.ensureHolder(order, soon())
  const issued = await target.issue(order, soon())
  return { ...order, secret: issued.secret ?? '', acceptedPath: issued.acceptedPath }
}

async function faultOf(work: Promise<unknown>) {
  const thrown: unknown = await work.catch((e: unknown) => e)
  if (!isProblem(thrown)) throw new Error(`no Problem: ${String(thrown)}`)
  const told = `${thrown.code} ${thrown.detail} ${thrown.next ?? ''}`
  expect(told).not.toMatch(/eyJ|127\.0\.0\.1|SQL error|Invalid token|ALTER|CREATE/)
  return told
}
const statements = () => snowflake.seen.map(({ statement }) => statement)

describe('a user of a lease', () => {
  test('has one role and one token, which is bound to that role and dies after a day', async () => {
    const lease = await issueNew()
    const user = snowflake.users.get('LH_TEST_DESK')
    expect([...(user?.roles ?? [])]).toEqual(['PUBLIC', 'LHG_TEST'])
    expect(user?.pats).toMatchObject([{ name: 'LEASE', role: 'LHG_TEST', value: lease.secret }])
    expect(user?.pats[0]?.expiresAt).toBe(addSeconds(clock.now(), 86_400))
    expect(snowflake.roles.get('LHG_TEST')?.map(each => Object.values(each).join(' '))).toEqual([
      'USAGE WAREHOUSE SMALL',
      'USAGE DATABASE SALES',
      'USAGE SCHEMA SALES.CRM',
      'SELECT TABLE SALES.CRM.DEALS',
    ])
  })

  test('is not made by a statement that was held back until its deadline was over', async () => {
    const order = orderOf()
    await target.ensureHolder(order, soon())
    const held = Promise.withResolvers<void>()
    let isHeld = false
    snowflake.stall = async statement => {
      if (!statement.startsWith('EXECUTE')) return
      isHeld = true
      await held.promise
    }
    const sender = new AbortController()
    const sent = faultOf(target.issue(order, sender.signal))
    await expect.poll(() => isHeld).toBe(true)
    sender.abort()
    expect(await sent).toMatch(/target-unavailable/)
    clock.advance(10_001)
    const look = await target.verifyGone({ ...order, acceptedPath: null }, soon())
    expect(look.listed).toBe('absent')
    held.resolve()
    await wait(50)
    expect(snowflake.users.has('LH_TEST_DESK')).toBe(false)
  })

  test('who was dropped gets no token by a command that comes late', async () => {
    const order = orderOf()
    await target.ensureHolder(order, soon())
    snowflake.stall = async statement => {
      if (statement.includes('ADD PROGRAMMATIC')) snowflake.users.delete('LH_TEST_DESK')
    }
    expect(await faultOf(target.issue(order, soon()))).toMatch(/target-refused/)
    expect(snowflake.living()).toEqual([])
  })

  test('without a network policy gets no token, and what was made of it ends by its name', async () => {
    snowflake.hasNetworkPolicy = false
    const order = orderOf()
    expect(await faultOf(issueNew())).toMatch(/target-refused.*394406/)
    await target.end(order, soon())
    expect(snowflake.users.has('LH_TEST_DESK')).toBe(false)
  })

  test('who comes back after a hold has the token back that was stopped with them', async () => {
    const lease = await issueNew()
    await target.hold(lease.principal, soon())
    expect(snowflake.users.get('LH_TEST_DESK')?.pats[0]?.isDisabled).toBe(true)
    expect(snowflake.living()).toEqual([])
    await target.release(lease.principal, soon())
    expect(snowflake.living()).toEqual(['LH_TEST_DESK'])
  })

  test('is not renewed past the day of its token, nor with a second token beside it', async () => {
    const lease = await issueNew()
    const endsAt = addSeconds(clock.now(), 86_401)
    expect(await faultOf(target.renew({ ...lease, endsAt }, soon()))).toMatch(/before that/)
    const user = snowflake.users.get('LH_TEST_DESK')
    if (user) addPat(snowflake, user, 'MINE', 'LHG_TEST')
    expect(await faultOf(target.renew(lease, soon()))).toMatch(/as it was made/)
  })
})

describe('an end', () => {
  test('is not proven while a statement of the lease runs', async () => {
    const lease = await issueNew()
    await target.hold(lease.principal, soon())
    const user = snowflake.users.get('LH_TEST_DESK')
    if (user) user.running = 2
    expect(await target.verifyGone(lease, soon())).toMatchObject({ sessions: 2 })
    await target.end(lease, soon())
    expect(judge(await target.verifyGone(lease, soon()))).toBe('verified-gone')
  })

  test('is not proven while what a dropped user began goes on', async () => {
    const lease = await issueNew()
    snowflake.users.delete('LH_TEST_DESK')
    snowflake.orphans.set('LH_TEST_DESK', 1)
    await target.end(lease, soon())
    const seen = await target.verifyGone(lease, soon())
    expect(seen).toMatchObject({ listed: 'absent', credential: 'refused', sessions: 1 })
    expect(judge(seen)).toBe('still-there')
  })

  test('is driven to the drop whatever became of the steps before it', async () => {
    const lease = await issueNew()
    snowflake.fault = statement => (statement.startsWith('ALTER') ? { status: 500 } : undefined)
    await target.end(lease, soon())
    expect(snowflake.living()).toEqual([])
  })

  test('is never green without a warehouse, which shows what runs', async () => {
    target = openWith({ warehouse: undefined })
    const lease = await issueNew()
    await target.end(lease, soon())
    const seen = await target.verifyGone(lease, soon())
    expect(seen).toMatchObject({ listed: 'absent', credential: 'refused', sessions: null })
    expect(seen.because).toMatch(/warehouse/)
    expect(judge(seen)).toBe('revoked-unverified')
  })

  test('is never green where our role may not see what others run, and the canary says so', async () => {
    const lease = await issueNew()
    snowflake.roles.set('LEASES_ADMIN', [{ privilege: 'MONITOR', on: 'WAREHOUSE', name: 'BIG' }])
    snowflake.orphans.set('LH_TEST_DESK', 1)
    await target.end(lease, soon())
    const seen = await target.verifyGone(lease, soon())
    expect(seen).toMatchObject({ listed: 'absent', credential: 'refused', sessions: null })
    expect(seen.because).toMatch(/`LEASES_ADMIN` was not given `MONITOR` on `SMALL`/)
    expect(judge(seen)).toBe('revoked-unverified')
    const { ok, steps } = await target.preflight(soon())
    expect(ok).toBe(true)
    expect(steps.find(({ name }) => name === 'what runs can be seen')?.detail).toMatch(
      /no end will be green/,
    )
  })

  test.each([
    ['390432', 'not-tried'],
    ['390422', 'not-tried'],
    ['394400', 'refused'],
    ['', 'not-tried'],
  ])('with the answer %s to its token says %s', async (code, credential) => {
    const lease = await issueNew()
    await target.end(lease, soon())
    snowflake.refusal = code
    expect(await target.verifyGone(lease, soon())).toMatchObject({ credential })
  })

  test('is not proven where a token of ours is refused as well', async () => {
    const lease = await issueNew()
    await target.end(lease, soon())
    snowflake.fault = statement => (statement.includes('LH_PROBE_') ? { status: 500 } : undefined)
    expect(judge(await target.verifyGone(lease, soon()))).toBe('revoked-unverified')
  })

  test('leaves no token of our own user there once the target is closed', async () => {
    const lease = await issueNew()
    const own = snowflake.users.get('LEASEHOLD')
    await target.verifyGone(lease, soon())
    expect(own?.pats).toMatchObject([{ role: 'PUBLIC' }])
    await target.close()
    expect(own?.pats).toEqual([])
  })
})

describe('a role of a grant', () => {
  test('is of a secure view with exactly the columns that were agreed, or is refused', async () => {
    const columns = ['ID', 'NAME']
    const make = (change: Partial<IssueOrder>) => target.ensureHolder(orderOf(change), soon())
    expect(await faultOf(make({ columns }))).toMatch(/a table whole.*secure view/)
    expect(await faultOf(make({ columns: ['ID'], object: short }))).toMatch(/other columns/)
    const open = { ...short, view: 'DEALS_OPEN' }
    expect(await faultOf(make({ columns, object: open }))).toMatch(/not secure/)
    expect(await faultOf(make({ actions: ['write'], object: short }))).toMatch(/no right/)
    await make({ columns, object: short })
    expect(snowflake.roles.get('LHG_TEST')).toContainEqual({
      privilege: 'SELECT',
      on: 'VIEW',
      name: 'SALES.CRM.DEALS_SHORT',
    })
  })

  test('that somebody gave more is not used until they take it back', async () => {
    await issueNew()
    snowflake.roles.get('LHG_TEST')?.push({ privilege: 'USAGE', on: 'ROLE', name: 'SYSADMIN' })
    const next = orderOf({ principal: 'lh_test_next' })
    expect(await faultOf(target.issue(next, soon()))).toMatch(/SYSADMIN/)
    expect(snowflake.users.has('LH_TEST_NEXT')).toBe(false)
  })

  test('that owns a thing is not dropped: dropping hands that to our own role', async () => {
    await target.ensureHolder(orderOf(), soon())
    snowflake.roles.get('LHG_TEST')?.push({ privilege: 'OWNERSHIP', on: 'TABLE', name: 'A.B.C' })
    expect(await faultOf(target.removeHolder('lhg_test', soon()))).toMatch(/TABLE A\.B\.C/)
    expect(snowflake.roles.has('LHG_TEST')).toBe(true)
  })

  test('of a table with a hostile name is of that table', async () => {
    const table = 'odd"; DROP USER "LEASEHOLD" --'
    await target.ensureHolder(orderOf({ object: { ...deals, table } }), soon())
    expect(snowflake.users.has('LEASEHOLD')).toBe(true)
    expect(snowflake.roles.get('LHG_TEST')?.at(-1)?.name).toContain('odd"";')
  })
})

describe('an answer of Snowflake', () => {
  test('is waited for where it takes longer, and read in all its parts', async () => {
    snowflake.slowTimes = 1
    snowflake.rowsOfPart = 2
    const lease = await issueNew({ actions: ['read', 'write', 'destroy'] })
    snowflake.slowTimes = 0
    expect(snowflake.roles.get('LHG_TEST')).toHaveLength(7)
    expect(lease.acceptedPath).toContain('LH_TEST_DESK')
    expect(statements().some(each => each.includes('?partition=1'))).toBe(true)
  })

  test('that nobody waits for any more is stopped there', async () => {
    snowflake.slowTimes = 1_000
    expect(await faultOf(target.ensureHolder(orderOf(), AbortSignal.timeout(300)))).toMatch(
      /target-unavailable/,
    )
    expect(statements().at(-1)).toMatch(/\/cancel$/)
  })
})
