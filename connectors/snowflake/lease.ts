/**
 * The life of a lease: a service user with the role of its grant alone, and one programmatic access
 * token, which Snowflake makes and lets die after a day. Made, tried, stopped, brought back, ended.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { msBetween } from '../../src/core/base/time.ts'
import type { EndOrder, Issued, IssueOrder } from '../../src/core/target/target.ts'
import { late, over, requireTime } from '../rest/cloud.ts'
import { type Account, ifThere, instantOf, refused, tokensOf, unavailable } from './account.ts'
import { parseObject } from './config.ts'
import { requireExact } from './holder.ts'
import { ourName, quote, text } from './names.ts'

const bounds = { tries: 5, restMs: 500, shortestSeconds: 1, longestSeconds: 30 }
/** Snowflake's shortest. */
export const lifeSeconds = 86_400
/** A user of a lease has one. */
const token = 'LEASE'

/** Snowflake's tokens are signed words of its own; what they hold is its business. */
export function isToken(secret: string | null): secret is string {
  return secret !== null && /^[\w-]{10,2000}\.[\w-]{10,4000}\.[\w-]{10,2000}$/.test(secret)
}

export function pathOf({ config }: Account, principal: string): string {
  return `SQL API at ${new URL(config.url).host}, token ${token} of ${ourName(principal)}`
}

export async function issue(account: Account, order: IssueOrder, signal: AbortSignal) {
  // One lease has one token: where there is one already, no other is made.
  if (isToken(order.secret)) return renew(account, order, signal)
  ourName(order.principal)
  ourName(order.owner)
  requireTime(account, order)
  await requireExact(account, order, signal)
  return make(account, order, signal)
}

/** Without looking at what the role may do. */
export async function make(account: Account, order: IssueOrder, signal: AbortSignal) {
  const [user, role] = [ourName(order.principal), ourName(order.holder)]
  const left = Math.ceil(msBetween(account.clock.now(), order.deadline) / 1000)
  const seconds = Math.min(Math.max(left, bounds.shortestSeconds), bounds.longestSeconds)
  // 1. The user, unless it is too late by Snowflake's own clock.
  const [said] = await account.run(makeText(user, role, order), signal, { seconds })
  const outcome = Object.values(said ?? {})[0]
  if (outcome !== 'made') throw late()
  // 2. The token. It needs the user, which is never made again once it was dropped.
  requireTime(account, order)
  const add = `ADD PROGRAMMATIC ACCESS TOKEN ${token} ROLE_RESTRICTION = ${text(role)} DAYS_TO_EXPIRY = 1`
  const [row] = await account.run(`ALTER USER ${quote(user)} ${add}`, signal)
  const secret = row?.['token_secret'] ?? null
  if (!isToken(secret)) throw refused('Snowflake made no token of the form we know.')
  // 3. Looked at and tried: replicas know a token a moment later.
  const issued = await confirm(account, { ...order, secret }, { signal, tries: bounds.tries })
  return { ...issued, secret }
}

/** No other token is made: Snowflake can not let this one live longer, and says whether it still lives. */
export async function renew(
  account: Account,
  order: IssueOrder,
  signal: AbortSignal,
): Promise<Issued> {
  ourName(order.principal)
  if (!isToken(order.secret)) throw over('No token of this lease is known.')
  return confirm(account, order, { signal, tries: 1 })
}

interface Trying {
  readonly signal: AbortSignal
  readonly tries: number
}

async function confirm(
  account: Account,
  order: IssueOrder,
  { signal, tries }: Trying,
): Promise<Issued> {
  const [user, role] = [ourName(order.principal), ourName(order.holder)]
  requireTime(account, order)
  const rows = await readTokens(account, user, signal)
  const [row, ...more] = rows
  const diesAt = instantOf(row?.['expires_at'])
  if (
    more.length > 0 ||
    row?.['name'] !== token ||
    row['role_restriction'] !== role ||
    diesAt === null
  )
    throw over('The token is not there as it was made.')
  if (order.endsAt > diesAt) throw over('Snowflake lets the token die before that.')
  for (let left = tries; ; left--) {
    const { says, because } = await account.tryToken(order.secret, user, signal)
    if (says === 'accepted') break
    if (says === 'refused' && left <= 1) throw over('Snowflake does not take the token.')
    if (says === 'unclear')
      throw unavailable(`did not let the token be tried (${because}). ${networkHint}`)
    await wait(bounds.restMs, undefined, { signal }).catch(() => {})
  }
  return {
    acceptedPath: pathOf(account, order.principal),
    diesAt,
    connect: connectOf(account, order),
  }
}

const networkHint = 'Users of leases need a network policy that lets this server in'

/** Stopped, with what it does. The token is stopped by it as well. */
export async function hold(
  account: Account,
  principal: string,
  signal: AbortSignal,
): Promise<void> {
  for (const text of stopTexts(principal)) await account.run(text, signal)
}

/** Snowflake leaves the tokens of a user who comes back stopped, each until it is brought back by itself. */
export async function release(account: Account, principal: string, signal: AbortSignal) {
  const user = quote(ourName(principal))
  await account.run(`ALTER USER ${user} SET DISABLED = FALSE`, signal)
  const back = `MODIFY PROGRAMMATIC ACCESS TOKEN ${token} SET DISABLED = FALSE`
  await account.run(`ALTER USER ${user} ${back}`, signal)
}

/** The last step takes what the others do with it, so it alone says whether this was done. */
export async function end(account: Account, order: EndOrder, signal: AbortSignal): Promise<void> {
  const user = quote(ourName(order.principal))
  ourName(order.holder)
  ourName(order.owner)
  const remove = `ALTER USER IF EXISTS ${user} REMOVE PROGRAMMATIC ACCESS TOKEN ${token}`
  for (const each of [...stopTexts(order.principal), remove])
    await account.run(each, signal).catch(() => {})
  await account.run(`DROP USER IF EXISTS ${user}`, signal)
}

function stopTexts(principal: string): string[] {
  const user = quote(ourName(principal))
  return [
    `ALTER USER IF EXISTS ${user} SET DISABLED = TRUE`,
    `ALTER USER IF EXISTS ${user} ABORT ALL QUERIES`,
  ]
}

/** All of a user; none where there is no such user. ATTACKER: it could answer with those of our own. */
export async function readTokens(account: Account, user: string, signal: AbortSignal) {
  const rows = await ifThere(account.run(tokensOf(user), signal), [])
  return rows.filter(row => row['user_name'] === user)
}

/**
 * INVARIANT: no user is made after the deadline, by Snowflake's clock, whenever the statement arrives:
 * its first step is the comparison, and Snowflake stops the whole when its `timeout` is over.
 */
function makeText(user: string, role: string, { deadline }: IssueOrder): string {
  const until = deadline.replace('T', ' ').replace('Z', '')
  const rest = `DEFAULT_ROLE = ${quote(role)} DEFAULT_SECONDARY_ROLES = () DAYS_TO_EXPIRY = 2`
  return `EXECUTE IMMEDIATE $$
BEGIN
  IF (SYSDATE() > ${text(until)}::TIMESTAMP_NTZ) THEN RETURN 'late'; END IF;
  CREATE USER ${quote(user)} TYPE = SERVICE ${rest};
  GRANT ROLE ${quote(role)} TO USER ${quote(user)};
  RETURN 'made';
END
$$`
}

function connectOf(
  { config }: Account,
  { principal, holder, object }: IssueOrder,
): Issued['connect'] {
  const { account, url, warehouse } = config
  const where = parseObject(object)
  const names = {
    user: ourName(principal),
    role: ourName(holder),
    account,
    database: where.database,
    schema: where.schema,
  }
  return { path: '', speaks: 'http', url, ...names, ...(warehouse && { warehouse }) }
}
