/** Redis for the kit: a real one, where it is installed. */
import { chmod } from 'node:fs/promises'
import { redisConnector } from '../../../connectors/redis/redis.ts'
import { systemClock } from '../../../src/core/base/time.ts'
import type { Issued } from '../../../src/core/target/target.ts'
import { newSecret, type SalesRedis, signInAs, startSalesRedis } from '../sales-redis.ts'
import type { KitFixture, KitOutside, KitSession } from './kit.ts'
import { sayNot } from './say-not.ts'

export async function redisFixture(): Promise<KitFixture> {
  const sales = await startSalesRedis()
  const { config, object } = sales
  const openAt = (port: number) =>
    redisConnector.open(redisConnector.parseConfig({ ...config, port }), systemClock)
  const target = openAt(config.port)
  return {
    connector: redisConnector,
    target,
    clock: systemClock,
    traits: ['holders', 'lists', 'sessions'],
    asks: { object, actions: ['read'], columns: ['crm:deals:*', 'crm:people:*'] },
    asksLess: { columns: ['crm:deals:*'] },
    allowed: ['crm:deals:*', 'crm:people:*'],
    forbidden: 'crm:notes:*',
    badObjects: [null, {}, { keys: [] }, { keys: ['*'] }, { ...object, more: 1 }],
    newSecret,
    signIn: (issued, secret) => signIn(sales, issued, secret),
    port: config.port,
    openAt,
    outside: outsideOf(sales),
    notApplicable: sayNot('what Redis says is done is done; it can not say so and not do it'),
    async close() {
      await target.close()
      await sales.stop()
    },
  }
}

function outsideOf(sales: SalesRedis): KitOutside {
  const { ask, config } = sales
  const users = async () => ((await ask('ACL', 'LIST')) as string[]).map(line => line.split(' '))
  return {
    canChangeSecret: true,
    count: async () =>
      (await users()).filter(([, name = '', state]) => name.startsWith('lh_') && state === 'on')
        .length,
    has: async name => (await ask('ACL', 'GETUSER', name)) !== null,
    // `DELUSER` would cut its session as well: this is what leaves one.
    drop: async principal => void (await ask('ACL', 'SETUSER', principal, 'reset')),
    stall: () => stall(sales),
    // A file it can not write: then nobody knows what comes back at a restart.
    async burden() {
      await chmod(sales.server.dataDir, 0o500)
      return () => chmod(sales.server.dataDir, 0o700)
    },
    async seenAs(issued, secret) {
      const session = await signIn(sales, issued, secret)
      const lines = String(await ask('CLIENT', 'LIST'))
      await session.close()
      const user = String(issued.connect['user'])
      return lines.includes(` user=${user} `) ? user : ''
    },
    async plant(planted) {
      const names = Array.from({ length: planted }, (_, i) => `lh_kit_page_${i}`)
      for (const name of names) await ask('ACL', 'SETUSER', name)
      return async () => void (await ask('ACL', 'DELUSER', ...names))
    },
    async expireAdmin() {
      await ask('ACL', 'SETUSER', config.user, 'resetpass', `>${newSecret()}`)
      return async () =>
        void (await ask('ACL', 'SETUSER', config.user, 'resetpass', `>${config.password}`))
    },
    async narrowAdmin() {
      await ask('ACL', 'SETUSER', config.user, '-acl|setuser')
      return async () => void (await ask('ACL', 'SETUSER', config.user, '+acl|setuser'))
    },
  }
}

async function signIn(sales: SalesRedis, issued: Issued, secret: string): Promise<KitSession> {
  const { user } = issued.connect
  const session = await signInAs(sales.server, String(user), secret)
  return {
    use: async pattern => {
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
