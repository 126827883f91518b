/**
 * The role that holds one grant's rights and that nobody signs in as: made, narrowed, removed, and
 * looked for. Beside it the app's owner role, which inherits what leases made.
 */
import { Problem } from '../../src/core/base/problem.ts'
import type { HolderEvidence, HolderOrder } from '../../src/core/target/target.ts'
import { ourName } from '../rest/names.ts'
import type { Call, Sql } from './links.ts'
import { handOutSql } from './recipe.ts'
import { emptyRole, readDependents } from './residue.ts'
import {
  compareRights,
  nameRight,
  type Right,
  rightsPattern,
  type Wanted,
  wantedRights,
} from './rights.ts'
import { changeText, joinText, makeText, roleName } from './roles.ts'
import { explain, sqlState, stateOf } from './trouble.ts'

interface Standing {
  readonly hasHolder: boolean
  readonly hasOwner: boolean
  readonly missing: readonly Right[]
  readonly surplus: readonly Right[]
  /** What it has that no grant of ours gives; not ours to take away. */
  readonly strange: readonly string[]
}

export async function ensureHolder(call: Call, order: HolderOrder): Promise<void> {
  const wanted = wantedRights(order)
  ourName(order.holder)
  ourName(order.owner)
  const make = async (sql: Sql) => {
    // 1. Nearly always it is as it should be: one read.
    const standing = await readStanding(sql, order, wanted)
    if (isAsWanted(standing)) return
    // 2. Roles and rights in one transaction, one such transaction at a time.
    const made = `${makeText(order.holder)} ${makeText(order.owner)}`
    await sql(`begin; ${changeText(`${made} ${joinText(order.owner, 'current_user')}`)}`)
    await setRights(call, sql, order, wanted)
    // 3. Read back: PostgreSQL answers a GRANT that granted nothing with a mere warning.
    refuseUnlessWanted(await readStanding(sql, order, wanted), wanted, call)
    await sql('commit')
  }
  await call.use('issue', make, wanted.table.database)
}

/**
 * Takes the rights away and drops the role. One that owns things stays, with them: they are data of
 * an app, and to delete them is a person's decision.
 */
export async function removeHolder(call: Call, holder: string) {
  ourName(holder)
  await call.use('end', async sql => {
    const left = await readDependents(sql, holder)
    if (left.some(phrase => phrase.startsWith('owns '))) return
    if (left.length > 0) {
      await sql(changeText(joinText(holder, 'current_user')))
      await emptyRole(call, sql, { role: holder })
    }
    await sql(`drop role if exists ${roleName(holder)}`)
  })
}

export async function verifyHolderGone(call: Call, holder: string): Promise<HolderEvidence> {
  ourName(holder)
  try {
    return await call.use('end', async sql => {
      const rows = await sql('select from pg_roles where rolname = $1', [holder])
      const residue = await readDependents(sql, holder)
      return { listed: rows.length > 0 ? 'present' : 'absent', residue, at: call.clock.now() }
    })
  } catch (thrown) {
    const because = explain(thrown).detail
    return { listed: 'unknown', residue: [], because, at: call.clock.now() }
  }
}

async function setRights(call: Call, sql: Sql, order: HolderOrder, wanted: Wanted) {
  const { surplus } = await readStanding(sql, order, wanted)
  const { pattern, names } = rightsPattern(order.holder, wanted, surplus)
  const quoted = 'select format($1, variadic $2::text[]) as text'
  const [row] = await sql<{ text: string }>(quoted, [pattern, names])
  try {
    await sql(row?.text ?? '')
  } catch (thrown) {
    if (stateOf(thrown) === sqlState.noRight) throw mayNotHandOut(call, wanted, wanted.rights)
    throw thrown
  }
}

async function readStanding(sql: Sql, order: HolderOrder, wanted: Wanted): Promise<Standing> {
  const { schema, table } = wanted.table
  const about = [order.holder, order.owner, schema, table]
  const [row] = await sql<Standing & { rights: Right[] }>(standingText, about)
  if (row === undefined) throw new Error('a select without a table gives a row')
  return { ...row, ...compareRights(wanted.rights, row.rights) }
}

function isAsWanted({ hasHolder, hasOwner, missing, surplus, strange }: Standing): boolean {
  const isExact = missing.length === 0 && surplus.length === 0 && strange.length === 0
  return isExact && hasHolder && hasOwner
}

function refuseUnlessWanted(standing: Standing, wanted: Wanted, call: Call): void {
  const { missing, surplus } = standing
  if (missing.length > 0) throw mayNotHandOut(call, wanted, missing)
  const strange = [...surplus.map(nameRight), ...standing.strange]
  if (strange.length === 0) return
  throw new Problem('target-refused', {
    detail: `Somebody else gave the grant's role more than was agreed: ${strange.slice(0, 5).join('; ')}.`,
    next: 'Let whoever gave it take it back; until then nothing is issued under this grant.',
  })
}

function mayNotHandOut(call: Call, wanted: Wanted, rights: readonly Right[]): Problem {
  const names = [...new Set(rights.map(nameRight))].slice(0, 5).join(', ')
  return new Problem('target-refused', {
    detail: `The connector's role may not hand out ${names} on this table.`,
    next: `A database administrator runs:\n${handOutSql(call.config.user, wanted.table, rights)}`,
  })
}

const standingText = `
  with holder as (select * from pg_roles where rolname = $1),
  place as (
    select s.oid as schema, c.oid as relation, s.nspacl, c.relacl
    from pg_namespace s left join pg_class c on c.relnamespace = s.oid and c.relname = $4
    where s.nspname = $3),
  rights as (
    select 'database' as kind, a.privilege_type, null::text as column, a.is_grantable
      from holder, pg_database d, aclexplode(d.datacl) a
      where d.datname = current_database() and a.grantee = holder.oid
    union select 'schema', a.privilege_type, null, a.is_grantable
      from holder, place, aclexplode(place.nspacl) a where a.grantee = holder.oid
    union select 'table', a.privilege_type, null, a.is_grantable
      from holder, place, aclexplode(place.relacl) a where a.grantee = holder.oid
    union select 'table', a.privilege_type, t.attname, a.is_grantable
      from holder, place, pg_attribute t, aclexplode(t.attacl) a
      where t.attrelid = place.relation and a.grantee = holder.oid),
  strange as (
    select 'member of ' || g.rolname as phrase
      from holder, pg_auth_members m join pg_roles g on g.oid = m.roleid where m.member = holder.oid
    union all select 'attributes of a role that is more than a holder' from holder
      where rolcanlogin or rolsuper or rolcreatedb or rolcreaterole or rolreplication or rolbypassrls
    union all select case when d.dbid in (0, b.oid)
        then coalesce(pg_describe_object(d.classid, d.objid, 0), 'something')
        else 'something in another database' end
      from holder, pg_shdepend d, pg_database b
      where d.refclassid = 'pg_authid'::regclass and d.refobjid = holder.oid
        and b.datname = current_database()
        and not (d.classid = 'pg_database'::regclass and d.objid = b.oid)
        and not (d.dbid = b.oid and d.classid = 'pg_namespace'::regclass
          and d.objid in (select schema from place))
        and not (d.dbid = b.oid and d.classid = 'pg_class'::regclass
          and d.objid in (select relation from place)))
  select exists (select from holder) as "hasHolder",
    exists (select from pg_roles where rolname = $2) as "hasOwner",
    (select coalesce(json_agg(json_build_object('kind', kind, 'privilege', privilege_type,
      'column', "column", 'isGrantable', is_grantable)), '[]') from rights) as rights,
    (select coalesce(json_agg(phrase), '[]') from strange) as strange`
