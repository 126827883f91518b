/**
 * Checkpoints and proofs of the log in the database. Hashes are read as stored (leaves, and subtrees
 * of 256^n leaves), so a proof reads a few hundred rows whatever the size of the log.
 */
import { assert, Problem } from '../base/problem.ts'
import type { Clock } from '../base/time.ts'
import type { Sql } from '../store/store.ts'
import { signCheckpoint, writeTlogProof } from './checkpoint.ts'
import type { NoteSigner } from './note.ts'
import {
  type CheckpointRow,
  keepCheckpoint,
  lastCheckpoint,
  readHashes,
  readHead,
  readLeafHash,
} from './rows.ts'
import {
  consistencyPath,
  type Hash,
  type HashOf,
  inclusionPath,
  isSame,
  nodeHash,
  rootAt,
  storedLevels,
  verifyConsistency,
  verifyInclusion,
} from './tree.ts'

export interface CheckpointWorld {
  readonly store: Sql
  readonly clock: Clock
  readonly signer: NoteSigner
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
    throw new Problem('stale', {
      detail: `The log has ${signed.size} entries; entry ${size - 1} has no position yet.`,
      next: 'Repeat in a second.',
    })
  return signed
}

/**
 * Signs the log as it is now. INVARIANT (tlog-checkpoint): never one that is inconsistent with one
 * signed before. A note leaves this function only when it is kept, and per size one root is kept.
 */
export async function signHead(world: CheckpointWorld): Promise<CheckpointRow> {
  const [head, last] = [await readHead(world.store), await lastCheckpoint(world.store)]
  if (last?.size === head.size && isSame(last.root, head.root)) return last
  await refuseFork(world.store, last, head)
  const kept = await keepCheckpoint(world.store, {
    size: head.size,
    root: head.root,
    note: signCheckpoint(head, world.signer),
    signedAt: world.clock.now(),
  })
  if (!isSame(kept.root, head.root)) throw forked(head.size)
  return kept
}

/** The proof file of one entry, by a checkpoint that covers it. */
export async function tlogProof(world: CheckpointWorld, position: number): Promise<string> {
  const { size, root, note } = await checkpointAt(world, position + 1)
  const path = await inclusionProof(world.store, position, size)
  const leaf = await readLeafHash(world.store, position)
  if (leaf === undefined || !verifyInclusion({ leaf, position, size, path, root }))
    throw forked(size)
  return writeTlogProof({ position, path, note })
}

async function refuseFork(
  sql: Sql,
  last: CheckpointRow | undefined,
  head: { size: number; root: Hash },
): Promise<void> {
  const from = last?.size ?? 0
  if (from > head.size) throw forked(head.size)
  if (from === 0) {
    if (!isSame(await rootOfFirst(sql, head.size), head.root)) throw forked(head.size)
    return
  }
  const fromRoot = last?.root ?? head.root
  const path = await consistencyProof(sql, from, head.size)
  if (!verifyConsistency({ from, fromRoot, to: head.size, toRoot: head.root, path }))
    throw forked(head.size)
}

/** Walks twice: once to learn which subtrees are needed, once with their hashes. */
async function withHashes<T>(sql: Sql, walk: (hashOf: HashOf) => T): Promise<T> {
  const wanted: { level: number; low: number; high: number }[] = []
  walk((level, index) => {
    const stored = Math.floor(level / storedLevels)
    const span = 2 ** (level - stored * storedLevels)
    wanted.push({ level: stored, low: index * span, high: (index + 1) * span })
    return new Uint8Array()
  })
  const known = new Map<string, Hash>()
  for (const { level, index, hash } of await readHashes(sql, wanted))
    known.set(`${level}/${index}`, hash)
  const hashOf: HashOf = (level, index) => {
    if (level % storedLevels !== 0)
      return nodeHash(hashOf(level - 1, index * 2), hashOf(level - 1, index * 2 + 1))
    const hash = known.get(`${level / storedLevels}/${index}`)
    assert(hash, `the tree has the node ${level}/${index}`)
    return hash
  }
  return walk(hashOf)
}

function forked(size: number): Problem {
  return new Problem('ledger-regressed', {
    detail: `The log at size ${size} is not what its earlier checkpoints and entries say.`,
    next: 'Stop writing and run: doctor',
  })
}
