/** A canary's life, step by step, as connectors tell it: the first that fails is the last. */
import { randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { isProblem, type Problem } from '../../src/core/base/problem.ts'
import { product } from '../../src/core/base/product.ts'
import { addSeconds, type Clock, toSeconds } from '../../src/core/base/time.ts'
import { judge } from '../../src/core/target/judge.ts'
import type { Evidence, IssueOrder, Preflight } from '../../src/core/target/target.ts'

/** What a step gives is told to a person: never a secret. */
export type Steps = Readonly<Record<string, () => Promise<string | undefined | void>>>

/** `undo`: what was made when a step failed. What goes wrong there is not told. */
export async function walk(
  name: string,
  steps: Steps,
  undo: () => Promise<unknown> = async () => {},
): Promise<Preflight> {
  const done: Preflight['steps'][number][] = []
  for (const [step, run] of Object.entries(steps)) {
    try {
      const detail = await run()
      done.push({ name: step, ok: true, ...(detail && { detail }) })
    } catch (thrown) {
      done.push({ name: step, ok: false, detail: say(name, thrown) })
      await undo().catch(() => {})
      return { ok: false, steps: done }
    }
  }
  return { ok: true, steps: done }
}

function say(name: string, thrown: unknown): string {
  if (!isProblem(thrown)) return `${name} answered something we do not know.`
  return `${thrown.detail} ${thrown.next ?? ''}`.trim()
}

/** Answers nothing where it holds, otherwise what is wrong and what to do. */
export type Step<Call> = (call: Call, canary: IssueOrder) => Promise<string | undefined>

/** As `walk`, of steps that answer what is wrong. `explain`: what was thrown on the way. */
export async function play<Call>(
  steps: readonly (readonly [name: string, step: Step<Call>])[],
  { call, canary }: { call: Call; canary: IssueOrder },
  explain: (thrown: unknown) => Problem,
): Promise<Preflight> {
  const done: Preflight['steps'][number][] = []
  for (const [name, step] of steps) {
    const detail = await step(call, canary).catch((thrown: unknown) => sayProblem(explain(thrown)))
    done.push(detail === undefined ? { name, ok: true } : { name, ok: false, detail })
    if (detail !== undefined) break
  }
  return { ok: done.every(step => step.ok), steps: done }
}

export function sayProblem({ detail, next }: Problem): string {
  return next === undefined ? detail : `${detail} ${next}`
}

interface Settling {
  readonly isSo: (evidence: Evidence) => boolean
  readonly bounds: { readonly tries: number; readonly restMs: number }
  readonly refused: (detail: string) => Problem
  readonly signal: AbortSignal
}

/** Replicas learn of things a while later. */
export async function settled(
  look: () => Promise<Evidence>,
  { isSo, bounds, refused, signal }: Settling,
): Promise<void> {
  for (let tries = 1; ; tries++) {
    const evidence = await look()
    if (isSo(evidence)) return
    const isUnseen = evidence.listed === 'unknown' && evidence.credential === 'not-tried'
    if (tries === bounds.tries || isUnseen || signal.aborted)
      throw refused(whyNotGone(evidence) ?? 'It is gone.')
    await wait(bounds.restMs, undefined, { signal }).catch(() => {})
  }
}

export const isVerified = (evidence: Evidence) => judge(evidence) === 'verified-gone'

/** Undefined: it is. */
export function whyNotGone(evidence: Evidence): string | undefined {
  const state = judge(evidence)
  if (state === 'verified-gone') return undefined
  return `It is ${state}: ${evidence.because ?? (evidence.residue.join('; ') || 'as it was')}`
}

/** One that was left behind can be told from one at work by the time in its name. */
const canaryAgeSeconds = 300

/** May do nothing, under names of ours. */
export function newCanary(
  clock: Pick<Clock, 'now'>,
  of: Pick<IssueOrder, 'object'> & Partial<IssueOrder>,
  seconds = canaryAgeSeconds,
): IssueOrder {
  const now = clock.now()
  const id = `canary_${toSeconds(now)}_${randomBytes(8).toString('hex')}`
  return {
    principal: `${product.targetPrefix}_${id}`,
    holder: `${product.targetPrefix}g_${id}`,
    owner: `${product.targetPrefix}o_${id}`,
    actions: [],
    columns: [],
    secret: randomSecret(),
    deadline: addSeconds(now, seconds),
    endsAt: addSeconds(now, seconds),
    ...of,
  }
}

export function randomSecret(): string {
  return randomBytes(32).toString('base64url')
}

/**
 * Takes away canaries that were left behind. INVARIANT: nothing but a canary, whatever an app is called:
 * its second word is `canary` and its third a time. One of the last minutes can be another replica's.
 */
export async function sweepCanaries(
  names: readonly string[],
  clock: Pick<Clock, 'now'>,
  {
    end,
    removeHolder,
  }: Readonly<Record<'end' | 'removeHolder', (name: string) => Promise<unknown>>>,
): Promise<undefined> {
  const { targetPrefix: own } = product
  for (const name of names) {
    const [prefix = '', word, madeAt = ''] = name.split('_')
    const isOurs = [own, `${own}g`, `${own}o`].includes(prefix)
    if (!isOurs || word !== 'canary' || !/^\d{9,11}$/.test(madeAt)) continue
    if (Number(madeAt) > toSeconds(clock.now()) - canaryAgeSeconds) continue
    await (prefix === own ? end(name) : removeHolder(name))
  }
}
