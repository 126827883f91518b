/**
 * Accounts and roles in SQL text: their names, and the fence several verbs stand in. Text only.
 * No parameter may stand where an account is named, so our own names are of a kind that can not say
 * anything else.
 */
import { assert } from '../../src/core/base/problem.ts'
import type { Instant } from '../../src/core/base/time.ts'
import { ourName } from '../rest/names.ts'
import { bounds } from './bounds.ts'
import { signal } from './trouble.ts'

/** The account of a lease, from any host. */
export function accountName(principal: string): string {
  return `\`${ourName(principal)}\`@'%'`
}

export function roleName(role: string): string {
  return `\`${ourName(role)}\``
}

/** A name of ours as a text literal. */
export function text(name: string): string {
  return `'${ourName(name)}'`
}

/** Somebody else's thing. Back-ticks mean the same in every `sql_mode`. */
export function quote(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``
}

/**
 * One statement that does `work` while nobody else does anything to this name, or nothing. The lock
 * is the session's: if that is gone, so is the lock, and what it had not begun is never begun.
 *
 * ATTACKER: each session can hold a lock of each name, that of a lease its own among them. Ending takes
 * away sign-in and sessions before it waits here.
 */
export function lockedText(name: string, work: string): string {
  return `begin not atomic
    declare exit handler for sqlexception begin do release_lock(${text(name)}); resignal; end;
    if get_lock(${text(name)}, ${bounds.targetLockSeconds}) is not true then
      ${raiseText('lockNotHad')}
    end if;
    ${work}
    do release_lock(${text(name)});
  end`
}

/** Of the server's clock, read once the lock is had: each statement of a block reads it anew. */
export function deadlineText(deadline: Instant): string {
  assert(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(deadline), 'an instant has one form')
  const at = deadline.replace('T', ' ').replace('Z', '')
  return `if utc_timestamp(3) > timestamp'${at}' then ${raiseText('deadlinePassed')} end if;`
}

/** Refuses where `condition` does not hold. */
export function requireText(condition: string, otherwise: keyof typeof signal): string {
  return `if not (${condition}) then ${raiseText(otherwise)} end if;`
}

/** A row of `mysql.global_priv` that is an account as we make it, and may sign in. */
export const isLiveText = `Host = '%' and json_value(Priv, '$.access') = '0'
  and coalesce(json_value(Priv, '$.account_locked'), '0') in ('0', 'false')
  and json_value(Priv, '$.is_role') is null`

export function knownText(name: string, also = 'true'): string {
  return `exists (select 1 from mysql.global_priv where User = ${text(name)} and ${also})`
}

function raiseText(which: keyof typeof signal): string {
  return `signal sqlstate '${signal[which]}';`
}
