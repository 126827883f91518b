/** Makes the identities of an app: one for each role, so that what may build can not publish. */
import { appTable } from '../app/rows.ts'
import { type AppId, newId } from '../base/ids.ts'
import { checkPermit, type Permit } from '../base/permit.ts'
import { assert, Problem } from '../base/problem.ts'
import { findWhere, lockKnown } from '../ledger/find-row.ts'
import { entryKind } from '../ledger/kind.ts'
import { type LedgerWorld, recorded } from '../ledger/record.ts'
import { findInstallation } from '../people/rows.ts'
import { type IdentityRow, identityTable, listIdentities } from './rows.ts'
import { type IdentityRole, spiffeId } from './spiffe.ts'

const identitiesMade = entryKind('identity.make', 'gave the app its identities')

/**
 * The app's active identities of these roles, made where they lack. Problem `already-exists` where an
 * app that is over had this name: a SPIFFE id is given once, or trust in the old one would revive.
 */
export async function makeIdentities(
  world: LedgerWorld,
  permit: Permit<'app.make'>,
  input: { appId: AppId; roles: readonly IdentityRole[] },
): Promise<IdentityRow[]> {
  checkPermit(permit, 'app.make', input.appId)
  return recorded(world, async scope => {
    const app = await lockKnown(scope.tx, appTable, input.appId)
    if (app.state !== 'draft' && app.state !== 'active')
      throw new Problem('wrong-state', {
        detail: `An app that is ${app.state} gets no identities.`,
      })
    const installation = await findInstallation(scope.tx)
    assert(installation, 'an app is made in an installation')
    const known = (await listIdentities(scope.tx, app.id)).filter(({ state }) => state === 'active')
    const made: IdentityRow[] = [...new Set(input.roles)]
      .filter(role => !known.some(identity => identity.role === role))
      .map(role => ({
        id: newId('identity'),
        version: 1,
        appId: app.id,
        role,
        spiffeId: spiffeId({ trustDomain: installation.trustDomain, slug: app.slug, role }),
        state: 'active',
        madeAt: scope.at,
        endedAt: null,
      }))
    for (const identity of made) {
      const { spiffeId } = identity
      const taken = await findWhere(scope.tx, identityTable, { spiffeId })
      if (taken !== undefined) throw nameTaken(app.slug)
      await scope.insert(identityTable, identity)
    }
    if (made.length > 0) scope.entry({ kind: identitiesMade, by: permit })
    return [...known, ...made].filter(({ role }) => input.roles.includes(role))
  })
}

function nameTaken(slug: string): Problem {
  return new Problem('already-exists', {
    field: 'slug',
    detail: `An identity named \`${slug}\` existed before, and its name is never given again.`,
    next: 'Choose another name for the app.',
  })
}
