/**
 * Issue and renew: one account per lease, a member of the role that holds the grant's rights, so that
 * no table's rights change per lease and narrowing the grant narrows open sessions.
 *
 * INVARIANT: the server itself refuses a command that arrives late. Whoever takes the lock on the
 * name after the deadline sees the account for good or never.
 */
import { createHash } from 'node:crypto'
import { Problem } from '../../src/core/base/problem.ts'
import type { EndOrder, Issued, IssueOrder } from '../../src/core/target/target.ts'
import { ourName } from '../rest/names.ts'
import type { Account } from '../rest/server.ts'
import {
  accountName,
  deadlineText,
  isLiveText,
  knownText,
  lockedText,
  requireText,
  roleName,
} from './accounts.ts'
import { bounds } from './bounds.ts'
import { type Call, pathTo } from './links.ts'

export async function issue(call: Call, order: IssueOrder): Promise<Issued> {
  const text = leaseText(order)
  return call.use(async sql => {
    await sql(text)
    return confirm(call, order)
  })
}

/**
 * MariaDB lets no account die by itself, so there is nothing to move, and nothing that could come
 * late: it must be there, live, and take its own key.
 */
export async function renew(call: Call, order: IssueOrder): Promise<Issued> {
  const isThere = requireText(knownText(order.principal), 'missing')
  const isLive = requireText(knownText(order.principal, isLiveText), 'stopped')
  const text = lockedText(order.principal, `${isThere} ${isLive}`)
  return call.use(async sql => {
    await sql(text)
    return confirm(call, order)
  })
}

/**
 * The credential is tried once where it will be used: what is refused later was accepted here. In that
 * session it makes the holder its own default: for others that needs rights on the server's tables.
 */
async function confirm(call: Call, order: IssueOrder): Promise<Issued> {
  const holder = roleName(order.holder)
  const account = accountOf(order, order.secret)
  const reply = await call.signIn(account, async sql => {
    await sql(`set role ${holder}`)
    await sql(`set default role ${holder}`)
  })
  if (reply.says === 'refused')
    throw new Problem('target-refused', {
      detail:
        'MariaDB refuses the credential: it was changed there, or this account may not sign in.',
      next: 'End the lease and ask for a new one.',
      log: reply.because,
    })
  if (reply.says === 'unclear')
    throw new Problem('target-unavailable', {
      detail: 'MariaDB did not let the credential be tried.',
      next: 'Try again; what was begun there is looked at and cleaned up.',
      log: reply.because,
    })
  const { host, port } = call.config
  const { database } = order.object as { database: string }
  return {
    acceptedPath: pathTo(call.config),
    diesAt: null,
    connect: { host, port, database, user: account.user },
  }
}

/** How a lease signs in: at no database, for which it may have lost every right. */
export function accountOf({ principal }: Pick<EndOrder, 'principal'>, secret: string): Account {
  return { user: ourName(principal), password: secret }
}

/**
 * What the server keeps of a password under `mysql_native_password`, computed here: the password never
 * stands in a statement, so it can not reach a log. No salt and two rounds of SHA-1 are weak for what
 * people think up; ours are 256 random bits.
 */
export function nativeHash(secret: string): string {
  const once = createHash('sha1').update(secret).digest()
  return `*${createHash('sha1').update(once).digest('hex').toUpperCase()}`
}

/** An account that is there already is only taken when it is live and as we make them. */
function leaseText({ principal, holder, secret, deadline }: IssueOrder): string {
  const account = accountName(principal)
  const login = `identified via mysql_native_password using '${nativeHash(secret)}'
    with max_user_connections ${bounds.leaseSessions}`
  return lockedText(
    principal,
    `${deadlineText(deadline)}
    ${requireText(knownText(holder, `json_value(Priv, '$.is_role') is not null`), 'noHolder')}
    if ${knownText(principal)} then
      ${requireText(knownText(principal, isLiveText), 'stopped')}
      alter user ${account} ${login};
    else
      create user ${account} ${login};
    end if;
    grant ${roleName(holder)} to ${account};`,
  )
}
