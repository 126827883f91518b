/**
 * Stopping a role: no new session, then no old one. Hold and release, and the first half of an end.
 *
 * VALID UNTIL alone stops nothing that is open, and nothing at all where the server asks for no
 * password; NOLOGIN is refused everywhere, but an open session keeps working until it is ended.
 */

import { setTimeout as wait } from 'node:timers/promises'
import { Problem } from '../../src/core/base/problem.ts'
import { bounds } from './bounds.ts'
import type { Call, Sql } from './links.ts'
import { knownText, lockText, roleName, roleText } from './roles.ts'

export async function hold(call: Call, principal: string): Promise<void> {
  await call.use('end', sql => stop(sql, principal, 'nologin', call.signal))
}

export async function release(call: Call, principal: string): Promise<void> {
  await call.use('issue', sql =>
    sql(`do $lease$ begin
      ${lockText(principal)}
      ${knownText(principal)}
      alter role ${roleName(principal)} login;
    end $lease$`),
  )
}

/** No sign-in is committed before a session is ended: whoever is cut off can not come back. */
export async function stop(
  sql: Sql,
  principal: string,
  how: 'nologin' | 'nologin password null',
  signal: AbortSignal,
): Promise<void> {
  const [seen] = await sql<Live>(`begin; do $lease$ begin
      ${lockText(principal)}
      if exists (select from pg_roles where rolname = ${roleText(principal)}) then
        alter role ${roleName(principal)} ${how};
      end if;
    end $lease$; commit; ${endText(roleText(principal))}`)
  if (seen?.live !== 0) await endSessions(sql, principal, signal)
}

/** Returns when a look finds none. Throws `target-refused` when one does not end. */
export async function endSessions(sql: Sql, principal: string, signal: AbortSignal) {
  const lastLook = performance.now() + bounds.sessionEndMs
  for (;;) {
    await wait(pauseMs, null, { signal })
    const [seen] = await sql<Live>(endText('$1'), [principal])
    if (seen?.live === 0) return
    if (performance.now() > lastLook)
      throw new Problem('target-refused', {
        detail: `${seen?.live} sessions of \`${principal}\` were told to end and did not.`,
        next: 'Look at pg_stat_activity; the role can not sign in any more, and this is tried again.',
      })
  }
}

interface Live {
  readonly live: number
}

function endText(principal: string): string {
  return `select count(pg_terminate_backend(pid))::int as live
    from pg_stat_activity where ${sessionsOf(principal)}`
}

/**
 * Its sessions by name, and while there is no role of that name also those whose role is gone: a role
 * dropped by others leaves its sessions open and nameless, and one of them can be ours.
 */
export function sessionsOf(principal: string): string {
  return `(usename = ${principal} or (usesysid is not null
    and not exists (select from pg_roles where oid = usesysid)
    and not exists (select from pg_roles where rolname = ${principal})))`
}

const pauseMs = 10
