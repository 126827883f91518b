/** Identities and trust rules: the rows, and every SQL text of the chapter. */
import type { AppId, IdentityId, RequestId, TrustRuleId } from '../base/ids.ts'
import type { JsonObject } from '../base/json.ts'
import { limits } from '../base/limits.ts'
import type { Instant } from '../base/time.ts'
import { always, fact, factTable, json, listWhere, type RowOf } from '../ledger/fact-table.ts'
import { first, query, type Sql, type Tx, verbatim } from '../store/store.ts'
import type { MachineName } from './presets/machines.ts'
import type { UsedAssertion } from './refusal.ts'
import type { IdentityRole } from './spiffe.ts'

/** Revoked identities stay in memory: a decision about one must say "revoked", not "unknown". */
export const identityTable = factTable('identity', always, {
  id: fact<IdentityId>(),
  appId: fact<AppId>(),
  role: fact<IdentityRole>(),
  spiffeId: fact<string>(),
  state: fact<'active' | 'revoked'>(),
  madeAt: fact<Instant>(),
  endedAt: fact<Instant | null>(),
})
export type IdentityRow = RowOf<typeof identityTable>

export type TrustPreset = MachineName | 'person'

export const trustRuleTable = factTable('trust_rule', rule => rule.state === 'active', {
  id: fact<TrustRuleId>(),
  identityId: fact<IdentityId>(),
  appId: fact<AppId>(),
  preset: fact<TrustPreset>(),
  issuer: fact<string>(),
  /** What the token must say, in the preset's own form; immutable ids and names of systems only. */
  claims: json<JsonObject>(),
  /** Issuer and the immutable id it turns on: what a token is looked up by. */
  anchor: fact<string>(),
  requestId: fact<RequestId | null>(),
  state: fact<'active' | 'revoked'>(),
  madeAt: fact<Instant>(),
  endedAt: fact<Instant | null>(),
})
export type TrustRuleRow = RowOf<typeof trustRuleTable>

export const listIdentities = (sql: Sql, appId: AppId) =>
  listWhere(sql, identityTable, { appId }, 'order by made_at, id')

/** Active identities of apps that are over. */
export const listLeftIdentities = (sql: Sql) => query<{ id: IdentityId }>(sql)`
  select i.id from identity i join app a on a.id = i.app_id
  where i.state = 'active' and a.state in ('ending', 'ended', 'graduated')
  order by a.id, i.id limit ${verbatim(limits.pageRows)}`

export const lockTrustRulesOf = (tx: Tx, identityId: IdentityId) =>
  listWhere(tx, trustRuleTable, { identityId, state: 'active' }, 'order by id for update')

/**
 * Marks an assertion as used: null, and again for the key it is bound to. Else when it was used before, here
 * or on another replica.
 */
export async function markAssertion(tx: Tx, assertion: UsedAssertion, now: Instant) {
  const { issuer, hash, expiresAt, replay, boundTo } = assertion
  const marked = await first(tx)`
    insert into seen_assertion (issuer, hash, used_at, expires_at, bound_to)
    values (${issuer}, ${hash}, ${now}, ${expiresAt}, ${replay === 'bound' ? boundTo : null})
    on conflict (issuer, hash) do update set bound_to = excluded.bound_to
      where seen_assertion.bound_to = excluded.bound_to
    returning 1 as one`
  return marked === undefined ? ((await findUse(tx, assertion)) ?? now) : null
}

export async function findUse(sql: Sql, { issuer, hash }: UsedAssertion) {
  const used = await first<{ at: Instant }>(sql)`
    select used_at as at from seen_assertion where issuer = ${issuer} and hash = ${hash}`
  return used?.at
}

export async function deleteAssertions(sql: Sql, before: Instant): Promise<number> {
  const rows = await query(sql)`
    delete from seen_assertion where (issuer, hash) in
      (select issuer, hash from seen_assertion where expires_at < ${before}
       limit ${verbatim(limits.pageRows)})
    returning 1 as one`
  return rows.length
}
