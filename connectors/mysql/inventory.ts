/** Every account and role at the server, whoever made it. Paged by name and host. */
import { limits } from '../../src/core/base/limits.ts'
import { product } from '../../src/core/base/product.ts'
import { fromMs } from '../../src/core/base/time.ts'
import type { Found, InventoryPage } from '../../src/core/target/target.ts'
import type { Call } from './links.ts'

interface Row {
  readonly user: string
  readonly host: string
  readonly isRole: number
  readonly isLocked: number
  readonly mayEverything: number
  readonly plugin: string | null
  readonly changedAt: string | null
  readonly sessions: number
  readonly memberOf: string | null
}

/**
 * `cursor` is user and host of the last row before. MariaDB knows neither who made an account nor when
 * it was used, and of a password only when it was changed.
 */
export async function inventory(
  call: Pick<Call, 'use'>,
  cursor: string | null,
): Promise<InventoryPage> {
  const [user = '', host = ''] = (cursor ?? '').split('\n')
  const rows = await call.use(sql => sql<Row>(accountsText, [user, user, host]))
  const page = rows.slice(0, limits.pageRows)
  const last = page.at(-1)
  const isMore = rows.length > page.length && last !== undefined
  return { found: page.map(foundOf), next: isMore ? `${last.user}\n${last.host}` : null }
}

function foundOf(row: Row): Found {
  const isRole = row.isRole === 1
  const ours = kinds.get(row.user.split('_')[0] ?? '')
  const isOurs = ours !== undefined && row.user.includes('_')
  return {
    id: isRole ? row.user : `${row.user}@${row.host}`,
    kind: isOurs ? ours : isRole ? 'role' : 'account',
    name: row.user,
    ours: isOurs,
    madeAt: null,
    lastUsedAt: null,
    details: {
      canSignIn: !isRole && row.isLocked === 0,
      mayEverything: row.mayEverything === 1,
      plugin: row.plugin,
      passwordChangedAt: row.changedAt === null ? null : fromMs(Number(row.changedAt) * 1000),
      sessions: row.sessions,
      memberOf: row.memberOf?.split(',') ?? [],
    },
  }
}

const kinds = new Map<string, Found['kind']>([
  [product.targetPrefix, 'principal'],
  [`${product.targetPrefix}g`, 'holder'],
  [`${product.targetPrefix}o`, 'owner'],
])

/** CREATE USER is as good as everything here: who has it can change anybody's password. */
const accountsText = `
  select g.User as user, g.Host as host,
    json_value(g.Priv, '$.is_role') is not null as isRole,
    coalesce(json_value(g.Priv, '$.account_locked'), '0') not in ('0', 'false') as isLocked,
    cast(json_value(g.Priv, '$.access') as unsigned) & ${1n << 25n} <> 0 as mayEverything,
    json_value(g.Priv, '$.plugin') as plugin,
    json_value(g.Priv, '$.password_last_changed') as changedAt,
    (select count(*) from information_schema.processlist p where p.User = g.User) as sessions,
    (select group_concat(m.Role order by m.Role) from mysql.roles_mapping m
      where m.User = g.User and m.Host = g.Host) as memberOf
  from mysql.global_priv g
  where g.User > ? or (g.User = ? and g.Host > ?)
  order by g.User, g.Host limit ${limits.pageRows + 1}`
