/** The user we sign in as at a real Redis changes its own password, where the server keeps its users. */
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../src/core/base/time.ts'
import { redis } from '../../test/fakes/redis.ts'
import { expectRotates } from '../../test/support/own-credential.ts'
import { startSalesRedis } from '../../test/support/sales-redis.ts'
import { redisConnector } from './redis.ts'

const soon = () => AbortSignal.timeout(10_000)

describe.runIf(redis.isHere)(redis.name, () => {
  test.each(['aclfile', 'config'] as const)(
    'makes our own credential anew and keeps it over a restart, with users in: %s',
    async keeps => {
      const sales = await startSalesRedis(keeps)
      try {
        const next = await expectRotates(redisConnector, sales.config)
        await sales.server.restart()
        const target = redisConnector.open(redisConnector.parseConfig(next), systemClock)
        expect(await target.tryAdmin?.(next, soon())).toBe('accepted')
        expect(await target.tryAdmin?.(sales.config, soon())).toBe('refused')
      } finally {
        await sales.stop()
      }
    },
  )

  test('that can not write it down has the one before back, and says so', async () => {
    const sales = await startSalesRedis('aclfile')
    try {
      await sales.ask('ACL', 'SETUSER', sales.config.user, '-acl|save')
      const target = redisConnector.open(redisConnector.parseConfig(sales.config), systemClock)
      const next = target.draftAdmin?.() ?? null
      await expect(target.rotateAdmin?.(next, soon())).rejects.toMatchObject({
        code: 'target-refused',
      })
      expect(await target.tryAdmin?.(sales.config, soon())).toBe('accepted')
      expect(await target.tryAdmin?.(next, soon())).toBe('refused')
    } finally {
      await sales.stop()
    }
  })
})
