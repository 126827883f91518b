/** The conformance kit against a real Redis. */
import { chmod } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { describe } from 'vitest'
import { systemClock } from '../../src/core/base/time.ts'
import type { Issued } from '../../src/core/target/target.ts'
import { redis } from '../../test/fakes/redis.ts'
import { type SalesRedis, signInAs, startSalesRedis } from '../../test/support/sales-redis.ts'
import { type KitFixture, type KitSession, targetKit } from '../../test/support/target-kit.ts'
import { redisConnector } from './redis.ts'

describe.runIf(redis.isHere)(redis.name, () => {
  targetKit('redis', makeFixture)
})

async function makeFixture(): Promise<KitFixture> {
  const sales = await startSalesRedis()
  const { config, ask, object } = sales
  const opened = redisConnector.open(redisConnector.parseConfig(config), systemClock)
  // The kit takes a renewal for a new time to die, which is nothing here: `life.test.ts` renews.
  const target = { ...opened, describe: () => ({ ...opened.describe(), canRenew: false }) }
  const silence = await startSilence()
  const openHung = async () =>
    redisConnector.open(redisConnector.parseConfig({ ...config, port: silence.port }), systemClock)
  return {
    target,
    object,
    columns: ['crm:deals:*', 'crm:people:*'],
    hidden: 'crm:notes:*',
    signIn: (issued, secret) => signIn(sales, issued, secret),
    openHung,
    outside: {
      has: async name => (await ask('ACL', 'GETUSER', name)) !== null,
      // `DELUSER` would cut its session as well: this is what leaves one.
      drop: async principal => void (await ask('ACL', 'SETUSER', principal, 'reset')),
      stall: () => stall(sales),
      // A file it can not write: then nobody knows what comes back at a restart.
      async burden() {
        await chmod(sales.server.dataDir, 0o500)
        return () => chmod(sales.server.dataDir, 0o700)
      },
    },
    async close() {
      await target.close()
      silence.stop()
      await sales.stop()
    },
  }
}

async function signIn(sales: SalesRedis, issued: Issued, secret: string): Promise<KitSession> {
  const { user } = issued.connect
  const session = await signInAs(sales.server, String(user), secret)
  return {
    read: async pattern => {
      const value = await session.ask('GET', pattern.replace('*', '1'))
      if (value === null) throw new Error('there is no such key')
      return value
    },
    // A lease may not change its own; somebody else does.
    changeSecret: async other =>
      void (await sales.ask('ACL', 'SETUSER', String(user), 'resetpass', `>${other}`)),
    close: session.close,
  }
}

/** Holds up what writes, as a server does that waits for its replicas. */
async function stall(sales: SalesRedis) {
  await sales.ask('CLIENT', 'PAUSE', '10000', 'WRITE')
  return {
    async waiting() {
      const lines = String(await sales.ask('CLIENT', 'LIST')).split('\n')
      return lines.filter(line => / flags=[a-zA-Z]*b/.test(line)).length
    },
    free: async () => void (await sales.ask('CLIENT', 'UNPAUSE')),
  }
}

/** Accepts connections, reads, and never answers. */
async function startSilence(): Promise<{ port: number; stop(): void }> {
  const open = new Set<Socket>()
  const server = createServer(socket => {
    open.add(socket)
    socket.on('error', () => {}).resume()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    stop() {
      for (const socket of open) socket.destroy()
      server.close()
    },
  }
}
