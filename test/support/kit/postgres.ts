/** PostgreSQL for the kit: a real one, 18 or the one LEASEHOLD_TEST_PG_BIN names. */
import pg from 'pg'
import { postgresConnector } from '../../../connectors/postgres/postgres.ts'
import { scramVerifier } from '../../../connectors/postgres/scram.ts'
import { systemClock } from '../../../src/core/base/time.ts'
import type { Issued } from '../../../src/core/target/target.ts'
import { newSecret, type SalesDatabase, startSalesDatabase } from '../sales-database.ts'
import type { KitFixture, KitOutside, KitSession } from './kit.ts'
import { sayNot } from './say-not.ts'

const transactions = 'what PostgreSQL says is done is committed; it can not say so and not do it'

export async function postgresFixture(): Promise<KitFixture> {
  const sales = await startSalesDatabase({ max_connections: '200' })
  const { config, deals } = sales
  const openAt = (port: number) =>
    postgresConnector.open(postgresConnector.parseConfig({ ...config, port }), systemClock)
  const target = openAt(config.port)
  return {
    connector: postgresConnector,
    target,
    clock: systemClock,
    traits: ['holders', 'lists', 'sessions'],
    asks: { object: deals, actions: ['read'], columns: ['id', 'name'] },
    asksLess: { columns: ['id'] },
    allowed: ['id', 'name'],
    forbidden: 'email',
    badObjects: [
      null,
      {},
      { ...deals, table: '' },
      { ...deals, table: 'a\0b' },
      { ...deals, table: 'x'.repeat(64) },
      { ...deals, more: 1 },
    ],
    newSecret,
    signIn,
    port: config.port,
    openAt,
    outside: outsideOf(sales),
    notApplicable: sayNot(transactions),
    async close() {
      await target.close()
      await sales.stop()
    },
  }
}

function outsideOf(sales: SalesDatabase): KitOutside {
  const { ask, config } = sales
  return {
    canChangeSecret: true,
    async count() {
      const text = `select count(*)::int as n from pg_roles where rolname like 'lh\\_%' and rolcanlogin`
      return (await ask<{ n: number }>(text))[0]?.n ?? -1
    },
    has: async name => (await ask('select from pg_roles where rolname = $1', [name])).length > 0,
    drop: async principal => void (await ask(`drop role ${principal}`)),
    stall: principal => stall(sales, principal),
    // The connector has no right on this table, so it can take none away there.
    async burden(principal) {
      await ask(`grant select on crm.contacts to ${principal}`)
      return async () => void (await ask(`revoke all on crm.contacts from ${principal}`))
    },
    async seenAs(issued, secret) {
      const session = await signIn(issued, secret)
      const rows = await ask<{ name: string }>(
        `select usename as name from pg_stat_activity where usename like 'lh\\_kit%'`,
      )
      await session.close()
      const user = issued.connect['user']
      return rows.find(({ name }) => name === user)?.name ?? ''
    },
    async plant(count) {
      const all = (verb: string) =>
        ask(`do $$ begin for i in 1..${count} loop
          execute format('${verb} role lh_kit_page_%s', i); end loop; end $$`)
      await all('create')
      return async () => void (await all('drop'))
    },
    async expireAdmin() {
      await ask(`alter role leasehold password '${await scramVerifier(newSecret())}'`)
      const verifier = await scramVerifier(config.password)
      return async () => void (await ask(`alter role leasehold password '${verifier}'`))
    },
    async narrowAdmin() {
      await ask('alter role leasehold nocreaterole')
      return async () => void (await ask('alter role leasehold createrole'))
    },
  }
}

async function signIn(issued: Issued, password: string): Promise<KitSession> {
  const client = new pg.Client({ ...issued.connect, password })
  client.on('error', () => {})
  await client.connect()
  return {
    use: async column => (await client.query(`select ${column} from crm.deals`)).rows,
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
