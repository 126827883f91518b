/**
 * Notes that a grant was used, exact to the hour ("not used for 14 days"): in the transaction that
 * uses it, before that takes any other lock on the grant.
 */
import type { GrantId } from '../base/ids.ts'
import { limits } from '../base/limits.ts'
import { Problem } from '../base/problem.ts'
import { addSeconds, type Instant } from '../base/time.ts'
import { resolveIn } from '../finding/raise.ts'
import { findRow, lockRow } from '../ledger/fact-table.ts'
import type { Scope } from '../ledger/record.ts'
import { type GrantRow, grantTable, isGlass, unusedKind } from './rows.ts'

export async function useIn(scope: Scope, id: GrantId): Promise<void> {
  // Noted meanwhile: those wait for nobody, as with what a task touched.
  const known = await findRow(scope.tx, grantTable, id)
  if (known === undefined || !isUseToNote(known, scope.at)) return
  const grant = await lockRow(scope.tx, grantTable, id)
  if (grant === undefined || !isUseToNote(grant, scope.at)) return
  if (isGlass(grant) && grant.usedAt !== null)
    throw new Problem('wrong-state', {
      detail: 'The glass was broken for one lease, and that was made.',
      next: 'Somebody else reviews it; then it can be broken again.',
    })
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
