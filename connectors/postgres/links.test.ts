/** Connections: nothing waits for ever, nothing ends our process, nothing secret is ever said. */

import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isProblem } from '../../src/core/base/problem.ts'
import { systemClock } from '../../src/core/base/time.ts'
import { judge } from '../../src/core/target/judge.ts'
import type { Target } from '../../src/core/target/target.ts'
import {
  leaseOrder,
  type SalesDatabase,
  signInAs,
  startSalesDatabase,
} from '../../test/support/sales-database.ts'
import { bounds } from './bounds.ts'
import { postgresConnector } from './postgres.ts'

let sales: SalesDatabase
let target: Target
const soon = () => AbortSignal.timeout(15_000)

beforeAll(async () => {
  sales = await startSalesDatabase({ log_statement: 'all', log_min_error_statement: 'debug5' })
  target = postgresConnector.open(postgresConnector.parseConfig(sales.config), systemClock)
})
afterAll(async () => {
  await target?.close()
  await sales?.stop()
})

async function issueNew() {
  const order = leaseOrder(sales)
  await target.ensureHolder(order, soon())
  return { ...order, ...(await target.issue(order, soon())) }
}

describe('secrets', () => {
  test('are in no line of the server’s log, though it logs every statement', async () => {
    const lease = await issueNew()
    await target.renew(lease, soon())
    await target.end(lease, soon())
    await target.verifyGone(lease, soon())
    const log = await readFile(join(dirname(sales.server.dataDir), 'postgres.log'), 'utf8')
    expect(log).toContain(lease.principal)
    expect(log).toContain("password 'SCRAM-SHA-256$4096:")
    expect(log).not.toContain(lease.secret)
    expect(log).not.toContain(sales.config.password)
  })

  test('are in no error, and no statement is', async () => {
    const order = leaseOrder(sales)
    const refused: unknown = await target.issue(order, soon()).catch((error: unknown) => error)
    expect(isProblem(refused, 'target-refused')).toBe(true)
    const { cause, stack } = refused as Error
    const said = JSON.stringify(refused) + String(refused) + stack + JSON.stringify(cause ?? null)
    expect(said).not.toContain(order.secret)
    expect(said).not.toContain('SCRAM')
    expect(said).not.toMatch(/create role|do \$/i)
  })
})

describe('a busy server', () => {
  test('can not keep an end waiting behind what is being issued', async () => {
    const lease = await issueNew()
    const orders = Array.from({ length: 6 }, () => leaseOrder(sales))
    for (const order of orders) await target.ensureHolder(order, soon())
    const blocker = await signInAsSuperuser()
    for (const { principal } of orders)
      await blocker.query('select pg_advisory_lock(hashtextextended($1, 0))', [principal])
    const cut = new AbortController()
    const issuing = orders.map(order => target.issue(order, cut.signal).catch(() => 'cut'))
    await untilWaiting(4)
    // Each place for issuing is taken; ending has its own, and need not wait for them.
    const atOnce = AbortSignal.timeout(3_000)
    await target.end(lease, atOnce)
    expect(judge(await target.verifyGone(lease, atOnce))).toBe('verified-gone')
    cut.abort()
    expect(await Promise.all(issuing)).toEqual(orders.map(() => 'cut'))
    await blocker.end()
  })

  test('is asked nothing any more once the caller gave up', async () => {
    const gone = AbortSignal.abort()
    const order = leaseOrder(sales)
    const calls = await Promise.allSettled([
      target.ensureHolder(order, gone),
      target.issue(order, gone),
      target.end(order, gone),
    ])
    for (const call of calls)
      expect(call).toMatchObject({ reason: { code: 'target-unavailable', log: 'AbortError' } })
    expect(await sales.ask('select from pg_roles where rolname = $1', [order.holder])).toEqual([])
  })
})

describe('the probe account', () => {
  test('is asked again a second later: what it was told then proves nothing now', async () => {
    const lease = await issueNew()
    await target.end(lease, soon())
    expect(judge(await target.verifyGone(lease, soon()))).toBe('verified-gone')
    await sales.ask('alter role leasehold_probe nologin')
    await new Promise(done => setTimeout(done, bounds.probeFreshMs + 50))
    const evidence = await target.verifyGone(lease, soon())
    await sales.ask('alter role leasehold_probe login')
    expect(evidence).toMatchObject({ listed: 'absent', credential: 'refused', probe: 'refused' })
    expect(judge(evidence)).toBe('revoked-unverified')
  })
})

describe('a server that dies', () => {
  test('is unavailable, not a reason to die as well, and serves again when it is back', async () => {
    const lease = await issueNew()
    const blocker = await signInAsSuperuser()
    await blocker.query('select pg_advisory_lock(hashtextextended($1, 0))', [lease.principal])
    const ending = target.end(lease, soon()).catch((error: unknown) => error)
    await untilWaiting(1)
    await sales.server.kill9()
    expect(isProblem(await ending, 'target-unavailable')).toBe(true)
    const evidence = await target.verifyGone(lease, soon())
    expect(evidence).toMatchObject({ listed: 'unknown', credential: 'not-tried' })
    expect(judge(evidence)).toBe('unreachable')
    await sales.server.restart()
    await target.end(lease, soon())
    expect(judge(await target.verifyGone(lease, soon()))).toBe('verified-gone')
  })

  test('lets the key be tried though our own account is locked out', async () => {
    const lease = await issueNew()
    await sales.ask(`alter role leasehold nologin;
      select pg_terminate_backend(pid) from pg_stat_activity where usename = 'leasehold'`)
    const evidence = await target.verifyGone(lease, soon())
    await sales.ask('alter role leasehold login')
    // The list can not be read, and yet it is known not to be gone.
    expect(evidence).toMatchObject({ listed: 'unknown', credential: 'accepted' })
    expect(judge(evidence)).toBe('still-there')
    await target.end(lease, soon())
    expect(judge(await target.verifyGone(lease, soon()))).toBe('verified-gone')
  })

  test('lists more roles than one page holds, each once', async () => {
    const names = Array.from({ length: 205 }, (_, n) => `lh_page_${String(n).padStart(3, '0')}`)
    await sales.ask(names.map(name => `create role ${name}`).join(';'))
    await sales.ask('create role lhx_other; create role lh')
    const first = await target.inventory(null, soon())
    expect(first.found).toHaveLength(200)
    const second = await target.inventory(first.next, soon())
    expect(second.next).toBeNull()
    const found = [...first.found, ...second.found].map(each => each.name)
    expect(found.filter(name => name.startsWith('lh_page_'))).toEqual(names)
    expect(found).not.toContain('lhx_other')
    expect(found).not.toContain('lh')
  })
})

function signInAsSuperuser() {
  const { superuser: principal, password: secret } = sales.server
  return signInAs(sales, { principal, secret })
}

async function untilWaiting(count: number): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if ((await sales.ask('select from pg_locks where not granted')).length >= count) return
    await new Promise(done => setTimeout(done, 10))
  }
  throw new Error('not as many wait for a lock')
}
