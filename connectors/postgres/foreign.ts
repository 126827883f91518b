/**
 * The end of a role that is not ours, by its number: a name can be somebody else's by now. Stopped, then
 * dropped where it owns nothing; what it owns is somebody's data, and a person hands that on. And its hold,
 * which is the stop alone: what it was is put back by a release.
 *
 * INVARIANT: never a superuser, never what we sign in with, never a role of ours or of PostgreSQL itself.
 * Text of others is quoted by the server (`format('%I')`) and never here.
 */

import { isObject, type Json } from '../../src/core/base/json.ts'
import { Problem } from '../../src/core/base/problem.ts'
import type { FoundId, Held, HolderEvidence } from '../../src/core/target/target.ts'
import type { Call, Sql } from './links.ts'
import { readDependents } from './residue.ts'
import { changeLock, ourPatterns } from './roles.ts'
import { explain } from './trouble.ts'

interface Role {
  readonly name: string | null
  readonly canSignIn: boolean | null
  readonly isGuarded: boolean | null
  readonly sessions: number
}

/** Never throws because something was refused there: what was done is read back, with the reason. */
export async function endFound(call: Call, { id }: FoundId): Promise<HolderEvidence> {
  checkNumber(id)
  return call.use('end', async sql => {
    const before = await look(call, sql, id)
    const isOurs = before.isGuarded !== false
    const trouble = isOurs ? undefined : await takeAway(sql, id).catch((thrown: unknown) => thrown)
    const { name, canSignIn, sessions } = await look(call, sql, id)
    const open = sessions === 0 ? [] : [`${sessions} open sessions`]
    const residue = name === null ? open : [...open, ...(await readDependents(sql, name))]
    const stopped = canSignIn === false ? 'It can not sign in any more' : 'It can still sign in'
    const guarded = 'superusers, and what we sign in with, are ended by a person'
    const says = isOurs ? [guarded] : trouble === undefined ? [] : [why(trouble)]
    const because = [stopped, ...says, ...residue.slice(0, 3)].join('; ')
    return {
      listed: name === null ? 'absent' : 'present',
      residue,
      ...(name !== null && { because: `${because}. Drop it there, as its administrator` }),
      at: call.clock.now(),
    }
  })
}

/** A role that could not sign in before is kept as that: its release lets it in no more than before. */
export function holdFound(call: Call, { id }: FoundId, keep: (was: Json) => Promise<void>) {
  return change(call, id, async (sql, { canSignIn }) => {
    await keep({ canSignIn })
    await stopRole(sql, id, 'nologin')
  })
}

export function releaseFound(call: Call, { id }: FoundId, was: Json) {
  const mayAgain = isObject(was) && was['canSignIn'] === true
  const login = `execute format('alter role %I login', name);`
  return change(call, id, async sql => mayAgain && sql(blockOf(id, login)))
}

/** Done, then looked at: what it answers is no proof. */
async function change(call: Call, id: string, work: (sql: Sql, role: Role) => Promise<unknown>) {
  checkNumber(id)
  return call.use('end', async (sql): Promise<Held> => {
    const before = await look(call, sql, id)
    const isOurs = before.isGuarded !== false
    let trouble: unknown
    if (!isOurs) await work(sql, before).catch((thrown: unknown) => (trouble = thrown))
    const { name, canSignIn, sessions } = await look(call, sql, id)
    const guarded = name === null ? 'it is not there any more' : 'a person does that to this one'
    const because = isOurs ? guarded : trouble === undefined ? undefined : why(trouble)
    return { isHeld: canSignIn !== true && sessions === 0, ...(because && { because }) }
  })
}

function checkNumber(id: string): void {
  if (!/^[1-9]\d{0,9}$/.test(id))
    throw new Problem('invalid-field', { field: 'id', detail: 'A role has a number.' })
}

const why = (thrown: unknown) => explain(thrown).detail.replace(/\.$/, '')

/** Each step is committed by itself: a role that can not be dropped stays stopped. */
async function takeAway(sql: Sql, id: string): Promise<void> {
  await stopRole(sql, id, 'nologin password null')
  await sql(
    blockOf(
      id,
      `if exists (select from pg_stat_activity where usesysid = ${id})
        or exists (select from pg_shdepend where refclassid = 'pg_authid'::regclass
          and refobjid = ${id} and deptype = 'o') then return; end if;
      perform pg_advisory_xact_lock(${changeLock});
      execute format('grant %I to current_user', name);
      execute format('drop owned by %I', name);
      execute format('drop role %I', name);`,
    ),
  )
}

/** No sign-in before its sessions end: whoever is cut off can not come back. */
async function stopRole(sql: Sql, id: string, how: string): Promise<void> {
  await sql(blockOf(id, `execute format('alter role %I ${how}', name);`))
  const text = 'select pg_terminate_backend(pid, 2000) from pg_stat_activity where usesysid = $1'
  await sql(text, [id])
}

/** Nothing where the role is gone. */
function blockOf(id: string, statements: string): string {
  return `do $found$ declare name text; begin
    select rolname into name from pg_roles where oid = ${id} and not rolsuper;
    if name is null then return; end if;
    ${statements}
  end $found$`
}

async function look({ config }: Call, sql: Sql, id: string): Promise<Role> {
  const us = [config.user, config.probe.user]
  const [row] = await sql<Role>(lookText, [id, us, [...ourPatterns, 'pg\\_%']])
  if (row === undefined) throw new Error('a number gives a row')
  return row
}

const lookText = `
  select r.rolname::text as name, r.rolcanlogin as "canSignIn",
    r.rolsuper or r.rolname = current_user or r.rolname = any ($2) or r.rolname like any ($3) as "isGuarded",
    (select count(*)::int from pg_stat_activity where usesysid = of.id) as sessions
  from (select $1::oid as id) of left join pg_roles r on r.oid = of.id`
