/**
 * The compiled engine: what Cedar says about a question, by policies compiled to functions when they
 * are loaded. It answers as `Engine` does, for reading and working, many times faster.
 *
 * Not here: what mints or rules (issuing, approvals, trust, policy changes): there cedar-wasm decides.
 * What does not compile exactly makes the whole set cedar-wasm's, and a question that does not plainly
 * fit the schema is cedar-wasm's too: nothing is ever nearly the same.
 */
import { Engine, type EngineAnswer, type EngineCall, type Policy } from './cedar.ts'
import { type Frame, readCall } from './frame.ts'
import { compileRule } from './rule.ts'
import { Rules } from './rules.ts'
import { NotExact, readTypes } from './types.ts'
import { Fault } from './value.ts'

/** What answers where the compiled engine does not: the same policies under the same schema. */
type Fallback = Pick<Engine, 'ask' | 'isIn'>

/** As `new Engine`: both must have been found valid, else every answer is a denial with errors. */
export function compileEngine(
  schema: string,
  policies: ReadonlyMap<string, Policy>,
  cedar: Fallback = new Engine(schema, policies),
): CompiledEngine {
  let at = 'the schema'
  try {
    const types = readTypes(schema)
    const rules = [...policies].map(([id, policy]) => {
      at = `\`${id}\``
      return compileRule(id, policy)
    })
    return new CompiledEngine(cedar, new Rules(types, rules))
  } catch (thrown) {
    if (!(thrown instanceof NotExact)) throw thrown
    return new CompiledEngine(cedar, `${at}: ${thrown.message}`)
  }
}

export class CompiledEngine {
  /** Why cedar-wasm answers everything; null where the policies are compiled. */
  readonly fallsBack: string | null
  readonly #cedar: Fallback
  readonly #rules: Rules | undefined

  /** A text instead of rules says why `cedar` answers everything. */
  constructor(cedar: Fallback, rules: Rules | string) {
    this.#cedar = cedar
    this.fallsBack = typeof rules === 'string' ? rules : null
    this.#rules = typeof rules === 'string' ? undefined : rules
  }

  ask(call: EngineCall): EngineAnswer {
    try {
      const frame = this.#rules === undefined ? undefined : readCall(this.#rules.types, call)
      if (this.#rules === undefined || frame === undefined) return this.#cedar.ask(call)
      return answer(this.#rules, frame)
    } catch (thrown) {
      // Too much, or something that is no question at all: a denial with errors, as cedar-wasm's.
      return { allowed: false, rules: [], errors: [(thrown as Error).message] }
    }
  }

  isIn(action: string, group: string): boolean {
    return this.#cedar.isIn(action, group)
  }
}

/** A forbid that holds outweighs every permit; a policy that can not be evaluated is passed over. */
function answer(rules: Rules, frame: Frame): EngineAnswer {
  const permits: string[] = []
  const forbids: string[] = []
  const errors: string[] = []
  rules.each(frame, ({ id, effect, holds }) => {
    try {
      if (holds(frame)) (effect === 'permit' ? permits : forbids).push(id)
    } catch (thrown) {
      if (!(thrown instanceof Fault)) throw thrown
      errors.push(`${id}: ${thrown.message}`)
    }
  })
  const allowed = forbids.length === 0 && permits.length > 0
  return { allowed, rules: forbids.length > 0 ? forbids : permits, errors }
}
