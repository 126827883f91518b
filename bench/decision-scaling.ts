/**
 * What a decision of the compiled engine costs with more: 30 policies and 1,000, 20 identities in memory
 * and 100,000. Three worlds in turn, each asked 10,000 different questions; a cost is that of a round
 * beside the round of the small world next to it.
 *
 * The ratio is the worse of the two against its goal: 3 times the cost for the policies, 1.2 times for
 * the identities; 1 or more keeps both.
 */
import { compileEngine } from '../src/core/policy/engine/compiled.ts'
import { side } from './decision.ts'
import { makeCalls, makeIdentities, makeRules } from './decision-world.ts'
import { compareCosts, measureAll, type Side } from './measure.ts'
import { machine, type Row, ratioText, round3 } from './row.ts'

const goals = { policies: 3, identities: 1.2 }
const questions = 10_000
const times = 5
const rounds = 9

export async function benchDecisionScaling(progress: (text: string) => void): Promise<Row> {
  const costs = await measureAll(
    { small: world(30, 20), policies: world(1_000, 20), identities: world(30, 100_000) },
    { rounds, warmUps: 2, progress },
  )
  const policies = compareCosts(costs.small, costs.policies).wall
  const identities = compareCosts(costs.small, costs.identities).wall
  const [worse, goal] =
    goals.policies / policies.ratio < goals.identities / identities.ratio
      ? [policies, goals.policies]
      : [identities, goals.identities]
  const against = (factor: number) => Number((goal / factor).toFixed(3))
  return {
    name: 'decision-scaling',
    ours: round3(worse.ratio),
    peer: goal,
    unit: worse === policies ? 'times for 1,000 policies' : 'times for 100,000 identities',
    ratio: against(worse.ratio),
    rounds,
    spread: [against(worse.spread[1]), against(worse.spread[0])],
    extra: {
      microsAt30And20: round3(compareCosts(costs.small, costs.small).ours.wall),
      policies30To1000: ratioText(policies),
      identities20To100000: ratioText(identities),
      goals,
      ...machine(),
    },
  }
}

function world(policies: number, identities: number): Side {
  const { schema, policies: rules } = makeRules(policies)
  const engine = compileEngine(schema, rules)
  if (engine.fallsBack !== null) throw new Error(`not compiled: ${engine.fallsBack}`)
  return side(engine, makeCalls(questions, makeIdentities(identities), 1), times)
}
