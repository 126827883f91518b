/** Keys and key tables as they lie in the database; private parts sealed. All SQL of this chapter. */
import type { KeyId } from '../base/ids.ts'
import type { Instant } from '../base/time.ts'
import type { Sql, Tx } from '../store/store.ts'
import type { PublicJwk } from './pair.ts'

/** What a key is for. `seal-keys` seals the private parts of the others, `seal-rows` what chapters seal. */
export type KeyUse =
  | 'root'
  | 'ledger'
  | 'certificate'
  | 'token'
  | 'lease'
  | 'seal-keys'
  | 'seal-rows'

export interface KeyRow {
  readonly id: KeyId
  readonly version: number
  readonly use: KeyUse
  readonly alg: 'EdDSA' | 'ES256' | 'HS256' | 'A256GCM'
  /** Null for symmetric keys. */
  readonly publicJwk: PublicJwk | null
  /** Null for the root, and once the private part was destroyed. */
  readonly sealed: string | null
  /** `next`: published, not used. `retired`: makes nothing new. `destroyed`: its private part is gone. */
  readonly state: 'next' | 'active' | 'retired' | 'destroyed'
  /** Signs nothing before this. */
  readonly startsAt: Instant
  readonly madeAt: Instant
  readonly retiredAt: Instant | null
}

export interface KeyTableRow {
  readonly serial: number
  readonly body: string
  readonly signature: string
}

/** Where the private part of a key lies: what its seal is bound to. */
export function placeOf(id: KeyId): string {
  return `key/${id}/sealed`
}

/** One change of keys at a time, first start included. */
export async function lockKeys(tx: Tx): Promise<void> {
  await tx.query('select pg_advisory_xact_lock(7135004)')
}

/** In the order they come into use. */
export async function readKeys(sql: Sql): Promise<KeyRow[]> {
  return sql.query<KeyRow>(
    `select id, version, use, alg, public_jwk as "publicJwk", sealed, state, starts_at as "startsAt",
            made_at as "madeAt", retired_at as "retiredAt"
     from key order by starts_at, made_at, id`,
  )
}

export async function insertKey(tx: Tx, row: KeyRow): Promise<void> {
  await tx.query(
    `insert into key
       (id, version, use, alg, public_jwk, sealed, state, starts_at, made_at, retired_at)
     values ($1, $2, $3, $4, $5::jsonb, $6, $7, $8, $9, $10)`,
    [
      row.id,
      row.version,
      row.use,
      row.alg,
      row.publicJwk === null ? null : JSON.stringify(row.publicJwk),
      row.sealed,
      row.state,
      row.startsAt,
      row.madeAt,
      row.retiredAt,
    ],
  )
}

export async function saveKey(tx: Tx, row: KeyRow): Promise<void> {
  await tx.query(
    `update key set version = $2, sealed = $3, state = $4, starts_at = $5, retired_at = $6
     where id = $1`,
    [row.id, row.version, row.sealed, row.state, row.startsAt, row.retiredAt],
  )
}

/** The one in force. */
export async function readKeyTable(sql: Sql): Promise<KeyTableRow | undefined> {
  const rows = await sql.query<KeyTableRow>(
    'select serial, body, signature from key_table order by serial desc limit 1',
  )
  return rows[0]
}

export async function insertKeyTable(tx: Tx, row: KeyTableRow, at: Instant): Promise<void> {
  await tx.query(
    'insert into key_table (serial, body, signature, made_at) values ($1, $2, $3, $4)',
    [row.serial, row.body, row.signature, at],
  )
}
