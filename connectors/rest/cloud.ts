/**
 * What connectors of clouds share: how they say what went wrong, wait for replicas, and put together what a
 * look saw of a lease that is a principal with one token.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { z } from 'zod'
import { isProblem, Problem } from '../../src/core/base/problem.ts'
import type { Clock, Instant } from '../../src/core/base/time.ts'
import type { Credential, Evidence, IssueOrder } from '../../src/core/target/target.ts'
import { type Ask, type RestAnswer, type RestRequest, refusalsOf } from './client.ts'

/** `name` is also the page's, in `docs/connectors/`. */
export function wordsOf(name: string) {
  const refused = refusalsOf(name)
  const strange = `${name} answered something we do not know.`
  const unavailable = (what: string) =>
    new Problem('target-unavailable', {
      detail: `${name} ${what}.`,
      next: 'Try again; what was begun there is looked at and cleaned up.',
    })
  return {
    refused,
    unavailable,
    explain: (thrown: unknown) => (isProblem(thrown) ? thrown.detail : strange),
    /** Problem `target-refused` where something else was answered. What else an answer holds is not read. */
    readAs: <S extends z.ZodType>(shape: S, body: unknown): z.infer<S> => {
      const read = shape.safeParse(body)
      if (read.success) return read.data
      throw refused(strange)
    },
    /** Replicas learn of things a while later. */
    rest: async (ms: number, signal: AbortSignal): Promise<void> => {
      await wait(ms, undefined, { signal }).catch(() => {
        throw unavailable('did not finish in time')
      })
    },
  }
}

/**
 * Asks with a person's own token. Where it is not taken at all that is no list that is not shown, which an
 * inventory says and passes over: Problem `bad-request`. `help` is how they sign in again.
 */
export function askAs(
  ask: Ask,
  { token, help, more }: { token: string; help: string; more?: Credential },
) {
  const headers = { ...more, authorization: `Bearer ${token}` }
  return async (
    { takes = [], ...request }: Omit<RestRequest, 'headers'>,
    signal: AbortSignal,
  ): Promise<RestAnswer> => {
    const answer = await ask({ ...request, headers, takes: [...takes, 401] }, signal)
    if (answer.status !== 401) return answer
    throw new Problem('bad-request', { detail: 'The token is not taken, or is over.', next: help })
  }
}

/** A system that can not be told a deadline: what would come late is not asked for, or is taken back. */
export function requireTime(
  { clock }: { readonly clock: Pick<Clock, 'now'> },
  { deadline }: Pick<IssueOrder, 'deadline'>,
): void {
  if (clock.now() > deadline) throw late()
}

export const late = () =>
  new Problem('target-refused', {
    detail: 'The deadline of this command had passed.',
    next: 'Try again.',
  })
export const over = (detail: string) =>
  new Problem('target-refused', { detail, next: 'Open a new task.' })

/** Both to their end: when this fails, neither is under way any more. */
export async function bothOf<A, B>(one: Promise<A>, other: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([one, other])
  return Promise.all([one, other])
}

/** What a path said to a token. */
export interface Said {
  readonly says: 'accepted' | 'refused' | 'unclear'
  readonly because: string
}
export const notTried: Said = { says: 'unclear', because: 'It is not known to us.' }

export interface Looked extends Pick<Evidence, 'paths'> {
  readonly tried: Said
  readonly probe: Said
  /** Or why nothing could be seen. */
  readonly seen: string | { readonly isListed: boolean; readonly residue: readonly string[] }
  /** What is open there; without it each request stands alone. */
  readonly sessions?: Pick<Evidence, 'sessions' | 'because'>
  /** The path is the one that accepted it when it was made. */
  readonly isProof: boolean
  readonly at: Instant
}

/** Observations only; unknown stays unknown. */
export function evidenceOf({ tried, probe, seen, sessions, isProof, ...of }: Looked): Evidence {
  const isTold = tried.says === 'accepted' || (tried.says === 'refused' && isProof)
  const isUnknown = typeof seen === 'string'
  const because = [
    isUnknown ? seen : sessions?.because,
    tried.says === 'unclear' && `The token was not tried. ${tried.because}`,
    tried.says === 'refused' && !isProof && 'It is refused on a path that never accepted it.',
    probe.says !== 'accepted' && `A token of our own is not let in. ${probe.because}`,
  ].filter(Boolean)
  return {
    listed: isUnknown ? 'unknown' : seen.isListed ? 'present' : 'absent',
    credential: isTold ? tried.says : 'not-tried',
    probe: probe.says === 'unclear' ? 'not-tried' : probe.says,
    sessions: isUnknown ? null : sessions === undefined ? 0 : sessions.sessions,
    residue: isUnknown ? [] : seen.residue,
    paths: of.paths,
    because: because.length === 0 ? undefined : because.join(' '),
    at: of.at,
  }
}
