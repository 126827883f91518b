/** What names an account or a role beside itself, read to report it. */
import { bounds } from './bounds.ts'
import type { Sql } from './links.ts'
import type { Found } from './rights.ts'

/** Every right of a name, wherever it holds, and the roles it is a member of. */
export function readRights(sql: Sql, name: string): Promise<Found[]> {
  return sql<Found>(rightsText, Array<string>(6).fill(name))
}

/**
 * One phrase each. `hash`: what the server keeps of the credential; it has no salt, so an account that
 * was renamed, or made with the same key, is found by it.
 */
export async function readResidue(
  sql: Sql,
  of: { principal: string; holder: string; hash?: string },
): Promise<string[]> {
  const { principal, holder, hash } = of
  const [rights, named] = [
    await readRights(sql, principal),
    await sql<{ phrase: string }>(namedText, [
      ...Array<string>(6).fill(`${principal}@`),
      hash ?? 'none',
      principal,
    ]),
  ]
  const phrases = rights
    .filter(({ privileges, place }) => privileges !== 'member of' || place !== holder)
    .map(({ privileges, place, name }) => [privileges.toLowerCase(), place, name].join(' ').trim())
  return [...phrases, ...named.map(({ phrase }) => phrase)].slice(0, bounds.residueNamed)
}

const rightsText = `
  select 'other' as kind, '' as place, '' as name, '' as \`column\`, 'rights on everything' as privileges
    from mysql.global_priv where User = ? and json_value(Priv, '$.access') <> '0'
  union all select 'other', Db, '', '', 'rights on a database' from mysql.db where User = ?
  union all select 'table', Db, Table_name, '', Table_priv from mysql.tables_priv
    where User = ? and Table_priv <> ''
  union all select 'column', Db, Table_name, Column_name, Column_priv from mysql.columns_priv
    where User = ?
  union all select 'other', Db, Routine_name, '', Proc_priv from mysql.procs_priv where User = ?
  union all select 'other', Role, '', '', 'member of' from mysql.roles_mapping where User = ?
  limit 1000`

/** A definer is \`user@host\`; ours has no @ in it. A trigger's is shown to who may make triggers. */
const namedText = `
  select concat(lower(type), ' ', db, '.', name) as phrase from mysql.proc
    where left(definer, char_length(?)) = ?
  union all select concat('event ', db, '.', name) from mysql.event
    where left(definer, char_length(?)) = ?
  union all select concat('view ', table_schema, '.', table_name) from information_schema.views
    where left(definer, char_length(?)) = ?
  union all select concat('the same key opens ', User) from mysql.global_priv
    where json_value(Priv, '$.authentication_string') = ? and User <> ?
  limit ${bounds.residueNamed}`
