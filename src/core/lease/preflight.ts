/** The canary's answer: a target is used only while a whole cycle of a credential has passed there. */
import type { TargetId } from '../base/ids.ts'
import { limits } from '../base/limits.ts'
import { Problem } from '../base/problem.ts'
import { product } from '../base/product.ts'
import { msBetween } from '../base/time.ts'
import { findingTable } from '../finding/rows.ts'
import { targetTable } from '../grant/rows.ts'
import { throwUnknown } from '../ledger/fact-table.ts'
import type { LedgerWorld } from '../ledger/record.ts'
import type { Preflight } from '../target/target.ts'

/** Plays a canary at the target now, or joins one under way, and writes down how it went. */
export type PlayCanary = (targetId: TargetId) => Promise<Preflight>

/**
 * Passes at once when the last canary is young enough, and nothing got stuck there since; else one is
 * played. Throws when it failed, or our own credential there is over: ending and looking go on all the same.
 */
export async function ensurePreflight(
  world: LedgerWorld & { readonly playCanary: PlayCanary },
  targetId: TargetId,
): Promise<void> {
  const row = world.replica.get(targetTable, targetId) ?? throwUnknown('target')
  const { slug, preflightState, preflightAt, adminEndsAt } = row
  const now = world.clock.now()
  if (adminEndsAt <= now)
    throw new Problem('target-refused', {
      detail: `The credential we use at \`${slug}\` ended at ${adminEndsAt}: nothing new is issued there.`,
      next: `Its owner makes it anew: ${product.command} connect rotate ${slug}, or connects it again.`,
    })
  const stuck = world.replica.by(findingTable, 'kind', 'lease-stuck')
  const since = preflightAt ?? now
  const isStuck = stuck.some(each => each.details['targetId'] === targetId && each.madeAt > since)
  const isYoung = msBetween(since, now) <= limits.preflightHours * 3_600_000
  if (preflightState === 'passed' && isYoung && !isStuck) return
  const result = await world.playCanary(targetId)
  if (result.ok) return
  const failed = result.steps.find(step => !step.ok)
  throw new Problem('target-refused', {
    detail: `\`${slug}\` failed its canary at the step "${failed?.name ?? 'unknown'}": ${failed?.detail ?? 'no detail'}.`,
    next: 'Compare its rights with docs/connectors and connect it again.',
  })
}
