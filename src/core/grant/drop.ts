/** Ends grants: given back, or by what they hang on; and takes what is no longer offered. All for good. */
import { type GrantId, systemId } from '../base/ids.ts'
import { checkPermit, type Permit } from '../base/permit.ts'
import { assert } from '../base/problem.ts'
import { forEachDue } from '../base/sweep.ts'
import { lockKnown } from '../ledger/fact-table.ts'
import { entryKind } from '../ledger/kind.ts'
import { type LedgerWorld, recorded, type SweepWorld } from '../ledger/record.ts'
import { type GrantRow, grantTable, listDueGrants } from './rows.ts'

const grantDropped = entryKind('grant.drop', 'gave the grant back')
const grantEnded = entryKind('grant.end', 'ended the grant')
const grantNarrowed = entryKind('grant.narrow', 'narrowed the grant')

/** Over already: the grant as it is, and nothing is recorded. `ended`: by what it hung on. */
export async function dropGrant(
  world: LedgerWorld,
  permit: Permit<'grant.drop'>,
  { grantId: id }: { grantId: GrantId },
  state: 'dropped' | 'ended' = 'dropped',
): Promise<GrantRow> {
  checkPermit(permit, 'grant.drop', id)
  return recorded(world, async scope => {
    const before = await lockKnown(scope.tx, grantTable, id)
    if (before.state !== 'live' && before.state !== 'resting') return before
    scope.entry({ kind: state === 'dropped' ? grantDropped : grantEnded, by: permit })
    return scope.save(grantTable, before, { ...before, state, endedAt: scope.at })
  })
}

/** Pulls what ends or narrows a grant: its time, its app, its target, columns that are hidden now. */
export async function sweepGrants(world: SweepWorld): Promise<number> {
  const due = await listDueGrants(world.store, world.clock.now())
  const actor = systemId('app-sweep')
  return forEachDue(due, async ({ id, columns }) => {
    const about = { type: 'grant', id }
    if (columns.length > 0)
      return narrowGrant(world, world.permitFor(actor, 'grant.narrow', about), id, columns)
    const permit = world.permitFor(actor, 'grant.drop', about)
    return dropGrant(world, permit, { grantId: id }, 'ended')
  })
}

/** INVARIANT: only ever less, and never nothing: to a connector, no columns means all. */
async function narrowGrant(
  world: LedgerWorld,
  permit: Permit<'grant.narrow'>,
  id: GrantId,
  columns: readonly string[],
): Promise<GrantRow> {
  checkPermit(permit, 'grant.narrow', id)
  return recorded(world, async scope => {
    const before = await lockKnown(scope.tx, grantTable, id)
    if (before.state !== 'live') return before
    const kept = before.columns.filter(name => columns.includes(name))
    assert(kept.length > 0, 'a grant that is narrowed keeps a column')
    scope.entry({ kind: grantNarrowed, by: permit })
    return scope.save(grantTable, before, { ...before, columns: kept })
  })
}
