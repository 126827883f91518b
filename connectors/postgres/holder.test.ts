/** The role that holds a grant's rights: exactly those, or a refusal that says who must do what. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isProblem, type Problem } from '../../src/core/base/problem.ts'
import { systemClock } from '../../src/core/base/time.ts'
import type { IssueOrder, Target } from '../../src/core/target/target.ts'
import {
  leaseOrder,
  type SalesDatabase,
  signInAs,
  startSalesDatabase,
} from '../../test/support/sales-database.ts'
import { postgresConnector } from './postgres.ts'
import { tableSql } from './recipe.ts'

let sales: SalesDatabase
let target: Target
const soon = () => AbortSignal.timeout(15_000)

beforeAll(async () => {
  sales = await startSalesDatabase()
  target = postgresConnector.open(postgresConnector.parseConfig(sales.config), systemClock)
})
afterAll(async () => {
  await target?.close()
  await sales?.stop()
})

async function openLease(change: Partial<IssueOrder>) {
  const order = leaseOrder(sales, change)
  await target.ensureHolder(order, soon())
  const { connect } = await target.issue(order, soon())
  return { order, session: await signInAs(sales, order, String(connect['database'])) }
}

async function refusalOf(work: Promise<unknown>): Promise<Problem> {
  const thrown: unknown = await work.catch((error: unknown) => error)
  if (isProblem(thrown, 'target-refused')) return thrown
  throw new Error(`not refused: ${String(thrown)}`)
}

const denied = /permission denied/

describe('what a lease may do', () => {
  test('reading is not writing, and writing is not deleting', async () => {
    const { session } = await openLease({ actions: ['read'], columns: [] })
    expect((await session.query('select * from crm.deals')).rowCount).toBe(20)
    await expect(session.query(`insert into crm.deals (name) values ('x')`)).rejects.toThrow(denied)
    await expect(session.query(`update crm.deals set name = 'x'`)).rejects.toThrow(denied)
    await expect(session.query('delete from crm.deals')).rejects.toThrow(denied)
    await expect(session.query('truncate crm.deals')).rejects.toThrow(denied)
    await expect(session.query('select * from crm.contacts')).rejects.toThrow(denied)
    await session.end()
  })

  test('writing is bounded by the columns that were agreed', async () => {
    const { session } = await openLease({ actions: ['read', 'write'], columns: ['id', 'name'] })
    await session.query(`update crm.deals set name = 'renamed' where id = 1`)
    await session.query(`insert into crm.deals (name) values ('new')`)
    await expect(session.query(`update crm.deals set email = 'x'`)).rejects.toThrow(denied)
    await expect(session.query(`insert into crm.deals (email) values ('x')`)).rejects.toThrow(
      denied,
    )
    await session.end()
  })

  test('deleting is only deleting', async () => {
    const { session } = await openLease({ actions: ['destroy'], columns: [] })
    await expect(session.query('select id from crm.deals')).rejects.toThrow(denied)
    await session.query('begin; delete from crm.deals; rollback')
    await session.end()
  })

  test('it can not become the role that holds its rights, where the server can say so', async () => {
    const { order, session } = await openLease({})
    const [version] = await sales.ask<{ n: number }>(
      `select current_setting('server_version_num')::int as n`,
    )
    const becoming = session.query(`set role ${order.holder}`).then(
      () => 'became it',
      () => 'refused',
    )
    expect(await becoming).toBe((version?.n ?? 0) >= 160_000 ? 'refused' : 'became it')
    await session.end()
  })

  test('it has no attribute, inherits, and may open so many sessions', async () => {
    const { order, session } = await openLease({})
    const [role] = await sales.ask('select * from pg_roles where rolname = $1', [order.principal])
    expect(role).toMatchObject({
      rolsuper: false,
      rolcreatedb: false,
      rolcreaterole: false,
      rolreplication: false,
      rolbypassrls: false,
      rolinherit: true,
      rolcanlogin: true,
      rolconnlimit: 20,
    })
    await session.end()
  })

  test('a table of another database is handed out there', async () => {
    const invoices = { database: 'billing', schema: 'odd "schema"', table: "it's; a table" }
    await sales.ask(
      `create schema "odd ""schema"""; create table "odd ""schema"""."it's; a table" ("a b" int, c int);
       ${tableSql('leasehold', invoices, ['read'])}`,
      [],
      'billing',
    )
    const { order, session } = await openLease({ object: invoices, columns: ['a b'] })
    await session.query(`select "a b" from "odd ""schema"""."it's; a table"`)
    const hidden = session.query(`select c from "odd ""schema"""."it's; a table"`)
    await expect(hidden).rejects.toThrow(denied)
    await session.end()
    await target.end(order, soon())
    await target.removeHolder(order.holder, soon())
    expect(await target.verifyHolderGone(order.holder, soon())).toMatchObject({ listed: 'absent' })
  })
})

describe('what the connector may not hand out', () => {
  test('is refused with the line that gives it, and works once that line was run', async () => {
    const order = leaseOrder(sales, {
      object: { ...sales.deals, table: 'contacts' },
      columns: ['id'],
    })
    const { detail, next } = await refusalOf(target.ensureHolder(order, soon()))
    expect(detail).toContain('SELECT (id)')
    const sql = next?.split('\n').slice(1).join('\n') ?? ''
    expect(sql).toContain(
      'grant select ("id") on table "crm"."contacts" to "leasehold" with grant option',
    )
    await sales.ask(sql)
    await target.ensureHolder(order, soon())
  })

  test('is refused as well where PostgreSQL would only warn', async () => {
    await sales.ask('create table crm.seen (id int); grant select on crm.seen to leasehold')
    const order = leaseOrder(sales, { object: { ...sales.deals, table: 'seen' }, columns: [] })
    expect((await refusalOf(target.ensureHolder(order, soon()))).detail).toContain('SELECT')
    // Nothing is left of the attempt, and nothing is issued on it.
    expect((await target.verifyHolderGone(order.holder, soon())).listed).toBe('absent')
    await refusalOf(target.issue(order, soon()))
  })

  test.each([
    ['a table', { table: 'nothing' }, /relation .* does not exist/],
    ['a schema', { schema: 'nothing' }, /schema .* does not exist/],
    ['a database', { database: 'nothing' }, /database .* does not exist/],
  ])('names %s that is not there', async (_, change, says) => {
    const order = leaseOrder(sales, { object: { ...sales.deals, ...change } })
    expect((await refusalOf(target.ensureHolder(order, soon()))).detail).toMatch(says)
  })

  test('names a column that is not there', async () => {
    const order = leaseOrder(sales, { columns: ['id', 'nothing'] })
    expect((await refusalOf(target.ensureHolder(order, soon()))).detail).toMatch(/column "nothing"/)
  })
})

describe('what somebody else changed', () => {
  test('of the table is set right again', async () => {
    const order = leaseOrder(sales)
    await target.ensureHolder(order, soon())
    const session = await signInAsConnector()
    await session.query(`grant select on crm.deals to ${order.holder}`)
    await session.end()
    await target.ensureHolder(order, soon())
    const rights = await sales.ask(
      `select from pg_class, aclexplode(relacl) where relname = 'deals' and grantee = $1::regrole`,
      [order.holder],
    )
    expect(rights).toEqual([])
  })

  test.each([
    ['another table', (holder: string) => `grant select on crm.contacts to ${holder}`, /contacts/],
    ['a right by its owner', (h: string) => `grant select (email) on crm.deals to ${h}`, /email/],
    ['a membership', (h: string) => `grant pg_read_all_data to ${h}`, /member of pg_read_all_data/],
    ['a login', (holder: string) => `alter role ${holder} login`, /more than a holder/],
  ])('stops issuing where it is %s that we can not take back', async (_, change, says) => {
    const order = leaseOrder(sales)
    await target.ensureHolder(order, soon())
    await sales.ask(change(order.holder))
    expect((await refusalOf(target.ensureHolder(order, soon()))).detail).toMatch(says)
  })
})

async function signInAsConnector() {
  const { user, password } = sales.config
  return signInAs(sales, { principal: user, secret: password })
}
