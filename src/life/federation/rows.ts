/** The keys of our issuer for outside systems: the rows, and every SQL text of the chapter. */
import type { KeyId } from '../../core/base/ids.ts'
import type { JsonObject } from '../../core/base/json.ts'
import type { Instant } from '../../core/base/time.ts'
import { fact, factTable, json, type RowOf } from '../../core/ledger/fact-table.ts'
import { first, query, type Sql, type Tx, verbatim } from '../../core/store/store.ts'

export const federationKeyTable = factTable('federation_key', key => key.state !== 'gone', {
  id: fact<KeyId>(),
  /** The public part as RFC 7517 publishes it. */
  jwk: json<JsonObject>(),
  /** `next` is published and signs nothing yet; `retired` signs nothing any more and is published. */
  state: fact<'next' | 'active' | 'retired' | 'gone'>(),
  madeAt: fact<Instant>(),
  startedAt: fact<Instant | null>(),
  retiredAt: fact<Instant | null>(),
})
export type FederationKeyRow = RowOf<typeof federationKeyTable>

/** Under lock, whatever their state, so that of two that turn the keys one does. */
export async function lockFederationKeys(tx: Tx): Promise<FederationKeyRow[]> {
  await tx.query('lock table federation_secret in exclusive mode')
  return query<FederationKeyRow>(tx)`
    select ${verbatim(federationKeyTable.select)} from federation_key
    where state <> 'gone' order by id for update`
}

export async function putSecret(tx: Tx, id: KeyId, sealed: string): Promise<void> {
  await query(tx)`insert into federation_secret (key_id, sealed) values (${id}, ${sealed})`
}

export async function shredSecret(tx: Tx, id: KeyId): Promise<void> {
  await query(tx)`delete from federation_secret where key_id = ${id}`
}

export async function readSecret(sql: Sql, id: KeyId): Promise<string | undefined> {
  const secret = await first<{ sealed: string }>(sql)`
    select sealed from federation_secret where key_id = ${id}`
  return secret?.sealed
}
