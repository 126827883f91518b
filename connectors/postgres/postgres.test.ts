/** The conformance kit against a real PostgreSQL, 18 or the one LEASEHOLD_TEST_PG_BIN names. */
import { postgresFixture } from '../../test/support/kit/postgres.ts'
import { targetKit } from '../../test/support/kit/suite.ts'

targetKit('postgres', postgresFixture)
