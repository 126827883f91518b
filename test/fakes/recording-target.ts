/**
 * A target in memory that keeps its own list of what exists and can be told to misbehave. The oracle
 * of the lease tests: what a lease says is compared with this list, never with our own tables.
 */
import { randomUUID } from 'node:crypto'
import type { Json } from '../../src/core/base/json.ts'
import { Problem } from '../../src/core/base/problem.ts'
import type { Clock } from '../../src/core/base/time.ts'
import type {
  Connector,
  Evidence,
  Found,
  IssueOrder,
  Target,
} from '../../src/core/target/target.ts'

export type Mode =
  | 'honest'
  /** Says it ended, and keeps everything. */
  | 'lies'
  /** Answers nothing until it is told to be honest. */
  | 'hangs'
  /** Does what it is told, then fails. */
  | 'fails-after-success'
  | 'refuses'

interface Principal {
  readonly name: string
  readonly holder: string
  secret: string
  sessions: number
  validUntil: string
}

export interface RecordingTarget {
  readonly connector: Connector
  /** What exists there, by name. */
  readonly principals: Map<string, Principal>
  readonly holders: Set<string>
  /** Every call in order, e.g. `issue lh_…`. */
  readonly calls: string[]
  mode: Mode
  /** The step at which its canary fails. */
  fails?: 'made' | 'ended'
  /** It makes secrets itself, as clouds do. */
  mints: boolean
  longestSeconds?: number
  latencyMs: number
  /** What one page of its inventory holds; everything unless a test says otherwise. */
  pageRows: number
  /** What is there beside, a page each; and what it says that it hides. */
  strangers: Found[][]
  hides: string[]
  /** It ends what is not ours, too. */
  endsFound: boolean
  residue: string[]
  /** What it says is left of one, where it says something else of each. */
  residueOf?: ((principal: string) => string[]) | undefined
}

export function recordingTarget(kind = 'recording'): RecordingTarget {
  const state: RecordingTarget = {
    principals: new Map(),
    holders: new Set(),
    calls: [],
    mode: 'honest',
    mints: false,
    latencyMs: 0,
    pageRows: Infinity,
    strangers: [],
    hides: [],
    endsFound: false,
    residue: [],
    connector: {
      kind,
      parseConfig: (input: Json) => input,
      addressOf: () => 'memory',
      parseObject: (input: Json) => input,
      open: (_config, clock) => openTarget(state, clock),
    },
  }
  return state
}

function openTarget(state: RecordingTarget, clock: Pick<Clock, 'now'>): Target {
  const takeTime = async (signal: AbortSignal) => {
    if (state.latencyMs > 0) await new Promise(done => setTimeout(done, state.latencyMs))
    if (state.mode === 'hangs') await untilAborted(signal)
  }
  const act = async <T>(call: string, signal: AbortSignal, run: () => T): Promise<T> => {
    state.calls.push(call)
    await takeTime(signal)
    if (state.mode === 'refuses') throw new Problem('target-refused', { detail: 'it says no' })
    const value = run()
    if (state.mode === 'fails-after-success' && !call.startsWith('holder'))
      throw new Problem('target-unavailable', { detail: 'it broke off' })
    return value
  }
  const put = (order: IssueOrder) => {
    if (clock.now() > order.deadline) throw new Problem('target-refused', { detail: 'too late' })
    const secret = state.mints ? `made-there-${randomUUID()}` : order.secret
    state.principals.set(order.principal, {
      name: order.principal,
      holder: order.holder,
      secret,
      sessions: state.principals.get(order.principal)?.sessions ?? 0,
      validUntil: order.endsAt,
    })
    return { ...issued(order), ...(state.mints && { secret }) }
  }
  return {
    describe: () => ({
      connector: state.connector.kind,
      paths: ['its own list', 'the key itself'],
      canRenew: true,
      canHold: true,
      diesByItself: true,
      callsAtOnce: 64,
      ...(state.longestSeconds && { longestSeconds: state.longestSeconds }),
    }),
    preflight: signal =>
      act('preflight', signal, () => {
        const steps = ['made', 'ended'].map(name => ({ name, ok: name !== state.fails }))
        return { ok: state.fails === undefined, steps }
      }),
    ensureHolder: (order, signal) =>
      act(`holder ${order.holder}`, signal, () => void state.holders.add(order.holder)),
    issue: (order, signal) => act(`issue ${order.principal}`, signal, () => put(order)),
    renew: (order, signal) =>
      act(`renew ${order.principal}`, signal, () => {
        const known = state.principals.get(order.principal)
        if (clock.now() > order.deadline)
          throw new Problem('target-refused', { detail: 'too late' })
        if (known === undefined)
          throw new Problem('target-refused', { detail: 'no such principal' })
        known.validUntil = order.endsAt
        return issued(order)
      }),
    checkIntact: (order, signal) =>
      act(`check ${order.principal}`, signal, () => {
        const known = state.principals.get(order.principal)
        return known?.secret === order.secret
      }),
    hold: (principal, signal) => act(`hold ${principal}`, signal, () => {}),
    release: (principal, signal) => act(`release ${principal}`, signal, () => {}),
    end: (order, signal) =>
      act(`end ${order.principal}`, signal, () => {
        if (state.mode !== 'lies') state.principals.delete(order.principal)
      }),
    verifyGone: async (order, signal): Promise<Evidence> => {
      state.calls.push(`verify ${order.principal}`)
      await takeTime(signal)
      const known = state.principals.get(order.principal)
      const tried = order.secret !== null && order.acceptedPath !== null
      return {
        listed: known === undefined ? 'absent' : 'present',
        credential: !tried ? 'not-tried' : known?.secret === order.secret ? 'accepted' : 'refused',
        probe: tried ? 'accepted' : 'not-tried',
        sessions: known?.sessions ?? 0,
        residue: state.residueOf?.(order.principal) ?? state.residue,
        paths: ['its own list', 'the key itself'],
        at: clock.now(),
      }
    },
    removeHolder: (holder, signal) =>
      act(`remove ${holder}`, signal, () => {
        if (state.mode !== 'lies') state.holders.delete(holder)
      }),
    verifyHolderGone: async (holder, signal) => {
      await takeTime(signal)
      const listed = state.holders.has(holder) ? 'present' : 'absent'
      return { listed, residue: [], at: clock.now() }
    },
    ...(state.endsFound && {
      endFound: ({ id }, signal) =>
        act(`end found ${id}`, signal, () => {
          const keeps = (each: Found) => state.mode === 'lies' || each.id !== id
          state.strangers = state.strangers.map(page => page.filter(keeps))
          return { listed: 'absent', residue: [], at: clock.now() } as const
        }),
    }),
    inventory: async (cursor, signal, of) => {
      if (of === undefined) {
        const [from, all] = [Number(cursor ?? 0), listAll(state)]
        const next = from + state.pageRows
        return { found: all.slice(from, next), next: next < all.length ? String(next) : null }
      }
      if (state.mode === 'hangs') await untilAborted(signal)
      if (state.mode === 'refuses') throw new Problem('target-refused', { detail: 'it says no' })
      const page = Number(cursor ?? 0)
      state.calls.push(`look ${page}`)
      const unseen = state.hides.map(what => ({ what, needs: 'a right' }))
      const found = [...(page === 0 ? listAll(state) : []), ...(state.strangers[page] ?? [])]
      return { found, next: page + 1 < state.strangers.length ? String(page + 1) : null, unseen }
    },
    close: async () => void state.calls.push('close'),
  }
}

function issued(order: IssueOrder) {
  return { acceptedPath: 'memory', diesAt: order.endsAt, connect: { user: order.principal } }
}

function listAll(state: RecordingTarget): Found[] {
  return [...state.principals.keys()].map(name => ({
    id: name,
    kind: 'principal',
    name,
    ours: true,
    madeAt: null,
    lastUsedAt: null,
    details: {},
  }))
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
  })
}
