/** The conformance kit against a real MariaDB. */
import { describe } from 'vitest'
import { mariadb } from '../../test/fakes/mariadb.ts'
import { mysqlFixture } from '../../test/support/kit/mysql.ts'
import { targetKit } from '../../test/support/kit/suite.ts'

describe.runIf(mariadb.isHere)(mariadb.name, () => {
  targetKit('mysql', mysqlFixture)
})
