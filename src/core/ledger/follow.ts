/**
 * The follower: keeps the facts in memory equal to the log and knows how old they are.
 *
 * It starts from the tables in one snapshot, then follows by position. A notification only wakes it:
 * lost, doubled or reordered ones cost latency. It recomputes the tree as it goes, so a log that was
 * put back or forked is noticed; from then on it is `regressed` and stays so until a restart.
 * INVARIANT: an entry of an unknown kind, or a gap, stops it. Nothing is ever skipped.
 */
import { limits } from '../base/limits.ts'
import { isProblem, Problem, problemOf } from '../base/problem.ts'
import { factTables } from './fact-table.ts'
import { isKnownKind } from './kind.ts'
import type { LedgerWorld } from './record.ts'
import type { TableImage } from './replica.ts'
import { type FeedRow, positionOf, readHead, readImages, readNews, waitingIds } from './rows.ts'
import { makeBell, refuseBehind } from './sequence.ts'
import { extend, type Frontier, isSame, rootOf, unpackPeaks } from './tree.ts'

export interface FollowWorld extends Pick<LedgerWorld, 'store' | 'clock' | 'replica'> {
  /** Told once when the follower stops or the log regressed: somebody must be woken. */
  readonly onFault?: (fault: Problem) => void
}

export type Freshness = ReturnType<Follower['freshness']>

/** Opens a follower and keeps it reading: at each notification, and at a poll that needs none. */
export async function startFollower(world: FollowWorld): Promise<Follower> {
  const follower = await openFollower(world)
  await follower.run()
  return follower
}

/** The facts of one snapshot: tables, head and what waits for a position belong together. */
export async function openFollower(world: FollowWorld): Promise<Follower> {
  const askedMs = world.clock.monotonicMs()
  return world.store.transact(
    async tx => {
      const head = await readHead(tx)
      const ahead = await waitingIds(tx)
      world.replica.clear()
      for (const table of factTables().values())
        for await (const rows of readImages(tx, table))
          world.replica.apply(rows.map(row => ({ table: table.name, row })))
      return new Follower(world, unpackPeaks(head.size, head.peaks), ahead, askedMs)
    },
    { isolation: 'repeatable read', readOnly: true },
  )
}

/** The state of one follower. A class because it guards it: only `sync` moves it, one at a time. */
export class Follower {
  readonly #world: FollowWorld
  /** Resolves when everything that was committed before the start is applied. */
  readonly ready: Promise<unknown>
  readonly #tellers = new Set<(entry: FeedRow) => void>()
  readonly #waiters = new Map<number, PromiseWithResolvers<number>>()
  readonly #bell = makeBell()
  #frontier: Frontier
  #freshAtMs: number
  #fault: Problem | undefined
  #syncing: Promise<void> = Promise.resolve()
  #running: Promise<void> | undefined

  constructor(world: FollowWorld, frontier: Frontier, ahead: readonly number[], atMs: number) {
    this.#world = world
    this.#frontier = frontier
    this.#freshAtMs = atMs
    // Entries without a position at the start: the tables show them, the feed will repeat them.
    this.ready = Promise.all(ahead.map(id => this.#wait(id)))
    this.ready.catch(() => {})
  }

  /** Entries applied. */
  get position(): number {
    return this.#frontier.size
  }

  readonly freshness = () => ({
    /** Entries applied: the facts are those of the log at this size. */
    position: this.position,
    /** How old the facts may be; grows while the database is silent or the sequencer stands still. */
    ageMs: this.#world.clock.monotonicMs() - this.#freshAtMs,
    regressed: isProblem(this.#fault, 'ledger-regressed'),
  })

  /** For `LedgerWorld.gate`: the size seen, or Problem `ledger-regressed`. */
  readonly gate = (): number => {
    if (isProblem(this.#fault, 'ledger-regressed')) throw this.#fault
    return this.position
  }

  /** Told of each entry after its facts are applied; must not throw. Returns how to stop. */
  onEntry(tell: (entry: FeedRow) => void): () => void {
    this.#tellers.add(tell)
    return () => this.#tellers.delete(tell)
  }

  /** The position of a committed entry, once it is applied here. Rejects when the follower ends. */
  async reached(inboxId: number): Promise<number> {
    if (this.#fault !== undefined) throw this.#fault
    const applied = this.#wait(inboxId)
    const position = await positionOf(this.#world.store, inboxId)
    if (position !== undefined && position < this.position) this.#tellWaiter(inboxId, position)
    return applied
  }

  /** Reads what is new. Database trouble is not an end: the age grows until a read succeeds. */
  sync(): Promise<void> {
    this.#syncing = this.#syncing.then(() => this.#readOn())
    return this.#syncing
  }

  async run(): Promise<void> {
    const unlisten = await this.#world.store.listen('ledger', this.#bell.ring)
    this.#running = (async () => {
      while (this.#fault === undefined) {
        await this.sync()
        await this.#bell.wait(limits.followPollMs)
      }
      await unlisten()
    })()
  }

  async stop(): Promise<void> {
    this.#end(new Problem('internal', { detail: 'The follower of the log was stopped.' }))
    await this.#syncing
    await this.#running
  }

  async #readOn(): Promise<void> {
    if (this.#fault !== undefined) return
    try {
      const askedMs = this.#world.clock.monotonicMs()
      const news = await readNews(this.#world.store, this.position)
      refuseBehind(news.size, this.position)
      for (const row of news.entries) this.#apply(row)
      // A long way behind: the next page, before anything is said of the whole.
      if (news.entries.length === limits.followBatch) return await this.#readOn()
      if (this.position < news.size) throw gapAt(this.position)
      if (!isSame(rootOf(this.#frontier), news.root))
        throw problemOf('log-not-continued', { size: news.size })
      this.#freshAtMs = askedMs - news.waitingMs
    } catch (thrown) {
      if (isProblem(thrown, 'store-unavailable')) return
      const fault = isProblem(thrown)
        ? thrown
        : stopped(this.position, 'It can not be read.', 'bug or broken entry', thrown)
      this.#world.onFault?.(fault)
      this.#end(fault)
    }
  }

  #apply(row: FeedRow): void {
    if (row.position !== this.position) throw gapAt(this.position)
    if (!isKnownKind(row.kind)) throw unknownAt(row.position, `kind ${row.kind}`)
    const { rows = [] } = JSON.parse(row.facts) as { rows?: readonly TableImage[] }
    for (const { table } of rows)
      if (!factTables().has(table)) throw unknownAt(row.position, `table ${table}`)
    this.#world.replica.apply(rows)
    this.#frontier = extend(this.#frontier, [row.leafHash]).frontier
    for (const tell of this.#tellers) tell(row)
    this.#tellWaiter(row.inboxId, row.position)
  }

  #wait(inboxId: number): Promise<number> {
    const make = () => Promise.withResolvers<number>()
    const { promise } = this.#waiters.getOrInsertComputed(inboxId, make)
    // The follower may end before anybody waits for this one.
    promise.catch(() => {})
    return promise
  }

  #tellWaiter(inboxId: number, position: number): void {
    this.#waiters.get(inboxId)?.resolve(position)
    this.#waiters.delete(inboxId)
  }

  #end(fault: Problem): void {
    this.#fault ??= fault
    for (const waiter of this.#waiters.values()) waiter.reject(fault)
    this.#waiters.clear()
    this.#bell.ring()
  }
}

function gapAt(position: number): Problem {
  return stopped(position, 'The log has a gap there.', `no entry ${position}`)
}

function unknownAt(position: number, what: string): Problem {
  const says = 'It is of a newer version than this process, which decides nothing until updated.'
  return stopped(position, says, `unknown ${what}`)
}

function stopped(position: number, says: string, log: string, cause?: unknown): Problem {
  const detail = `The follower of the log stopped at entry ${position}. ${says}`
  return new Problem('internal', { detail, next: 'Run: doctor', log, cause })
}
