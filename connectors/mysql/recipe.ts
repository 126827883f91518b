/**
 * The SQL a database administrator runs once, and once more per table. The documentation, the tests
 * and our own error texts all take it from here, so that what people read is what was run.
 */
import { quote } from './accounts.ts'
import type { TableName } from './config.ts'

export interface Recipe {
  /** The connector's own account. */
  readonly user: string
  /** Signs in where leases do, may do nothing. */
  readonly probe: string
}

/** Rights on the whole server that the connector's account has, and no others. */
export const serverRights = ['CREATE USER', 'PROCESS', 'CONNECTION ADMIN', 'SHOW VIEW']

/** Once per server, as root. The accounts are made locked; a password and `account unlock` are apart. */
export function recipeSql({ user, probe }: Recipe): string {
  const account = `${quote(user)}@'%'`
  return [
    `create user ${account} account lock;`,
    `create user ${quote(probe)}@'%' account lock;`,
    `grant ${serverRights.join(', ').toLowerCase()} on *.* to ${account};`,
    `grant select on mysql.* to ${account};`,
  ].join('\n')
}

/** One table. The connector can hand out these rights and no others, and has them itself. */
export function tableSql(user: string, { database, table }: TableName): string {
  const place = `${quote(database)}.${quote(table)}`
  return `grant select, insert, update, delete on ${place} to ${quote(user)}@'%' with grant option;`
}
