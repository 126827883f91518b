/** Gives rights back: a whole grant, or some of it. Needs nobody's agreement, and is for good. */
import { type GrantId, systemId } from '../base/ids.ts'
import { checkPermit, type Permit } from '../base/permit.ts'
import { Problem } from '../base/problem.ts'
import { product } from '../base/product.ts'
import { forEachDue } from '../base/sweep.ts'
import { findRow, lockKnown } from '../ledger/find-row.ts'
import { entryKind } from '../ledger/kind.ts'
import { type LedgerWorld, recorded, type SweepWorld } from '../ledger/record.ts'
import { offeredColumns } from './body.ts'
import { type GrantRow, grantTable, listDueGrants, resourceTable } from './rows.ts'

const grantDropped = entryKind('grant.drop', 'gave the grant back')
const grantEnded = entryKind('grant.end', 'ended the grant')
const grantNarrowed = entryKind('grant.narrow', 'narrowed the grant')

/** Over already: the grant as it is, and nothing is recorded. */
export async function dropGrant(
  world: LedgerWorld,
  permit: Permit<'grant.drop'>,
  input: { grantId: GrantId },
): Promise<GrantRow> {
  return endGrant(world, permit, input.grantId, 'dropped')
}

type Narrower = Partial<Pick<GrantRow, 'actions' | 'columns' | 'endsAt'>>

/** Only ever less; what is not named stays. Problem `invalid-field` for anything the grant has not. */
export async function narrowGrant(
  world: LedgerWorld,
  permit: Permit<'grant.narrow'>,
  input: { grantId: GrantId } & Narrower,
): Promise<GrantRow> {
  checkPermit(permit, 'grant.narrow', input.grantId)
  return recorded(world, async scope => {
    const before = await lockKnown(scope.tx, grantTable, input.grantId)
    if (before.state !== 'live')
      throw new Problem('wrong-state', {
        detail: `This grant was ${before.state} at ${before.endedAt}.`,
        next: `Ask for it again: ${product.command} ask`,
      })
    scope.entry({ kind: grantNarrowed, by: permit })
    return scope.save(grantTable, before, narrow(before, input))
  })
}

/** Pulls what ends or narrows a grant: its time, its app, its target, columns that are hidden now. */
export async function sweepGrants(world: SweepWorld): Promise<number> {
  const due = await listDueGrants(world.store, world.clock.now())
  const actor = systemId('app-sweep')
  return forEachDue(due, async one => {
    const about = { type: 'grant', id: one.id }
    const columns = one.due === 'columns' ? await columnsLeft(world, one.id) : []
    if (columns.length === 0)
      return endGrant(world, world.permitFor(actor, 'grant.drop', about), one.id, 'ended')
    const permit = world.permitFor(actor, 'grant.narrow', about)
    return narrowGrant(world, permit, { grantId: one.id, columns })
  })
}

async function endGrant(
  world: LedgerWorld,
  permit: Permit<'grant.drop'>,
  id: GrantId,
  state: 'dropped' | 'ended',
): Promise<GrantRow> {
  checkPermit(permit, 'grant.drop', id)
  return recorded(world, async scope => {
    const before = await lockKnown(scope.tx, grantTable, id)
    if (before.state !== 'live') return before
    scope.entry({ kind: state === 'dropped' ? grantDropped : grantEnded, by: permit })
    return scope.save(grantTable, before, { ...before, state, endedAt: scope.at })
  })
}

/** INVARIANT: a subset, never empty: to a connector, no columns means all. */
function narrow(grant: GrantRow, to: Narrower): GrantRow {
  const actions = subset('actions', grant.actions, to.actions)
  const columns = subset('columns', grant.columns, to.columns)
  const endsAt = to.endsAt ?? grant.endsAt
  if (endsAt > grant.endsAt) throw notNarrower('endsAt')
  return { ...grant, actions, columns, endsAt }
}

function subset<T extends string>(
  field: string,
  has: readonly T[],
  to?: readonly T[],
): readonly T[] {
  if (to === undefined) return has
  const kept = has.filter(each => to.includes(each))
  if (kept.length === 0 || to.some(each => !has.includes(each))) throw notNarrower(field)
  return kept
}

async function columnsLeft(world: LedgerWorld, id: GrantId): Promise<string[]> {
  const grant = await findRow(world.store, grantTable, id)
  const resource = grant && (await findRow(world.store, resourceTable, grant.resourceId))
  const offered = resource === undefined ? [] : offeredColumns(resource)
  return grant?.columns.filter(name => offered.includes(name)) ?? []
}

function notNarrower(field: string): Problem {
  return new Problem('invalid-field', {
    field,
    detail: `\`${field}\` must be some of what the grant has, and not nothing.`,
    next: `To give all of it back: ${product.command} drop. For more: ${product.command} ask`,
  })
}
