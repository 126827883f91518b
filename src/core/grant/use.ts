/**
 * Notes that a grant was used, exact to the hour ("not used for 14 days"): in the transaction that
 * uses it, before that takes any other lock on the grant.
 */
import type { GrantId } from '../base/ids.ts'
import { limits } from '../base/limits.ts'
import { addSeconds } from '../base/time.ts'
import { findRow, lockRow } from '../ledger/find-row.ts'
import type { Scope } from '../ledger/record.ts'
import { type GrantRow, grantTable } from './rows.ts'

export async function useIn(scope: Scope, id: GrantId): Promise<void> {
  const isStale = ({ usedAt }: GrantRow) =>
    usedAt === null || addSeconds(usedAt, limits.usedAtSeconds) <= scope.at
  // Most uses are noted already: those wait for nobody.
  const known = await findRow(scope.tx, grantTable, id)
  if (known === undefined || !isStale(known)) return
  const grant = await lockRow(scope.tx, grantTable, id)
  if (grant === undefined || !isStale(grant)) return
  await scope.save(grantTable, grant, { ...grant, usedAt: scope.at })
}
