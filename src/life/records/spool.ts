/**
 * The spool: decision records wait on this disk until the database has them in sealed batches. A
 * decision is answered when its record is here; one that must not be lost, when it is there.
 *
 * INVARIANT: never silent loss. While the database takes none, records wait here up to a bound; from
 * then on, and at once for those that must be there first, `keep` throws and the decision is a denial.
 * Not for decisions whose act has an entry of its own: that entry seals them.
 */
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { isProblem, type Problem, problemOf } from '../../core/base/problem.ts'
import type { LedgerWorld } from '../../core/ledger/record.ts'
import { makeBell } from '../../core/ledger/sequence.ts'
import { lockFolder } from '../../core/store/lock.ts'
import { bounds, type SpoolBounds } from './bounds.ts'
import { type Kept, lineOf, readLines } from './line.ts'
import { forgetSegment, sentOf } from './rows.ts'
import { sealBatch } from './seal.ts'
import { type Place, Segments } from './segments.ts'

export type SpoolWorld = LedgerWorld & { readonly onFault: (fault: unknown) => void }

export type Spool = ReturnType<typeof openSpool>

/**
 * Takes a folder below `home` that no living process has, and sends what dead ones left, in that one
 * and in others.
 */
export function openSpool(world: SpoolWorld, home: string, within: SpoolBounds = bounds) {
  const { folders } = bounds
  const [own, ...left] = takeFolders(join(home, 'spool'))
  if (own === undefined)
    throw problemOf('too-many-processes', { folders, home, field: 'LEASEHOLD_HOME' })
  const sender = new Sender(world, new Segments(own.folder), within)
  const heirs = left.map(({ folder }) => new Sender(world, new Segments(folder), within))
  return {
    /**
     * Resolves when the record survives this process; with `isDurable`, when its sealed batch is
     * committed. Problem `store-unavailable` where that can not be had in time: deny.
     */
    keep: (record: Kept, isDurable = false) => sender.keep(record, isDurable),
    /** Resolves when everything kept so far is sealed. */
    async settle() {
      await Promise.all([sender, ...heirs].map(each => each.settle()))
    },
    async stop() {
      await Promise.all([sender, ...heirs].map(each => each.stop()))
      for (const { letGo } of [own, ...left]) letGo()
    },
  }
}

/** The first that is free, and every other that holds something nobody sends. */
function takeFolders(spool: string) {
  const taken: { readonly folder: string; readonly letGo: () => void }[] = []
  for (let nth = 0; nth < bounds.folders; nth++) {
    const folder = join(spool, String(nth))
    const isThere = existsSync(folder)
    if (!isThere && taken.length > 0) continue
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    try {
      taken.push({ folder, letGo: lockFolder(folder) })
    } catch (thrown) {
      if (!isProblem(thrown, 'bad-configuration')) throw thrown
    }
  }
  return taken
}

interface Ahead extends ReturnType<typeof readLines> {
  readonly segment: string
  readonly from: number
}

/** Sends what lies in the segments. A class because it guards how far each was taken. */
class Sender {
  readonly #world: SpoolWorld
  readonly #segments: Segments
  readonly #within: SpoolBounds
  readonly #bell = makeBell()
  readonly #running: Promise<void>
  /** What is waited for, and how who waits is told. */
  readonly #waiters = new Map<() => boolean, () => void>()
  /** Of the oldest segment; the others are untouched. */
  #sent: { segment: string; end: number } | undefined
  /** Never rejects. */
  #ahead: Promise<Ahead | undefined> | undefined
  readonly #gone = new Set<string>()
  #isStopping = false

  constructor(world: SpoolWorld, segments: Segments, within: SpoolBounds) {
    this.#world = world
    this.#within = within
    this.#segments = segments
    this.#running = this.#run()
  }

  async keep(record: Kept, isDurable: boolean): Promise<void> {
    const line = lineOf(record)
    await this.#until(() => this.#segments.size + line.length <= this.#within.spoolBytes)
    const place = await this.#segments.add(line).catch((cause: unknown) => {
      throw unkept('This disk takes no decision records.', cause)
    })
    this.#bell.ring()
    if (isDurable) await this.#until(() => this.#isSent(place))
  }

  async settle(): Promise<void> {
    for (let last = this.#segments.oldest(); last !== undefined; last = this.#segments.oldest()) {
      const { name: segment, size: end } = last
      if (this.#isSent({ segment, end })) return
      this.#bell.ring()
      await this.#until(() => this.#isSent({ segment, end }))
    }
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    this.#bell.ring()
    await this.#running
    await this.#segments.close()
  }

  #isSent({ segment, end }: Place): boolean {
    return this.#gone.has(segment) || (this.#sent?.segment === segment && this.#sent.end >= end)
  }

  /** Problem `store-unavailable` after its bound. */
  async #until(isMet: () => boolean): Promise<void> {
    if (isMet()) return
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#waiters.set(isMet, resolve)
    const late = () => reject(unkept('The database takes no decision records.'))
    const timer = setTimeout(late, this.#within.waitMs)
    await promise.finally(() => {
      clearTimeout(timer)
      this.#waiters.delete(isMet)
    })
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      const took = await this.#sendNext().catch((thrown: unknown) => {
        this.#world.onFault(thrown)
        return 'failed' as const
      })
      for (const [isMet, met] of this.#waiters) if (isMet()) met()
      if (took === 'failed') await this.#bell.wait(bounds.retryMs)
      else if (took === 'nothing') await this.#bell.wait(bounds.batchPaceMs)
      // Who waits for a batch does not wait for it to fill.
      else if (took === 'some' && this.#waiters.size === 0) await wait(bounds.batchPaceMs)
    }
  }

  async #sendNext(): Promise<'all' | 'some' | 'nothing'> {
    const oldest = this.#segments.oldest()
    if (oldest === undefined) return 'nothing'
    const { name: segment, isClosed } = oldest
    if (this.#sent?.segment !== segment)
      this.#sent = { segment, end: await sentOf(this.#world.store, segment) }
    const from = this.#sent.end
    const { records, damaged, bytes } = await this.#readAt(segment, from)
    if (bytes === 0) {
      if (!isClosed) return 'nothing'
      await this.#drop(segment)
      return 'all'
    }
    const batch = { segment, from, to: from + bytes, records, damaged }
    const sealing = sealBatch(this.#world, batch)
    // While the database takes these: the next, where a whole batch lies there already.
    if (oldest.size >= batch.to + bounds.batchBytes)
      this.#ahead = this.#read(segment, batch.to).catch(() => undefined)
    await sealing.catch((thrown: unknown) => {
      // An answer that was lost, or another process with this folder's past: the database knows.
      this.#sent = undefined
      if (!isProblem(thrown, 'conflict')) throw thrown
    })
    if (this.#sent !== undefined) this.#sent = { segment, end: batch.to }
    return bytes >= bounds.batchBytes / 2 ? 'all' : 'some'
  }

  async #readAt(segment: string, from: number): Promise<Ahead> {
    const ahead = await this.#ahead
    this.#ahead = undefined
    return ahead?.segment === segment && ahead.from === from ? ahead : this.#read(segment, from)
  }

  async #read(segment: string, from: number): Promise<Ahead> {
    return { segment, from, ...readLines(await this.#segments.read(segment, from)) }
  }

  async #drop(segment: string): Promise<void> {
    await this.#segments.remove(segment)
    await forgetSegment(this.#world.store, segment)
    this.#gone.add(segment)
    if (this.#gone.size > bounds.folders) this.#gone.delete([...this.#gone][0] ?? '')
  }
}

function unkept(detail: string, cause?: unknown): Problem {
  return problemOf('not-recordable', { detail, cause })
}
