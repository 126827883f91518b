/**
 * Proofs of the log for people and programs that check us: that an entry is in it, and that it only
 * grew; by a signed checkpoint, and as a file (c2sp.org/tlog-proof@v1) that tools which are not ours
 * can check offline.
 */

import { problemOf } from '../../core/base/problem.ts'
import { type CheckpointWorld, forked, signHead, withHashes } from '../../core/ledger/checkpoint.ts'
import { type CheckpointRow, lastCheckpoint } from '../../core/ledger/rows.ts'
import { type Hash, rootAt } from '../../core/ledger/tree.ts'
import type { Sql } from '../../core/store/store.ts'
import { consistencyPath, inclusionPath, verifyInclusion } from './paths.ts'
import { findEntry } from './rows.ts'

/** The proof file of one entry, by a checkpoint that covers it. */
export async function tlogProof(world: CheckpointWorld, position: number): Promise<string> {
  const { size, root, note } = await checkpointAt(world, position + 1)
  const path = await inclusionProof(world.store, position, size)
  const leaf = (await findEntry(world.store, position))?.leafHash
  if (leaf === undefined || !verifyInclusion({ leaf, position, size, path, root }))
    throw forked(size)
  return writeTlogProof({ position, path, note })
}

/** Audit path of the entry at `position` in the log's first `size` entries. */
export function inclusionProof(sql: Sql, position: number, size: number): Promise<Hash[]> {
  return withHashes(sql, hashOf => inclusionPath(position, size, hashOf))
}

/** Proof that the log's first `from` entries are a prefix of its first `to`. */
export function consistencyProof(sql: Sql, from: number, to: number): Promise<Hash[]> {
  return withHashes(sql, hashOf => consistencyPath(from, to, hashOf))
}

/** Root of the first `size` entries, from what is stored. */
export function rootOfFirst(sql: Sql, size: number): Promise<Hash> {
  return withHashes(sql, hashOf => rootAt(size, hashOf))
}

/** A signed checkpoint of at least `size` entries; signs one of the whole log if none is kept. */
export async function checkpointAt(world: CheckpointWorld, size: number): Promise<CheckpointRow> {
  const last = await lastCheckpoint(world.store)
  if (last !== undefined && last.size >= size) return last
  const signed = await signHead(world)
  if (signed.size < size)
    throw problemOf('entry-without-position', { size: signed.size, position: size - 1 })
  return signed
}

export const proofHeader = 'c2sp.org/tlog-proof@v1'

/** What `.tlog-proof` files hold; `note` is the signed checkpoint, word for word. */
export function writeTlogProof(proof: {
  readonly position: number
  readonly path: readonly Hash[]
  readonly note: string
}): string {
  const path = proof.path.map(hash => `${Buffer.from(hash).toString('base64')}\n`).join('')
  return `${proofHeader}\nindex ${proof.position}\n${path}\n${proof.note}`
}
