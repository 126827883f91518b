/**
 * Listens to the log as it grows, and has read anew what its entries are about. Where it was is a position:
 * after a restart, a sleep or a lost network it goes on from there, and nothing between is passed over.
 */
import { type Query, type QueryClient, useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import type { StreamEntry } from './api.ts'
import { type Changed, changedBy, isIn, join } from './changes.ts'
import { sayFresh } from './live.ts'
import { isNo } from './use.ts'

/** Without a sign of life for so long, a connection is none: the server gives one every ten seconds. */
const silentMs = 25_000
/** Between two tries: twice as long each time, up to a bound. */
const againMs = 1_000
const longestMs = 8_000
const watchMs = 500
/** What stands around every page is read so often at most while work goes on. */
const aroundMs = 2_000
/** A window nobody looks at holds no connection: a browser has six to one server, for all its windows. */
const hiddenMs = 30_000

/** Listens for as long as this stands on a page. */
export function useStream(): void {
  const client = useQueryClient()
  useEffect(() => listen(client), [client])
}

function listen(client: QueryClient): () => void {
  const read = reader(client)
  let source: EventSource | undefined
  let last: string | undefined
  let aliveAt = 0
  let triedAt = 0
  let failed = 0
  let hiddenAt: number | undefined
  const close = () => {
    source?.close()
    source = undefined
  }
  const lose = () => {
    close()
    failed++
    sayFresh({ told: 'no', isAnswered: false })
    // Whether the server answers at all, and whether one is still signed in, this question finds out.
    void client.invalidateQueries({ queryKey: ['/v1/me'] })
  }
  const open = () => {
    close()
    triedAt = Date.now()
    let isFirst = true
    const hear = ({ type, data, lastEventId }: MessageEvent<string>) => {
      const entries = JSON.parse(data) as StreamEntry[]
      const isUnknown = last === undefined || type === 'reload'
      last = lastEventId
      aliveAt = Date.now()
      failed = 0
      const changed = isUnknown ? 'all' : changedBy(entries.map(({ kind }) => kind))
      const subjects = entries.flatMap(each => each.subjects)
      if (isFirst) sayFresh({ told: 'behind', isAnswered: true, at: aliveAt })
      else sayFresh({ at: aliveAt })
      const done = read(changed, subjects)
      // Live is said when all that was missed has been read, and the connection is still this one.
      const here = source
      if (isFirst)
        void done.then(() => here === source && here !== undefined && sayFresh({ told: 'yes' }))
      isFirst = false
    }
    source = new EventSource(last === undefined ? '/v1/stream' : `/v1/stream?after=${last}`)
    for (const name of ['entries', 'reload']) source.addEventListener(name, hear)
    source.addEventListener('error', lose)
  }
  const pause = () => Math.min(longestMs, againMs * 2 ** failed)
  const watch = () => {
    const now = Date.now()
    if (source !== undefined && now - Math.max(aliveAt, triedAt) > silentMs) lose()
    if (hiddenAt !== undefined && now - hiddenAt > hiddenMs) {
      close()
      sayFresh({ told: 'no' })
    } else if (source === undefined && now - triedAt >= pause()) open()
  }
  const see = () => {
    hiddenAt = document.hidden ? Date.now() : undefined
    watch()
  }
  open()
  const timer = setInterval(watch, watchMs)
  document.addEventListener('visibilitychange', see)
  window.addEventListener('online', watch)
  window.addEventListener('offline', lose)
  return () => {
    close()
    clearInterval(timer)
    document.removeEventListener('visibilitychange', see)
    window.removeEventListener('online', watch)
    window.removeEventListener('offline', lose)
  }
}

/**
 * At most one round a frame, and one after the other: a busy log makes rounds larger, not more.
 * INVARIANT: what is told while a round is under way is in the next one.
 */
function reader(client: QueryClient) {
  let waiting: Changed = new Set<string>()
  let about = new Set<unknown>()
  let round: Promise<void> | undefined
  let late: Changed | undefined
  const readLate = () => {
    const changed = late ?? new Set()
    late = undefined
    void read(changed, [])
  }
  const run = async () => {
    while (waiting === 'all' || waiting.size > 0) {
      await nextFrame()
      const [changed, subjects] = [waiting, about]
      waiting = new Set()
      about = new Set()
      const isLate = ({ meta, state }: Query) => {
        const isOld = Date.now() - state.dataUpdatedAt >= aroundMs
        if (changed === 'all' || meta?.['isAround'] !== true || isOld) return false
        if (late === undefined) setTimeout(readLate, aroundMs)
        late = join(late ?? new Set(), changed)
        return true
      }
      const isOne = (isLong: boolean) => (query: Query) =>
        isIn(String(query.queryKey[0]), changed) &&
        isOf(query, changed, subjects) &&
        isRead(query) &&
        hasPages(query) === isLong &&
        !isLate(query)
      // A list somebody has read far into stays as it is, and says that there is more.
      void client.invalidateQueries({ predicate: isOne(true), refetchType: 'none' })
      await client.invalidateQueries({ predicate: isOne(false) })
    }
  }
  const read = (changed: Changed, subjects: readonly string[]): Promise<void> => {
    waiting = join(waiting, changed)
    about = about.union(new Set(subjects))
    round ??= run().finally(() => {
      round = undefined
    })
    return round
  }
  return read
}

/** One of many alike, as a tile of a wall: only where it is what the entry is about. */
function isOf({ meta }: Query, changed: Changed, subjects: ReadonlySet<unknown>): boolean {
  const subject = meta?.['subject']
  return changed === 'all' || subject === undefined || subjects.has(subject)
}

/** A no is not asked again by itself: each is an entry of the log, which would have it asked again. */
function isRead({ state, meta }: Query): boolean {
  return meta?.['isOnce'] !== true && !isNo(state.error)
}

function hasPages({ state }: Query): boolean {
  const data: unknown = state.data
  const pages = typeof data === 'object' && data !== null && 'pages' in data ? data.pages : []
  return Array.isArray(pages) && pages.length > 1
}

/** A window that is not drawn has no frames, and goes on all the same. */
function nextFrame(): Promise<unknown> {
  return new Promise(done => {
    if (document.hidden) setTimeout(done, watchMs)
    else requestAnimationFrame(done)
  })
}
