/** Reading and doing. What is read is asked for again by itself; what is done is never shown before it was. */
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useMemo } from 'react'
import type * as api from './api.ts'
import { get, Refused, readMe } from './api.ts'
import { useIsTold } from './live.ts'

export interface List<T> {
  readonly items: readonly T[]
  /** Where the next page begins, of a list that has more than one. */
  readonly next?: number | null | undefined
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
    meta: { isAround: everyMs === aroundMs },
    refetchInterval: ({ state }) => (isNo(state.error) ? false : askedMs),
    refetchOnWindowFocus: ({ state }) => !isNo(state.error),
  })
}

/** How often a list is asked for by itself: told of changes, and not. */
export function useEvery(told = toldMs, asked = refreshMs): number {
  return useIsTold() ? told : asked
}

/** A list that may be longer than a page, as far as it was read. */
export interface Pages<T> {
  readonly rows: readonly T[]
  readonly hasMore: boolean
  readonly isReading: boolean
  readonly more: () => void
  /** It changed since it was read, and is too long to be read anew by itself. */
  readonly isOld: boolean
  readonly again: () => void
}

/** Read a page at a time, as somebody goes on; one page alone is kept as it is there. */
export function usePages<L extends List<{ readonly id: string }>>(
  path: string,
): {
  data: (Pages<L['items'][number]> & { readonly first: L }) | undefined
  error: Refused | null
} {
  const client = useQueryClient()
  const askedMs = useEvery()
  const queryKey = [path, 'pages']
  const read = useInfiniteQuery<L, Refused>({
    queryKey,
    initialPageParam: 0,
    queryFn: ({ pageParam }) => get<L>(pageParam === 0 ? path : skipTo(path, Number(pageParam))),
    getNextPageParam: ({ next }) => next ?? undefined,
    staleTime: Number.POSITIVE_INFINITY,
    refetchInterval: ({ state }) =>
      (state.data?.pages.length ?? 0) > 1 || isNo(state.error) ? false : askedMs,
  })
  const all = read.data?.pages
  // Rows move while pages are read: one that moved to a later page is there once.
  const rows = useMemo(
    () => [
      ...new Map((all ?? []).flatMap(({ items }) => items.map(row => [row.id, row]))).values(),
    ],
    [all],
  )
  const pages: Pages<L['items'][number]> = {
    rows,
    hasMore: read.hasNextPage,
    isReading: read.isFetching,
    more: () => {
      if (!read.isFetchingNextPage) void read.fetchNextPage()
    },
    isOld: (all?.length ?? 0) > 1 && read.isStale,
    again: () => void client.resetQueries({ queryKey }),
  }
  const data = all?.[0] === undefined ? undefined : { ...pages, first: all[0] }
  return { data, error: read.error }
}

function skipTo(path: string, skip: number): string {
  return `${path}${path.includes('?') ? '&' : '?'}skip=${skip}`
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
