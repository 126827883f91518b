/**
 * Open targets and their bulkheads: a target that hangs takes its own places and nobody else's, and
 * ending has places of its own, so that it works when issuing can not.
 */
import type { TargetId } from '../base/ids.ts'
import type { Json } from '../base/json.ts'
import { limits } from '../base/limits.ts'
import { isProblem, type Problem, problemOf } from '../base/problem.ts'
import { msBetween } from '../base/time.ts'
import { findingTable } from '../finding/rows.ts'
import { findSealedConfig, targetConfigAad, targetTable } from '../grant/rows.ts'
import { throwUnknown } from '../ledger/fact-table.ts'
import type { LedgerWorld } from '../ledger/record.ts'
import type { Connector, Description, Preflight, Target } from '../target/target.ts'

export type Lane = 'issue' | 'end'

export interface TargetsWorld extends Pick<LedgerWorld, 'store' | 'clock' | 'replica'> {
  readonly connectors: ReadonlyMap<string, Connector>
  readonly unseal: (sealed: string, aad: string) => Uint8Array
  /** Bound of one call, and of waiting for its turn; `limits.targetCallMs` unless a test says otherwise. */
  readonly callMs?: number
}

interface Opened {
  readonly target: Target
  /** When and where it was connected: since then neither its address nor our credential changed. */
  readonly connected: string
  readonly lanes: Record<Lane, ReturnType<typeof makePlaces>>
  calls: number
  isReplaced: boolean
}

/** How many calls a target is given at once, per lane, and how many may wait. */
const placesPerLane = 16
const waitersPerLane = 1_000

export class Targets {
  readonly #world: TargetsWorld
  readonly #opened = new Map<string, Opened>()

  constructor(world: TargetsWorld) {
    this.#world = world
  }

  /**
   * Runs one bounded call. Whatever a driver throws becomes a Problem without its text. Throws
   * `target-busy` where its turn did not come: then nothing was sent.
   */
  async call<T>(
    targetId: TargetId,
    lane: Lane,
    run: (target: Target, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const opened = await this.#open(targetId)
    const callMs = this.#world.callMs ?? limits.targetCallMs
    opened.calls++
    try {
      await opened.lanes[lane].take(callMs)
      const signal = AbortSignal.timeout(callMs)
      try {
        return await settle(run(opened.target, signal), signal)
      } catch (thrown) {
        throw asProblem(thrown)
      } finally {
        opened.lanes[lane].give()
      }
    } finally {
      opened.calls--
      closeReplaced(opened)
    }
  }

  async describe(targetId: TargetId): Promise<Description> {
    return (await this.#open(targetId)).target.describe()
  }

  connector(kind: string): Connector {
    const connector = this.#world.connectors.get(kind)
    if (connector !== undefined) return connector
    const names = [...this.#world.connectors.keys()].join(', ')
    throw problemOf('no-connector-here', { kind, names, field: 'connector' })
  }

  async close(): Promise<void> {
    const opened = [...this.#opened.values()]
    this.#opened.clear()
    await Promise.allSettled(opened.map(each => each.target.close()))
  }

  async #open(targetId: TargetId): Promise<Opened> {
    const row = this.#world.replica.get(targetTable, targetId) ?? throwUnknown('target')
    const known = this.#opened.get(targetId)
    const connected = `${row.adminRotatedAt} ${row.address}`
    if (known?.connected === connected) return known
    const sealed = await findSealedConfig(this.#world.store, targetId)
    if (sealed === undefined) throw problemOf('no-configuration', { slug: row.slug })
    const config = JSON.parse(
      Buffer.from(this.#world.unseal(sealed, targetConfigAad(targetId))).toString('utf8'),
    ) as Json
    // Somebody else may have opened it while we read.
    const meanwhile = this.#opened.get(targetId)
    if (meanwhile?.connected === connected) return meanwhile
    const target = this.connector(row.connector).open(config, this.#world.clock)
    const { callsAtOnce = placesPerLane } = target.describe()
    const places = () => makePlaces(callsAtOnce)
    const lanes = meanwhile?.lanes ?? { issue: places(), end: places() }
    const opened: Opened = { target, connected, lanes, calls: 0, isReplaced: false }
    this.#opened.set(targetId, opened)
    if (meanwhile !== undefined) {
      meanwhile.isReplaced = true
      closeReplaced(meanwhile)
    }
    return opened
  }
}

/** What calls still use stays open until the last of them is over. */
function closeReplaced({ target, calls, isReplaced }: Opened): void {
  if (isReplaced && calls === 0) target.close().catch(() => {})
}

/** A driver that ignores its signal is left behind; the caller goes on at the time-out. */
async function settle<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(signal.reason as Error)
    signal.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

function asProblem(thrown: unknown): Problem {
  if (isProblem(thrown)) return thrown
  const log = thrown instanceof Error ? thrown.name : typeof thrown
  return problemOf('target-silent', { log, cause: thrown })
}

/** A counted number of places; waiters in order of arrival, and neither many nor long without end. */
function makePlaces(count: number) {
  let free = count
  const waiting = new Set<() => void>()
  return {
    async take(waitMs: number): Promise<void> {
      if (free > 0) {
        free--
        return
      }
      if (waiting.size >= waitersPerLane) throw tooMany
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      waiting.add(resolve)
      const late = setTimeout(() => {
        waiting.delete(resolve)
        reject(tooMany)
      }, waitMs)
      await promise.finally(() => clearTimeout(late))
    },
    give(): void {
      const [next] = waiting
      if (next === undefined) {
        free++
        return
      }
      waiting.delete(next)
      next()
    },
  }
}

const tooMany = problemOf('too-many-calls-waiting')

// ── the canary's answer: a target is used only while a whole cycle of a credential has passed there ──

/** Plays a canary at the target now, or joins one under way, and writes down how it went. */
export type PlayCanary = (targetId: TargetId) => Promise<Preflight>

/**
 * Passes at once when the last canary is young enough, and nothing got stuck there since; else one is
 * played. Throws when it failed, or our own credential there is over: ending and looking go on all the same.
 */
export async function ensurePreflight(
  world: LedgerWorld & { readonly playCanary: PlayCanary },
  targetId: TargetId,
): Promise<void> {
  const row = world.replica.get(targetTable, targetId) ?? throwUnknown('target')
  const { slug, preflightState, preflightAt, adminEndsAt } = row
  const now = world.clock.now()
  if (adminEndsAt <= now) throw problemOf('own-credential-ended', { slug, adminEndsAt })
  const stuck = world.replica.by(findingTable, 'kind', 'lease-stuck')
  const since = preflightAt ?? now
  const isStuck = stuck.some(each => each.details['targetId'] === targetId && each.madeAt > since)
  const isYoung = msBetween(since, now) <= limits.preflightHours * 3_600_000
  if (preflightState === 'passed' && isYoung && !isStuck) return
  const { ok, steps } = await world.playCanary(targetId)
  if (ok) return
  const { name = 'unknown', detail = 'no detail' } = steps.find(step => !step.ok) ?? {}
  throw problemOf('canary-failed', { slug, step: name, error: detail })
}
