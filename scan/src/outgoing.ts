/**
 * The one way out. Every request of a scan goes through here: what does more than read is kept back,
 * what goes is counted by its shape, and the pace is the one the other side asks for.
 *
 * INVARIANT: nothing that could change a thing leaves, whatever a connector would send; and of what is
 * listed only shapes are kept, no name, query or body.
 */
import type { Fetch } from '../../connectors/rest/client.ts'
import { Problem } from '../../src/core/base/problem.ts'
import { fromMs, type Instant, toMs } from '../../src/core/base/time.ts'

const most = {
  callMs: 30_000,
  tries: 6,
  waitMs: 61 * 60_000,
  unsaidMs: 60_000,
  quietMs: 3_000,
  shapes: 500,
}

export interface Going {
  readonly clock: { now(): Instant }
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>
  readonly fetch: Fetch
  readonly calls: Calls
  /** Told when there is nothing to do for a while. */
  readonly waiting: (system: string, until: Instant) => void
}

/** The shape of a request that only reads; undefined: it does not go out. */
export type Reads = (method: string, url: URL, body: string) => string | undefined

export interface Way {
  readonly system: string
  readonly reads: Reads
  /** Between two requests. */
  readonly gapMs: number
}

/** Each shape with how often it went out. */
export class Calls {
  readonly #times = new Map<string, number>()
  keptBack = 0

  /** ATTACKER: the next page that is named to us can be any path. */
  add(system: string, shape: string): void {
    const isOurs = /^[\w{}/ .:=…-]{1,160}$/.test(shape) && this.#times.size < most.shapes
    const key = `${system}\n${isOurs ? shape : 'of another shape'}`
    this.#times.set(key, (this.#times.get(key) ?? 0) + 1)
  }

  list(): { system: string; shape: string; times: number }[] {
    const all = [...this.#times].map(([key, times]) => {
      const [system = '', shape = ''] = key.split('\n')
      return { system, shape, times }
    })
    return all.toSorted((a, b) => a.system.localeCompare(b.system) || b.times - a.times)
  }
}

/** A `fetch` for one system. */
export function openWay({ system, reads, gapMs }: Way, going: Going): Fetch {
  const { clock, sleep, calls, waiting } = going
  let freeAtMs = 0
  const turn = async (signal: AbortSignal | undefined) => {
    const nowMs = toMs(clock.now())
    const atMs = Math.max(nowMs, freeAtMs)
    freeAtMs = atMs + gapMs
    if (atMs - nowMs > most.quietMs) waiting(system, fromMs(atMs))
    if (atMs > nowMs) await sleep(atMs - nowMs, signal)
  }
  return async (input, init = {}) => {
    const { method = 'GET', body } = init
    const url = new URL(input instanceof Request ? input.url : input)
    const shape = reads(method, url, typeof body === 'string' ? body : '')
    if (shape === undefined || body instanceof URLSearchParams) throw keepBack(calls)
    for (let tries = 1; ; tries++) {
      const until = init.signal ?? undefined
      await turn(until)
      calls.add(system, shape)
      const signal = AbortSignal.any([AbortSignal.timeout(most.callMs), ...(until ? [until] : [])])
      const answer = await going.fetch(input, { ...init, signal })
      const restMs = restOf(answer, toMs(clock.now()))
      if (restMs !== undefined) freeAtMs = Math.max(freeAtMs, toMs(clock.now()) + restMs)
      const isLimited = answer.status === 429 || answer.status === 403
      const isOver = tries === most.tries || (restMs ?? 0) > most.waitMs
      if (!isLimited || restMs === undefined || isOver) return answer
      await answer.body?.cancel()
    }
  }
}

/** How long to wait before the next request; undefined: go on. */
function restOf({ status, headers }: Response, nowMs: number): number | undefined {
  const after = headers.get('retry-after')
  if (after !== null && /^\d{1,6}$/.test(after)) return Number(after) * 1000
  if (headers.get('x-ratelimit-remaining') === '0') {
    const reset = Number(headers.get('x-ratelimit-reset'))
    return reset > 0 ? Math.max(1000, reset * 1000 - nowMs + 1000) : most.unsaidMs
  }
  return status === 429 ? most.unsaidMs : undefined
}

/** Runs `work` with statements that read, in a session that is told to. */
export async function readOnly<Sql extends (text: string, ...more: never[]) => Promise<unknown>, T>(
  sql: Sql,
  { system, calls, begin, shape }: { system: string; calls: Calls; begin: string; shape: string },
  work: (sql: Sql) => Promise<T>,
): Promise<T> {
  calls.add(system, begin)
  await sql(begin)
  const guarded = (text: string, ...more: never[]) => {
    if (!isReading(text)) throw keepBack(calls)
    calls.add(system, shape)
    return sql(text, ...more)
  }
  return work(guarded as Sql)
}

/** One statement that only shows something. ATTACKER: a second one after a semicolon. */
export function isReading(statement: string): boolean {
  const bare = statement.replace(/"(?:[^"]|"")*"|'(?:[^']|'')*'/g, '""')
  return /^\s*(select|show|describe)\b(?!.*\binto\b)/is.test(bare) && !bare.includes(';')
}

export function keepBack(calls: Calls): Problem {
  calls.keptBack += 1
  return new Problem('target-refused', {
    detail: 'A request that does more than read was kept back.',
    next: 'This is a fault of ours: report it.',
  })
}
