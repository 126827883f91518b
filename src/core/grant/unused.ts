/**
 * A grant that nobody uses rests, and one word of its owner takes it up again: the same right, to its old
 * end, so nothing new is agreed. Who is told, and when it is time, is `life/unused`.
 */
import type { GrantId } from '../base/ids.ts'
import { limits } from '../base/limits.ts'
import { problemOf } from '../base/problem.ts'
import { addSeconds, type Instant } from '../base/time.ts'
import { resolveIn } from '../finding/raise.ts'
import { findRow, lockKnown, lockRow } from '../ledger/fact-table.ts'
import { entryKind } from '../ledger/kind.ts'
import type { Scope } from '../ledger/record.ts'
import { verb } from '../ledger/verb.ts'
import { type GrantRow, grantTable, isGlass, unusedKind } from './rows.ts'

const grantRested = entryKind('grant.rest', 'let a grant rest that is not used')
const grantKept = entryKind('grant.keep', 'keeps a grant')

type Unused = { grantId: GrantId; unusedSince: Instant }

/** Its leases end; agreed it stays. Over, resting or used meanwhile: nothing is recorded. */
export const restGrant = verb('grant.narrow', 'grantId', async (scope, input: Unused, by) => {
  const before = await lockKnown(scope.tx, grantTable, input.grantId)
  const { usedAt, keptAt } = before
  const isUsed = [usedAt, keptAt].some(at => at !== null && at > input.unusedSince)
  if (before.state !== 'live' || isUsed) return
  scope.entry({ kind: grantRested, by })
  await scope.save(grantTable, before, { ...before, state: 'resting' })
})

/** Takes up again what rests; of what is told to be unused, says that it stays. */
export const keepGrant = verb('grant.keep', 'grantId', async (scope, { grantId }, by) => {
  const before = await lockKnown(scope.tx, grantTable, grantId)
  const isOver = before.endsAt <= scope.at || !['live', 'resting'].includes(before.state)
  if (isOver || before.requestId === null) throw problemOf('grant-over')
  await resolveIn(scope, unusedKind, grantId)
  scope.entry({ kind: grantKept, by })
  return scope.save(grantTable, before, { ...before, state: 'live', keptAt: scope.at })
})

/**
 * Notes that a grant was used, exact to the hour ("not used for 14 days"): in the transaction that
 * uses it, before that takes any other lock on the grant.
 */
export async function useIn(scope: Scope, id: GrantId): Promise<void> {
  // Noted meanwhile: those wait for nobody, as with what a task touched.
  const known = await findRow(scope.tx, grantTable, id)
  if (known === undefined || !isUseToNote(known, scope.at)) return
  const grant = await lockRow(scope.tx, grantTable, id)
  if (grant === undefined || !isUseToNote(grant, scope.at)) return
  if (isGlass(grant) && grant.usedAt !== null) throw problemOf('glass-already-used')
  await scope.save(grantTable, grant, { ...grant, usedAt: scope.at })
  await resolveIn(scope, unusedKind, id)
}

/**
 * A use is to be noted. Notes only get newer: where memory says no, it is no, and nobody waits. Of one
 * that may be used once, each is.
 */
export function isUseToNote(
  { usedAt, glassBy }: Pick<GrantRow, 'usedAt' | 'glassBy'>,
  now: Instant,
): boolean {
  return usedAt === null || isGlass({ glassBy }) || addSeconds(usedAt, limits.usedAtSeconds) <= now
}
