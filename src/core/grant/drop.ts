/** Gives rights back: a whole grant, or some of it. Needs nobody's agreement, and is for good. */
import { type GrantId, systemId } from '../base/ids.ts'
import { checkPermit, type DataAction, type Permit, type PermitFor } from '../base/permit.ts'
import { Problem } from '../base/problem.ts'
import { product } from '../base/product.ts'
import { forEachDue } from '../base/sweep.ts'
import type { Instant } from '../base/time.ts'
import { entryKind } from '../ledger/kind.ts'
import { type LedgerWorld, recorded, type Scope } from '../ledger/record.ts'
import { offeredColumns } from './ask.ts'
import { findResource, type GrantRow, grantTable, listDueGrants, lockGrant } from './rows.ts'

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

export interface Narrower {
  actions?: readonly DataAction[]
  columns?: readonly string[]
  endsAt?: Instant
}

/** Only ever less; what is not named stays. Problem `invalid-field` for anything the grant has not. */
export async function narrowGrant(
  world: LedgerWorld,
  permit: Permit<'grant.narrow'>,
  input: { grantId: GrantId } & Narrower,
): Promise<GrantRow> {
  checkPermit(permit, 'grant.narrow', input.grantId)
  return recorded(world, async scope => {
    const before = await lockKnown(scope, input.grantId)
    if (before.state !== 'live') throw isOver(before)
    const after = await scope.save(grantTable, before, narrow(before, input))
    scope.entry({ kind: grantNarrowed, by: permit })
    return after
  })
}

/** Pulls what ends or narrows a grant: its time, its app, its target, columns that are hidden now. */
export async function sweepGrants(
  world: LedgerWorld & { readonly permitFor: PermitFor },
): Promise<number> {
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
    const before = await lockKnown(scope, id)
    if (before.state !== 'live') return before
    const after = await scope.save(grantTable, before, { ...before, state, endedAt: scope.at })
    scope.entry({ kind: state === 'dropped' ? grantDropped : grantEnded, by: permit })
    return after
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
  const [grant] = await world.store.query<Pick<GrantRow, 'resourceId' | 'columns'>>(
    'select resource_id as "resourceId", columns from app_grant where id = $1',
    [id],
  )
  const resource = grant && (await findResource(world.store, grant.resourceId))
  if (grant === undefined || resource === undefined) return []
  const offered = offeredColumns(resource)
  return grant.columns.filter(name => offered.includes(name))
}

async function lockKnown(scope: Scope, id: GrantId): Promise<GrantRow> {
  const grant = await lockGrant(scope.tx, id)
  if (grant === undefined) throw new Problem('not-found', { detail: 'There is no such grant.' })
  return grant
}

function isOver(grant: GrantRow): Problem {
  return new Problem('wrong-state', {
    detail: `This grant was ${grant.state} at ${grant.endedAt}.`,
    next: `Ask for it again: ${product.command} ask`,
  })
}

function notNarrower(field: string): Problem {
  return new Problem('invalid-field', {
    field,
    detail: `\`${field}\` must be some of what the grant has, and not nothing.`,
    next: `To give all of it back: ${product.command} drop. For more: ${product.command} ask`,
  })
}
