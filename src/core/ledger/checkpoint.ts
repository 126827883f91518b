/**
 * Signs the log: checkpoints (c2sp.org/tlog-checkpoint@v1.0.0), each held against the stored tree and
 * the one before it. Hashes are read as stored (leaves, and subtrees of 256^n leaves), so that is a
 * few hundred rows whatever the size of the log. Proofs for others, and reading them, are `life/audit`.
 */
import { assert, type Problem, problemOf } from '../base/problem.ts'
import type { Clock } from '../base/time.ts'
import type { Sql } from '../store/store.ts'
import { type NoteSigner, signNote } from './note.ts'
import type { CheckpointRow, HeadRow } from './rows.ts'
import { keepCheckpoint, lastCheckpoint, readHashes, readHead } from './rows.ts'
import { type Hash, type HashOf, isSame, nodeHash, rootAt, storedLevels } from './tree.ts'

export interface CheckpointWorld {
  readonly store: Sql
  readonly clock: Clock
  readonly signer: NoteSigner
}

/**
 * Signs the log as it is now. INVARIANT (tlog-checkpoint): never one that is inconsistent with one
 * signed before. A note leaves this function only when it is kept, and per size one root is kept.
 */
export async function signHead(world: CheckpointWorld): Promise<CheckpointRow> {
  // In this order: another may sign between the two, and what was signed first is never ahead of the log.
  const [last, head] = [await lastCheckpoint(world.store), await readHead(world.store)]
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

/** INVARIANT: the stored tree gives the root to be signed, and at its size the root signed last. */
async function refuseFork(sql: Sql, last: CheckpointRow | undefined, head: HeadRow) {
  const said = last === undefined ? [head] : [last, head]
  if (said.some(({ size }) => size > head.size)) throw forked(head.size)
  const roots = await withHashes(sql, hashOf => said.map(({ size }) => rootAt(size, hashOf)))
  if (said.some(({ root }, i) => !isSame(root, roots[i] ?? new Uint8Array())))
    throw forked(head.size)
}

/** Origin of an installation's log, and the name of its key. */
export function originOf(trustDomain: string): string {
  return `${trustDomain}/log`
}

export function signCheckpoint(head: { size: number; root: Hash }, signer: NoteSigner): string {
  const root = Buffer.from(head.root).toString('base64')
  return signNote(`${signer.name}\n${head.size}\n${root}\n`, signer)
}

/** Walks twice: once to learn which subtrees are needed, once with their hashes. */
export async function withHashes<T>(sql: Sql, walk: (hashOf: HashOf) => T): Promise<T> {
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

export function forked(size: number): Problem {
  return problemOf('log-altered', { size })
}
