/**
 * Issue: write down what is about to be made, make it, confirm it, hand it over.
 *
 * INVARIANT: nothing is made at a target whose intent is not committed; nothing is handed over whose
 * confirmation is not. A crash anywhere leaves a row the sweep drives to gone.
 */
import { appTable } from '../app/rows.ts'
import { sha256Hex } from '../base/hash.ts'
import { canonicalJson } from '../base/json.ts'
import { limits } from '../base/limits.ts'
import { checkPermit, type Permit } from '../base/permit.ts'
import { assert, isProblem, problemOf } from '../base/problem.ts'
import { addMs, addSeconds, earliest, type Instant } from '../base/time.ts'
import { grantTable, resourceTable } from '../grant/rows.ts'
import { isUseToNote, useIn } from '../grant/unused.ts'
import type { Keys } from '../keys/keys.ts'
import { findWhere } from '../ledger/fact-table.ts'
import { entryKind } from '../ledger/kind.ts'
import { type LedgerWorld, recorded } from '../ledger/record.ts'
import type { Via } from '../policy/facts.ts'
import type { Tx } from '../store/store.ts'
import type { Issued, IssueOrder } from '../target/target.ts'
import { touchIn } from '../task/open.ts'
import { taskTable } from '../task/rows.ts'
import { changeLease, changeRead } from './change.ts'
import { handOver } from './handle.ts'
import { settlesAt } from './lease.ts'
import { ownerName, principalName } from './names.ts'
import * as rows from './rows.ts'
import { ensurePreflight, type PlayCanary, type Targets } from './targets.ts'

const leaseIntended = entryKind('lease.intend', 'is about to make a credential')
const leaseIssued = entryKind('lease.issue', 'made a credential')
const leaseFailed = entryKind('lease.fail', 'could not make a credential')

type LeaseKeys = Pick<Keys, 'leaseSecret' | 'newLeaseSalt' | 'keepLeaseSecret'>

export interface LeaseWorld extends LedgerWorld, LeaseKeys {
  readonly targets: Targets
  readonly playCanary: PlayCanary
  readonly installationId: () => string
}

type Said = 'id' | 'taskId' | 'grantId' | 'resourceId' | 'actions'
export interface IssueInput extends Pick<rows.LeaseRow, Said> {
  /** Latest end the decision allows. */
  readonly endsAt: Instant
  readonly termSeconds: number
  /** As it was decided; `proxy` where nothing is said. */
  readonly via?: Via
  /** The caller's own key for a retry, any text; only its hash is kept. */
  readonly idempotencyKey?: string | undefined
}

export interface IssuedLease {
  readonly lease: rows.LeaseRow
  readonly connect: Issued['connect']
  /** The credential itself, or the one-run word: what `via` says. Once, and nowhere else. */
  readonly secret: string
}

export async function issueLease(
  world: LeaseWorld,
  permit: Permit<'lease.issue'>,
  input: IssueInput,
): Promise<IssuedLease> {
  checkPermit(permit, 'lease.issue', input.id)
  // 1. The same key again is the same lease.
  const known = await findKnown(world, input)
  if (known !== undefined) return known
  // 2. A target that failed its canary is not used.
  const grant = world.replica.get(grantTable, input.grantId)
  if (grant === undefined) throw problemOf('no-such-grant')
  await ensurePreflight(world, grant.targetId)
  // 3. Intent, committed.
  const salt = world.newLeaseSalt()
  const intended = await intend(world, permit, input, salt)
  // 4. Effect.
  const issued = await make(world, intended, salt)
  // 5. Confirmation; only then does anybody get it.
  const lease = await confirm(world, permit, intended, issued)
  const secret = handOver(issued.secret ?? world.leaseSecret(lease.id, salt), input.via)
  return { lease, connect: issued.connect, secret }
}

async function findKnown(world: LeaseWorld, input: IssueInput): Promise<IssuedLease | undefined> {
  const { taskId, resourceId, actions } = input
  const known = { taskId, idempotencyHash: hashOfKey(input) }
  if (known.idempotencyHash === null) return undefined
  const lease = await findWhere(world.store, rows.leaseTable, known)
  if (lease === undefined) return undefined
  if (lease.resourceId !== resourceId || canonicalJson(lease.actions) !== canonicalJson(actions))
    throw problemOf('idempotency-key-used-otherwise', { field: 'Idempotency-Key' })
  if (lease.state !== 'live') throw problemOf('lease-of-key-not-living', { state: lease.state })
  const salt = (await rows.readSalts(world.store, [lease.id])).get(lease.id)
  assert(salt !== undefined, 'a live lease has its salt')
  // Never `issue` here: what was removed a moment ago would be made again.
  const issued = await world.targets.call(lease.targetId, 'issue', (target, signal) =>
    target.renew(orderOf(world, lease, salt), signal),
  )
  const secret = handOver(world.leaseSecret(lease.id, salt), input.via)
  return { lease, connect: issued.connect, secret }
}

async function intend(
  world: LeaseWorld,
  permit: Permit<'lease.issue'>,
  input: IssueInput,
  salt: string,
): Promise<rows.LeaseRow> {
  const task = world.replica.get(taskTable, input.taskId)
  const grant = world.replica.get(grantTable, input.grantId)
  const app = task && world.replica.get(appTable, task.appId)
  const resource = world.replica.get(resourceTable, input.resourceId)
  if (task === undefined || grant === undefined || app === undefined || resource === undefined)
    throw problemOf('no-such-task-or-grant')
  const { longestSeconds } = await world.targets.describe(grant.targetId)
  return recorded(world, async scope => {
    // Only ever added to: what memory knows to be noted is noted.
    if (!resource.isSandbox && !task.touched.includes(resource.dataClass))
      await touchIn(scope, task.id, resource.dataClass)
    if (isUseToNote(grant, scope.at)) await useIn(scope, grant.id)
    await requireRunning(scope.tx, input)
    const diesAt = longestSeconds === undefined ? null : addSeconds(scope.at, longestSeconds)
    const endsAt = earliest(input.endsAt, task.endsAt, grant.endsAt, app.endsAt, diesAt)
    const lease = await scope.insert(rows.leaseTable, {
      id: input.id,
      appId: app.id,
      identityId: task.identityId,
      taskId: task.id,
      grantId: grant.id,
      targetId: grant.targetId,
      resourceId: input.resourceId,
      actions: input.actions,
      principal: principalName(world.installationId(), app.slug, input.id),
      idempotencyHash: hashOfKey(input),
      state: 'intended',
      contained: false,
      term: 1,
      intentDeadline: addMs(scope.at, limits.intentDeadlineMs),
      termEndsAt: earliest(endsAt, addSeconds(scope.at, input.termSeconds)),
      endsAt,
    })
    rows.plantBeside(scope, lease, salt, { at: settlesAt(lease, scope.at) })
    scope.entry({ kind: leaseIntended, by: permit })
    return lease
  })
}

async function make(world: LeaseWorld, lease: rows.LeaseRow, salt: string): Promise<Issued> {
  const order = orderOf(world, lease, salt)
  try {
    return await world.targets.call(lease.targetId, 'issue', async (target, signal) => {
      await target.ensureHolder(order, signal)
      return target.issue(order, signal)
    })
  } catch (thrown) {
    // Best effort: without this the sweep finds the intent after its deadline all the same.
    await giveUp(world, lease).catch(() => {})
    throw thrown
  }
}

async function giveUp(world: LeaseWorld, { id, identityId }: rows.LeaseRow): Promise<void> {
  await recorded(world, async scope => {
    const failed = { kind: 'end', cause: 'failed' } as const
    const due = (row: rows.LeaseRow) => ({ at: settlesAt(row, scope.at) })
    await changeLease(scope, id, () => failed, due)
    scope.entry({ kind: leaseFailed, by: identityId })
  })
}

/** Without a lock: who took the intent back meanwhile has made another version of it. */
async function confirm(
  world: LeaseWorld,
  permit: Permit<'lease.issue'>,
  intended: rows.LeaseRow,
  { acceptedPath, diesAt, secret }: Issued,
): Promise<rows.LeaseRow> {
  return recorded(world, async scope => {
    if (secret !== undefined)
      rows.keepBeside(scope, intended.id, world.keepLeaseSecret(intended.id, secret))
    scope.entry({ kind: leaseIssued, by: permit.actor })
    const event = { kind: 'issued', at: scope.at, acceptedPath, diesAt } as const
    return changeRead(scope, intended, event, row => ({ at: row.termEndsAt }))
  }).catch((thrown: unknown) => {
    if (!isProblem(thrown, 'conflict')) throw thrown
    throw problemOf('credential-took-too-long')
  })
}

/** Problem `wrong-state` when the task, its app, identity or grant is over; both to issue and to renew. */
export async function requireRunning(tx: Tx, parents: rows.Parents): Promise<void> {
  if (await rows.lockParents(tx, parents)) return
  throw problemOf('task-not-living')
}

/** Everything a target must know to make or renew this credential for its present term. */
export function orderOf(world: LeaseWorld, lease: rows.LeaseRow, salt: string): IssueOrder {
  const grant = world.replica.get(grantTable, lease.grantId)
  const resource = world.replica.get(resourceTable, lease.resourceId)
  if (grant === undefined || resource === undefined) throw problemOf('grant-lease-over')
  return {
    principal: lease.principal,
    holder: grant.holder,
    owner: ownerName(world.installationId(), lease.appId),
    object: resource.object,
    actions: grant.actions,
    columns: grant.columns,
    secret: world.leaseSecret(lease.id, salt),
    // Of a renewal, from now: what is live was made long before.
    deadline: lease.issuedAt
      ? addMs(world.clock.now(), limits.intentDeadlineMs)
      : lease.intentDeadline,
    endsAt: lease.termEndsAt,
  }
}

function hashOfKey({ idempotencyKey: key }: IssueInput): string | null {
  return key === undefined ? null : sha256Hex(`lease:${key}`)
}
