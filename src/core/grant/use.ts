/**
 * Notes that a grant was used, exact to the hour ("not used for 14 days"): in the transaction that
 * uses it, before that takes any other lock on the grant.
 */
import type { GrantId } from '../base/ids.ts'
import { limits } from '../base/limits.ts'
import { addSeconds } from '../base/time.ts'
import type { Scope } from '../ledger/record.ts'
import { findGrant, type GrantRow, grantTable, lockGrant } from './rows.ts'

export async function useIn(scope: Scope, id: GrantId): Promise<void> {
  const isStale = ({ usedAt }: GrantRow) =>
    usedAt === null || addSeconds(usedAt, limits.usedAtSeconds) <= scope.at
  // Most uses are noted already: those wait for nobody.
  const known = await findGrant(scope.tx, id)
  if (known === undefined || !isStale(known)) return
  const grant = await lockGrant(scope.tx, id)
  if (grant === undefined || !isStale(grant)) return
  await scope.save(grantTable, grant, { ...grant, usedAt: scope.at })
}
