/**
 * The keys of an installation, opened: what signs tokens, checkpoints and certificates, what seals
 * rows, and what lease secrets are derived from. Private parts are in memory and sealed in the
 * database; the key-encryption key and the root key are outside it.
 *
 * Changing a key is rotate.ts; recording that it changed is the ledger's.
 */
import { randomBytes } from 'node:crypto'
import { base64url, hmacSha256 } from '../base/hash.ts'
import type { KeyId, LeaseId } from '../base/ids.ts'
import { checkPermit, type Permit } from '../base/permit.ts'
import { assert } from '../base/problem.ts'
import type { Clock, Instant } from '../base/time.ts'
import type { Sql, Store, Tx } from '../store/store.ts'
import { type KeysSource, loadKek, unusable } from './outside.ts'
import { type Pair, type PairAlg, type PublicJwk, pairFromBytes, signWith } from './pair.ts'
import * as rotation from './rotate.ts'
import { isOver, type KeyRow, type KeyUse, lockKeys, placeOf, readKeys } from './rows.ts'
import { isSealed, type SealKey, sealKey, sealWith, unsealWith } from './seal.ts'
import type { SignedKeyTable, TableKey } from './table.ts'

export type SignUse = 'ledger' | 'certificate' | 'token'

interface KeysWorld {
  readonly store: Store
  readonly clock: Clock
}

/** One as RFC 7517 publishes it. */
type TokenJwk = PublicJwk & Readonly<Record<'kid' | 'alg' | 'use', string>>

/**
 * Opens the keys; at the first start makes them. `Problem` `bad-configuration` when what opens them
 * is missing or another, or when the key table is not what the root signed: refuse to start.
 */
export async function openKeys(world: KeysWorld, source: KeysSource): Promise<Keys> {
  return world.store.transact(async tx => {
    await lockKeys(tx)
    const isFirst = (await readKeys(tx)).length === 0
    const kek = loadKek(source, isFirst)
    if (isFirst) await rotation.firstKeys(tx, kek, source, world.clock.now())
    return new Keys(world, source.home, kek, await readHeld(tx, kek))
  })
}

/** Everything read and opened at one moment; replaced whole, so that no one sees half a rotation. */
type Held = Readonly<Awaited<ReturnType<typeof readHeld>>>

/** A class because it guards one thing: the held keys change only as a whole. */
export class Keys {
  readonly #world: KeysWorld
  readonly #kek: SealKey
  readonly #home: string
  #held: Held

  constructor(world: KeysWorld, home: string, kek: SealKey, held: Held) {
    this.#world = world
    this.#kek = kek
    this.#home = home
    this.#held = held
  }

  /** The active key's signature, and which key that was. */
  sign(use: SignUse, bytes: Uint8Array): { kid: string; signature: Buffer } {
    const pair = this.#signer(use)
    return { kid: pair.kid, signature: signWith(pair, bytes) }
  }

  /** Every key there ever was for this use, oldest first: what was signed long ago still verifies. */
  published(use: SignUse): TableKey[] {
    return this.#held.rows.filter(row => row.use === use).map(rotation.tableKey)
  }

  active(use: SignUse): TableKey {
    return rotation.tableKey(this.#active(use))
  }

  /** What verifiers of our tokens should hold now: active, next, and retired ones while their tokens live. */
  tokenJwks(): { keys: TokenJwk[] } {
    const now = this.#world.clock.now()
    const isUseful = (row: KeyRow) =>
      row.use === 'token' && row.state !== 'destroyed' && !isOver(row, now)
    const useful = this.#held.rows.filter(isUseful).map(rotation.tableKey)
    return { keys: useful.map(({ jwk, kid, alg }) => ({ ...jwk, kid, alg, use: 'sig' })) }
  }

  tokenSigner(): Pair {
    return this.#signer('token')
  }

  /** `place` is where the value lies (`table/id/column`): it opens nowhere else. */
  seal(plaintext: Uint8Array, place: string): string {
    const key = this.#held.sealsRows.get(this.keyId('seal-rows'))
    assert(key, 'the active key is open')
    return sealWith(key, plaintext, place)
  }

  /** Throws `Problem` `internal` when it was changed, moved or cut. */
  unseal(sealed: string, place: string): Buffer {
    return unsealWith(name => this.#held.sealsRows.get(name), sealed, place)
  }

  /** Random, and names the key its secret is derived with, so that old leases outlive a rotation. */
  newLeaseSalt(): string {
    return `${this.keyId('lease')}.${base64url(randomBytes(32))}`
  }

  /** In place of the salt of a lease whose secret its target made. */
  keepLeaseSecret(leaseId: LeaseId, secret: string): string {
    return this.seal(Buffer.from(secret), `lease_salt/${leaseId}/salt`)
  }

  /** The secret of a lease, derived and never stored: gone for good when its salt is shredded. */
  leaseSecret(leaseId: LeaseId, salt: string): string {
    if (isSealed(salt)) return this.unseal(salt, `lease_salt/${leaseId}/salt`).toString()
    const key = this.#held.leaseKeys.get(salt.split('.')[0] ?? '')
    assert(key, 'a lease salt names a key: use newLeaseSalt')
    return base64url(hmacSha256(key, `lease\n${leaseId}\n${salt}`))
  }

  /** The key table in force. */
  table(): SignedKeyTable {
    return this.#held.signed
  }

  /** The active key for a use: what a rotation is about. */
  keyId(use: KeyUse): KeyId {
    return this.#active(use).id
  }

  /**
   * Replaces the key in a transaction that also records it (the ledger's `rotateKey`); `reload` after
   * its commit. Problem `wrong-state` when it is not active or its successor is not known long enough.
   */
  rotateIn(tx: Tx, permit: Permit<'key.rotate'>, input: rotation.RotationInput, at: Instant) {
    checkPermit(permit, 'key.rotate', input.keyId)
    const dataKey = (name: string) => this.#held.sealsKeys.get(name)
    return rotation.rotateRows(tx, { home: this.#home, kek: this.#kek, dataKey }, input, at)
  }

  /** After a rotation, here or on another replica. */
  async reload(): Promise<void> {
    this.#held = await readHeld(this.#world.store, this.#kek)
  }

  #active(use: KeyUse): KeyRow {
    const row = this.#held.rows.find(each => each.use === use && each.state === 'active')
    assert(row, `there is an active key for ${use}`)
    return row
  }

  #signer(use: SignUse): Pair {
    const pair = this.#held.pairs.get(this.keyId(use))
    assert(pair, `the active key for ${use} has its private part`)
    return pair
  }
}

/** Reads all keys and opens what is sealed, in the order in which one opens the next. */
async function readHeld(sql: Sql, kek: SealKey) {
  const rows = await readKeys(sql)
  const { signed } = await rotation.readInForce(sql, rows)
  // Data keys apart by purpose: what chapters seal never opens a private part of ours.
  const sealsKeys = dataKeys(rows, 'seal-keys', kek)
  const sealsRows = dataKeys(rows, 'seal-rows', kek)
  // Only those whose private part still exists.
  const pairs = new Map<KeyId, Pair>()
  const leaseKeys = new Map<string, Uint8Array>()
  for (const { id, use, alg, sealed } of rows) {
    if (sealed === null || use === 'seal-keys' || use === 'seal-rows') continue
    const bytes = unsealWith(name => sealsKeys.get(name), sealed, placeOf(id))
    if (use === 'lease') leaseKeys.set(id, bytes)
    else pairs.set(id, pairFromBytes(alg as PairAlg, bytes))
  }
  return { rows, pairs, leaseKeys, signed, sealsKeys, sealsRows }
}

/** Retired ones too: what they sealed still opens. */
function dataKeys(rows: readonly KeyRow[], use: KeyUse, kek: SealKey): Map<string, SealKey> {
  const found = new Map<string, SealKey>()
  for (const { id, sealed, use: ours } of rows)
    if (ours === use && sealed !== null) found.set(id, sealKey(openDataKey(id, sealed, kek), id))
  return found
}

function openDataKey(id: KeyId, sealed: string, kek: SealKey): Buffer {
  if (sealed.split('.')[1] === kek.name) return unsealWith(() => kek, sealed, placeOf(id))
  throw unusable(
    'This database was sealed with another key-encryption key than the one given.',
    'Set LEASEHOLD_KEK, or bring back the file `kek`, as it was when the database was made.',
    'LEASEHOLD_KEK',
  )
}
