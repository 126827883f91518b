/** The conformance kit against the pretend Snowflake, held to the vendor's description where that is at hand. */
import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { snowflakeDescription, startFakeSnowflake } from '../../test/fakes/snowflake.ts'
import { handClock } from '../../test/support/clock.ts'
import { snowflakeFixture } from '../../test/support/kit/snowflake.ts'
import { targetKit } from '../../test/support/kit/suite.ts'

targetKit('snowflake', snowflakeFixture)

// Skipped, and seen to be, where LEASEHOLD_VENDOR_API names no folder of it.
test.skipIf(!existsSync(snowflakeDescription))(
  'what is said there is held to the description: a request it does not know is a breach',
  async () => {
    const snowflake = await startFakeSnowflake(handClock())
    expect(snowflake.isHeld).toBe(true)
    const headers = { 'user-agent': 'x/1', 'content-type': 'application/json' }
    const body = JSON.stringify({ statment: 'SELECT 1', timeout: -1 })
    const url = `${snowflake.url}/api/v2/statements?nullable=maybe&more=1`
    await fetch(url, { method: 'POST', headers, body })
    expect(snowflake.breaches.join('; ')).toMatch(/nullable.*more.*statment.*timeout/)
    await snowflake.close()
  },
)
