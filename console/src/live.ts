/** How fresh what is shown is, and the time: one of each for all pages. Made of what `stream.ts` and `api.ts` say. */
import { useSyncExternalStore } from 'react'

/**
 * `live`: the server tells of each change. `behind`: it does again, and what was missed is being read.
 * `asking`: it can not be listened to, and is asked every few seconds. `away`: no answer since `at`.
 */
export type State = 'reading' | 'live' | 'behind' | 'asking' | 'away'

interface Freshness {
  readonly told: 'no' | 'behind' | 'yes'
  readonly isAnswered: boolean
  /** When it was last heard of; 0: never. */
  readonly at: number
}

const freshness = makeStore<Freshness>({ told: 'no', isAnswered: true, at: 0 })

/** What was seen of the server last, as far as it is said. */
export function sayFresh(said: Partial<Freshness>): void {
  const was = freshness.get()
  const is = { ...was, ...said }
  if (is.told !== was.told || is.isAnswered !== was.isAnswered || is.at !== was.at)
    freshness.set(is)
}

/** An answer came, or did not. While the server tells of changes it is there, whatever one question met. */
export function sayAnswered(isAnswered: boolean): void {
  if (isAnswered) sayFresh({ isAnswered, at: Date.now() })
  else if (freshness.get().told === 'no') sayFresh({ isAnswered })
}

export function useFreshness(): { readonly state: State; readonly at: number } {
  const is = useSyncExternalStore(freshness.subscribe, freshness.get)
  return { state: stateOf(is), at: is.at }
}

/** Whether lists need not be asked by themselves. */
export function useIsTold(): boolean {
  return useSyncExternalStore(freshness.subscribe, () => freshness.get().told !== 'no')
}

export function stateOf({ told, isAnswered, at }: Freshness): State {
  if (told !== 'no') return told === 'behind' ? 'behind' : 'live'
  if (!isAnswered) return 'away'
  return at === 0 ? 'reading' : 'asking'
}

const now = makeStore(Date.now())
let seconds = 0
let timer: ReturnType<typeof setInterval> | undefined

function subscribeNow(tell: () => void): () => void {
  const off = now.subscribe(tell)
  seconds++
  timer ??= setInterval(() => now.set(Date.now()), 1000)
  return () => {
    off()
    if (--seconds > 0) return
    clearInterval(timer)
    timer = undefined
  }
}

/** The time, each second, for everything that says how far something is. */
export function useNow(): number {
  return useSyncExternalStore(subscribeNow, now.get)
}

function makeStore<T>(first: T) {
  const tellers = new Set<() => void>()
  let is = first
  return {
    get: () => is,
    set: (next: T) => {
      is = next
      for (const tell of tellers) tell()
    },
    subscribe: (tell: () => void) => {
      tellers.add(tell)
      return () => {
        tellers.delete(tell)
      }
    },
  }
}
