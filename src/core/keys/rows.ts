/** Keys and key tables as they lie in the database; private parts sealed. All SQL of this chapter. */
import type { KeyId } from '../base/ids.ts'
import { limits } from '../base/limits.ts'
import { type Instant, msBetween } from '../base/time.ts'
import { first, query, type Sql, type Tx } from '../store/store.ts'
import type { PublicJwk } from './pair.ts'
import type { SignedKeyTable } from './table.ts'

/** What a key is for, and its algorithm. `seal-keys` seals the private parts of the others, `seal-rows` what chapters seal. */
export const algOf = {
  root: 'EdDSA',
  ledger: 'EdDSA',
  certificate: 'EdDSA',
  token: 'ES256',
  lease: 'HS256',
  'seal-keys': 'A256GCM',
  'seal-rows': 'A256GCM',
} as const
export type KeyUse = keyof typeof algOf

export interface KeyRow {
  readonly id: KeyId
  readonly version: number
  readonly use: KeyUse
  readonly alg: (typeof algOf)[KeyUse]
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

/** Where the private part of a key lies: what its seal is bound to. */
export function placeOf(id: KeyId): string {
  return `key/${id}/sealed`
}

/** Nothing a token key signed before it was retired is still good. */
export function isOver({ retiredAt }: KeyRow, now: Instant): boolean {
  return retiredAt !== null && msBetween(retiredAt, now) >= limits.tokenKeyOverlapMs
}

/** One change of keys at a time, first start included. */
export async function lockKeys(tx: Tx): Promise<void> {
  await tx.query('select pg_advisory_xact_lock(7135004)')
}

/** In the order they come into use. */
export const readKeys = (sql: Sql) => query<KeyRow>(sql)`
  select id, version, use, alg, public_jwk as "publicJwk", sealed, state, starts_at as "startsAt",
    made_at as "madeAt", retired_at as "retiredAt"
  from key order by starts_at, made_at, id`

/** A new key, or what changed of a known one. */
export async function saveKey(tx: Tx, row: KeyRow): Promise<void> {
  const { id, version, use, alg, publicJwk, sealed, state, startsAt, madeAt, retiredAt } = row
  await query(tx)`
    insert into key
      (id, version, use, alg, public_jwk, sealed, state, starts_at, made_at, retired_at)
    values (${id}, ${version}, ${use}, ${alg}, ${publicJwk}::jsonb, ${sealed}, ${state},
      ${startsAt}, ${madeAt}, ${retiredAt})
    on conflict (id) do update set version = excluded.version, sealed = excluded.sealed,
      state = excluded.state, starts_at = excluded.starts_at, retired_at = excluded.retired_at`
}

/** The key table in force, as it was signed. */
export const readKeyTable = (sql: Sql) => first<Pick<SignedKeyTable, 'body' | 'signature'>>(sql)`
  select body, signature from key_table order by serial desc limit 1`

export async function insertKeyTable(tx: Tx, serial: number, signed: SignedKeyTable, at: Instant) {
  await query(tx)`
    insert into key_table (serial, body, signature, made_at)
      values (${serial}, ${signed.body}, ${signed.signature}, ${at})`
}
