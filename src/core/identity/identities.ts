/**
 * The identities of an app: one for each role, so that what may build can not publish. Revoked for
 * good; what was issued to them is ended by who issued it.
 */
import { appTable } from '../app/rows.ts'
import { type AppId, newId } from '../base/ids.ts'
import { assert, problemOf } from '../base/problem.ts'
import { forEachDue } from '../base/sweep.ts'
import { findWhere, lockKnown } from '../ledger/fact-table.ts'
import { entryKind } from '../ledger/kind.ts'
import type { SweepWorld } from '../ledger/record.ts'
import { verb } from '../ledger/verb.ts'
import { findInstallation } from '../people/rows.ts'
import * as rows from './rows.ts'
import { type IdentityRole, spiffeId } from './spiffe.ts'

const identitiesMade = entryKind('identity.make', 'gave the app its identities')
const identityRevoked = entryKind('identity.revoke', 'revoked an identity')

type Wanted = { appId: AppId; roles: readonly IdentityRole[] }

/**
 * The app's active identities of these roles, made where they lack. Problem `already-exists` where an
 * app that is over had this name: a SPIFFE id is given once, or trust in the old one would revive.
 */
export const makeIdentities = verb('app.make', 'appId', async (scope, input: Wanted, by) => {
  const app = await lockKnown(scope.tx, appTable, input.appId)
  if (app.state !== 'active') throw problemOf('no-identities-in-this-state', { state: app.state })
  const installation = await findInstallation(scope.tx)
  assert(installation, 'an app is made in an installation')
  const all = await rows.listIdentities(scope.tx, app.id)
  const known = all.filter(({ state }) => state === 'active')
  const made: rows.IdentityRow[] = []
  for (const role of new Set(input.roles)) {
    if (known.some(identity => identity.role === role)) continue
    const named = spiffeId({ trustDomain: installation.trustDomain, slug: app.slug, role })
    const taken = await findWhere(scope.tx, rows.identityTable, { spiffeId: named })
    if (taken !== undefined)
      throw problemOf('name-was-used-before', { slug: app.slug, field: 'slug' })
    const identity = { id: newId('identity'), appId: app.id, role, spiffeId: named }
    made.push(await scope.insert(rows.identityTable, { ...identity, state: 'active' }))
  }
  if (made.length > 0) scope.entry({ kind: identitiesMade, by })
  return [...known, ...made].filter(({ role }) => input.roles.includes(role))
})

/** Revokes an identity and every rule that trusts somebody to be it. Again changes nothing. */
export const revokeIdentity = verb(
  'identity.revoke',
  'identityId',
  async (scope, { identityId }, by) => {
    const identity = await lockKnown(scope.tx, rows.identityTable, identityId)
    if (identity.state === 'revoked') return identity
    const end = { state: 'revoked', endedAt: scope.at } as const
    for (const rule of await rows.lockTrustRulesOf(scope.tx, identity.id))
      await scope.save(rows.trustRuleTable, rule, { ...rule, ...end })
    scope.entry({ kind: identityRevoked, by })
    return scope.save(rows.identityTable, identity, { ...identity, ...end })
  },
)

/** Revokes what apps that are over still have. Returns how many. */
export async function sweepIdentities(world: SweepWorld): Promise<number> {
  const left = await rows.listLeftIdentities(world.store)
  return forEachDue(left, ({ id }) =>
    revokeIdentity.bySweep(world, 'app-sweep', { identityId: id }),
  )
}
