/** Which grants could allow a use: what policies are shown, one by one. Pure reading of memory. */
import { limits } from '../base/limits.ts'
import type { DataAction } from '../base/permit.ts'
import type { Instant } from '../base/time.ts'
import type { IdentityRole } from '../identity/spiffe.ts'
import type { Replica } from '../ledger/replica.ts'
import { type GrantRow, grantTable } from './rows.ts'

export interface Use extends Pick<GrantRow, 'appId' | 'resourceId'> {
  readonly role: IdentityRole
  readonly action: DataAction
  readonly now: Instant
}

/**
 * At most `limits.grantCandidates`, those that end last first, in an order that is the same
 * everywhere. Costs what the app has, whatever the installation has.
 */
export function matchGrants(replica: Replica, use: Use): GrantRow[] {
  return replica
    .by(grantTable, 'appId', use.appId)
    .filter(grant => covers(grant, use))
    .sort((a, b) => (a.endsAt === b.endsAt ? order(a.id, b.id) : order(b.endsAt, a.endsAt)))
    .slice(0, limits.grantCandidates)
}

function covers(grant: GrantRow, use: Use): boolean {
  return (
    grant.state === 'live' &&
    grant.endsAt > use.now &&
    grant.resourceId === use.resourceId &&
    grant.roles.includes(use.role) &&
    grant.actions.includes(use.action)
  )
}

function order(a: string, b: string): number {
  return a < b ? -1 : 1
}
