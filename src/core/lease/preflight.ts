/** The canary: before a target is used, and daily, a whole cycle of a credential is played there. */
import { systemId, type TargetId } from '../base/ids.ts'
import { limits } from '../base/limits.ts'
import { Problem } from '../base/problem.ts'
import { msBetween } from '../base/time.ts'
import { raiseIn } from '../finding/raise.ts'
import { type TargetRow, targetTable } from '../grant/rows.ts'
import { lockRow } from '../ledger/find-row.ts'
import { entryKind } from '../ledger/kind.ts'
import { type LedgerWorld, recorded } from '../ledger/record.ts'
import type { Preflight } from '../target/target.ts'
import type { Targets } from './targets.ts'

const targetPreflight = entryKind('target.preflight', 'played a canary cycle at a target')

type PreflightWorld = LedgerWorld & { readonly targets: Targets }

/** Passes at once when the last canary is young enough; else plays one. Throws when it failed. */
export async function ensurePreflight(world: PreflightWorld, targetId: TargetId): Promise<void> {
  const row = world.replica.get(targetTable, targetId)
  if (row === undefined) throw new Problem('not-found', { detail: 'There is no such target.' })
  if (row.preflightState === 'passed' && !isOld(row, world)) return
  const { result } = await joinPreflight(world, targetId)
  if (result.ok) return
  const failed = result.steps.find(step => !step.ok)
  throw new Problem('target-refused', {
    detail: `\`${row.slug}\` failed its canary at the step "${failed?.name ?? 'unknown'}": ${failed?.detail ?? 'no detail'}.`,
    next: 'Compare its rights with docs/connectors and connect it again.',
  })
}

const playing = new WeakMap<Targets, Map<TargetId, ReturnType<typeof runPreflight>>>()

/** Many who come at once wait for one canary. */
function joinPreflight(world: PreflightWorld, targetId: TargetId) {
  const known = playing.get(world.targets) ?? new Map<TargetId, ReturnType<typeof runPreflight>>()
  playing.set(world.targets, known)
  const underWay =
    known.get(targetId) ?? runPreflight(world, targetId).finally(() => known.delete(targetId))
  known.set(targetId, underWay)
  return underWay
}

function isOld(row: Pick<TargetRow, 'preflightAt'>, world: LedgerWorld): boolean {
  const age = row.preflightAt === null ? Infinity : msBetween(row.preflightAt, world.clock.now())
  return age > limits.preflightHours * 3_600_000
}

export async function runPreflight(
  world: PreflightWorld,
  targetId: TargetId,
): Promise<{ result: Preflight; target: TargetRow }> {
  const result = await world.targets.call(targetId, 'issue', (target, signal) =>
    target.preflight(signal),
  )
  const target = await recorded(world, async scope => {
    const row = await lockRow(scope.tx, targetTable, targetId)
    if (row === undefined) throw new Problem('not-found', { detail: 'There is no such target.' })
    const saved = await scope.save(targetTable, row, {
      ...row,
      preflightState: result.ok ? 'passed' : 'failed',
      preflightAt: scope.at,
    })
    if (!result.ok)
      await raiseIn(scope, {
        kind: 'target-preflight',
        severity: 'high',
        about: targetId,
        ownerId: row.ownerId,
        details: { steps: result.steps.map(({ name, ok }) => ({ name, ok })) },
        words: `${row.slug} failed its canary cycle; nothing is issued there until it passes. Compare its rights with docs/connectors.`,
      })
    scope.entry({
      kind: targetPreflight,
      by: systemId('lease-sweep'),
      facts: { ok: result.ok, steps: result.steps.map(({ name, ok }) => ({ name, ok })) },
    })
    return saved
  })
  return { result, target }
}
