/**
 * What was granted and is not used: the owner of the app is told, some days later it rests, and one
 * word of theirs takes it up again. Nothing new is agreed by that: it is the same right, to its old end.
 *
 * Notes of use are exact to the hour, and of a lease's making; a task is a day long at most, so what is
 * used is noted daily.
 */
import { appTable } from '../app/rows.ts'
import type { GrantId } from '../base/ids.ts'
import { limits } from '../base/limits.ts'
import { checkPermit, type Permit } from '../base/permit.ts'
import { Problem } from '../base/problem.ts'
import { product } from '../base/product.ts'
import { raiseIn, resolveIn } from '../finding/raise.ts'
import { lockKnown, shareKnown } from '../ledger/fact-table.ts'
import { entryKind } from '../ledger/kind.ts'
import { type LedgerWorld, recorded } from '../ledger/record.ts'
import { type GrantRow, grantTable, resourceTable, unusedKind } from './rows.ts'

const grantUnused = entryKind('grant.unused', 'found a grant that is not used')
const grantRested = entryKind('grant.rest', 'let a grant rest that is not used')
const grantKept = entryKind('grant.keep', 'keeps a grant')

/** Tells the owner; their time to answer runs from here, however long we were away before. */
export async function tellUnused(
  world: LedgerWorld,
  permit: Permit<'grant.narrow'>,
  { grantId }: { grantId: GrantId },
): Promise<void> {
  checkPermit(permit, 'grant.narrow', grantId)
  await recorded(world, async scope => {
    const grant = await shareKnown(scope.tx, grantTable, grantId)
    const app = await shareKnown(scope.tx, appTable, grant.appId)
    const { slug } = await shareKnown(scope.tx, resourceTable, grant.resourceId)
    const { tellDays, restDays } = limits.unused[app.stage]
    await raiseIn(scope, {
      kind: unusedKind,
      severity: 'low',
      about: grantId,
      ownerId: app.ownerId,
      details: { appId: app.id, usedAt: grant.usedAt },
      words: `${app.slug} has not used ${slug} for ${tellDays} days; in ${restDays - tellDays} more it rests. Keep it, or give it back: ${product.command} show ${app.slug}`,
    })
    scope.entry({ kind: grantUnused, by: permit })
  })
}

/** Its leases end; agreed it stays. Over, resting or used meanwhile: nothing is recorded. */
export async function restGrant(
  world: LedgerWorld,
  permit: Permit<'grant.narrow'>,
  { grantId, unusedSince }: { grantId: GrantId; unusedSince: string },
): Promise<void> {
  checkPermit(permit, 'grant.narrow', grantId)
  await recorded(world, async scope => {
    const before = await lockKnown(scope.tx, grantTable, grantId)
    const isUsed = [before.usedAt, before.keptAt].some(
      at => typeof at === 'string' && at > unusedSince,
    )
    if (before.state !== 'live' || isUsed) return
    scope.entry({ kind: grantRested, by: permit })
    await scope.save(grantTable, before, { ...before, state: 'resting' })
  })
}

/** Takes up again what rests; of what is told to be unused, says that it stays. */
export async function keepGrant(
  world: LedgerWorld,
  permit: Permit<'grant.keep'>,
  { grantId }: { grantId: GrantId },
): Promise<GrantRow> {
  checkPermit(permit, 'grant.keep', grantId)
  return recorded(world, async scope => {
    const before = await lockKnown(scope.tx, grantTable, grantId)
    const isOver = before.endsAt <= scope.at || !['live', 'resting'].includes(before.state)
    if (isOver || before.requestId === null)
      throw new Problem('wrong-state', { detail: 'This grant is over.', next: 'Ask for it again.' })
    await resolveIn(scope, unusedKind, grantId)
    scope.entry({ kind: grantKept, by: permit })
    return scope.save(grantTable, before, { ...before, state: 'live', keptAt: scope.at })
  })
}
