/**
 * The company at work while it is up: one to three things a second, at random times of a seed. Runs that begin
 * and end, what they may not, asks and their answers. What fails is counted and told at the end; it stops
 * nothing.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { RequestView } from '../../src/doors/api/contract.ts'
import { Refused } from '../client.ts'
import type { Company, Run } from './act.ts'
import * as act from './act.ts'
import { type PlannedApp, pick, randomOf } from './plan.ts'

const perSecond = 2
/** Runs under way at once. */
const most = 12

export interface Live {
  readonly done: Readonly<Record<'runs' | 'denials' | 'asks' | 'answers' | 'failed', number>>
  /** Why the last one that failed did. */
  readonly lastFault: () => string | undefined
  /** Waits for what is under way. */
  stop(): Promise<void>
}

export function startLive(company: Company): Live {
  const { plan } = company.parts
  const random = randomOf(plan.seed + 1)
  const apps = plan.apps.filter(({ fate }) => fate === 'running')
  const at: At = { company, random, apps, runs: [], asked: [], number: 1000 }
  const done = { runs: 0, denials: 0, asks: 0, answers: 0, failed: 0 }
  const over = new AbortController()
  const underWay = new Set<Promise<void>>()
  let fault: string | undefined
  const begin = () => {
    const one = next(at)
      .catch((thrown: unknown) => {
        // A no to what was meant well is a no: its owner has left, or it was paused.
        if (thrown instanceof Refused && thrown.denial !== undefined) return 'denials'
        fault = thrown instanceof Error ? thrown.message : String(thrown)
        return 'failed'
      })
      .then(what => void done[what]++)
      .finally(() => underWay.delete(one))
    underWay.add(one)
  }
  const loop = async () => {
    while (!over.signal.aborted) {
      // Poisson: the time to the next is exponential.
      const ms = (-Math.log(1 - random()) / perSecond) * 1000
      await wait(ms, undefined, { signal: over.signal }).catch(() => {})
      if (!over.signal.aborted && underWay.size < most) begin()
    }
  }
  const looping = loop()
  return {
    done,
    lastFault: () => fault,
    stop: async () => {
      over.abort()
      await looping
      await Promise.all(underWay)
    },
  }
}

interface At {
  readonly company: Company
  readonly random: () => number
  readonly apps: readonly PlannedApp[]
  readonly runs: Run[]
  readonly asked: { request: RequestView; resource: string }[]
  number: number
}

type What = 'runs' | 'denials' | 'asks' | 'answers'

/** What is random is drawn before anything is waited for, so that one seed is one order. */
function next(at: At): Promise<What | 'failed'> {
  const [dice, app, rows] = [at.random(), pick(at.apps, at.random), Math.ceil(at.random() * 200)]
  const isLeft = at.company.left.has(app.owner.sub)
  if (dice < 0.5) return run(at, app, rows)
  if (dice < 0.7) return tryTooMuch(at, app)
  if (isLeft) return run(at, app, rows)
  if (dice < 0.85 || at.asked.length === 0) return ask(at, app)
  return answer(at, dice < 0.95 ? 'yes' : 'no')
}

/** A new one begins; where enough are under way, the oldest ends before. */
async function run(at: At, app: PlannedApp, rows: number): Promise<What> {
  const oldest = at.runs.length >= most ? at.runs.shift() : undefined
  if (oldest !== undefined) await act.endRun(oldest, rows)
  at.runs.push(await act.beginRun(at.company, app, at.number++))
  return 'runs'
}

async function tryTooMuch(at: At, app: PlannedApp): Promise<What> {
  const { client } = await act.attest(at.company, app, at.number++)
  await act.beDenied(client.post('/v1/leases', act.beyond))
  return 'denials'
}

/** For what another app of theirs would like to see, too. */
async function ask(at: At, app: PlannedApp): Promise<What> {
  const resource = app.resource === 'web.visits' ? 'support.tickets' : 'web.visits'
  at.asked.push({ request: await act.askData(at.company, { ...app, resource }), resource })
  return 'asks'
}

async function answer(at: At, says: 'yes' | 'no'): Promise<What> {
  const oldest = at.asked.shift()
  if (oldest === undefined) throw new Error('nobody asks')
  await act.answer(at.company, act.dataOwners[oldest.resource] ?? 'tom', oldest.request, says)
  return 'answers'
}
