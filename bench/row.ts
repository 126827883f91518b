/** What a bench says of itself: one line of JSON for programs, one line of a table for people. */
import { cpus, loadavg } from 'node:os'
import type { Ratio } from './measure.ts'

export interface Row {
  readonly name: string
  readonly ours: number
  /** The other way to do the same, or the goal where there is none. */
  readonly peer: number
  readonly unit: string
  /** How many times better ours is; below 1 is worse. */
  readonly ratio: number
  readonly rounds: number
  /** Quartiles of the rounds' own ratios. */
  readonly spread: readonly [number, number]
  /** What was measured beside it, in words and units of its own. */
  readonly extra: Readonly<Record<string, unknown>>
}

export type Bench = (progress: (text: string) => void) => Promise<Row>

/** A figure with a goal and no other side: a size or a time that should be small. */
export function againstGoal(
  name: string,
  figures: { ours: number; goal: number; unit: string; all?: readonly number[] },
  extra: Row['extra'],
): Row {
  const { ours, goal, unit, all = [ours] } = figures
  const ratios = all.map(each => goal / each).sort((a, b) => a - b)
  const spread = [ratios[0] ?? 0, ratios.at(-1) ?? 0].map(each => Number(each.toFixed(3)))
  return {
    name,
    ours,
    peer: goal,
    unit,
    ratio: Number((goal / ours).toFixed(3)),
    rounds: all.length,
    spread: [spread[0] ?? 0, spread[1] ?? 0],
    extra: { ...extra, spreadOf: 'ends', ...machine() },
  }
}

export function machine() {
  return {
    cores: cpus().length,
    load: Number((loadavg()[0] ?? 0).toFixed(1)),
    node: process.version,
  }
}

/** Numbers as people read them: three digits that count. */
export function round3(value: number): number {
  return Number(value.toPrecision(3))
}

export function ratioText({ ratio, spread }: Ratio): string {
  return `${ratio} (${spread.join(' to ')})`
}

export function tableOf(rows: readonly Row[]): string {
  const lines = rows.map(({ name, ours, peer, unit, ratio, rounds, spread }) =>
    [
      name.padEnd(18),
      `ours ${ours}`.padEnd(16),
      `peer ${peer}`.padEnd(16),
      unit.padEnd(26),
      `ratio ${ratio}`.padEnd(14),
      `${spread.join(' to ')}, ${rounds} rounds`,
    ].join(''),
  )
  return `${lines.join('\n')}\n`
}
