/** The role we sign in as at a real PostgreSQL changes its own password, which stands in no statement. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { expectRotates } from '../../test/support/own-credential.ts'
import { type SalesDatabase, startSalesDatabase } from '../../test/support/sales-database.ts'
import { postgresConnector } from './postgres.ts'

let sales: SalesDatabase
beforeAll(async () => {
  sales = await startSalesDatabase()
})
afterAll(() => sales?.stop())

test('our own credential is made anew, and the one before refused; the probe keeps its own', async () => {
  const config = { ...sales.config, tls: false }
  const next = await expectRotates(postgresConnector, config)
  expect(next).toMatchObject({ probe: sales.config.probe, user: 'leasehold' })
})

test('where the probe is the same account, it is one password', async () => {
  const { user } = sales.config
  const [password] = ['x'.repeat(40)]
  await sales.ask(`alter role ${user} password '${password}'`)
  const config = { ...sales.config, password, probe: { user, password }, tls: false }
  const next = (await expectRotates(postgresConnector, config)) as typeof config
  expect(next.probe).toEqual({ user, password: next.password })
})
