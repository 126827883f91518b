/**
 * What names a role beside itself: rights, things it owns, memberships, what it prepared. Read to
 * report it, and cleared in each database in which it is found.
 */

import { Problem } from '../../src/core/base/problem.ts'
import { bounds } from './bounds.ts'
import type { Call, Sql } from './links.ts'
import { changeLock, roleName, roleText } from './roles.ts'

/**
 * Gives what `role` owns to `heir` where there is one, then takes away its rights, default
 * privileges and mappings. The connector must be a member of both by then.
 *
 * INVARIANT: nothing is dropped in a database where handing over did not commit.
 */
export async function emptyRole(
  call: Call,
  sql: Sql,
  { role, heir }: { role: string; heir?: string },
): Promise<void> {
  const hand =
    heir === undefined
      ? ''
      : `begin; ${disarmText(role)};
    reassign owned by ${roleName(role)} to ${roleName(heir)}; commit;`
  const text = `${hand} begin; select pg_advisory_xact_lock(${changeLock});
    drop owned by ${roleName(role)}; commit`
  for (const database of await readDatabases(sql, role)) {
    if (database === call.config.database) await sql(text)
    else await call.use('end', there => there(text), database).catch(namedBy(database))
  }
}

/** Says in which database it went wrong. */
export function namedBy(database: string) {
  return (thrown: unknown): never => {
    if (!(thrown instanceof Problem)) throw thrown
    const { code, detail, next, log } = thrown
    throw new Problem(code, { detail: `In database \`${database}\`: ${detail}`, next, log })
  }
}

/** A routine that lends its owner's rights would go on lending them: the owner's, from now on. */
function disarmText(role: string): string {
  return `do $lease$ declare routine regprocedure; begin
    for routine in select p.oid from pg_proc p join pg_roles r on r.oid = p.proowner
      where p.prosecdef and r.rolname = ${roleText(role)}
    loop execute format('alter routine %s security invoker', routine); end loop;
  end $lease$`
}

/** Databases that hold something of the role; what is shared by all can be cleared from any. */
async function readDatabases(sql: Sql, role: string): Promise<string[]> {
  const rows = await sql<{ name: string }>(
    `select distinct coalesce(b.datname, current_database())::text as name
     from pg_shdepend d join pg_roles r on r.oid = d.refobjid and r.rolname = $1
     left join pg_database b on b.oid = d.dbid
     where d.refclassid = 'pg_authid'::regclass order by name`,
    [role],
  )
  return rows.map(row => row.name)
}

/** One phrase each, as the server names it; in other databases only which kind, and how many. */
export async function readDependents(sql: Sql, role: string): Promise<string[]> {
  const rows = await sql<{ phrase: string }>(
    `select phrase || case when count(*) > 1 then format(' (%s)', count(*)) else '' end as phrase
     from (
       select case d.deptype when 'o' then 'owns ' when 'a' then 'may use ' else 'is named by ' end
         || case when d.dbid in (0, here.oid)
              then coalesce(pg_describe_object(d.classid, d.objid, 0), 'something just dropped')
              else format('a %s row in database %I', d.classid::regclass, b.datname) end as phrase
       from pg_shdepend d join pg_roles r on r.oid = d.refobjid and r.rolname = $1
       join pg_database here on here.datname = current_database()
       left join pg_database b on b.oid = d.dbid
       where d.refclassid = 'pg_authid'::regclass) as found
     group by phrase order by phrase limit ${bounds.residueNamed}`,
    [role],
  )
  return rows.map(row => row.phrase)
}
