/**
 * The sessions that are open, and the end of those that may not be any more. Asked to look at each
 * commit of ours and each entry of others; time and the age of facts are looked at by itself.
 *
 * INVARIANT: a session is watched from before it is decided, so that nothing falls between.
 */

import { limits } from '../../core/base/limits.ts'
import type { DecisionRecord } from '../../core/base/permit.ts'
import type { Problem } from '../../core/base/problem.ts'
import type { Instant } from '../../core/base/time.ts'
import type { LeaseRow } from '../../core/lease/rows.ts'
import { bounds } from './bounds.ts'
import { decideSession, readVersions } from './standing.ts'
import { over, type StandingWorld } from './tunnel.ts'

export interface Session {
  readonly lease: LeaseRow
  /** The first reason counts. `record` of the decision that was the reason. */
  readonly cut: (problem: Problem, record?: DecisionRecord) => void
}

interface Watched extends Session {
  versions: string
  until: Instant | null
  holdForMs: number
}

/** A class because it guards the set of what is open. */
export class Sessions {
  readonly #world: StandingWorld
  readonly #open = new Set<Watched>()
  readonly #timer: NodeJS.Timeout
  #isAsked = false
  #closed: Problem | undefined

  constructor(world: StandingWorld) {
    this.#world = world
    this.#timer = setInterval(() => this.#tick(), bounds.tickMs)
    this.#timer.unref()
  }

  /** Returns how to stop watching. */
  watch(session: Session): () => void {
    const versions = readVersions(this.#world, session.lease)
    const watched: Watched = { ...session, versions, until: null, holdForMs: 0 }
    this.#open.add(watched)
    if (this.#closed !== undefined) session.cut(this.#closed)
    return () => this.#open.delete(watched)
  }

  /** Soon, and once for all that asked meanwhile. Never throws. */
  readonly look = (): void => {
    if (this.#isAsked || this.#open.size === 0) return
    this.#isAsked = true
    setImmediate(() => {
      this.#isAsked = false
      for (const session of this.#open) {
        const versions = readVersions(this.#world, session.lease)
        if (versions === session.versions) continue
        session.versions = versions
        this.#decide(session)
      }
    })
  }

  /** Those that come later are cut too. */
  close(problem: Problem): void {
    clearInterval(this.#timer)
    this.#closed = problem
    for (const session of this.#open) session.cut(problem)
  }

  #tick(): void {
    const { ageMs, regressed } = this.#world.freshness()
    const now = this.#world.clock.now()
    for (const session of this.#open) {
      // Reading and writing go on for a while on facts that have grown old; then nobody knows.
      const isStale = ageMs > limits.freshForIssueMs + session.holdForMs
      if (isStale || regressed) session.cut(stale)
      else if (session.until === null || session.until <= now) this.#decide(session)
    }
  }

  #decide(session: Watched): void {
    const standing = decideSession(this.#world, session.lease)
    if (!standing.allowed) return session.cut(standing.problem, standing.record)
    session.until = standing.until
    session.holdForMs = standing.holdForMs
  }
}

const stale = over('The facts this was decided on have grown too old.', 'Try again in a minute.')
