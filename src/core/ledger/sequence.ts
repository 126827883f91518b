/**
 * The sequencer: gives what was committed its position in the log. Every process runs one; whoever
 * holds the lock does the round, so losing a process loses nothing (design §3.2).
 *
 * INVARIANT: positions are dense, and who could see A comes after A: an entry's id is taken under
 * its fact's row lock, a round takes everything visible in id order, rounds follow each other.
 * Not here: which entries exist (`record.ts`), who reads them (`follow.ts`), proofs (`proof.ts`).
 */
import { setTimeout as wait } from 'node:timers/promises'
import { limits } from '../base/limits.ts'
import { problemOf } from '../base/problem.ts'
import type { Store } from '../store/store.ts'
import { type CheckpointWorld, signHead } from './checkpoint.ts'
import { moveEntries, pickInbox, takeTurn } from './rows.ts'
import { extend, leafHash, packPeaks, rootOf, unpackPeaks } from './tree.ts'

export interface SequencerWorld {
  /** Best one with connections of its own, so that busy writers can not keep it waiting. */
  readonly store: Store
  /** As in `LedgerWorld`: a log behind what was seen is not extended. */
  readonly gate?: () => number
  /** Told of each round that failed; the next one is tried anyway. */
  readonly onFault?: (fault: unknown) => void
}

export type Sequencer = ReturnType<typeof startSequencer>

/** Also signs a checkpoint of what it moved, after the commit and at most once a second. */
export function startSequencer(world: SequencerWorld & CheckpointWorld) {
  const bell = makeBell()
  const stopping = new AbortController()
  const done = (async () => {
    let isUnsigned = true
    let signedAtMs = Number.NEGATIVE_INFINITY
    while (!stopping.signal.aborted) {
      const startedMs = world.clock.monotonicMs()
      const moved = (await attempt(world, () => sequenceRound(world))) ?? 0
      isUnsigned ||= moved !== 0
      const nowMs = world.clock.monotonicMs()
      if (isUnsigned && nowMs - signedAtMs >= limits.checkpointPaceMs) {
        isUnsigned = (await attempt(world, () => signHead(world))) === undefined
        signedAtMs = nowMs
      }
      // As long a pause as the round took: on a busy machine fewer and larger rounds.
      const tookMs = world.clock.monotonicMs() - startedMs
      await wait(Math.min(Math.max(tookMs, limits.sequencePaceMs), limits.sequenceRestMs))
      // Whoever commits rings after it, so that less than a whole round was all there was.
      if (moved !== 'busy' && moved < limits.sequenceBatch) await bell.wait(limits.sequencePollMs)
    }
  })()
  return {
    /** There is something to move. Cheap, may be called after every commit. */
    poke: bell.ring,
    stop: async () => {
      stopping.abort()
      bell.ring()
      await done
    },
  }
}

/**
 * One round in one transaction. Answers how many entries got a position, or `busy` when another
 * process is in its round. A round that fails moves nothing.
 */
export async function sequenceRound(world: SequencerWorld): Promise<number | 'busy'> {
  const floor = world.gate?.() ?? 0
  return world.store.transact(
    async tx => {
      // Two statements in one flush: the second sees all that was committed before it got the lock.
      const asked = [takeTurn(tx), pickInbox(tx, limits.sequenceBatch)] as const
      const [isMine, { picked, ...head }] = await Promise.all(asked)
      if (!isMine) return 'busy'
      refuseBehind(head.size, floor)
      if (picked.length === 0) return 0
      const entries = picked.map(({ id, leaf }) => ({ id, hash: leafHash(leaf) }))
      const hashes = entries.map(({ hash }) => hash)
      const { frontier, nodes } = extend(unpackPeaks(head.size, head.peaks), hashes)
      moveEntries(tx, entries, head.size, {
        size: frontier.size,
        root: rootOf(frontier),
        peaks: packPeaks(frontier),
        nodes,
      })
      return picked.length
    },
    { role: 'sequencer' },
  )
}

/** The log may never be behind what this process has seen of it. */
export function refuseBehind(size: number, seen: number): void {
  if (size < seen) throw problemOf('log-put-back', { size, seen })
}

async function attempt<T>(world: SequencerWorld, run: () => Promise<T>): Promise<T | undefined> {
  try {
    return await run()
  } catch (fault) {
    world.onFault?.(fault)
    return undefined
  }
}

/** Waits for a ring or the time-out, whichever is first; a ring while nobody waits is kept. */
export function makeBell(): { ring: () => void; wait: (ms: number) => Promise<void> } {
  let rung = Promise.withResolvers<void>()
  return {
    ring: () => rung.resolve(),
    async wait(ms) {
      const late = setTimeout(rung.resolve, ms)
      await rung.promise
      clearTimeout(late)
      rung = Promise.withResolvers()
    },
  }
}
