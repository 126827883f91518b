/**
 * Issue and renew: one login role per lease, a member of the role that holds the grant's rights. No
 * table's rights change per lease, so leases never collide on a table and narrowing the grant narrows
 * open sessions at once.
 *
 * INVARIANT: the server itself refuses a command that arrives late. Whoever takes the lock on the
 * name after the deadline sees the role for good or never.
 */

import { Problem } from '../../src/core/base/problem.ts'
import type { EndOrder, Issued, IssueOrder } from '../../src/core/target/target.ts'
import { ourName } from '../rest/names.ts'
import { bounds } from './bounds.ts'
import { parseTable } from './config.ts'
import { type Call, pathTo, type SignIn } from './links.ts'
import { knownText, lockText, roleName, roleText, timeText } from './roles.ts'
import { scramVerifier } from './scram.ts'
import { sqlState } from './trouble.ts'

export async function issue(call: Call, order: IssueOrder): Promise<Issued> {
  const text = leaseText(order, await scramVerifier(order.secret))
  return call.use('issue', async sql => {
    await sql(text)
    return confirm(call, order)
  })
}

/** A credential that its holder changed is not renewed: `target-refused`. */
export async function renew(call: Call, order: IssueOrder): Promise<Issued> {
  return call.use('issue', async sql => {
    const issued = await confirm(call, order)
    await sql(extendText(order))
    return issued
  })
}

/** The credential is tried once where it will be used: what is refused later was accepted here. */
async function confirm(call: Call, order: IssueOrder): Promise<Issued> {
  const account = accountOf(order, order.secret)
  const { database, user } = account
  const reply = await call.signIn(account)
  if (reply.says === 'refused')
    throw new Problem('target-refused', {
      detail:
        'PostgreSQL refuses the credential: it was changed there, or this role may not sign in.',
      next: 'End the lease and ask for a new one; check pg_hba.conf if this happens again.',
      log: reply.because,
    })
  if (reply.says === 'unclear')
    throw new Problem('target-unavailable', {
      detail: 'PostgreSQL did not let the credential be tried.',
      next: 'Try again; what was begun there is looked at and cleaned up.',
      log: reply.because,
    })
  const { host, port } = call.config
  return {
    acceptedPath: pathTo(call.config, database),
    diesAt: order.endsAt,
    connect: { host, port, database, user },
  }
}

/** How a lease signs in. */
export function accountOf(order: Pick<EndOrder, 'principal' | 'object'>, secret: string): SignIn {
  const { database } = parseTable(order.object)
  return { user: ourName(order.principal), password: secret, database }
}

/**
 * One statement, so one transaction. A role that is there already is only taken when it is live and
 * as we make them: nothing that was stopped comes back this way.
 */
function leaseText(order: IssueOrder, verifier: string): string {
  const lease = roleName(order.principal)
  const holder = roleName(order.holder)
  const login = `login connection limit ${bounds.leaseSessions} password '${verifier}'
    valid until ${timeText(order.endsAt)}`
  return `do $lease$ begin
    ${fenceText(order)}
    if not exists (select from pg_roles where rolname = ${roleText(order.principal)}) then
      create role ${lease} nosuperuser nocreatedb nocreaterole noreplication nobypassrls inherit
        ${login};
    else
      ${intactText(order.principal)}
      alter role ${lease} ${login};
    end if;
    -- A lease uses the holder's rights and can not become the holder (15 can not say that).
    if current_setting('server_version_num')::int >= 160000 then
      execute 'grant ${holder} to ${lease} with inherit true, set false';
    else
      execute 'grant ${holder} to ${lease}';
    end if;
  end $lease$`
}

function extendText(order: IssueOrder): string {
  return `do $lease$ begin
    ${fenceText(order)}
    ${knownText(order.principal)}
    ${intactText(order.principal)}
    alter role ${roleName(order.principal)} valid until ${timeText(order.endsAt)};
  end $lease$`
}

function fenceText(order: IssueOrder): string {
  return `${lockText(order.principal)}
    if clock_timestamp() > ${timeText(order.deadline)} then
      raise exception using errcode = '${sqlState.deadlinePassed}';
    end if;`
}

function intactText(principal: string): string {
  return `if exists (select from pg_roles where rolname = ${roleText(principal)} and (not rolcanlogin
        or rolsuper or rolcreatedb or rolcreaterole or rolreplication or rolbypassrls)) then
      raise exception using errcode = '${sqlState.stopped}';
    end if;`
}
