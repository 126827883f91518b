/** Identities and trust rules: the rows, and every SQL text of the chapter. */
import type { AppId, IdentityId, RequestId, TrustRuleId } from '../base/ids.ts'
import type { JsonObject } from '../base/json.ts'
import { limits } from '../base/limits.ts'
import type { Instant } from '../base/time.ts'
import { words } from '../base/words.ts'
import { type FactRow, factTable } from '../ledger/fact-table.ts'
import type { Sql, Tx } from '../store/store.ts'
import type { MachineName } from './presets/machines.ts'
import type { UsedAssertion } from './refusal.ts'
import type { IdentityRole } from './spiffe.ts'

export interface IdentityRow extends FactRow<IdentityId> {
  readonly appId: AppId
  readonly role: IdentityRole
  readonly spiffeId: string
  readonly state: 'active' | 'revoked'
  readonly madeAt: Instant
  readonly endedAt: Instant | null
}

export type TrustPreset = MachineName | 'person'

export interface TrustRuleRow extends FactRow<TrustRuleId> {
  readonly identityId: IdentityId
  readonly appId: AppId
  readonly preset: TrustPreset
  readonly issuer: string
  /** What the token must say, in the preset's own form; immutable ids and names of systems only. */
  readonly claims: JsonObject
  /** Issuer and the immutable id it turns on: what a token is looked up by. */
  readonly anchor: string
  readonly requestId: RequestId | null
  readonly state: 'active' | 'revoked'
  readonly madeAt: Instant
  readonly endedAt: Instant | null
}

/** Revoked identities stay in memory: a decision about one must say "revoked", not "unknown". */
export const identityTable = factTable<IdentityRow>(
  'identity',
  words('id version appId role spiffeId state madeAt endedAt'),
)

export const trustRuleTable = factTable<TrustRuleRow>(
  'trust_rule',
  words('id version identityId appId preset issuer claims anchor requestId state madeAt endedAt'),
  { json: ['claims'], isResident: rule => rule.state === 'active' },
)

export function listIdentities(sql: Sql, appId: AppId): Promise<IdentityRow[]> {
  return sql.query<IdentityRow>(
    `select ${identityTable.select} from identity where app_id = $1 order by made_at, id`,
    [appId],
  )
}

/** Active identities of apps that are over. */
export function listLeftIdentities(sql: Sql): Promise<{ id: IdentityId }[]> {
  return sql.query(
    `select i.id from identity i join app a on a.id = i.app_id
     where i.state = 'active' and a.state in ('ending', 'ended', 'graduated')
     order by a.id, i.id limit ${limits.pageRows}`,
  )
}

export function lockTrustRulesOf(tx: Tx, identityId: IdentityId): Promise<TrustRuleRow[]> {
  return tx.query<TrustRuleRow>(
    `select ${trustRuleTable.select} from trust_rule
     where identity_id = $1 and state = 'active' order by id for update`,
    [identityId],
  )
}

/**
 * Marks an assertion as used: null, and again for the key it is bound to. Else when it was used before, here
 * or on another replica.
 */
export async function markAssertion(
  tx: Tx,
  { issuer, hash, expiresAt, replay, boundTo }: UsedAssertion,
  now: Instant,
): Promise<Instant | null> {
  const marked = await tx.query(
    `insert into seen_assertion (issuer, hash, used_at, expires_at, bound_to) values ($1, $2, $3, $4, $5)
     on conflict (issuer, hash) do update set bound_to = excluded.bound_to
       where seen_assertion.bound_to = excluded.bound_to
     returning 1 as one`,
    [issuer, hash, now, expiresAt, replay === 'bound' ? boundTo : null],
  )
  if (marked.length === 1) return null
  return (await findUse(tx, { issuer, hash })) ?? now
}

export async function findUse(
  sql: Sql,
  { issuer, hash }: { issuer: string; hash: string },
): Promise<Instant | undefined> {
  const [used] = await sql.query<{ at: Instant }>(
    'select used_at as at from seen_assertion where issuer = $1 and hash = $2',
    [issuer, hash],
  )
  return used?.at
}

export async function deleteAssertions(sql: Sql, before: Instant): Promise<number> {
  const rows = await sql.query(
    `delete from seen_assertion where (issuer, hash) in
       (select issuer, hash from seen_assertion where expires_at < $1 limit ${limits.pageRows})
     returning 1 as one`,
    [before],
  )
  return rows.length
}
