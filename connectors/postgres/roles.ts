/**
 * Roles in SQL text: their names and literals, and the pieces that several verbs use inside their
 * blocks. Text only. PostgreSQL takes no parameters where a role is named,
 * so our own names are of a kind that can not say anything else; names of other people's things go
 * through `format('%I')` at the server and never through here.
 */
import { assert } from '../../src/core/base/problem.ts'
import { product } from '../../src/core/base/product.ts'
import type { Instant } from '../../src/core/base/time.ts'
import { ourName } from '../rest/names.ts'
import { sqlState } from './trouble.ts'

/** What `like` takes to find our roles: leases, rights holders, owners. */
export const ourPatterns = ['', 'g', 'o'].map(kind => `${product.targetPrefix}${kind}\\_%`)

/** A name of ours as it stands in SQL. */
export function roleName(name: string): string {
  return `"${ourName(name)}"`
}

/** The same as a text literal. */
export function roleText(name: string): string {
  return `'${ourName(name)}'`
}

export function timeText(at: Instant): string {
  assert(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(at), 'an instant has one form')
  return `'${at}'`
}

/**
 * GRANTs on one table that run at once fail (`tuple concurrently updated`), and so do two that make
 * the same membership: who changes rights in a database holds this lock of that database.
 */
export const changeLock = "hashtextextended('leasehold rights', 0)"

/** A block that changes rights in this database. */
export function changeText(statements: string): string {
  return `do $lease$ begin perform pg_advisory_xact_lock(${changeLock}); ${statements} end $lease$`
}

/** Waits for whoever makes, stops or looks at this role. Only in the administered database. */
export function lockText(role: string): string {
  return `perform pg_advisory_xact_lock(hashtextextended(${roleText(role)}, 0));`
}

/** There is nothing to change where the role is gone. */
export function knownText(role: string): string {
  return `if not exists (select from pg_roles where rolname = ${roleText(role)}) then
      raise exception using errcode = '${sqlState.missing}';
    end if;`
}

/** Makes a role nobody signs in as exist. Another database may be making it at the same time. */
export function makeText(role: string): string {
  return `if not exists (select from pg_roles where rolname = ${roleText(role)}) then
      begin
        create role ${roleName(role)} nologin nosuperuser nocreatedb nocreaterole noreplication
          nobypassrls inherit;
      exception when duplicate_object or unique_violation then null;
      end;
    end if;`
}

/** Lets `member` use the rights of `role`, as handing over and dropping what it has needs. */
export function joinText(role: string, member: string): string {
  return `if current_setting('server_version_num')::int >= 160000 then
      execute 'grant ${roleName(role)} to ${member} with inherit true, set true';
    else
      execute 'grant ${roleName(role)} to ${member}';
    end if;`
}
