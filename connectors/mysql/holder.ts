/**
 * The role that holds one grant's rights and that nobody signs in as: made, narrowed, removed, and
 * looked for. Beside it the app's owner role, which is a name only: MariaDB knows no owner of a table.
 */
import { Problem } from '../../src/core/base/problem.ts'
import type { HolderEvidence, HolderOrder } from '../../src/core/target/target.ts'
import { ourName } from '../rest/names.ts'
import { lockedText, roleName } from './accounts.ts'
import type { Call, Sql } from './links.ts'
import { tableSql } from './recipe.ts'
import { readResidue, readRights } from './residue.ts'
import { changeText, compareRights, nameRight, type Wanted, wantedRights } from './rights.ts'
import { code, codeOf, explain } from './trouble.ts'

export async function ensureHolder(call: Call, order: HolderOrder): Promise<void> {
  const wanted = wantedRights(order)
  const roles = [ourName(order.holder), ourName(order.owner)]
  await call.use(async sql => {
    const standing = async () => {
      const rows = await sql<{ name: string }>(rolesText, roles)
      const compared = compareRights(wanted, await readRights(sql, order.holder))
      return { ...compared, isThere: new Set(rows.map(row => row.name)).size === roles.length }
    }
    const before = await standing()
    if (before.isThere && isExact(before)) return
    const make = roles.map(role => `create role if not exists ${roleName(role)};`).join(' ')
    const change = changeText(order.holder, wanted, before.surplus)
    await apply(sql, lockedText(order.holder, `${make} ${change}`), call, wanted)
    refuseUnlessExact(await standing(), call, wanted)
  })
}

/** Also of an owner. What is absent is removed. */
export async function removeHolder(call: Call, holder: string): Promise<void> {
  const text = lockedText(holder, `drop role if exists ${roleName(holder)};`)
  await call.use(sql => sql(text))
}

export async function verifyHolderGone(call: Call, holder: string): Promise<HolderEvidence> {
  const name = ourName(holder)
  const at = call.clock.now()
  try {
    return await call.use(async sql => {
      const rows = await sql('select 1 from mysql.global_priv where User = ?', [name])
      const residue = await readResidue(sql, { principal: name, holder: name })
      // Rights of a role that is there are no residue: they are the role.
      return rows.length > 0
        ? { listed: 'present', residue: [], at }
        : { listed: 'absent', residue, at }
    })
  } catch (thrown) {
    return { listed: 'unknown', residue: [], because: explain(thrown).detail, at }
  }
}

type Standing = ReturnType<typeof compareRights>

function isExact({ missing, surplus, strange }: Standing): boolean {
  return missing.length + surplus.length + strange.length === 0
}

async function apply(sql: Sql, text: string, call: Call, wanted: Wanted): Promise<void> {
  try {
    await sql(text)
  } catch (thrown) {
    if (codeOf(thrown) === code.noRight) throw mayNotHandOut(call, wanted)
    throw thrown
  }
}

function refuseUnlessExact(standing: Standing, call: Call, wanted: Wanted): void {
  if (standing.missing.length > 0) throw mayNotHandOut(call, wanted)
  const strange = [...standing.surplus.map(nameRight), ...standing.strange]
  if (strange.length === 0) return
  throw new Problem('target-refused', {
    detail: `Somebody else gave the grant's role more than was agreed: ${strange.slice(0, 5).join('; ')}.`,
    next: 'Let whoever gave it take it back; until then nothing is issued under this grant.',
  })
}

function mayNotHandOut({ config }: Call, { table, rights }: Wanted): Problem {
  const names = [...new Set(rights.map(nameRight))].slice(0, 5).join(', ')
  return new Problem('target-refused', {
    detail: `The connector's account may not hand out ${names} on this table, or there is no such table.`,
    next: `A database administrator runs:\n${tableSql(config.user, table)}`,
  })
}

const rolesText = `select User as name from mysql.global_priv
  where User in (?, ?) and json_value(Priv, '$.is_role') is not null`
