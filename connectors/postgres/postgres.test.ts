/** The conformance kit against a real PostgreSQL, 18 or the one LEASEHOLD_TEST_PG_BIN names. */
import { createServer, type Socket } from 'node:net'
import pg from 'pg'
import { systemClock } from '../../src/core/base/time.ts'
import type { Issued } from '../../src/core/target/target.ts'
import { type SalesDatabase, startSalesDatabase } from '../../test/support/sales-database.ts'
import { type KitFixture, type KitSession, targetKit } from '../../test/support/target-kit.ts'
import { postgresConnector } from './postgres.ts'
import { scramVerifier } from './scram.ts'

targetKit('postgres', makeFixture)

async function makeFixture(): Promise<KitFixture> {
  const sales = await startSalesDatabase({ max_connections: '200' })
  const { config, ask, deals } = sales
  const target = postgresConnector.open(postgresConnector.parseConfig(config), systemClock)
  const silence = await startSilence()
  return {
    target,
    object: deals,
    columns: ['id', 'name'],
    hidden: 'email',
    signIn,
    openHung: async () =>
      postgresConnector.open(
        postgresConnector.parseConfig({ ...config, port: silence.port }),
        systemClock,
      ),
    outside: {
      has: async name => (await ask('select from pg_roles where rolname = $1', [name])).length > 0,
      drop: async principal => void (await ask(`drop role ${principal}`)),
      stall: principal => stall(sales, principal),
      // The connector has no right on this table, so it can take none away there.
      async burden(principal) {
        await ask(`grant select on crm.contacts to ${principal}`)
        return async () => void (await ask(`revoke all on crm.contacts from ${principal}`))
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
  const client = new pg.Client({ ...issued.connect, password })
  client.on('error', () => {})
  await client.connect()
  return {
    read: async column => (await client.query(`select ${column} from crm.deals`)).rows,
    changeSecret: async secret => {
      await client.query(`alter role current_user password '${await scramVerifier(secret)}'`)
    },
    close: () => client.end(),
  }
}

/** Takes the connector's own lock on the name, as a slow target would hold its commands up. */
async function stall(sales: SalesDatabase, principal: string) {
  const client = new pg.Client({ connectionString: sales.server.url('crm') })
  client.on('error', () => {})
  await client.connect()
  await client.query('select pg_advisory_lock(hashtextextended($1, 0))', [principal])
  return {
    async waiting() {
      const text = `select count(*)::int as n from pg_locks where locktype = 'advisory' and not granted`
      return (await client.query<{ n: number }>(text)).rows[0]?.n ?? 0
    },
    free: () => client.end(),
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
