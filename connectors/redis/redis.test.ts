/** The conformance kit against a real Redis. */
import { describe } from 'vitest'
import { redis } from '../../test/fakes/redis.ts'
import { redisFixture } from '../../test/support/kit/redis.ts'
import { targetKit } from '../../test/support/kit/suite.ts'

describe.runIf(redis.isHere)(redis.name, () => {
  targetKit('redis', redisFixture)
})
