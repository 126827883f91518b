/** Adds a trust rule: one that people agreed to, or the owner's own part in their app. */

import { readAgreed } from '../approval/agreed.ts'
import type { IdentityId, RequestId, TrustRuleId } from '../base/ids.ts'
import { checkPermit, type Permit } from '../base/permit.ts'
import { Problem } from '../base/problem.ts'
import { findRow, findWhere, lockRow } from '../ledger/find-row.ts'
import { entryKind } from '../ledger/kind.ts'
import { type LedgerWorld, recorded, type Scope } from '../ledger/record.ts'
import type { Part } from './presets/person.ts'
import { identityTable, type TrustRuleRow, trustRuleTable } from './rows.ts'
import {
  anchorOf,
  proposeTrust,
  type TrustBody,
  type TrustProposal,
  type TrustWorld,
} from './trust.ts'

const trustAdded = entryKind('trust.add', 'let a caller prove that it is this identity')

/**
 * Applies an agreed request of kind `trust`, once: again it answers the rule that is there. Problems
 * of `readAgreed`, and of `proposeTrust` where what was agreed is no longer possible.
 */
export async function trustAgreed(
  world: LedgerWorld & TrustWorld,
  permit: Permit<'trust.add'>,
  input: { id: TrustRuleId; requestId: RequestId },
): Promise<TrustRuleRow> {
  checkPermit(permit, 'trust.add', input.id)
  return recorded(world, async scope => {
    const { request, body } = await readAgreed(scope, input.requestId, 'trust')
    const known = await findWhere(scope.tx, trustRuleTable, { requestId: request.id })
    if (known !== undefined) return known
    // Held to the same rules as on the day it was proposed.
    const proposed = proposeTrust(world, body as unknown as TrustProposal)
    return insertRule(scope, permit, proposed, { ...input })
  })
}

/**
 * Lets the owner or backup of the app do its work from their own machine. Owning the app is agreement
 * enough, so there is no request; any other trust is asked for.
 */
export async function addTrustRule(
  world: LedgerWorld & TrustWorld,
  permit: Permit<'trust.add'>,
  input: { id: TrustRuleId; identityId: IdentityId; as: readonly Part[] },
): Promise<TrustRuleRow> {
  checkPermit(permit, 'trust.add', input.id)
  const { identityId, as } = input
  const body = proposeTrust(world, { identityId, preset: 'person', claims: { as } })
  return recorded(world, async scope => {
    const known = await findRow(scope.tx, trustRuleTable, input.id)
    if (known !== undefined) return known
    return insertRule(scope, permit, body, { id: input.id, requestId: null })
  })
}

async function insertRule(
  scope: Scope,
  permit: Permit<'trust.add'>,
  body: TrustBody,
  { id, requestId }: { id: TrustRuleId; requestId: RequestId | null },
): Promise<TrustRuleRow> {
  const identity = await lockRow(scope.tx, identityTable, body.identityId)
  if (identity?.state !== 'active')
    throw new Problem('wrong-state', { detail: 'This identity was revoked meanwhile.' })
  const anchor = anchorOf(body.issuer, body.claims)
  const fixed = { version: 1, state: 'active', madeAt: scope.at, endedAt: null } as const
  const rule: TrustRuleRow = { id, ...body, anchor, requestId, ...fixed }
  await scope.insert(trustRuleTable, rule)
  scope.entry({ kind: trustAdded, by: permit })
  return rule
}
