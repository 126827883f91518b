/** Ends grants: given back, or by what they hang on; and takes what is no longer offered. All for good. */
import type { GrantId } from '../base/ids.ts'
import { assert } from '../base/problem.ts'
import { forEachDue } from '../base/sweep.ts'
import { lockKnown } from '../ledger/fact-table.ts'
import { entryKind } from '../ledger/kind.ts'
import type { SweepWorld } from '../ledger/record.ts'
import { verb } from '../ledger/verb.ts'
import { grantTable, listDueGrants } from './rows.ts'

const grantDropped = entryKind('grant.drop', 'gave the grant back')
const grantEnded = entryKind('grant.end', 'ended the grant')
const grantNarrowed = entryKind('grant.narrow', 'narrowed the grant')

/** `ended`: by what it hung on. */
type Dropping = { grantId: GrantId; state?: 'dropped' | 'ended' }

/** Over already: the grant as it is, and nothing is recorded. */
export const dropGrant = verb('grant.drop', 'grantId', async (scope, input: Dropping, by) => {
  const { grantId, state = 'dropped' } = input
  const before = await lockKnown(scope.tx, grantTable, grantId)
  if (before.state !== 'live' && before.state !== 'resting') return before
  scope.entry({ kind: state === 'dropped' ? grantDropped : grantEnded, by })
  return scope.save(grantTable, before, { ...before, state, endedAt: scope.at })
})

/** Pulls what ends or narrows a grant: its time, its app, its target, columns that are hidden now. */
export async function sweepGrants(world: SweepWorld): Promise<number> {
  const due = await listDueGrants(world.store, world.clock.now())
  return forEachDue(due, async ({ id: grantId, columns }) =>
    columns.length > 0
      ? narrowGrant.bySweep(world, 'app-sweep', { grantId, columns })
      : dropGrant.bySweep(world, 'app-sweep', { grantId, state: 'ended' }),
  )
}

/** INVARIANT: only ever less, and never nothing: to a connector, no columns means all. */
const narrowGrant = verb('grant.narrow', 'grantId', async (scope, input: Narrowing, by) => {
  const before = await lockKnown(scope.tx, grantTable, input.grantId)
  if (before.state !== 'live') return
  const kept = before.columns.filter(name => input.columns.includes(name))
  assert(kept.length > 0, 'a grant that is narrowed keeps a column')
  scope.entry({ kind: grantNarrowed, by })
  await scope.save(grantTable, before, { ...before, columns: kept })
})

type Narrowing = { grantId: GrantId; columns: readonly string[] }
