/** What an end leaves, hands over and can not take, on a real server with three databases. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isProblem } from '../../src/core/base/problem.ts'
import { systemClock } from '../../src/core/base/time.ts'
import { judge } from '../../src/core/target/judge.ts'
import type { Evidence, IssueOrder, Target } from '../../src/core/target/target.ts'
import {
  leaseOrder,
  type SalesDatabase,
  signInAs,
  startSalesDatabase,
} from '../../test/support/sales-database.ts'
import { postgresConnector } from './postgres.ts'

let sales: SalesDatabase
let target: Target
const soon = () => AbortSignal.timeout(15_000)

beforeAll(async () => {
  sales = await startSalesDatabase({ max_prepared_transactions: '4' })
  target = postgresConnector.open(postgresConnector.parseConfig(sales.config), systemClock)
})
afterAll(async () => {
  await target?.close()
  await sales?.stop()
})

async function issueNew(change: Partial<IssueOrder> = {}) {
  const order = leaseOrder(sales, change)
  await target.ensureHolder(order, soon())
  const { acceptedPath } = await target.issue(order, soon())
  return { ...order, acceptedPath }
}

type Lease = Awaited<ReturnType<typeof issueNew>>
const look = (lease: Lease): Promise<Evidence> => target.verifyGone(lease, soon())

async function ownerOf(table: string, database?: string): Promise<string | undefined> {
  const text = 'select pg_get_userbyid(relowner) as owner from pg_class where oid = to_regclass($1)'
  return (await sales.ask<{ owner: string }>(text, [table], database))[0]?.owner
}

describe('what a lease made', () => {
  test('goes to its app, in each database, and nothing else of the lease stays', async () => {
    const lease = await issueNew()
    const { principal, owner } = lease
    for (const database of ['crm', 'billing', 'island']) {
      await sales.ask(`grant create on database ${database} to ${principal}`, [], 'crm')
      const session = await signInAs(sales, lease, database)
      await session.query(`create schema made; create table made.rows (id serial primary key);
        insert into made.rows default values; create view made.seen as select * from made.rows;
        create function made.one() returns int language sql as 'select 1';
        create type made.pair as (a int, b int); select lo_create(0);
        alter default privileges in schema made grant select on tables to public;
        alter default privileges grant execute on functions to public`)
      await session.end()
    }
    // Handed over at once; what a superuser gave, a superuser takes back.
    await expect(target.end(lease, soon())).rejects.toThrow(/may use database billing/)
    for (const database of ['crm', 'billing', 'island'])
      await sales.ask(`revoke create on database ${database} from ${principal}`)
    await target.end(lease, soon())
    expect(judge(await look(lease))).toBe('verified-gone')
    for (const database of ['crm', 'billing', 'island']) {
      expect(await ownerOf('made.rows', database)).toBe(owner)
      expect(await sales.ask('select from made.seen', [], database)).toHaveLength(1)
      expect(await sales.ask('select from pg_default_acl', [], database)).toEqual([])
    }
    // The owner role owns an app's data: removing it leaves both, and says so.
    await target.removeHolder(owner, soon())
    const evidence = await target.verifyHolderGone(owner, soon())
    expect(evidence.listed).toBe('present')
    expect(evidence.residue).toContain('owns table made.rows')
    expect(evidence.residue.join()).toMatch(/owns a pg_class row in database billing \(\d+\)/)
    expect(await ownerOf('made.rows')).toBe(owner)
    for (const database of ['crm', 'billing', 'island'])
      await sales.ask(`drop owned by ${owner} cascade`, [], database)
    await target.removeHolder(owner, soon())
    expect((await target.verifyHolderGone(owner, soon())).listed).toBe('absent')
  })

  test('two leases of one app end at once and both hand over', async () => {
    const owner = leaseOrder(sales).owner
    const leases = await Promise.all([
      issueNew({ owner }),
      issueNew({ owner }),
      issueNew({ owner }),
    ])
    await sales.ask('create schema shared')
    for (const lease of leases) {
      await sales.ask(`grant usage, create on schema shared to ${lease.principal}`)
      const session = await signInAs(sales, lease)
      await session.query(`create table shared.${lease.principal} (id int)`)
      await session.end()
    }
    // They can be given only where their maker may still make things.
    await sales.ask(`grant usage, create on schema shared to leasehold with grant option`)
    await sales.ask(`revoke all on schema shared from ${leases.map(each => each.principal).join()}`)
    await Promise.all(leases.map(lease => target.end(lease, soon())))
    for (const lease of leases) {
      expect(judge(await look(lease))).toBe('verified-gone')
      expect(await ownerOf(`shared.${lease.principal}`)).toBe(owner)
    }
  })

  test('a routine that lent its maker’s rights lends none of the owner’s', async () => {
    const lease = await issueNew()
    await sales.ask(`create schema lent; grant usage, create on schema lent to ${lease.principal}`)
    const session = await signInAs(sales, lease)
    await session.query(`create function lent."it's; odd"(text) returns bigint
      security definer language sql as 'select count(*) from crm.deals'`)
    await session.end()
    // The same right comes from somebody who can not be asked to take it back by us.
    await sales.ask(`grant usage, create on schema lent to leasehold with grant option`)
    await target.end(lease, soon()).catch(() => {})
    expect(
      await sales.ask('select from pg_proc where prosecdef and pronamespace = $1::regnamespace', [
        'lent',
      ]),
    ).toEqual([])
    await sales.ask(`revoke all on schema lent from ${lease.principal}`)
    await target.end(lease, soon())
    expect(judge(await look(lease))).toBe('verified-gone')
    const owners = await sales.ask<{ owner: string }>(
      `select pg_get_userbyid(proowner) as owner from pg_proc where pronamespace = 'lent'::regnamespace`,
    )
    expect(owners).toEqual([{ owner: lease.owner }])
  })

  test('a routine of the owner that lends its rights is named, in any database', async () => {
    const lease = await issueNew()
    await target.end(lease, soon())
    for (const database of ['crm', 'island']) {
      await sales.ask(
        `create function lend_${database}() returns int security definer language sql as 'select 1';
         alter function lend_${database}() owner to ${lease.owner}`,
        [],
        database,
      )
    }
    const evidence = await look(lease)
    expect(judge(evidence)).toBe('still-there')
    expect(evidence.residue).toEqual([
      'security definer public.lend_crm()',
      'security definer public.lend_island() in database island',
    ])
  })
})

describe('what others did to a lease', () => {
  test('memberships in both directions end with it, and are named before', async () => {
    const lease = await issueNew()
    await sales.ask(`create role outsider; grant ${lease.principal} to outsider;
      create role granted; grant granted to ${lease.principal}`)
    expect((await look(lease)).residue).toEqual(
      expect.arrayContaining(['lent to outsider', 'member of granted']),
    )
    await target.end(lease, soon())
    expect(judge(await look(lease))).toBe('verified-gone')
  })

  test('a database nobody let the connector into keeps it, contained, and is named', async () => {
    const lease = await issueNew()
    await sales.ask(`create database closed`, [], 'postgres')
    await sales.ask(`create schema kept authorization ${lease.principal}`, [], 'closed')
    await sales.ask(`revoke connect on database closed from public`)
    const thrown: unknown = await target.end(lease, soon()).catch((error: unknown) => error)
    expect(isProblem(thrown, 'target-refused') && thrown.detail).toMatch(/database `closed`/)
    const evidence = await look(lease)
    expect(evidence).toMatchObject({ listed: 'present', credential: 'refused', sessions: 0 })
    expect(evidence.residue.join()).toContain('owns a pg_namespace row in database closed')
    await sales.ask('grant connect on database closed to leasehold')
    // To own a schema, a role must be allowed to make one there.
    await sales.ask(`grant create on database closed to leasehold, ${lease.principal}`)
    await target.end(lease, soon()).catch(() => {})
    await sales.ask(`revoke all on database closed from ${lease.principal}`)
    await target.end(lease, soon())
    expect(judge(await look(lease))).toBe('verified-gone')
  })

  test('a prepared transaction outlives the session, and is named until it is over', async () => {
    const lease = await issueNew()
    const session = await signInAs(sales, lease)
    await session.query(`begin; select id from crm.deals; prepare transaction 'left by a lease'`)
    await session.end()
    await target.end(lease, soon())
    const evidence = await look(lease)
    expect(evidence.residue).toContain('prepared transaction left by a lease')
    expect(judge(evidence)).toBe('still-there')
    await sales.ask(`rollback prepared 'left by a lease'`)
    expect(judge(await look(lease))).toBe('verified-gone')
  })

  test('a login that was made stronger is not issued again', async () => {
    const lease = await issueNew()
    await sales.ask(`alter role ${lease.principal} createdb`)
    const again: unknown = await target.issue(lease, soon()).catch((error: unknown) => error)
    expect(isProblem(again, 'target-refused')).toBe(true)
    await target.end(lease, soon())
    expect(judge(await look(lease))).toBe('verified-gone')
  })
})

describe('an end that is broken off', () => {
  test('leaves a role nobody gets in with, and the next end finishes', async () => {
    const lease = await issueNew()
    await sales.ask(`create schema busy; grant usage, create on schema busy to ${lease.principal}`)
    const session = await signInAs(sales, lease)
    await session.query('create table busy.rows (id int)')
    await sales.ask('revoke all on schema busy from public')
    const blocker = await signInAsSuperuser()
    await blocker.query('begin; lock table busy.rows in access share mode')
    const cut = new AbortController()
    const ending = target.end(lease, cut.signal).catch((error: unknown) => error)
    await untilWaiting()
    cut.abort()
    expect(isProblem(await ending, 'target-unavailable')).toBe(true)
    const evidence = await look(lease)
    expect(evidence).toMatchObject({ listed: 'present', credential: 'refused', sessions: 0 })
    await expect(session.query('select 1')).rejects.toThrow(/./)
    const [role] = await sales.ask('select rolcanlogin from pg_roles where rolname = $1', [
      lease.principal,
    ])
    expect(role).toEqual({ rolcanlogin: false })
    await blocker.end()
    await sales.ask(`grant all on schema busy to leasehold with grant option`)
    await target.end(lease, soon()).catch(() => {})
    await sales.ask(`revoke all on schema busy from ${lease.principal}`)
    await target.end(lease, soon())
    expect(judge(await look(lease))).toBe('verified-gone')
    expect(await ownerOf('busy.rows')).toBe(lease.owner)
  })
})

async function signInAsSuperuser() {
  const { superuser: principal, password: secret } = sales.server
  return signInAs(sales, { principal, secret })
}

async function untilWaiting(): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if ((await sales.ask('select from pg_locks where not granted')).length > 0) return
    await new Promise(done => setTimeout(done, 10))
  }
  throw new Error('nothing waits for a lock')
}
