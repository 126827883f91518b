/** SQL of signing in: links, sessions, sign-ins under way, devices. Only hashes of secrets are here. */
import type { PersonId } from '../../core/base/ids.ts'
import type { JsonObject } from '../../core/base/json.ts'
import { type Instant, toSeconds } from '../../core/base/time.ts'
import { first, query, type Sql, type Tx, verbatim } from '../../core/store/store.ts'
import type { ClientWork } from './work.ts'

export async function insertLink(
  tx: Tx,
  { hash, personId, expiresAt }: { hash: string; personId: PersonId; expiresAt: Instant },
): Promise<void> {
  await query(tx)`
    insert into one_time_link (hash, person_id, expires_at)
    values (${hash}, ${personId}, ${expiresAt})`
}

/** Whose link it was; of many at the same moment one gets the answer. */
export async function useLink(tx: Tx, hash: string, now: Instant): Promise<PersonId | undefined> {
  const link = await first<{ personId: PersonId }>(tx)`
    update one_time_link set used_at = ${now}
    where hash = ${hash} and used_at is null and expires_at > ${now}
    returning person_id as "personId"`
  return link?.personId
}

export async function insertSession(
  sql: Sql,
  session: { hash: string; personId: PersonId; csrf: string; madeAt: Instant; expiresAt: Instant },
): Promise<void> {
  const { hash, personId, csrf, madeAt, expiresAt } = session
  await query(sql)`
    insert into browser_session (hash, person_id, csrf, made_at, used_at, expires_at)
    values (${hash}, ${personId}, ${csrf}, ${madeAt}, ${madeAt}, ${expiresAt})`
}

/** A session that has not ended, whatever its age. */
export const findSessionRow = (sql: Sql, hash: string) =>
  first<{ personId: PersonId; csrf: string; usedAt: Instant; expiresAt: Instant }>(sql)`
    select person_id as "personId", csrf, used_at as "usedAt", expires_at as "expiresAt"
    from browser_session where hash = ${hash} and ended_at is null`

const stamp = (column: 'used_at' | 'ended_at') => (sql: Sql, hash: string, now: Instant) =>
  query(sql)`
    update browser_session set ${verbatim(column)} = ${now}
    where hash = ${hash} and ended_at is null`

export const touchSession = stamp('used_at')
export const endSessionRow = stamp('ended_at')

/** False when so many are under way that this one is not let in. */
export async function insertSignIn(
  sql: Sql,
  { hash, body, expiresAt }: { hash: string; body: string; expiresAt: Instant },
  { now, most }: { now: Instant; most: number },
): Promise<boolean> {
  const rows = await query(sql)`
    insert into sign_in (hash, body, expires_at) select ${hash}, ${body}, ${expiresAt}
    where (select count(*) from sign_in where expires_at > ${now}) < ${most} returning hash`
  return rows.length === 1
}

/** The sign-in under way, taken: a second answer to it finds nothing. */
export async function takeSignIn(sql: Sql, hash: string, now: Instant) {
  const taken = await first<{ body: string }>(sql)`
    delete from sign_in where hash = ${hash} and expires_at > ${now} returning body`
  return taken?.body
}

/** Removes what ended by time. Used codes and tokens stay until then, or reuse could not be seen. */
export async function sweepSignIns(sql: Sql, now: Instant): Promise<void> {
  for (const table of ['one_time_link', 'browser_session', 'sign_in', 'oidc_state'])
    await query(sql)`delete from ${verbatim(table)} where expires_at < ${now}`
}

type DeviceCode = { clientId: string; iat: number; deviceInfo?: { ip?: string; ua?: string } }

/** A device that waits for an answer. */
export const findDeviceCode = (
  sql: Sql,
  userCode: string,
  now: Instant,
  lock: '' | 'for update' = '',
) => first<{ id: string; payload: DeviceCode }>(sql)`
  select id, payload from oidc_state
  where kind = 'DeviceCode' and user_code = ${userCode} and expires_at > ${now}
    and consumed_at is null and not payload ? 'accountId' and not payload ? 'error'
  ${verbatim(lock)}`

export async function countDeviceCodes(sql: Sql, now: Instant): Promise<number> {
  const waiting = await first<{ count: number }>(sql)`
    select count(*)::int as count from oidc_state
    where kind = 'DeviceCode' and expires_at > ${now}`
  return waiting?.count ?? 0
}

export async function patchDeviceCode(tx: Tx, id: string, patch: JsonObject): Promise<void> {
  await query(tx)`
    update oidc_state set payload = payload || ${JSON.stringify(patch)}::jsonb,
      grant_id = ${patch['grantId'] ?? null}
    where kind = 'DeviceCode' and id = ${id}`
}

/** As the authorization server would have written it: a `Grant` under its id, a code under its hash. */
export async function insertOidcState(
  tx: Tx,
  row: { kind: string; id: string; payload: JsonObject; expiresAt: Instant },
): Promise<void> {
  const { kind, id, expiresAt } = row
  const payload = { kind, ...row.payload, exp: toSeconds(expiresAt) }
  await query(tx)`
    insert into oidc_state (kind, id, payload, grant_id, expires_at)
    values (${kind}, ${id}, ${JSON.stringify(payload)}::jsonb, ${row.payload['grantId'] ?? null},
      ${expiresAt})`
}

/** A sign-in of a device or an MCP client; undefined when it is over, or its person has left. */
export const findSignIn = (
  sql: Sql,
  { grantId, personId, now }: { grantId: string; personId: string; now: Instant },
) => first<{ clientId: string; endsAt: Instant; work: ClientWork | null }>(sql)`
  select s.payload->>'clientId' as "clientId", s.expires_at as "endsAt", s.payload->'work' as work
  from oidc_state s join person p on p.id = s.payload->>'accountId'
  where s.kind = 'Grant' and s.id = ${grantId} and p.id = ${personId} and p.state = 'living'
    and s.expires_at > ${now}`

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
  await query(sql)`
    delete from oidc_state
    where kind = 'Grant' and payload->>'accountId' = ${personId} and payload ? 'work'`
}
