/** Ends trust rules and identities, for good. What was issued to them is ended by who issued it. */
import { type IdentityId, systemId, type TrustRuleId } from '../base/ids.ts'
import { checkPermit, type Permit, type PermitFor } from '../base/permit.ts'
import { forEachDue } from '../base/sweep.ts'
import { lockKnown } from '../ledger/find-row.ts'
import { entryKind } from '../ledger/kind.ts'
import { type LedgerWorld, recorded } from '../ledger/record.ts'
import {
  type IdentityRow,
  identityTable,
  listLeftIdentities,
  lockTrustRulesOf,
  type TrustRuleRow,
  trustRuleTable,
} from './rows.ts'

const trustRemoved = entryKind('trust.remove', 'removed a trust rule')
const identityRevoked = entryKind('identity.revoke', 'revoked an identity')

/** Less trust needs nobody's agreement. Removing it again changes nothing. */
export async function removeTrustRule(
  world: LedgerWorld,
  permit: Permit<'trust.remove'>,
  input: { ruleId: TrustRuleId },
): Promise<TrustRuleRow> {
  checkPermit(permit, 'trust.remove', input.ruleId)
  return recorded(world, async scope => {
    const rule = await lockKnown(scope.tx, trustRuleTable, input.ruleId)
    if (rule.state === 'revoked') return rule
    scope.entry({ kind: trustRemoved, by: permit })
    return scope.save(trustRuleTable, rule, { ...rule, state: 'revoked', endedAt: scope.at })
  })
}

/** Revokes an identity and every rule that trusts somebody to be it. Again changes nothing. */
export async function revokeIdentity(
  world: LedgerWorld,
  permit: Permit<'identity.revoke'>,
  input: { identityId: IdentityId },
): Promise<IdentityRow> {
  checkPermit(permit, 'identity.revoke', input.identityId)
  return recorded(world, async scope => {
    const identity = await lockKnown(scope.tx, identityTable, input.identityId)
    if (identity.state === 'revoked') return identity
    const end = { state: 'revoked', endedAt: scope.at } as const
    for (const rule of await lockTrustRulesOf(scope.tx, identity.id))
      await scope.save(trustRuleTable, rule, { ...rule, ...end })
    scope.entry({ kind: identityRevoked, by: permit })
    return scope.save(identityTable, identity, { ...identity, ...end })
  })
}

const sweeper = systemId('app-sweep')

/** Revokes what apps that are over still have. Returns how many. */
export async function sweepIdentities(
  world: LedgerWorld & { readonly permitFor: PermitFor },
): Promise<number> {
  return forEachDue(await listLeftIdentities(world.store), ({ id }) => {
    const permit = world.permitFor(sweeper, 'identity.revoke', { type: 'identity', id })
    return revokeIdentity(world, permit, { identityId: id })
  })
}
