/** The canary: before a target is used, and daily, a whole cycle of a credential is played there. */
import { systemId, type TargetId } from '../../core/base/ids.ts'
import { raiseIn, resolveIn } from '../../core/finding/raise.ts'
import { targetTable } from '../../core/grant/rows.ts'
import type { Targets } from '../../core/lease/targets.ts'
import { lockKnown } from '../../core/ledger/fact-table.ts'
import { entryKind } from '../../core/ledger/kind.ts'
import { type LedgerWorld, recorded } from '../../core/ledger/record.ts'

const targetPreflight = entryKind('target.preflight', 'played a canary cycle at a target')

export type CanaryWorld = LedgerWorld & { readonly targets: Targets }

const playing = new WeakMap<Targets, Map<TargetId, Promise<Played>>>()

type Played = Awaited<ReturnType<typeof playCanary>>

/** Plays one, or joins the one under way: many who come at once wait for one canary. */
export function joinCanary(world: CanaryWorld, targetId: TargetId): Promise<Played> {
  const known = playing.get(world.targets) ?? new Map<TargetId, Promise<Played>>()
  playing.set(world.targets, known)
  const underWay =
    known.get(targetId) ?? playCanary(world, targetId).finally(() => known.delete(targetId))
  known.set(targetId, underWay)
  return underWay
}

export async function playCanary(world: CanaryWorld, targetId: TargetId) {
  const result = await world.targets.call(targetId, 'issue', (target, signal) =>
    target.preflight(signal),
  )
  const steps = result.steps.map(({ name, ok }) => ({ name, ok }))
  const target = await recorded(world, async scope => {
    const row = await lockKnown(scope.tx, targetTable, targetId)
    const saved = await scope.save(targetTable, row, {
      ...row,
      preflightState: result.ok ? 'passed' : 'failed',
      preflightAt: scope.at,
    })
    if (result.ok) await resolveIn(scope, 'target-preflight', targetId)
    else
      await raiseIn(scope, {
        kind: 'target-preflight',
        severity: 'high',
        about: targetId,
        ownerId: row.ownerId,
        details: { steps },
        words: `${row.slug} failed its canary cycle; nothing is issued there until it passes. Compare its rights with docs/connectors.`,
      })
    const by = systemId('lease-sweep')
    scope.entry({ kind: targetPreflight, by, facts: { ok: result.ok, steps } })
    return saved
  })
  return { result, target }
}
