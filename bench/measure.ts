/**
 * Two ways to do the same work, measured fairly: round by round in turn (A/B/A/B), so that whatever
 * else the machine does meets both; medians, and how far the rounds lay apart.
 *
 * INVARIANT: the ratio of a bench is the median of its rounds' own ratios, each of two neighbours in
 * time. Medians of the two sides alone would compare moments of different load.
 */
import { readFileSync } from 'node:fs'

/** What a side did in one round. Work it left for later (queues, goodbyes) must be over by then. */
export interface Side {
  /** One round; resolves to how many operations it did. */
  run(round: number): Promise<number>
  /** CPU so far of all processes that work for this side, in microseconds; ours alone where absent. */
  cpuMicros?: () => number | Promise<number>
}

/** Microseconds for one operation. */
export interface Cost {
  readonly wall: number
  readonly cpu: number
}

export interface Compared {
  readonly rounds: number
  readonly ours: Cost
  readonly peer: Cost
  readonly wall: Ratio
  readonly cpu: Ratio
}

/** How many times less ours costs: the median of the rounds, their quartiles, their ends. */
export interface Ratio {
  readonly ratio: number
  readonly spread: readonly [number, number]
  readonly ends: readonly [number, number]
}

export interface Rounds {
  readonly rounds: number
  /** Rounds of each side before the first that counts. */
  readonly warmUps: number
  readonly progress?: (text: string) => void
}

export async function compare(ours: Side, peer: Side, how: Rounds): Promise<Compared> {
  const costs = await measureAll({ ours, peer }, how)
  return compareCosts(costs.ours, costs.peer)
}

/** Any number of sides in turn; the costs of each round that counted. */
export async function measureAll<N extends string>(
  sides: Record<N, Side>,
  { rounds, warmUps, progress }: Rounds,
): Promise<Record<N, Cost[]>> {
  const names = Object.keys(sides) as N[]
  const costs = Object.fromEntries(names.map(name => [name, [] as Cost[]])) as Record<N, Cost[]>
  for (let round = -warmUps; round < rounds; round++) {
    const told: string[] = []
    for (const name of names) {
      const cost = await measureOnce(sides[name], round)
      if (round >= 0) costs[name].push(cost)
      told.push(`${name} ${Math.round(cost.wall)}`)
    }
    progress?.(`round ${round < 0 ? 'warm-up' : round + 1}: ${told.join(', ')} µs`)
  }
  return costs
}

export function compareCosts(ours: readonly Cost[], peer: readonly Cost[]): Compared {
  const costOf = (costs: readonly Cost[]) => ({
    wall: median(costs.map(cost => cost.wall)),
    cpu: median(costs.map(cost => cost.cpu)),
  })
  const ratioOf = (what: keyof Cost) =>
    summarize(ours.map((cost, round) => (peer[round]?.[what] ?? Number.NaN) / cost[what]))
  return {
    rounds: ours.length,
    ours: costOf(ours),
    peer: costOf(peer),
    wall: ratioOf('wall'),
    cpu: ratioOf('cpu'),
  }
}

async function measureOnce(side: Side, round: number): Promise<Cost> {
  const cpuMicros = side.cpuMicros ?? ownCpuMicros
  const cpuBefore = await cpuMicros()
  const startedMs = performance.now()
  const count = await side.run(round)
  const wallMicros = (performance.now() - startedMs) * 1000
  const cpu = (await cpuMicros()) - cpuBefore
  if (!(count > 0)) throw new Error('a round did nothing')
  return { wall: wallMicros / count, cpu: cpu / count }
}

export function summarize(ratios: readonly number[]): Ratio {
  const at = (share: number) => Number(quantile(ratios, share).toFixed(3))
  return { ratio: at(0.5), spread: [at(0.25), at(0.75)], ends: [at(0), at(1)] }
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** Linear between the two nearest values (the usual definition, R's type 7). */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const place = (sorted.length - 1) * share
  const low = sorted[Math.floor(place)] ?? Number.NaN
  const high = sorted[Math.ceil(place)] ?? Number.NaN
  return low + (high - low) * (place - Math.floor(place))
}

export function ownCpuMicros(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}

/** CPU of a process and everything it started, living or over, in microseconds. Linux; 0 elsewhere. */
export function treeCpuMicros(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    // utime, stime, and the same of children that are over and waited for.
    const ticks = fields.slice(11, 15).reduce((sum, each) => sum + Number(each), 0)
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
    const living = children === '' ? [] : children.split(' ').map(Number)
    return ticks * tickMicros + living.reduce((sum, child) => sum + treeCpuMicros(child), 0)
  } catch {
    return 0
  }
}

/** The kernel counts in hundredths of a second on every system Node runs on. */
const tickMicros = 10_000
