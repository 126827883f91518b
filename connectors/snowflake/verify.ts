/**
 * Looking whether a lease is gone: Snowflake's lists of users and tokens, and the token itself, tried on
 * the path that once accepted it while one of our own is let in there. Observations only.
 */
import type { Evidence, VerifyOrder } from '../../src/core/target/target.ts'
import { evidenceOf, notTried } from '../rest/cloud.ts'
import { type Account, explain } from './account.ts'
import { parseObject } from './config.ts'
import { grantsOf, ownedBy } from './holder.ts'
import { isToken, pathOf, readTokens } from './lease.ts'
import { ourName, quote, shown, text } from './names.ts'
import type { Probe } from './probe.ts'

export const paths = ['lists of users and of tokens', 'the token itself, at the SQL API'] as const

export async function verifyGone(
  account: Account & Probe,
  order: VerifyOrder,
  signal: AbortSignal,
): Promise<Evidence> {
  const user = ourName(order.principal)
  ourName(order.holder)
  ourName(order.owner)
  const trying = isToken(order.secret) ? account.tryToken(order.secret, user, signal) : notTried
  const [tried, probe, seen] = await Promise.all([
    trying,
    account.tryProbe(signal),
    look(account, order, signal).catch((thrown: unknown) => explain(thrown)),
  ])
  const isProof = order.acceptedPath === pathOf(account, order.principal)
  const sessions = typeof seen === 'string' ? {} : { sessions: seen }
  return evidenceOf({ tried, probe, seen, ...sessions, isProof, paths, at: account.clock.now() })
}

async function look(account: Account, order: VerifyOrder, signal: AbortSignal) {
  const user = ourName(order.principal)
  const users = await account.run(`SHOW USERS STARTS WITH ${text(user)}`, signal)
  const tokens = await readTokens(account, user, signal)
  const owned = await ownedBy(account, order.holder, signal)
  const isListed = users.some(row => row['name'] === user) || tokens.length > 0
  return { isListed, residue: owned, ...(await running(account, order, signal)) }
}

/** INVARIANT: Snowflake leaves out what others run without a word; nothing seen is nothing there with `MONITOR` alone. */
export async function whyNotSeen(account: Account, signal: AbortSignal) {
  const { warehouse, role } = account.config
  if (warehouse === undefined) return 'Without a `warehouse` we can not see what still runs.'
  const rights = await grantsOf(account, role, signal)
  const isSeen = rights.some(
    row =>
      row['granted_on'] === 'WAREHOUSE' &&
      row['name'] === shown(warehouse) &&
      /^(MONITOR|OWNERSHIP)$/.test(row['privilege'] ?? ''),
  )
  if (isSeen) return undefined
  return `What still runs can not be seen: \`${role}\` was not given \`MONITOR\` on \`${warehouse}\`.`
}

/**
 * Statements of the user that are not over. Snowflake lists no session that does nothing; one of a user
 * who is not there can begin nothing.
 */
async function running(account: Account, order: VerifyOrder, signal: AbortSignal) {
  const { config, run } = account
  const { warehouse } = config
  const because = await whyNotSeen(account, signal).catch((thrown: unknown) => explain(thrown))
  if (because !== undefined) return { sessions: null, because }
  const { database } = parseObject(order.object)
  // Not the history of one user: whom nobody knows any more it may refuse.
  const list = `${quote(database)}.INFORMATION_SCHEMA.QUERY_HISTORY(RESULT_LIMIT => 10000)`
  const over = `('SUCCESS', 'FAILED_WITH_ERROR', 'FAILED_WITH_INCIDENT')`
  const which = `USER_NAME = ? AND UPPER(EXECUTION_STATUS) NOT IN ${over}`
  const count = `SELECT COUNT(*) AS "running" FROM TABLE(${list}) WHERE ${which}`
  const binds = [ourName(order.principal)]
  try {
    const [row] = await run(count, signal, { binds, warehouse })
    const found = row?.['running'] ?? ''
    return { sessions: /^\d+$/.test(found) ? Number(found) : null }
  } catch (thrown) {
    return { sessions: null, because: `What still runs can not be seen. ${explain(thrown)}` }
  }
}
