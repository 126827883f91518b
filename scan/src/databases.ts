/** Databases, in one session each that the server itself was told may only read. */
import type { MysqlConfig } from '../../connectors/mysql/config.ts'
import { inventory as mysqlInventory } from '../../connectors/mysql/inventory.ts'
import { openCall as openMysql } from '../../connectors/mysql/links.ts'
import type { PostgresConfig } from '../../connectors/postgres/config.ts'
import { everyRole, inventory as postgresInventory } from '../../connectors/postgres/inventory.ts'
import { openLinks } from '../../connectors/postgres/links.ts'
import type { RedisConfig } from '../../connectors/redis/config.ts'
import { inventory as redisInventory } from '../../connectors/redis/inventory.ts'
import { openCall as openRedis } from '../../connectors/redis/links.ts'
import { sourceOf } from './inventory.ts'
import { type Going, keepBack, readOnly } from './outgoing.ts'
import type { Source, Unseen } from './source.ts'

const unseen = (what: string, needs: string): Unseen => ({
  what: `when a ${what} was made and used last, and who made it`,
  needs: `${needs} keeps none of it`,
})
const hidden = {
  postgres: unseen('login role', 'the logs of the server (log_connections): PostgreSQL'),
  mysql: unseen('account', 'the audit plugin of the server: MariaDB'),
  redis: unseen('user', 'the logs of who runs it: Redis'),
}

export function openPostgres(name: string, config: PostgresConfig, going: Going): Source {
  return sourceOf(name, going, signal => {
    const links = openLinks(config, going.clock)
    const call = links.during(signal)
    const begin = 'set default_transaction_read_only = on'
    const session = { system: name, calls: going.calls, begin, shape: 'select … from pg_roles' }
    const use: typeof call.use = (lane, work, database) =>
      call.use(lane, sql => readOnly(sql, session, work), database)
    return {
      hidden: hidden.postgres,
      page: cursor => postgresInventory({ use }, cursor, everyRole),
      close: links.close,
    }
  })
}

export function openMariadb(name: string, config: MysqlConfig, going: Going): Source {
  return sourceOf(name, going, signal => {
    const begin = 'set session transaction read only'
    const session = {
      system: name,
      calls: going.calls,
      begin,
      shape: 'select … from mysql.global_priv',
    }
    return {
      hidden: hidden.mysql,
      page(cursor) {
        const call = openMysql(config, going.clock, signal)
        const use: typeof call.use = work => call.use(sql => readOnly(sql, session, work))
        return mysqlInventory({ use }, cursor)
      },
    }
  })
}

export function openRedisUsers(name: string, config: RedisConfig, going: Going): Source {
  return sourceOf(name, going, signal => ({
    hidden: hidden.redis,
    page(cursor) {
      const call = openRedis(config, going.clock, signal)
      const use: typeof call.use = work =>
        call.use(ask =>
          work(async (...words) => {
            if (words.join(' ') !== 'ACL LIST') throw keepBack(going.calls)
            going.calls.add(name, 'ACL LIST')
            return ask(...words)
          }),
        )
      return redisInventory({ use }, cursor)
    },
  }))
}
