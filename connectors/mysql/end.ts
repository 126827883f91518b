/**
 * Stopping an account, and its end: no new session, then no old one, then no account. MariaDB goes on
 * serving the sessions of an account that is locked or dropped, so they are ended, and looked for.
 *
 * ATTACKER: who has begun to sign in when the account is locked, and takes their time, is let in. They
 * are in the list of sessions from the moment on at which the server looked them up.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { Problem } from '../../src/core/base/problem.ts'
import type { EndOrder } from '../../src/core/target/target.ts'
import { ourName } from '../rest/names.ts'
import { accountName, knownText, lockedText, requireText, text } from './accounts.ts'
import { bounds } from './bounds.ts'
import type { Call, Sql } from './links.ts'
import { signal, stateOf } from './trouble.ts'

export async function hold(call: Call, principal: string): Promise<void> {
  const name = ourName(principal)
  await call.use(sql => stop(sql, name, call.signal))
}

export async function release(call: Call, principal: string): Promise<void> {
  const isThere = requireText(knownText(principal, `Host = '%'`), 'missing')
  const unlock = `${isThere} alter user ${accountName(principal)} account unlock;`
  await call.use(sql => sql(lockedText(principal, unlock)))
}

/** Each step can be done again: an end broken off anywhere leaves an account nobody signs in with. */
export async function end(call: Call, { principal }: Pick<EndOrder, 'principal'>): Promise<void> {
  const name = ourName(principal)
  await call.use(async sql => {
    for (let round = 1; ; round++) {
      // 1. Nobody signs in with it again, and nobody is signed in: the first look.
      await stop(sql, name, call.signal)
      // 2. The second look, and the drop with every right it has, while nobody makes it.
      if (await dropIfQuiet(sql, name)) return
      if (round === mostRounds) throw goesOn(name)
    }
  })
}

/**
 * Without waiting for the lock first: a lease may hold it in a session of its own. Whoever makes the
 * account meanwhile is met under the lock. Accounts of this name for other hosts are stopped as well.
 */
async function stop(sql: Sql, name: string, until: AbortSignal): Promise<void> {
  for (const account of await readAccounts(sql, name))
    await sql(`alter user if exists ${account} account lock`)
  await endSessions(sql, name, until)
  await sql(
    lockedText(
      name,
      `alter user if exists ${accountName(name)} account lock; kill user ${text(name)};`,
    ),
  )
  await endSessions(sql, name, until)
}

/** Returns when a look finds none. Throws `target-refused` when one does not end. */
async function endSessions(sql: Sql, name: string, until: AbortSignal): Promise<void> {
  const lastLook = performance.now() + bounds.sessionEndMs
  for (;;) {
    const live = await sql(sessionsText, [name])
    if (live.length === 0) return
    await sql(`kill user ${text(name)}`)
    if (performance.now() > lastLook) throw goesOn(name)
    await wait(pauseMs, null, { signal: until })
  }
}

async function dropIfQuiet(sql: Sql, name: string): Promise<boolean> {
  const drops = (await readAccounts(sql, name)).map(account => `drop user if exists ${account};`)
  const quiet = `not exists (select 1 from information_schema.processlist where User = ${text(name)})`
  try {
    await sql(lockedText(name, `${requireText(quiet, 'sessionsLive')} ${drops.join(' ')}`))
    return !(await sql('select 1 from mysql.global_priv where User = ?', [name])).length
  } catch (thrown) {
    if (stateOf(thrown) === signal.sessionsLive) return false
    throw thrown
  }
}

/** As they stand in SQL, quoted by the server: a host may be any text. */
async function readAccounts(sql: Sql, name: string): Promise<string[]> {
  const rows = await sql<{ account: string }>(
    `select concat(quote(User), '@', quote(Host)) as account from mysql.global_priv
     where User = ? and json_value(Priv, '$.is_role') is null limit ${bounds.residueNamed}`,
    [name],
  )
  return rows.map(row => row.account)
}

function goesOn(name: string): Problem {
  return new Problem('target-refused', {
    detail: `Sessions of \`${name}\` were told to end and did not, or the account comes back.`,
    next: 'Look at the list of processes; the account can not sign in any more, and this is tried again.',
  })
}

export const sessionsText = 'select id from information_schema.processlist where User = ?'
const pauseMs = 10
/** More than it can need: met live once, dropped once, and once again. */
const mostRounds = 4
