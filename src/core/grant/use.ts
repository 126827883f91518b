/** Notes that a grant was used, in the transaction that uses it; exact to the hour, for "not used for 14 days". */
import type { GrantId } from '../base/ids.ts'
import { limits } from '../base/limits.ts'
import { addSeconds } from '../base/time.ts'
import type { Scope } from '../ledger/record.ts'
import { grantTable, lockGrant } from './rows.ts'

export async function useIn(scope: Scope, id: GrantId): Promise<void> {
  const grant = await lockGrant(scope.tx, id)
  if (grant === undefined) return
  const { usedAt } = grant
  if (usedAt !== null && addSeconds(usedAt, limits.usedAtSeconds) > scope.at) return
  await scope.save(grantTable, grant, { ...grant, usedAt: scope.at })
}
