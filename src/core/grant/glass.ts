/**
 * Break-glass (design §3.11): a person takes one lease beyond policy, for work of their own app that
 * they do themselves, for half an hour at most and through a gateway alone. Written down before it
 * works, told to everybody who looks after findings, and open until somebody else has reviewed it.
 * What still holds then, policy says: a rule gives way only where it says so.
 */
import { requireIn } from '../app/app.ts'
import { appTable } from '../app/rows.ts'
import { limits } from '../base/limits.ts'
import { requirePerson } from '../base/permit.ts'
import { product } from '../base/product.ts'
import { parseText } from '../base/text.ts'
import { addSeconds, earliest } from '../base/time.ts'
import { raiseIn } from '../finding/raise.ts'
import { shareKnown } from '../ledger/fact-table.ts'
import { entryKind } from '../ledger/kind.ts'
import { verb } from '../ledger/verb.ts'
import { findInstallation } from '../people/rows.ts'
import { newGrant, offeredColumns } from './body.ts'
import { type GrantRow, grantTable, resourceTable } from './rows.ts'

const glassBroken = entryKind('glass.break', 'broke the glass')

type Breaking = Pick<GrantRow, 'id' | 'appId' | 'resourceId' | 'actions'> & {
  /** Why it can not wait, in the person's words. */
  readonly reason: string
}

export const breakGlass = verb('grant.break', 'id', async (scope, input: Breaking, by) => {
  const person = requirePerson(by, 'break the glass')
  const { reason, ...wanted } = input
  const words = parseText(reason, 'reason')
  const app = await shareKnown(scope.tx, appTable, input.appId)
  requireIn(app, ['active'], scope.at)
  const resource = await shareKnown(scope.tx, resourceTable, input.resourceId)
  const given = {
    ...wanted,
    // Never an agent's, whoever it acts for (design §3.11).
    roles: ['run'],
    targetId: resource.targetId,
    columns: offeredColumns(resource),
    unattended: false,
    glassBy: person,
    endsAt: earliest(addSeconds(scope.at, limits.glassSeconds), app.endsAt),
  } as const
  const grant = await scope.insert(grantTable, newGrant(await findInstallation(scope.tx), given))
  const { appId, resourceId, actions } = input
  await raiseIn(scope, {
    kind: 'glass-broken',
    severity: 'high',
    about: grant.id,
    ownerId: null,
    details: { by: person, appId, resourceId, actions },
    words: `The glass was broken for ${app.slug}: ${actions.join(', ')} ${resource.slug}, until ${grant.endsAt}. Why: ${words} Somebody else reviews it: ${product.command} trace ${app.slug}`,
  })
  scope.entry({ kind: glassBroken, by, facts: { resourceId, actions } })
  return grant
})
