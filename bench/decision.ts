/**
 * One decision: the compiled engine beside cedar-wasm, 30 policies, 4 entities, 10,000 questions no two
 * of which are the same, in another order each round, reasons on.
 *   ours   `CompiledEngine.ask`: reads the facts, holds them against the schema, evaluates
 *   peer   `statefulIsAuthorized` with schema and all 30 policies parsed before, the request validated
 * Beside it what decides today: `Engine.ask`, which gives cedar-wasm the policies of the action alone.
 * All answers are compared before anything is timed.
 */
import type { EngineAnswer, EngineCall } from '../src/core/policy/engine/cedar.ts'
import { Engine } from '../src/core/policy/engine/cedar.ts'
import { compileEngine } from '../src/core/policy/engine/compiled.ts'
import { differencesOf } from '../src/core/policy/engine/shadow.ts'
import { oracleOf } from '../test/support/cedar-oracle.ts'
import { seeded } from '../test/support/random-policies.ts'
import { makeCalls, makeIdentities, makeRules } from './decision-world.ts'
import { compareCosts, measureAll, type Side } from './measure.ts'
import { machine, type Row, ratioText, round3 } from './row.ts'

const policies = 30
const questions = 10_000
/** Ours is so quick that a round of it alone would be hard to time. */
const oursTimes = 5
const rounds = 5

interface Asking {
  ask(call: EngineCall): EngineAnswer
}

export async function benchDecision(progress: (text: string) => void): Promise<Row> {
  const world = makeRules(policies)
  const calls = makeCalls(questions, makeIdentities(5_000), 1)
  const ours = compileEngine(world.schema, world.policies)
  if (ours.fallsBack !== null) throw new Error(`not compiled: ${ours.fallsBack}`)
  const texts = Object.fromEntries([...world.policies].map(([id, { text }]) => [id, text]))
  const peer = oracleOf(world.schema, texts)
  const today = new Engine(world.schema, world.policies)
  const permitted = compareAnswers(ours, peer, calls)
  progress(`${questions} answers are the same, ${permitted} of them yes`)
  const costs = await measureAll(
    {
      ours: side(ours, calls, oursTimes),
      peer: side(peer, calls, 1),
      today: side(today, calls, 1),
    },
    { rounds, warmUps: 1, progress },
  )
  const compared = compareCosts(costs.ours, costs.peer)
  return {
    name: 'decision',
    ours: round3(compared.ours.wall),
    peer: round3(compared.peer.wall),
    unit: 'µs a decision',
    ratio: compared.wall.ratio,
    rounds: compared.rounds,
    spread: compared.wall.spread,
    extra: {
      policies,
      entities: 4,
      questions,
      permitted,
      cpuRatio: ratioText(compared.cpu),
      againstEngineOfToday: ratioText(compareCosts(costs.ours, costs.today).wall),
      ...machine(),
    },
  }
}

/** How many were permitted; throws where two engines differ. */
function compareAnswers(ours: Asking, peer: Asking, calls: readonly EngineCall[]): number {
  let permitted = 0
  for (const call of calls) {
    const answer = ours.ask(call)
    const differs = differencesOf(answer, peer.ask(call))
    if (differs.length > 0) throw new Error(`${differs.join()} differ: ${JSON.stringify(call)}`)
    if (answer.allowed) permitted++
  }
  return permitted
}

export function side(engine: Asking, calls: readonly EngineCall[], times: number): Side {
  return {
    async run(round) {
      const order = shuffled(calls, round + 100)
      for (let time = 0; time < times; time++) for (const call of order) engine.ask(call)
      return calls.length * times
    },
  }
}

function shuffled<T>(items: readonly T[], seed: number): T[] {
  const random = seeded(seed)
  const order = [...items]
  for (let at = order.length - 1; at > 0; at--) {
    const other = random.below(at + 1)
    const [a, b] = [order[at], order[other]]
    if (a === undefined || b === undefined) continue
    order[at] = b
    order[other] = a
  }
  return order
}
