/**
 * Tables of people: the installation, persons, one-time links, browser sessions, sign-ins under way.
 * All SQL of the chapter but the authorization server's own state (oidc-state.ts).
 *
 * INVARIANT: who somebody is, is `iss` and `sub` together, compared byte for byte (collation "C").
 * Name and e-mail are for showing only.
 */
import type { PersonId } from '../base/ids.ts'
import type { JsonObject } from '../base/json.ts'
import type { Instant } from '../base/time.ts'
import { factTable } from '../ledger/fact-table.ts'
import type { Sql, Tx } from '../store/store.ts'
import type { Role } from './person.ts'

export interface InstallationRow {
  readonly id: string
  readonly version: number
  readonly name: string
  readonly trustDomain: string
  readonly mode: 'solo' | 'team'
  readonly epoch: number
  readonly madeAt: Instant
}

export const installationTable = factTable<InstallationRow, 'name'>(
  'installation',
  ['id', 'version', 'name', 'trustDomain', 'mode', 'epoch', 'madeAt'],
  { words: ['name'] },
)

export interface PersonRow {
  readonly id: PersonId
  readonly version: number
  /** Issuer that vouches for `sub`; `localIssuer` for a person of this installation alone. */
  readonly iss: string
  readonly sub: string
  readonly name: string
  readonly email: string | null
  readonly roles: readonly Role[]
  readonly state: 'living' | 'left'
  readonly leftAt: Instant | null
  /** Last sign-in. */
  readonly seenAt: Instant
  readonly madeAt: Instant
}

export const personTable = factTable<PersonRow, 'sub' | 'name' | 'email'>(
  'person',
  ['id', 'version', 'iss', 'sub', 'name', 'email', 'roles', 'state', 'leftAt', 'seenAt', 'madeAt'],
  { words: ['sub', 'name', 'email'] },
)

export async function findInstallation(sql: Sql): Promise<InstallationRow | undefined> {
  const rows = await sql.query<InstallationRow>(
    `select ${installationTable.select} from installation`,
  )
  return rows[0]
}

export async function findPerson(sql: Sql, id: PersonId): Promise<PersonRow | undefined> {
  const rows = await sql.query<PersonRow>(
    `select ${personTable.select} from person where id = $1`,
    [id],
  )
  return rows[0]
}

/** The row, locked until the transaction ends. */
export async function lockPerson(tx: Tx, id: PersonId): Promise<PersonRow | undefined> {
  const rows = await tx.query<PersonRow>(
    `select ${personTable.select} from person where id = $1 for update`,
    [id],
  )
  return rows[0]
}

/** The row of this issuer and subject. Two first sign-ins at once wait for each other here. */
export async function lockPersonOf(
  tx: Tx,
  iss: string,
  sub: string,
): Promise<PersonRow | undefined> {
  await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 7135002))', [`${iss} ${sub}`])
  const rows = await tx.query<PersonRow>(
    `select ${personTable.select} from person where iss = $1 and sub = $2 for update`,
    [iss, sub],
  )
  return rows[0]
}

export async function listPeople(sql: Sql, limit: number): Promise<PersonRow[]> {
  return sql.query<PersonRow>(
    `select ${personTable.select} from person order by made_at, id limit $1`,
    [limit],
  )
}

/** Locks every living person with the role `platform`, so that two can not leave past each other. */
export async function lockPlatformPeople(tx: Tx): Promise<PersonId[]> {
  const rows = await tx.query<{ id: PersonId }>(
    `select id from person where state = 'living' and 'platform' = any(roles) order by id for update`,
  )
  return rows.map(row => row.id)
}

/**
 * Every way a person is signed in, ended: links, browser sessions, and what their devices hold
 * (without its grant no token is renewed or accepted, see oidc-state.ts).
 */
export async function endSignIns(tx: Tx, personId: PersonId, now: Instant): Promise<void> {
  await tx.query('delete from one_time_link where person_id = $1 and used_at is null', [personId])
  await tx.query(
    'update browser_session set ended_at = $2 where person_id = $1 and ended_at is null',
    [personId, now],
  )
  await tx.query(`delete from oidc_state where payload->>'accountId' = $1`, [personId])
}
