/**
 * `conformance -- cedar [--corpus FILE.tar.gz] [--sets N] [--seed N]`: the compiled engine, as a door
 * would use it, against what a corpus expects of Cedar; then against cedar-wasm itself on sets of
 * policies made at random, many with a `forbid` that errs. Decision, reasons and errors must be the
 * same; how an error is worded is each engine's own.
 */

import { randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import * as cedar from '@cedar-policy/cedar-wasm/nodejs'
import {
  type EngineAnswer,
  type EngineCall,
  parsePolicy,
} from '../../src/core/policy/engine/cedar.ts'
import { CompiledEngine, compileEngine } from '../../src/core/policy/engine/compiled.ts'
import { compileRule } from '../../src/core/policy/engine/rule.ts'
import { Rules } from '../../src/core/policy/engine/rules.ts'
import { differencesOf } from '../../src/core/policy/engine/shadow.ts'
import { readTypes } from '../../src/core/policy/engine/types.ts'
import { oracleOf } from '../support/cedar-oracle.ts'
import {
  randomCall,
  randomErringForbid,
  randomPolicy,
  randomSchema,
  seeded,
} from '../support/random-policies.ts'
import { readTarGz } from './tar.ts'

const defaultSets = 100_000
/** Policies and questions are made once and put together anew for each set: parsing is what costs. */
const pool = { policies: 4_000, erring: 1_000, calls: 4_000 }
const mostTold = 10

type Say = (text: string) => void

export function runCedar(args: string[], say: Say): { passed: number; failed: number } {
  const { values } = parseArgs({
    args,
    options: {
      corpus: { type: 'string' },
      sets: { type: 'string', default: String(defaultSets) },
      seed: { type: 'string', default: String(randomInt(2 ** 31)) },
    },
  })
  const tally = new Tally(say)
  if (values.corpus !== undefined) judgeCorpus(values.corpus, tally, say)
  judgeGenerated(Number(values.sets), Number(values.seed), tally, say)
  return tally
}

/** Counts, and tells of the first that failed. */
class Tally {
  passed = 0
  failed = 0
  readonly #say: Say

  constructor(say: Say) {
    this.#say = say
  }

  judge(name: string, ours: EngineAnswer, wanted: EngineAnswer): void {
    const differs = differencesOf(ours, wanted)
    if (differs.length === 0) this.passed++
    else this.fail(`${name}: ${differs.join(', ')}: ${JSON.stringify({ ours, wanted })}`)
  }

  fail(why: string): void {
    this.failed++
    if (this.failed <= mostTold) this.#say(`  ✕ ${why.slice(0, 1000)}`)
  }
}

interface CorpusTest {
  readonly schema: string
  readonly policies: string
  readonly entities: string
  readonly requests: readonly (Omit<EngineCall, 'entities'> & {
    readonly description: string
    readonly decision: 'allow' | 'deny'
    readonly reason: readonly string[]
    readonly errors: readonly string[]
  })[]
}

function judgeCorpus(file: string, tally: Tally, say: Say): void {
  const startedMs = performance.now()
  const files = readTarGz(readFileSync(file))
  const read = (name: string): string => {
    const body = files.get(name)
    if (body === undefined) throw new Error(`the corpus names ${name} and does not hold it`)
    return body.toString('utf8')
  }
  let sets = 0
  let elsewhere = 0
  for (const name of files.keys()) {
    if (!name.endsWith('.json') || name.endsWith('.entities.json')) continue
    const test = readExactly(read(name)) as CorpusTest
    const engine = engineOf(read(test.schema), read(test.policies), () => elsewhere++)
    if (typeof engine === 'string') {
      for (const request of test.requests) tally.fail(`${name} ${request.description}: ${engine}`)
      continue
    }
    sets++
    const entities = readExactly(read(test.entities)) as EngineCall['entities']
    for (const { description, decision, reason, errors, ...asked } of test.requests) {
      const wanted = { allowed: decision === 'allow', rules: reason, errors: errors.map(erring) }
      const { principal, action, resource, context } = asked
      const ours = engine.ask({ principal, action, resource, context, entities })
      tally.judge(`${name} ${description}`, ours, wanted)
    }
  }
  say(
    `corpus: ${sets} sets, ${tally.passed} the same, ${tally.failed} not, ` +
      `${elsewhere} questions left to cedar-wasm, ${secondsSince(startedMs)} s`,
  )
}

/** A text where there is no engine: why not. */
function engineOf(schema: string, text: string, onElsewhere: () => void): CompiledEngine | string {
  const parts = cedar.policySetTextToParts(text)
  if (parts.type === 'failure') return parts.errors[0]?.message ?? 'no policies'
  // Cedar names them by their place in the text and hands them out in the order of those names.
  const ids = parts.policies.map((_, place) => `policy${place}`).toSorted()
  const texts = new Map(parts.policies.map((policy, place) => [ids[place] ?? '', policy]))
  const oracle = oracleOf(schema, Object.fromEntries(texts))
  const fallback = {
    isIn: () => false,
    ask(call: EngineCall) {
      onElsewhere()
      return oracle.ask(call)
    },
  }
  try {
    const policies = new Map([...texts].map(([id, policy]) => [id, parsePolicy(policy)]))
    return compileEngine(schema, policies, fallback)
  } catch (thrown) {
    return (thrown as Error).message
  }
}

/** Whole numbers beyond 2^53 as they were written. */
function readExactly(text: string): unknown {
  return JSON.parse(text, (_, value: unknown, { source }: { source?: string } = {}) =>
    typeof value === 'number' && !Number.isSafeInteger(value) ? BigInt(source ?? '') : value,
  )
}

function erring(policyId: string): string {
  return `${policyId}: it errs`
}

function judgeGenerated(sets: number, seed: number, tally: Tally, say: Say): void {
  const startedMs = performance.now()
  say(`generated: seed ${seed}`)
  const random = seeded(seed)
  const types = readTypes(randomSchema)
  // Fewer sets take fewer parts; the same number and seed make the same again.
  const [plain, erring, calls] = [pool.policies, pool.erring, pool.calls].map(each =>
    Math.min(each, sets * 5),
  ) as [number, number, number]
  const made = Array.from({ length: plain + erring }, (_, place) => {
    const text = place < plain ? randomPolicy(random) : randomErringForbid(random)
    return { text, rule: compileRule(`policy${place}`, parsePolicy(text)) }
  })
  const questions = Array.from({ length: calls }, () => randomCall(random))
  const nobody = {
    isIn: () => false,
    ask: () => ({ allowed: false, rules: [], errors: ['the compiled engine did not take it'] }),
  }
  say(`  ${made.length} policies, ${calls} questions, ${secondsSince(startedMs)} s`)
  let erred = 0
  for (let n = 1; n <= sets; n++) {
    // Most are small: 2 to 50, and each with at least one that often errs.
    const size = 1 + Math.floor(50 * (random.below(1000) / 1000) ** 3)
    const chosen = new Set(Array.from({ length: size }, () => random.pick(made)))
    chosen.add(made[plain + random.below(erring)] ?? random.pick(made))
    for (const more of made) if (chosen.size < 2) chosen.add(more)
    const rules = [...chosen].slice(0, 50).map(({ rule }) => rule)
    const texts = [...chosen].slice(0, 50).map(({ rule, text }) => [rule.id, text])
    const call = random.pick(questions)
    const ours = new CompiledEngine(nobody, new Rules(types, rules)).ask(call)
    const wanted = oracleOf(randomSchema, Object.fromEntries(texts)).ask(call)
    tally.judge(`set ${n}`, ours, wanted)
    if (wanted.errors.length > 0) erred++
    if (n % 10_000 === 0) say(`  ${n} sets, ${secondsSince(startedMs)} s`)
  }
  say(`generated: ${sets} sets, ${erred} of them with errors, ${secondsSince(startedMs)} s`)
}

function secondsSince(startedMs: number): string {
  return ((performance.now() - startedMs) / 1000).toFixed(1)
}
