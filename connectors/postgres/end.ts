/**
 * The end of a role: stopped for good, quiet, emptied, dropped. What a lease made is handed to the
 * app's owner role; dropping what it owned would delete somebody's tables.
 *
 * Each step is committed by itself and each can be done again: an end broken off anywhere leaves a
 * role nobody can sign in with, and the next end goes on.
 */
import { Problem } from '../../src/core/base/problem.ts'
import type { EndOrder } from '../../src/core/target/target.ts'
import type { Call, Sql } from './links.ts'
import { emptyRole, readDependents } from './residue.ts'
import { changeText, joinText, makeText, roleName, roleText } from './roles.ts'
import { endSessions, stop } from './stop.ts'
import { sqlState, stateOf } from './trouble.ts'

/** More rounds than a role can need: live session, dependents, each met once, and once again. */
const mostRounds = 5

export async function end(call: Call, order: EndOrder): Promise<void> {
  const { principal } = order
  await call.use('end', async sql => {
    // 1. Nobody signs in with it again, and nobody is signed in: the first look.
    await stop(sql, principal, 'nologin password null', call.signal)
    for (let round = 1; ; round++) {
      // 2. The second look, and the drop, in one statement.
      const hindered = await dropIfQuiet(sql, principal)
      if (hindered === undefined) return
      if (round === mostRounds) throw await stuck(sql, principal, hindered)
      // 3. A session that was just starting; or it owns or may something, somewhere.
      if (hindered === sqlState.sessionsLive) await endSessions(sql, principal, call.signal)
      else await handOver(call, sql, order)
    }
  })
}

/** Drops the role, or says which of the two hindrances is in the way. */
async function dropIfQuiet(sql: Sql, role: string): Promise<string | undefined> {
  try {
    await sql(`do $lease$ begin
      if exists (select from pg_stat_activity where usename = ${roleText(role)}) then
        raise exception using errcode = '${sqlState.sessionsLive}';
      end if;
      drop role if exists ${roleName(role)};
    end $lease$`)
    return undefined
  } catch (thrown) {
    const state = stateOf(thrown)
    if (state === sqlState.sessionsLive || state === sqlState.dependents) return state
    throw thrown
  }
}

/** What it made goes to the app's owner role; what it may, and all that names it, goes away. */
async function handOver(call: Call, sql: Sql, { principal, owner }: EndOrder): Promise<void> {
  const joined = `${joinText(owner, 'current_user')} ${joinText(principal, 'current_user')}`
  // To be given a routine, the owner must have been able to make it where it is.
  const lent = joinText(principal, roleName(owner))
  await sql(changeText(`${makeText(owner)} ${joined} ${lent}`))
  await emptyRole(call, sql, { role: principal, heir: owner })
}

async function stuck(sql: Sql, principal: string, state: string): Promise<Problem> {
  const left = (await readDependents(sql, principal)).slice(0, 5).join('; ')
  return new Problem('target-refused', {
    detail: `\`${principal}\` can not be dropped yet: ${left || 'its sessions come back'}.`,
    next: 'It can not sign in any more. Take the rest away as its owner; this is tried again.',
    log: `sqlstate ${state}`,
  })
}
