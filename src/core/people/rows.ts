/**
 * Tables of people: the installation, persons, one-time links, browser sessions, sign-ins under way.
 * All SQL of the chapter but the authorization server's own state (oidc-state.ts).
 *
 * INVARIANT: who somebody is, is `iss` and `sub` together, compared byte for byte (collation "C").
 * Name and e-mail are for showing only.
 */
import type { PersonId } from '../base/ids.ts'
import type { Instant } from '../base/time.ts'
import type { RowOf } from '../ledger/fact-table.ts'
import { always, fact, factTable, findRow, findWhere, text } from '../ledger/fact-table.ts'
import { query, type Sql, type Tx, verbatim } from '../store/store.ts'
import { isLiving, type Role } from './person.ts'

export const installationTable = factTable('installation', always, {
  id: fact<string>(),
  name: text<string>(),
  trustDomain: fact<string>(),
  mode: fact<'solo' | 'team'>(),
  epoch: fact<number>(),
  madeAt: fact<Instant>(),
})
export type InstallationRow = RowOf<typeof installationTable>

export const personTable = factTable('person', always, {
  id: fact<PersonId>(),
  /** Issuer that vouches for `sub`; `localIssuer` for a person of this installation alone. */
  iss: fact<string>(),
  sub: text<string>(),
  name: text<string>(),
  email: text<string | null>(),
  roles: fact<readonly Role[]>(),
  state: fact<'living' | 'left'>(),
  leftAt: fact<Instant | null>(),
  /** Last sign-in. */
  seenAt: fact<Instant>(),
  madeAt: fact<Instant>(),
})
export type PersonRow = RowOf<typeof personTable>

export const findInstallation = (sql: Sql) => findWhere(sql, installationTable, {})

export const findPerson = (sql: Sql, id: PersonId) => findRow(sql, personTable, id)

/** Who of these is answerable now. */
export async function livingOf(sql: Sql, ids: readonly PersonId[], now: Instant) {
  const rows = await query<PersonRow>(sql)`
    select ${verbatim(personTable.select)} from person where id = any(${ids}::text[])`
  return new Set(rows.filter(row => isLiving(row, now)).map(row => row.id))
}

/** Locks every living person with the role `platform`, so that two can not leave past each other. */
export async function lockPlatformPeople(tx: Tx): Promise<PersonId[]> {
  const rows = await query<{ id: PersonId }>(tx)`
    select id from person where state = 'living' and 'platform' = any(roles) order by id for update`
  return rows.map(row => row.id)
}

/**
 * Every way a person is signed in, ended: links, browser sessions, and what their devices hold
 * (without its grant no token is renewed or accepted, see oidc-state.ts).
 */
export async function endSignIns(tx: Tx, personId: PersonId, now: Instant): Promise<void> {
  await query(tx)`delete from one_time_link where person_id = ${personId} and used_at is null`
  await query(tx)`
    update browser_session set ended_at = ${now} where person_id = ${personId} and ended_at is null`
  await query(tx)`delete from oidc_state where payload->>'accountId' = ${personId}`
}
