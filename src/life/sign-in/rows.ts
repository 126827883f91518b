/** SQL of signing in: links, sessions, sign-ins under way, devices. Only hashes of secrets are here. */
import type { PersonId } from '../../core/base/ids.ts'
import type { JsonObject } from '../../core/base/json.ts'
import { type Instant, toSeconds } from '../../core/base/time.ts'
import type { Sql, Tx } from '../../core/store/store.ts'
import type { ClientWork } from './work.ts'

export async function insertLink(
  tx: Tx,
  { hash, personId, expiresAt }: { hash: string; personId: PersonId; expiresAt: Instant },
): Promise<void> {
  const text = 'insert into one_time_link (hash, person_id, expires_at) values ($1, $2, $3)'
  await tx.query(text, [hash, personId, expiresAt])
}

/** Whose link it was; of many at the same moment one gets the answer. */
export async function useLink(tx: Tx, hash: string, now: Instant): Promise<PersonId | undefined> {
  const rows = await tx.query<{ personId: PersonId }>(
    `update one_time_link set used_at = $2
     where hash = $1 and used_at is null and expires_at > $2 returning person_id as "personId"`,
    [hash, now],
  )
  return rows[0]?.personId
}

export async function insertSession(
  sql: Sql,
  session: { hash: string; personId: PersonId; csrf: string; madeAt: Instant; expiresAt: Instant },
): Promise<void> {
  await sql.query(
    `insert into browser_session (hash, person_id, csrf, made_at, used_at, expires_at)
     values ($1, $2, $3, $4, $4, $5)`,
    [session.hash, session.personId, session.csrf, session.madeAt, session.expiresAt],
  )
}

/** A session that has not ended, whatever its age. */
export async function findSessionRow(sql: Sql, hash: string) {
  const rows = await sql.query<{
    personId: PersonId
    csrf: string
    usedAt: Instant
    expiresAt: Instant
  }>(
    `select person_id as "personId", csrf, used_at as "usedAt", expires_at as "expiresAt"
     from browser_session where hash = $1 and ended_at is null`,
    [hash],
  )
  return rows[0]
}

const stamp = (column: 'used_at' | 'ended_at') => (sql: Sql, hash: string, now: Instant) =>
  sql.query(`update browser_session set ${column} = $2 where hash = $1 and ended_at is null`, [
    hash,
    now,
  ])

export const touchSession = stamp('used_at')
export const endSessionRow = stamp('ended_at')

/** False when so many are under way that this one is not let in. */
export async function insertSignIn(
  sql: Sql,
  signIn: { hash: string; body: string; expiresAt: Instant },
  { now, most }: { now: Instant; most: number },
): Promise<boolean> {
  const rows = await sql.query(
    `insert into sign_in (hash, body, expires_at) select $1, $2, $3
     where (select count(*) from sign_in where expires_at > $4) < $5 returning hash`,
    [signIn.hash, signIn.body, signIn.expiresAt, now, most],
  )
  return rows.length === 1
}

/** The sign-in under way, taken: a second answer to it finds nothing. */
export async function takeSignIn(sql: Sql, hash: string, now: Instant) {
  const rows = await sql.query<{ body: string }>(
    'delete from sign_in where hash = $1 and expires_at > $2 returning body',
    [hash, now],
  )
  return rows[0]?.body
}

/** Removes what ended by time. Used codes and tokens stay until then, or reuse could not be seen. */
export async function sweepSignIns(sql: Sql, now: Instant): Promise<void> {
  for (const table of ['one_time_link', 'browser_session', 'sign_in', 'oidc_state'])
    await sql.query(`delete from ${table} where expires_at < $1`, [now])
}

type DeviceCode = { clientId: string; iat: number; deviceInfo?: { ip?: string; ua?: string } }

/** A device that waits for an answer. */
export async function findDeviceCode(
  sql: Sql,
  userCode: string,
  now: Instant,
  lock: '' | 'for update' = '',
) {
  const rows = await sql.query<{ id: string; payload: DeviceCode }>(
    `select id, payload from oidc_state
     where kind = 'DeviceCode' and user_code = $1 and expires_at > $2 and consumed_at is null
       and not payload ? 'accountId' and not payload ? 'error' ${lock}`,
    [userCode, now],
  )
  return rows[0]
}

export async function countDeviceCodes(sql: Sql, now: Instant): Promise<number> {
  const rows = await sql.query<{ count: number }>(
    `select count(*)::int as count from oidc_state where kind = 'DeviceCode' and expires_at > $1`,
    [now],
  )
  return rows[0]?.count ?? 0
}

export async function patchDeviceCode(tx: Tx, id: string, patch: JsonObject): Promise<void> {
  await tx.query(
    `update oidc_state set payload = payload || $2::jsonb, grant_id = $3
     where kind = 'DeviceCode' and id = $1`,
    [id, JSON.stringify(patch), patch['grantId'] ?? null],
  )
}

/** As the authorization server would have written it: a `Grant` under its id, a code under its hash. */
export async function insertOidcState(
  tx: Tx,
  row: { kind: string; id: string; payload: JsonObject; expiresAt: Instant },
): Promise<void> {
  const { kind, id, expiresAt } = row
  const payload = { kind, ...row.payload, exp: toSeconds(expiresAt) }
  await tx.query(
    `insert into oidc_state (kind, id, payload, grant_id, expires_at)
     values ($1, $2, $3::jsonb, $4, $5)`,
    [kind, id, JSON.stringify(payload), row.payload['grantId'] ?? null, expiresAt],
  )
}

/** A sign-in of a device or an MCP client; undefined when it is over, or its person has left. */
export async function findSignIn(
  sql: Sql,
  { grantId, personId, now }: { grantId: string; personId: string; now: Instant },
) {
  const rows = await sql.query<{ clientId: string; endsAt: Instant; work: ClientWork | null }>(
    `select s.payload->>'clientId' as "clientId", s.expires_at as "endsAt", s.payload->'work' as work
     from oidc_state s join person p on p.id = s.payload->>'accountId'
     where s.kind = 'Grant' and s.id = $1 and p.id = $2 and p.state = 'living'
       and s.expires_at > $3`,
    [grantId, personId, now],
  )
  return rows[0]
}

/** What a person let an MCP client do; undefined when that is over. */
export async function findClientWork(
  sql: Sql,
  { clientId, ...signIn }: Parameters<typeof findSignIn>[1] & { clientId: string },
): Promise<ClientWork | undefined> {
  const found = await findSignIn(sql, signIn)
  return found?.clientId === clientId ? (found.work ?? undefined) : undefined
}

/** Everything MCP clients were let do for this person is over. */
export async function endClientsOf(sql: Sql, personId: PersonId): Promise<void> {
  await sql.query(
    `delete from oidc_state where kind = 'Grant' and payload->>'accountId' = $1
       and payload ? 'work'`,
    [personId],
  )
}
