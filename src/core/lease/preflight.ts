/** The canary's answer: a target is used only while a whole cycle of a credential has passed there. */
import type { TargetId } from '../base/ids.ts'
import { limits } from '../base/limits.ts'
import { Problem } from '../base/problem.ts'
import { msBetween } from '../base/time.ts'
import { targetTable } from '../grant/rows.ts'
import { throwUnknown } from '../ledger/fact-table.ts'
import type { LedgerWorld } from '../ledger/record.ts'
import type { Preflight } from '../target/target.ts'

/** Plays a canary at the target now, or joins one under way, and writes down how it went. */
export type PlayCanary = (targetId: TargetId) => Promise<Preflight>

/** Passes at once when the last canary is young enough; else one is played. Throws when it failed. */
export async function ensurePreflight(
  world: LedgerWorld & { readonly playCanary: PlayCanary },
  targetId: TargetId,
): Promise<void> {
  const row = world.replica.get(targetTable, targetId) ?? throwUnknown('target')
  const { preflightState, preflightAt } = row
  const ageMs = preflightAt === null ? Infinity : msBetween(preflightAt, world.clock.now())
  if (preflightState === 'passed' && ageMs <= limits.preflightHours * 3_600_000) return
  const result = await world.playCanary(targetId)
  if (result.ok) return
  const failed = result.steps.find(step => !step.ok)
  throw new Problem('target-refused', {
    detail: `\`${row.slug}\` failed its canary at the step "${failed?.name ?? 'unknown'}": ${failed?.detail ?? 'no detail'}.`,
    next: 'Compare its rights with docs/connectors and connect it again.',
  })
}
