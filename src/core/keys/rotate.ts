/**
 * Which keys there are: the first ones of an installation, a new one in place of an old one, and the
 * table of them that the root signs. In a transaction that is given: the ledger's `rotateKey` seals it
 * with its entry. What a key has signed or sealed stays good; what it may still do is decided here.
 */
import { randomBytes } from 'node:crypto'
import { type KeyId, newId } from '../base/ids.ts'
import { canonicalJson } from '../base/json.ts'
import { limits } from '../base/limits.ts'
import { assert, problemOf, problemsAlike } from '../base/problem.ts'
import { addMs, type Instant } from '../base/time.ts'
import type { Sql, Tx } from '../store/store.ts'
import { type KeysSource, makeRoot, readRoot } from './outside.ts'
import { makePair, type Pair, privateBytes, thumbprint } from './pair.ts'
import * as rows from './rows.ts'
import { type SealKey, sealKey, sealWith, unsealWith } from './seal.ts'
import type { KeyTable, TableKey } from './table.ts'
import { fingerprint, signKeyTable, verifyKeyTable } from './table.ts'

export interface RotationInput {
  /** The active key to retire. Naming it makes a repeated request one rotation. */
  readonly keyId: KeyId
  /** `compromise`: at once, and tokens the old key signed are refused from now on. */
  readonly because: 'schedule' | 'compromise'
}

export type Rotation = Awaited<ReturnType<typeof rotateRows>>

/** What the opened keys know and a rotation needs. */
interface Vault {
  readonly home: string
  readonly kek: SealKey
  /** Opens a data key by its id. */
  readonly dataKey: (name: string) => SealKey | undefined
}

/** Makes every key there is, and signs the first table. */
export async function firstKeys(tx: Tx, kek: SealKey, source: KeysSource, at: Instant) {
  const root = makeRoot(source.home)
  const dataKey = randomBytes(32)
  const sealsKeys = draftKey('seal-keys', kek, at, dataKey)
  const seal = sealKey(dataKey, sealsKeys.id)
  const keys: rows.KeyRow[] = [
    { ...rowOf('root', at), publicJwk: root.publicJwk },
    sealsKeys,
    draftKey('seal-rows', kek, at),
    ...(['ledger', 'certificate', 'token', 'lease'] as const).map(use => draftKey(use, seal, at)),
    draftNext(seal, at),
  ]
  for (const row of keys) await rows.saveKey(tx, row)
  await publish(tx, root, { serial: 1, installation: source.installation }, at)
}

/** Retires the key and puts a new one in its place, in rows and, for a public one, in the table. */
export async function rotateRows(tx: Tx, vault: Vault, input: RotationInput, at: Instant) {
  const { keyId, because } = input
  await rows.lockKeys(tx)
  const keys = await rows.readKeys(tx)
  // ATTACKER: the root signs what the database says, so first it must say what the root signed last.
  const { table, signed } = await readInForce(tx, keys)
  const old = findActive(keys, keyId)
  const changed = changesFor({ keys, vault, old, at, because })
  for (const row of changed) await rows.saveKey(tx, row)
  const [retired, active] = changed
  /** Of the key table now in force; null when the key is in no table. */
  const serial = old.publicJwk === null ? null : table.serial + 1
  if (serial !== null) {
    const root = readRoot(vault.home, signed.rootFingerprint)
    await publish(tx, root, { serial, installation: table.installation }, at)
  }
  return { use: old.use, because, retired: versionOf(retired), active: versionOf(active), serial }
}

interface Change {
  readonly keys: readonly rows.KeyRow[]
  readonly vault: Vault
  readonly old: rows.KeyRow
  readonly at: Instant
  readonly because: RotationInput['because']
}

/** In the order they are written: the old one steps down before the new one steps up. */
type Changed = readonly [retired: rows.KeyRow, active: rows.KeyRow, ...more: rows.KeyRow[]]

function changesFor(change: Change): Changed {
  const { old, at, vault } = change
  const { use } = old
  const retired: rows.KeyRow = { ...next(old), state: 'retired', retiredAt: at }
  if (use === 'root') throw problemOf('root-key-not-replaced')
  if (use === 'token') return changeToken(change, retired)
  if (use === 'seal-keys') return changeSeal(change, retired)
  const fresh = draftKey(use, use === 'seal-rows' ? vault.kek : sealsKeys(change), at)
  // Secrets of leases are derived again until the last of them is gone, and sealed rows still open.
  if (use === 'lease' || use === 'seal-rows') return [retired, fresh]
  // Nothing is signed with it again, so its private part has no reason to exist.
  return [{ ...retired, sealed: null }, fresh]
}

const gone = { state: 'destroyed', sealed: null } as const

/** The next key, known to verifiers by now, takes over; another is published to come after it. */
function changeToken(change: Change, retired: rows.KeyRow): Changed {
  const { keys, at, because } = change
  const tokens = keys.filter(row => row.use === 'token')
  const after = tokens.find(row => row.state === 'next')
  assert(after, 'a token key has a next one')
  if (because === 'schedule' && at < after.startsAt)
    throw problemOf('next-key-not-known-yet', { startsAt: after.startsAt })
  const past = tokens.filter(row => row.state === 'retired' && rows.isOver(row, at))
  const startsAt = at < after.startsAt ? at : after.startsAt
  return [
    because === 'compromise' ? { ...retired, ...gone } : retired,
    { ...next(after), state: 'active', startsAt },
    draftNext(sealsKeys(change), at),
    ...past.map(row => ({ ...next(row), ...gone })),
  ]
}

/** Private parts are few: all are sealed again, and what sealed them before is destroyed. */
function changeSeal({ keys, vault, old, at }: Change, retired: rows.KeyRow): Changed {
  const bytes = randomBytes(32)
  const row = draftKey('seal-keys', vault.kek, at, bytes)
  const fresh = sealKey(bytes, row.id)
  const moved = keys.flatMap(each => {
    if (each.sealed?.split('.')[1] !== old.id) return []
    const plain = unsealWith(vault.dataKey, each.sealed, rows.placeOf(each.id))
    return [{ ...next(each), sealed: sealWith(fresh, plain, rows.placeOf(each.id)) }]
  })
  return [{ ...retired, ...gone }, row, ...moved]
}

function sealsKeys({ keys, vault }: Change): SealKey {
  const row = keys.find(each => each.use === 'seal-keys' && each.state === 'active')
  const key = row && vault.dataKey(row.id)
  if (key === undefined) throw problemOf('keys-changed-meanwhile')
  return key
}

/** A new active key; `by` seals its private part: the key-encryption key seals data keys, they the rest. */
function draftKey(
  use: Exclude<rows.KeyUse, 'root'>,
  by: SealKey,
  at: Instant,
  bytes: Uint8Array = randomBytes(32),
): rows.KeyRow {
  const row = rowOf(use, at)
  if (row.alg === 'HS256' || row.alg === 'A256GCM')
    return { ...row, sealed: sealWith(by, bytes, rows.placeOf(row.id)) }
  const pair = makePair(row.alg)
  const sealed = sealWith(by, privateBytes(pair), rows.placeOf(row.id))
  return { ...row, publicJwk: pair.publicJwk, sealed }
}

/** The token key after this one: verifiers learn it before anything is signed with it. */
function draftNext(by: SealKey, at: Instant): rows.KeyRow {
  const startsAt = addMs(at, limits.tokenKeyAheadMs)
  return { ...draftKey('token', by, at), state: 'next', startsAt }
}

function rowOf(use: rows.KeyUse, at: Instant): rows.KeyRow {
  const fixed = { version: 1, publicJwk: null, sealed: null, state: 'active' } as const
  const times = { startsAt: at, madeAt: at, retiredAt: null }
  return { id: newId('key'), use, alg: rows.algOf[use], ...fixed, ...times }
}

function next(row: rows.KeyRow): rows.KeyRow {
  return { ...row, version: row.version + 1 }
}

const versionOf = ({ id, version }: rows.KeyRow) => ({ id, version })

function findActive(keys: readonly rows.KeyRow[], id: KeyId): rows.KeyRow {
  const row = keys.find(each => each.id === id)
  if (row === undefined) throw problemOf('no-such-key')
  if (row.state === 'active') return row
  throw problemOf('key-not-active', { id, state: row.state })
}

/** Signs the table of the rows that are there now and puts it in force. */
async function publish(
  tx: Tx,
  root: Pair,
  table: Pick<KeyTable, 'serial' | 'installation'>,
  at: Instant,
): Promise<void> {
  const signed = signKeyTable(root, { ...table, keys: tableKeys(await rows.readKeys(tx)) })
  await rows.insertKeyTable(tx, table.serial, signed, at)
}

/**
 * The table in force. ATTACKER: who can write to the database can add a key of their own or bring one
 * back. `Problem` `bad-configuration` unless the root signed exactly these rows.
 */
export async function readInForce(sql: Sql, keys: readonly rows.KeyRow[]) {
  const root = keys.find(row => row.use === 'root' && row.state === 'active')?.publicJwk
  const row = await rows.readKeyTable(sql)
  if (!root || row === undefined) throw altered('there is none, or no root key')
  const signed = { ...row, rootFingerprint: fingerprint(root) }
  try {
    const table = verifyKeyTable(row.body, row.signature, signed.rootFingerprint)
    if (canonicalJson(table.keys) === canonicalJson(tableKeys(keys))) return { table, signed }
  } catch (thrown) {
    throw altered(String(thrown))
  }
  throw altered('the keys are others than those it names')
}

function tableKeys(keys: readonly rows.KeyRow[]): TableKey[] {
  const published = keys.filter(row => row.publicJwk !== null).map(tableKey)
  return published.sort((a, b) => (a.kid < b.kid ? -1 : 1))
}

/** The public part of a key, as it is published. */
export function tableKey({ id, publicJwk: jwk, use, alg, state, startsAt }: rows.KeyRow): TableKey {
  assert(jwk, `${id} has a public part`)
  return { kid: thumbprint(jwk), use, alg, jwk, state, notBefore: startsAt }
}

const altered = problemsAlike('bad-configuration', {
  detail: 'The keys in the database are not those the root key signed.',
  next: 'Restore the database from a backup, and find out who changed it.',
})
