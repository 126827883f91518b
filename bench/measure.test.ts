import { describe, expect, it } from 'vitest'
import {
  compare,
  compareCosts,
  measureAll,
  median,
  ownCpuMicros,
  quantile,
  type Side,
  treeCpuMicros,
} from './measure.ts'

/** A side that notes when it was called, and costs the CPU it is told to. */
function noted(name: string, calls: string[], cpuPerRun: number, count = 1): Side {
  let cpu = 0
  return {
    cpuMicros: () => cpu,
    async run(round) {
      calls.push(`${name}${round}`)
      cpu += cpuPerRun
      return count
    },
  }
}

const costs = (walls: readonly number[]) => walls.map(wall => ({ wall, cpu: wall }))

describe('two sides', () => {
  it('are measured in turn, round by round, warm-up first', async () => {
    const calls: string[] = []
    const [ours, peer] = [noted('a', calls, 1), noted('b', calls, 1)]
    await compare(ours, peer, { rounds: 2, warmUps: 1 })
    expect(calls).toEqual(['a-1', 'b-1', 'a0', 'b0', 'a1', 'b1'])
  })

  it('are not judged by their warm-up', async () => {
    let cpu = 0
    const side: Side = {
      cpuMicros: () => cpu,
      async run(round) {
        cpu += round < 0 ? 1_000_000 : 8
        return 4
      },
    }
    const compared = await compare(side, noted('b', [], 3), { rounds: 5, warmUps: 2 })
    expect(compared).toMatchObject({ rounds: 5, ours: { cpu: 2 }, peer: { cpu: 3 } })
    expect(compared.cpu).toEqual({ ratio: 1.5, spread: [1.5, 1.5], ends: [1.5, 1.5] })
  })

  it('that did nothing are no measurement', async () => {
    const nothing = noted('a', [], 1, 0)
    await expect(measureAll({ nothing }, { rounds: 1, warmUps: 0 })).rejects.toThrow(/did nothing/)
  })
})

describe('the ratio', () => {
  it('says how many times less ours costs', () => {
    expect(compareCosts(costs([2, 2]), costs([6, 6])).wall.ratio).toBe(3)
    expect(compareCosts(costs([6]), costs([3])).wall.ratio).toBe(0.5)
  })

  it('compares neighbours in time: a busy hour in the middle changes nothing', () => {
    const compared = compareCosts(costs([10, 10, 100, 100, 10]), costs([20, 20, 200, 200, 20]))
    expect(compared.wall).toEqual({ ratio: 2, spread: [2, 2], ends: [2, 2] })
  })

  it('shows how far the rounds lay apart', () => {
    const compared = compareCosts(costs([1, 1, 1, 1, 1]), costs([1, 2, 3, 4, 5]))
    expect(compared.wall).toEqual({ ratio: 3, spread: [2, 4], ends: [1, 5] })
  })
})

describe('a quantile', () => {
  it.each([
    [[3, 1, 2], 0.5, 2],
    [[4, 1, 2, 3], 0.5, 2.5],
    [[1, 2, 3, 4, 5], 0.25, 2],
    [[1, 2], 0.99, 1.99],
    [[7], 0.99, 7],
  ])('of %j at %d is %d', (values, share, expected) => {
    expect(quantile(values, share)).toBeCloseTo(expected, 10)
  })

  it('leaves the order of its values as it was', () => {
    const values = [3, 1, 2]
    median(values)
    expect(values).toEqual([3, 1, 2])
  })
})

describe.runIf(process.platform === 'linux')('the CPU of a process and its children', () => {
  it('grows with what this process does', () => {
    const before = treeCpuMicros(process.pid)
    const startedMicros = ownCpuMicros()
    while (ownCpuMicros() - startedMicros < 60_000) Math.sqrt(2)
    expect(treeCpuMicros(process.pid) - before).toBeGreaterThanOrEqual(40_000)
  })

  it('is nothing where there is no such process', () => {
    expect(treeCpuMicros(2 ** 30)).toBe(0)
  })
})
