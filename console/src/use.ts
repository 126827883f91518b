/** Reading and doing. What is read is asked for again by itself; what is done is never shown before it was. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import type * as api from './api.ts'
import { get, Refused, readMe } from './api.ts'
import { useIsTold } from './live.ts'

export interface List<T> {
  readonly items: readonly T[]
}

/** What a page is about, and what stands around every page: dear lists are not asked for more than need be. */
const refreshMs = 4_000
const aroundMs = 12_000
/** While the server tells of each change. Some is so by the clock alone, and has no entry. */
const toldMs = 60_000
/** Of the server itself, which the log does not tell. */
const untold: ReadonlySet<string | null> = new Set(['/v1/doctor'])

/** A no is not asked for again by itself: the answer is the same, and each is kept in the log. */
export function isNo(error: unknown): boolean {
  return error instanceof Refused && error.problem.status >= 400 && error.problem.status < 500
}

/** `null` reads nothing. */
export function useRead<T>(path: string | null, everyMs = refreshMs) {
  const askedMs = useEvery(untold.has(path) ? everyMs : toldMs, everyMs)
  return useQuery<T, Refused>({
    queryKey: [path],
    queryFn: () => get<T>(path ?? ''),
    enabled: path !== null,
    refetchInterval: ({ state }) => (isNo(state.error) ? false : askedMs),
    refetchOnWindowFocus: ({ state }) => !isNo(state.error),
  })
}

/** How often a list is asked for by itself: told of changes, and not. */
export function useEvery(told = toldMs, asked = refreshMs): number {
  return useIsTold() ? told : asked
}

/** Read once: what is behind it does not change, or is dear to make. */
export function useReadOnce<T>(path: string) {
  return useQuery<T, Refused>({
    queryKey: [path],
    queryFn: () => get<T>(path),
    meta: { isOnce: true },
  })
}

export function useMe() {
  return useQuery<api.Me, Refused>({ queryKey: ['/v1/me'], queryFn: readMe, staleTime: 60_000 })
}

export const useApps = () => useRead<List<api.AppView>>('/v1/apps')

/** For what stands around every page. */
export const useAround = <T>(path: string) => useRead<T>(path, aroundMs)

/** One thing somebody does: `sending` until the server said it is done, then everything is read anew. */
export function useAct<I, O>(act: (input: I) => Promise<O>) {
  const client = useQueryClient()
  return useMutation<O, Refused, I>({
    mutationFn: act,
    onSettled: () => client.invalidateQueries(),
  })
}
