/** Pieces of SQL about roles that several verbs use inside their blocks. Text only. */
import { roleName, roleText } from './names.ts'

/**
 * GRANTs on one table that run at once fail (`tuple concurrently updated`), and so do two that make
 * the same membership: who changes rights in a database holds this lock of that database.
 */
export const changeLock = "hashtextextended('leasehold rights', 0)"

/** Waits for whoever makes, stops or looks at this role. Only in the administered database. */
export function lockText(role: string): string {
  return `perform pg_advisory_xact_lock(hashtextextended(${roleText(role)}, 0));`
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
