/**
 * The shadow: one question to two engines, and where their answers differ. For tests, and for samples
 * while the program runs; a difference is a finding, never an answer.
 */
import type { Engine, EngineAnswer, EngineCall } from './cedar.ts'

type Asking = Pick<Engine, 'ask'>

export type Difference = 'decision' | 'reasons' | 'errors'

export function compareEngines(one: Asking, other: Asking, call: EngineCall) {
  const answers = [one.ask(call), other.ask(call)] as const
  return { differs: differencesOf(...answers), answers }
}

/** Order means nothing, nor does how an error is worded; which policy erred does. */
export function differencesOf(one: EngineAnswer, other: EngineAnswer): Difference[] {
  const differs: Difference[] = []
  if (one.allowed !== other.allowed) differs.push('decision')
  if (!isSameList(one.rules, other.rules)) differs.push('reasons')
  if (!isSameList(erringOf(one), erringOf(other))) differs.push('errors')
  return differs
}

/** Ids of the policies that erred; one word where the question was refused as a whole. */
export function erringOf({ errors }: EngineAnswer): string[] {
  return [...new Set(errors.map(error => /^[\w.-]+(?=: )/.exec(error)?.[0] ?? '(refused)'))]
}

function isSameList(one: readonly string[], other: readonly string[]): boolean {
  return one.toSorted().join('\n') === other.toSorted().join('\n')
}
