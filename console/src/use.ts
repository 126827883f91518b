/** Reading and doing. What is read is asked for again by itself; what is done is never shown before it was. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import type * as api from './api.ts'
import { get, type Refused, readMe } from './api.ts'

export interface List<T> {
  readonly items: readonly T[]
}

const refreshMs = 4_000

export function useRead<T>(path: string, isWanted = true) {
  return useQuery<T, Refused>({
    queryKey: [path],
    queryFn: () => get<T>(path),
    enabled: isWanted,
    refetchInterval: refreshMs,
  })
}

/** Read once: what is behind it does not change, or is dear to make. */
export function useReadOnce<T>(path: string, isWanted = true) {
  return useQuery<T, Refused>({
    queryKey: [path],
    queryFn: () => get<T>(path),
    enabled: isWanted,
  })
}

export function useMe() {
  return useQuery<api.Me, Refused>({ queryKey: ['/v1/me'], queryFn: readMe, staleTime: 60_000 })
}

export const useApps = () => useRead<List<api.AppView>>('/v1/apps')
export const useRequests = () => useRead<List<api.RequestView>>('/v1/requests')
export const useLeases = (path = '/v1/leases') => useRead<List<api.LeaseView>>(path)

/** One thing somebody does: `sending` until the server said it is done, then everything is read anew. */
export function useAct<I, O>(act: (input: I) => Promise<O>) {
  const client = useQueryClient()
  return useMutation<O, Refused, I>({
    mutationFn: act,
    onSettled: () => client.invalidateQueries(),
  })
}
