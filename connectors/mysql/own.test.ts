/** The account we sign in as at a real MariaDB changes its own password. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mariadb } from '../../test/fakes/mariadb.ts'
import { expectRotates } from '../../test/support/own-credential.ts'
import { type SalesMariadb, startSalesMariadb } from '../../test/support/sales-mariadb.ts'
import { mysqlConnector } from './mysql.ts'

describe.runIf(mariadb.isHere)(mariadb.name, () => {
  let sales: SalesMariadb
  beforeAll(async () => {
    sales = await startSalesMariadb()
  })
  afterAll(() => sales?.stop())

  test('makes our own credential anew, and refuses the one before', async () => {
    const next = await expectRotates(mysqlConnector, sales.config)
    // And again, with what it made.
    await expectRotates(mysqlConnector, next)
    const { probe } = mysqlConnector.parseConfig(next) as unknown as typeof sales.config
    expect(probe).toEqual(sales.config.probe)
  })
})
