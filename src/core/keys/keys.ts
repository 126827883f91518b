/**
 * The keys of an installation, opened: what signs tokens, checkpoints and certificates, what seals
 * rows, and what lease secrets are derived from. Private parts are in memory and sealed in the
 * database; the key-encryption key and the root key are outside it.
 *
 * Changing a key is rotate.ts; recording that it changed is the ledger's.
 */
import type { KeyObject } from 'node:crypto'
import { randomBytes } from 'node:crypto'
import { base64url, hmacSha256 } from '../base/hash.ts'
import type { KeyId, LeaseId } from '../base/ids.ts'
import { limits } from '../base/limits.ts'
import { checkPermit, type Permit } from '../base/permit.ts'
import { Problem } from '../base/problem.ts'
import { type Clock, type Instant, msBetween } from '../base/time.ts'
import type { Sql, Store, Tx } from '../store/store.ts'
import { firstKeys } from './first.ts'
import { type KekSource, loadKek } from './kek.ts'
import {
  type Pair,
  type PairAlg,
  type PublicJwk,
  pairFromBytes,
  signWith,
  thumbprint,
} from './pair.ts'
import { readInForce } from './publish.ts'
import { type Rotation, type RotationInput, rotateRows } from './rotate.ts'
import { type KeyRow, type KeyUse, lockKeys, placeOf, readKeys } from './rows.ts'
import { type SealKey, sealKey, sealWith, unsealWith } from './seal.ts'
import type { SignedKeyTable } from './table.ts'

export type SignUse = 'ledger' | 'certificate' | 'token'

export interface KeysWorld {
  readonly store: Store
  readonly clock: Clock
}

export interface KeysSource extends KekSource {
  /** Names the installation in its key table; only the first start reads it. */
  readonly installation: string
}

export interface PublicKey {
  readonly kid: string
  readonly alg: PairAlg
  readonly jwk: PublicJwk
  readonly state: KeyRow['state']
}

/** One as RFC 7517 publishes it. */
export interface TokenJwk extends PublicJwk {
  readonly kid: string
  readonly alg: PairAlg
  readonly use: 'sig'
}

/**
 * Opens the keys; at the first start makes them. `Problem` `bad-configuration` when what opens them
 * is missing or another, or when the key table is not what the root signed: refuse to start.
 */
export async function openKeys(world: KeysWorld, source: KeysSource): Promise<Keys> {
  const held = await world.store.transact(async tx => {
    await lockKeys(tx)
    const rows = await readKeys(tx)
    const kek = loadKek(source, rows.length === 0)
    if (rows.length === 0) await firstKeys(tx, kek, source, world.clock.now())
    return { kek, ...(await readHeld(tx, kek)) }
  })
  return new Keys(world, source, held.kek, held)
}

/** Everything read and opened at one moment; replaced whole, so that no one sees half a rotation. */
interface Held {
  readonly rows: readonly KeyRow[]
  /** By key id: only those whose private part still exists. */
  readonly pairs: ReadonlyMap<KeyId, Pair>
  /** Data keys by id, apart by purpose: what chapters seal never opens a private part of ours. */
  readonly sealsKeys: ReadonlyMap<string, SealKey>
  readonly sealsRows: ReadonlyMap<string, SealKey>
  readonly leaseKeys: ReadonlyMap<string, Uint8Array>
  readonly signed: SignedKeyTable
}

/** A class because it guards one thing: the held keys change only as a whole. */
export class Keys {
  readonly #world: KeysWorld
  readonly #kek: SealKey
  readonly #home: string
  #held: Held

  constructor(world: KeysWorld, source: KeysSource, kek: SealKey, held: Held) {
    this.#world = world
    this.#kek = kek
    this.#home = source.home
    this.#held = held
  }

  /** The active key's signature, and which key that was. */
  sign(use: SignUse, bytes: Uint8Array): { kid: string; signature: Buffer } {
    const row = activeRow(this.#held.rows, use)
    const pair = this.#pairOf(row)
    return { kid: pair.kid, signature: signWith(pair, bytes) }
  }

  /** Every key there ever was for this use, oldest first: what was signed long ago still verifies. */
  published(use: SignUse): PublicKey[] {
    const rows = this.#held.rows.filter(row => row.use === use)
    return rows.map(publicOf)
  }

  active(use: SignUse): PublicKey {
    return publicOf(activeRow(this.#held.rows, use))
  }

  /** What verifiers of our tokens should hold now: active, next, and retired ones while their tokens live. */
  tokenJwks(): { keys: TokenJwk[] } {
    const keys = this.#tokenRows().map(row => {
      const { kid, alg, jwk } = publicOf(row)
      return { ...jwk, kid, alg, use: 'sig' as const }
    })
    return { keys }
  }

  tokenSigner(): { kid: string; alg: 'ES256'; privateKey: KeyObject } {
    const pair = this.#pairOf(activeRow(this.#held.rows, 'token'))
    return { kid: pair.kid, alg: 'ES256', privateKey: pair.privateKey }
  }

  /** `place` is where the value lies (`table/id/column`): it opens nowhere else. */
  seal(plaintext: Uint8Array, place: string): string {
    const key = this.#held.sealsRows.get(activeRow(this.#held.rows, 'seal-rows').id)
    if (key === undefined) throw new Error('the active key is open')
    return sealWith(key, plaintext, place)
  }

  /** Throws `Problem` `internal` when it was changed, moved or cut. */
  unseal(sealed: string, place: string): Buffer {
    return unsealWith(name => this.#held.sealsRows.get(name), sealed, place)
  }

  /** Random, and names the key its secret is derived with, so that old leases outlive a rotation. */
  newLeaseSalt(): string {
    return `${activeRow(this.#held.rows, 'lease').id}.${base64url(randomBytes(32))}`
  }

  /** The secret of a lease, derived and never stored: gone for good when its salt is shredded. */
  leaseSecret(leaseId: LeaseId, salt: string): string {
    const key = this.#held.leaseKeys.get(salt.split('.')[0] ?? '')
    if (key === undefined) throw new Error('a lease salt names a key: use newLeaseSalt')
    return base64url(hmacSha256(key, `lease\n${leaseId}\n${salt}`))
  }

  /** The key table in force. */
  table(): SignedKeyTable {
    return this.#held.signed
  }

  /** The active key for a use: what a rotation is about. */
  keyId(use: KeyUse): KeyId {
    return activeRow(this.#held.rows, use).id
  }

  /**
   * Replaces the key in a transaction that also records it (the ledger's `rotateKey`); `reload` after
   * its commit. Problem `wrong-state` when it is not active or its successor is not known long enough.
   */
  rotateIn(
    tx: Tx,
    permit: Permit<'key.rotate'>,
    input: RotationInput,
    at: Instant,
  ): Promise<Rotation> {
    checkPermit(permit, 'key.rotate', input.keyId)
    const dataKey = (name: string) => this.#held.sealsKeys.get(name)
    return rotateRows(tx, { home: this.#home, kek: this.#kek, dataKey }, input, at)
  }

  /** After a rotation, here or on another replica. */
  async reload(): Promise<void> {
    this.#held = await readHeld(this.#world.store, this.#kek)
  }

  #tokenRows(): KeyRow[] {
    const now = this.#world.clock.now()
    const isUseful = (row: KeyRow) =>
      row.retiredAt === null || msBetween(row.retiredAt, now) < limits.tokenKeyOverlapMs
    return this.#held.rows.filter(
      row => row.use === 'token' && row.state !== 'destroyed' && isUseful(row),
    )
  }

  #pairOf(row: KeyRow): Pair {
    const pair = this.#held.pairs.get(row.id)
    if (pair === undefined) throw new Error(`the active key ${row.id} has its private part`)
    return pair
  }
}

/** Reads all keys and opens what is sealed, in the order in which one opens the next. */
async function readHeld(sql: Sql, kek: SealKey): Promise<Held> {
  const rows = await readKeys(sql)
  const { signed } = await readInForce(sql, rows)
  const sealsKeys = dataKeys(rows, 'seal-keys', kek)
  const pairs = new Map<KeyId, Pair>()
  const leaseKeys = new Map<string, Uint8Array>()
  for (const { id, use, alg, sealed } of rows) {
    if (sealed === null || use === 'seal-keys' || use === 'seal-rows') continue
    const bytes = unsealWith(name => sealsKeys.get(name), sealed, placeOf(id))
    if (use === 'lease') leaseKeys.set(id, bytes)
    else pairs.set(id, pairFromBytes(alg as PairAlg, bytes))
  }
  return { rows, pairs, leaseKeys, signed, sealsKeys, sealsRows: dataKeys(rows, 'seal-rows', kek) }
}

/** Retired ones too: what they sealed still opens. */
function dataKeys(
  rows: readonly KeyRow[],
  use: 'seal-keys' | 'seal-rows',
  kek: SealKey,
): Map<string, SealKey> {
  const found = new Map<string, SealKey>()
  for (const row of rows)
    if (row.use === use && row.sealed !== null)
      found.set(row.id, sealKey(openDataKey(row.id, row.sealed, kek), row.id))
  return found
}

function openDataKey(id: KeyId, sealed: string, kek: SealKey): Buffer {
  if (sealed.split('.')[1] === kek.name) return unsealWith(() => kek, sealed, placeOf(id))
  throw new Problem('bad-configuration', {
    detail: 'This database was sealed with another key-encryption key than the one given.',
    next: 'Set LEASEHOLD_KEK, or bring back the file `kek`, as it was when the database was made.',
    field: 'LEASEHOLD_KEK',
  })
}

function activeRow(rows: readonly KeyRow[], use: KeyUse): KeyRow {
  const row = rows.find(each => each.use === use && each.state === 'active')
  if (row === undefined) throw new Error(`there is an active key for ${use}`)
  return row
}

function publicOf(row: KeyRow): PublicKey {
  if (row.publicJwk === null) throw new Error(`${row.id} has a public part`)
  return {
    kid: thumbprint(row.publicJwk),
    alg: row.alg as PairAlg,
    jwk: row.publicJwk,
    state: row.state,
  }
}
