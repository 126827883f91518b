/**
 * Replacing a key, in a transaction that is given: the ledger's `rotateKey` seals it with its entry.
 * What a key has signed or sealed stays good; what it may still do is what this file decides.
 */
import type { KeyId } from '../base/ids.ts'
import { limits } from '../base/limits.ts'
import { Problem } from '../base/problem.ts'
import { type Instant, msBetween } from '../base/time.ts'
import type { Tx } from '../store/store.ts'
import { draftKey, draftNext } from './first.ts'
import { type InForce, publish, readInForce } from './publish.ts'
import { readRoot } from './root.ts'
import {
  insertKey,
  type KeyRow,
  type KeyUse,
  lockKeys,
  placeOf,
  readKeys,
  saveKey,
} from './rows.ts'
import { type SealKey, sealKey, sealWith, unsealWith } from './seal.ts'

export interface RotationInput {
  /** The active key to retire. Naming it makes a repeated request one rotation. */
  readonly keyId: KeyId
  /** `compromise`: at once, and tokens the old key signed are refused from now on. */
  readonly because: 'schedule' | 'compromise'
}

export interface Rotation {
  readonly use: KeyUse
  readonly because: RotationInput['because']
  readonly retired: KeyVersion
  readonly active: KeyVersion
  /** Serial of the key table now in force; null when the key is in no table. */
  readonly serial: number | null
}

export interface KeyVersion {
  readonly id: KeyId
  readonly version: number
}

/** What the opened keys know and a rotation needs. */
export interface Vault {
  readonly home: string
  readonly kek: SealKey
  /** Opens a data key by its id. */
  readonly dataKey: (name: string) => SealKey | undefined
}

/** Retires the key and puts a new one in its place, in rows and, for a public one, in the table. */
export async function rotateRows(
  tx: Tx,
  vault: Vault,
  input: RotationInput,
  at: Instant,
): Promise<Rotation> {
  await lockKeys(tx)
  const rows = await readKeys(tx)
  // ATTACKER: the root signs what the database says, so first it must say what the root signed last.
  const last = await readInForce(tx, rows)
  const old = findActive(rows, input.keyId)
  const changed = changeFor(old.use, { rows, vault, old, at, because: input.because })
  for (const row of changed.saved) await saveKey(tx, { ...row, version: row.version + 1 })
  for (const row of changed.made) await insertKey(tx, row)
  return {
    use: old.use,
    because: input.because,
    retired: { id: old.id, version: old.version + 1 },
    active: changed.active,
    serial: old.publicJwk === null ? null : await publishAgain(tx, vault.home, last, at),
  }
}

interface Change {
  readonly rows: readonly KeyRow[]
  readonly vault: Vault
  readonly old: KeyRow
  readonly at: Instant
  readonly because: RotationInput['because']
}

interface Changed {
  /** In the order they are written: the old one steps down before the new one steps up. */
  readonly saved: readonly KeyRow[]
  readonly made: readonly KeyRow[]
  readonly active: KeyVersion
}

function changeFor(use: KeyUse, change: Change): Changed {
  const { old, at, vault } = change
  const retired: KeyRow = { ...old, state: 'retired', retiredAt: at }
  switch (use) {
    case 'token':
      return changeToken(change)
    case 'ledger':
    case 'certificate': {
      // Nothing is signed with it again, so its private part has no reason to exist.
      const row = draftKey(use, sealsKeys(change), at)
      return {
        saved: [{ ...retired, sealed: null }],
        made: [row],
        active: { id: row.id, version: 1 },
      }
    }
    case 'lease': {
      // Secrets of leases made with it are derived again until the last of them is gone.
      const row = draftKey(use, sealsKeys(change), at)
      return { saved: [retired], made: [row], active: { id: row.id, version: 1 } }
    }
    case 'seal-rows': {
      // Rows sealed with it still open; each is sealed with the new one when next written.
      const row = draftKey(use, vault.kek, at)
      return { saved: [retired], made: [row], active: { id: row.id, version: 1 } }
    }
    case 'seal-keys':
      return changeSeal(change)
    case 'root':
      throw new Problem('wrong-state', {
        detail:
          'The root key is what everything is pinned to, so it is not replaced while running.',
        next: 'Set up a new installation with a new root, and let people sign in to it again.',
      })
  }
}

/** The next key, known to verifiers by now, takes over; another is published to come after it. */
function changeToken(change: Change): Changed {
  const { rows, old, at, because } = change
  const next = rows.find(row => row.use === 'token' && row.state === 'next')
  if (next === undefined) throw new Error('a token key has a next one')
  if (because === 'schedule' && at < next.startsAt)
    throw new Problem('wrong-state', {
      detail: `The next token key is not known everywhere before \`${next.startsAt}\`.`,
      next: 'Repeat then; or say `compromise` when the old key must not be trusted a minute longer.',
    })
  const isOver = (row: KeyRow) =>
    row.retiredAt !== null && msBetween(row.retiredAt, at) >= limits.tokenKeyOverlapMs
  const past = rows.filter(row => row.use === 'token' && row.state === 'retired' && isOver(row))
  const after = draftNext(sealsKeys(change), at)
  const gone = { state: 'destroyed', sealed: null } as const
  const startsAt = at < next.startsAt ? at : next.startsAt
  return {
    saved: [
      ...past.map(row => ({ ...row, ...gone })),
      { ...old, state: 'retired', retiredAt: at, ...(because === 'compromise' ? gone : {}) },
      { ...next, state: 'active', startsAt },
    ],
    made: [after],
    active: { id: next.id, version: next.version + 1 },
  }
}

/** Private parts are few: all are sealed again, and what sealed them before is destroyed. */
function changeSeal({ rows, vault, old, at }: Change): Changed {
  const row = draftKey('seal-keys', vault.kek, at)
  const bytes = unsealWith(() => vault.kek, row.sealed ?? '', placeOf(row.id))
  const fresh = sealKey(bytes, row.id)
  const moved = rows
    .filter(each => each.sealed?.split('.')[1] === old.id)
    .map(each => {
      const plain = unsealWith(vault.dataKey, each.sealed ?? '', placeOf(each.id))
      return { ...each, sealed: sealWith(fresh, plain, placeOf(each.id)) }
    })
  const destroyed: KeyRow = { ...old, state: 'destroyed', sealed: null, retiredAt: at }
  return { saved: [...moved, destroyed], made: [row], active: { id: row.id, version: 1 } }
}

function sealsKeys({ rows, vault }: Change): SealKey {
  const row = rows.find(each => each.use === 'seal-keys' && each.state === 'active')
  const key = row === undefined ? undefined : vault.dataKey(row.id)
  if (key === undefined)
    throw new Problem('conflict', {
      detail: 'Somebody else changed the keys at the same moment.',
      next: 'Repeat.',
    })
  return key
}

async function publishAgain(tx: Tx, home: string, last: InForce, at: Instant): Promise<number> {
  const root = readRoot(home, last.signed.rootFingerprint)
  const serial = last.table.serial + 1
  const { installation } = last.table
  await publish(tx, root, { serial, installation, rows: await readKeys(tx), at })
  return serial
}

function findActive(rows: readonly KeyRow[], id: KeyId): KeyRow {
  const row = rows.find(each => each.id === id)
  if (row === undefined)
    throw new Problem('not-found', {
      detail: 'There is no such key.',
      next: 'See the list of keys.',
    })
  if (row.state === 'active') return row
  throw new Problem('wrong-state', {
    detail: `The key \`${id}\` is ${row.state}; only an active key is replaced.`,
    next: 'See which key is active now.',
  })
}
