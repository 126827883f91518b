/** Every role at the server that carries our prefix, whoever made it; or all of them. Paged by name. */
import { limits } from '../../src/core/base/limits.ts'
import type { Found, InventoryPage } from '../../src/core/target/target.ts'
import type { Call } from './links.ts'
import { ourPatterns } from './roles.ts'

type Row = Pick<Found, 'id' | 'name' | 'details'>

/**
 * `cursor` is the last name of the page before; `of` is what names begin with, where not ours alone are
 * asked for. PostgreSQL does not know when a role was made.
 */
export async function inventory(
  call: Pick<Call, 'use'> & Partial<Pick<Call, 'config'>>,
  cursor: string | null,
  of: readonly string[] = ourPatterns,
): Promise<InventoryPage> {
  const rows = await call.use('end', sql =>
    sql<Row>(rolesText, [of, cursor ?? '', limits.pageRows + 1]),
  )
  const page = rows.slice(0, limits.pageRows)
  const { user, probe } = call.config ?? {}
  // What we sign in with is ours too, whatever a person named it.
  const isUs = ({ name }: Row) => name === user || name === probe?.user
  return {
    found: page.map(row => (isUs(row) ? { ...foundOf(row), ours: true } : foundOf(row))),
    next: rows.length > page.length ? (page.at(-1)?.name ?? null) : null,
  }
}

function foundOf(row: Row): Found {
  const kinds = ['principal', 'holder', 'owner'] as const
  const [prefix = '', ...rest] = row.name.split('_')
  const own = rest.length > 0 ? kinds[ourKinds.indexOf(prefix)] : undefined
  const kind = own ?? (row.details['canSignIn'] === true ? 'account' : 'role')
  return { ...row, kind, ours: own !== undefined, madeAt: null, lastUsedAt: null }
}

/** Whatever its name, but for those that PostgreSQL itself brings. */
export const everyRole = ['%'] as const
const ourKinds = ourPatterns.map(pattern => pattern.split('\\')[0] ?? '')

const rolesText = `
  select r.oid::text as id, r.rolname::text as name, json_build_object(
    'canSignIn', r.rolcanlogin,
    'mayEverything', r.rolsuper,
    'validUntil', to_char(r.rolvaliduntil at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
    'sessions', (select count(*) from pg_stat_activity a where a.usesysid = r.oid),
    'memberOf', (select coalesce(json_agg(g.rolname), '[]') from pg_auth_members m
      join pg_roles g on g.oid = m.roleid where m.member = r.oid),
    'owns', (select count(*) from pg_shdepend d where d.refclassid = 'pg_authid'::regclass
      and d.refobjid = r.oid and d.deptype = 'o')) as details
  from pg_roles r
  where r.rolname like any ($1::text[]) and r.rolname not like 'pg\\_%'
    and r.rolname::text collate "C" > $2
  order by r.rolname::text collate "C" limit $3`
