/** The conformance kit against a real MariaDB. */
import { createServer, type Socket } from 'node:net'
import { describe } from 'vitest'
import { systemClock } from '../../src/core/base/time.ts'
import type { Issued } from '../../src/core/target/target.ts'
import { mariadb } from '../../test/fakes/mariadb.ts'
import { type SalesMariadb, signInAs, startSalesMariadb } from '../../test/support/sales-mariadb.ts'
import { type KitFixture, type KitSession, targetKit } from '../../test/support/target-kit.ts'
import { mysqlConnector } from './mysql.ts'

describe.runIf(mariadb.isHere)(mariadb.name, () => {
  targetKit('mysql', makeFixture)
})

async function makeFixture(): Promise<KitFixture> {
  const sales = await startSalesMariadb()
  const { config, ask, deals } = sales
  const opened = mysqlConnector.open(mysqlConnector.parseConfig(config), systemClock)
  // The kit takes a renewal for a new time to die, which is nothing here: `life.test.ts` renews.
  const target = { ...opened, describe: () => ({ ...opened.describe(), canRenew: false }) }
  const silence = await startSilence()
  return {
    target,
    object: deals,
    columns: ['id', 'name'],
    hidden: 'email',
    signIn,
    openHung: async () =>
      mysqlConnector.open(
        mysqlConnector.parseConfig({ ...config, port: silence.port }),
        systemClock,
      ),
    outside: {
      has: async name =>
        (await ask(`select 1 from mysql.global_priv where User = '${name}'`)).length > 0,
      drop: async principal => void (await ask(`drop user \`${principal}\`@'%'`)),
      stall: principal => stall(sales, principal),
      // The connector may not touch what is made in another's name.
      async burden(principal) {
        const view = `crm.left_by_${principal}`
        await ask(`create definer=\`${principal}\`@'%' view ${view} as select id from crm.contacts`)
        return async () => void (await ask(`drop view ${view}`))
      },
    },
    async close() {
      await target.close()
      silence.stop()
      await sales.stop()
    },
  }
}

async function signIn(issued: Issued, password: string): Promise<KitSession> {
  const { ask, close } = await signInAs({ ...issued.connect, password })
  return {
    read: column => ask(`select ${column} from crm.deals`),
    changeSecret: async secret => void (await ask(`set password = password('${secret}')`)),
    close,
  }
}

/** Takes the connector's own lock on the name, as a slow target would hold its commands up. */
async function stall(sales: SalesMariadb, principal: string) {
  const { host, port } = sales.server
  const session = await signInAs({ host, port, user: 'root' })
  await session.ask(`do get_lock('${principal}', 1)`)
  return {
    async waiting() {
      const text = `select count(*) as n from information_schema.processlist where state = 'User lock'`
      return Number((await sales.ask<{ n: number }>(text))[0]?.n)
    },
    free: () => session.close(),
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
