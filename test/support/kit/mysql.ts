/** MariaDB for the kit: a real one, where it is installed. */
import { mysqlConnector } from '../../../connectors/mysql/mysql.ts'
import { systemClock } from '../../../src/core/base/time.ts'
import type { Issued } from '../../../src/core/target/target.ts'
import { newSecret, type SalesMariadb, signInAs, startSalesMariadb } from '../sales-mariadb.ts'
import type { KitFixture, KitOutside, KitSession } from './kit.ts'
import { sayNot } from './say-not.ts'

export async function mysqlFixture(): Promise<KitFixture> {
  const sales = await startSalesMariadb()
  const { config, deals } = sales
  const openAt = (port: number) =>
    mysqlConnector.open(mysqlConnector.parseConfig({ ...config, port }), systemClock)
  const target = openAt(config.port)
  return {
    connector: mysqlConnector,
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
      { ...deals, more: 1 },
    ],
    newSecret,
    signIn,
    port: config.port,
    openAt,
    outside: outsideOf(sales),
    notApplicable: sayNot('what MariaDB says is done is done; it can not say so and not do it'),
    async close() {
      await target.close()
      await sales.stop()
    },
  }
}

function outsideOf(sales: SalesMariadb): KitOutside {
  const { ask, config } = sales
  const count = async (text: string) => Number((await ask<{ n: number }>(text))[0]?.n)
  const open = (user: string, secret: string) =>
    ask(`alter user '${user}'@'%' identified by '${secret}'`)
  return {
    canChangeSecret: true,
    count: () =>
      count(`select count(*) as n from mysql.global_priv where User like 'lh\\\\_%'
        and coalesce(json_value(Priv, '$.account_locked'), false) in ('false', '0')
        and coalesce(json_value(Priv, '$.is_role'), false) in ('false', '0')`),
    has: async name =>
      (await count(`select count(*) as n from mysql.global_priv where User = '${name}'`)) > 0,
    drop: async principal => void (await ask(`drop user \`${principal}\`@'%'`)),
    stall: principal => stall(sales, principal),
    // The connector may not touch what is made in another's name.
    async burden(principal) {
      const view = `crm.left_by_${principal}`
      await ask(`create definer=\`${principal}\`@'%' view ${view} as select id from crm.contacts`)
      return async () => void (await ask(`drop view ${view}`))
    },
    async seenAs(issued, secret) {
      const session = await signIn(issued, secret)
      const rows = await ask<{ name: string }>(
        `select user as name from information_schema.processlist where user like 'lh\\\\_%'`,
      )
      await session.close()
      return rows.find(({ name }) => name === issued.connect['user'])?.name ?? ''
    },
    async plant(planted) {
      const names = Array.from({ length: planted }, (_, i) => `'lh_kit_page_${i}'@'%'`).join(', ')
      await ask(`create user ${names}`)
      return async () => void (await ask(`drop user ${names}`))
    },
    async expireAdmin() {
      await open(config.user, newSecret())
      return async () => void (await open(config.user, config.password))
    },
    async narrowAdmin() {
      await ask(`revoke create user on *.* from '${config.user}'@'%'`)
      return async () => void (await ask(`grant create user on *.* to '${config.user}'@'%'`))
    },
  }
}

async function signIn(issued: Issued, password: string): Promise<KitSession> {
  const { ask, close } = await signInAs({ ...issued.connect, password })
  return {
    use: column => ask(`select ${column} from crm.deals`),
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
