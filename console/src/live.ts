/** How fresh what is shown is. One clock for all pages, and the age of the last answer of the server. */
import { type QueryClient, useQueryClient } from '@tanstack/react-query'
import { useEffect, useState, useSyncExternalStore } from 'react'
import { Refused } from './api.ts'

export type Freshness = { readonly state: 'live' | 'late' | 'waiting'; readonly at: number }

/** Late: the newest question was not answered, and what is seen is of `at`. */
export function readFreshness(client: QueryClient): Freshness {
  const queries = client.getQueryCache().findAll({ type: 'active' })
  const at = Math.max(0, ...queries.map(query => query.state.dataUpdatedAt))
  const isAway = queries.some(
    ({ state }) => state.fetchFailureReason instanceof Refused && isOut(state.fetchFailureReason),
  )
  if (isAway) return { state: 'late', at }
  return { state: at === 0 ? 'waiting' : 'live', at }
}

function isOut({ problem }: Refused): boolean {
  return problem.status === 0 || problem.status >= 500
}

export function useFreshness(): Freshness {
  const client = useQueryClient()
  const cache = client.getQueryCache()
  const [seen, setSeen] = useState(() => readFreshness(client))
  useEffect(
    () =>
      cache.subscribe(() => {
        // After React has drawn what caused it.
        queueMicrotask(() =>
          setSeen(was => {
            const is = readFreshness(client)
            return is.state === was.state && is.at === was.at ? was : is
          }),
        )
      }),
    [cache, client],
  )
  return seen
}

const listeners = new Set<() => void>()
let now = Date.now()
let timer: ReturnType<typeof setInterval> | undefined

function subscribe(tell: () => void): () => void {
  listeners.add(tell)
  timer ??= setInterval(() => {
    now = Date.now()
    for (const each of listeners) each()
  }, 1000)
  return () => {
    listeners.delete(tell)
    if (listeners.size > 0) return
    clearInterval(timer)
    timer = undefined
  }
}

/** The time, each second, for everything that says how far something is. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now)
}
