/** Tasks and leases: what a workload does with the token it exchanged. */
import { z } from '@hono/zod-openapi'
import { newId, type TargetId } from '../../core/base/ids.ts'
import { limits } from '../../core/base/limits.ts'
import { assert, problemOf } from '../../core/base/problem.ts'
import { earliest } from '../../core/base/time.ts'
import { type IssuedLease, type IssueInput, issueLease } from '../../core/lease/issue.ts'
import { findLease, type LeaseRow, leaseTable } from '../../core/lease/rows.ts'
import { driveLeasesOf } from '../../core/lease/sweep.ts'
import { endLease, renewLease } from '../../core/lease/term.ts'
import { throwUnknown } from '../../core/ledger/fact-table.ts'
import { entryKind } from '../../core/ledger/kind.ts'
import { recorded, subjectOf } from '../../core/ledger/record.ts'
import { decideLease } from '../../core/policy/decide.ts'
import type { Via } from '../../core/policy/facts.ts'
import { closeTask } from '../../core/task/close.ts'
import { findTask } from '../../core/task/rows.ts'
import { listLeases, listTasks, nextPage } from '../../life/lists/lists.ts'
import type { IdentityCaller } from './caller.ts'
import { type Asking, findOfApp, listOfApps, resourceNamed } from './find.ts'
import { AskLease, OfApp, OfLeases, SayUse } from './inputs.ts'
import { allowed } from './permitted.ts'
import type { Routes } from './route.ts'
import { leaseView, taskView } from './show.ts'
import { IssuedLeaseView, LeaseView, listOf, TaskView } from './views.ts'
import type { ApiWorld } from './world.ts'

const leaseUsed = entryKind('lease.use', 'said what it did with a credential')

export function addTaskRoutes(routes: Routes, world: ApiWorld): void {
  routes.add('signed-in GET /v1/tasks', listOf(TaskView), OfApp, async call => {
    const tasks = await listOfApps(world, call, filter => listTasks(world.store, filter))
    return { items: await Promise.all(tasks.slice(0, 50).map(task => taskView(world, task))) }
  })
  routes.add('signed-in GET /v1/tasks/:task', TaskView, async call =>
    taskView(world, await findOfApp(world, call, 'task', findTask)),
  )
  routes.add('signed-in POST /v1/tasks/:task/close', TaskView, async call => {
    const task = await findOfApp(world, call, 'task', findTask)
    const permit = await call.ask('task.close', 'task', task.id)
    const isOver = task.state === 'closed'
    const close = () => closeTask(world, permit, { taskId: task.id, because: 'done' })
    const closed = isOver ? task : await close()
    await driveLeasesOf(world, { taskId: task.id })
    return taskView(world, closed)
  })
}

export function addLeaseRoutes(routes: Routes, world: ApiWorld): void {
  routes.add('identity POST /v1/leases', IssuedLeaseView, AskLease, async call => {
    const { resource: named, ...asked } = call.input
    const { id: resourceId, targetId } = await resourceNamed(world.store, named)
    const via = await chooseVia(world, targetId, asked.via)
    const once = { idempotencyKey: idempotencyKey(call.context.req.header('idempotency-key')) }
    const issued = await askLease(world, call.caller, { ...asked, resourceId, via, ...once })
    return { lease: leaseView(world, issued.lease), handle: handleOf(issued, via) }
  })
  routes.add('signed-in GET /v1/leases', listOf(LeaseView), OfLeases, async call => {
    const { skip, open } = call.input
    let next: number | null = null
    const leases = await listOfApps(world, call, async of => {
      const found = await listLeases(world.store, { ...of, skip, open: open === 'true' })
      next = nextPage(found, { skip })
      return found
    })
    return { items: leases.map(lease => leaseView(world, lease)), next }
  })
  routes.add('signed-in GET /v1/leases/:lease', LeaseView, async call =>
    leaseView(world, await findOfApp(world, call, 'lease', findLease)),
  )
  routes.add('identity POST /v1/leases/:lease/renew', LeaseView, async call => {
    return leaseView(world, await renewTerm(world, await findOwnLease(world, call)))
  })
  routes.add('signed-in POST /v1/leases/:lease/release', LeaseView, async call => {
    const { id, appId, taskId } = await findOfApp(world, call, 'lease', findLease)
    const permit = await call.ask('lease.end', 'lease', id, { appId, taskId })
    const cause = call.caller.kind === 'identity' ? 'released' : 'revoked'
    return leaseView(world, await endLease(world, permit, { leaseId: id, cause }))
  })
  const Recorded = z.object({ recorded: z.literal(true) })
  routes.add('identity POST /v1/leases/:lease/uses', Recorded, SayUse, async call => {
    const lease = await findOwnLease(world, call)
    const { rows: rowCount, action } = call.input
    const facts = { leaseId: lease.id, taskId: lease.taskId, rowCount, action }
    const about = { subjects: [subjectOf(leaseTable, lease)], facts }
    await recorded(world, async scope => {
      scope.entry({ kind: leaseUsed, by: call.caller.identityId, ...about })
    })
    return { recorded: true as const }
  })
}

/** Decided and issued for a task, whichever door it is asked at. A no is recorded, and thrown. */
export async function askLease(
  world: ApiWorld,
  { identityId, taskId }: Pick<IdentityCaller, 'identityId' | 'taskId'>,
  asked: Pick<IssueInput, 'resourceId' | 'actions' | 'idempotencyKey'> & {
    readonly via: Via
    readonly termSeconds?: number | undefined
  },
): Promise<IssuedLease> {
  const id = newId('lease')
  const { termSeconds: wanted, idempotencyKey, ...use } = asked
  const work = { identityId, taskId, ...use }
  const question = { ...work, leaseId: id }
  const { permit, grantId, endsAt, termSeconds, reserve } = await allowed(
    world,
    decideLease(world, 'lease.issue', question),
  )
  assert(grantId !== null, 'nothing is issued but under a grant')
  // Nobody could hold it to what was agreed.
  if (reserve !== undefined && asked.via === 'env')
    throw problemOf('gateway-alone', { field: 'via' })
  return issueLease(world, permit, {
    ...work,
    id,
    grantId,
    endsAt,
    termSeconds: Math.min(wanted ?? termSeconds, termSeconds),
    idempotencyKey,
  })
}

/** Another term of a lease of the caller's own task, by a new decision. */
export async function renewTerm(world: ApiWorld, lease: LeaseRow): Promise<LeaseRow> {
  const { id: leaseId, identityId, taskId, resourceId, actions } = lease
  const question = { identityId, taskId, resourceId, actions, leaseId }
  const { permit, termSeconds, ...reach } = await allowed(
    world,
    decideLease(world, 'lease.renew', question),
  )
  const endsAt = earliest(lease.endsAt, reach.endsAt)
  return renewLease(world, permit, { leaseId, endsAt, termSeconds })
}

/** The credential stays here wherever that can be. Problem `invalid-field` where it can not and should. */
async function chooseVia(world: ApiWorld, targetId: TargetId, asked: Via | undefined) {
  const { hasGateway = false, connector } = await world.targets.describe(targetId)
  if (asked !== 'proxy' || hasGateway) return asked ?? (hasGateway ? 'proxy' : 'env')
  throw problemOf('no-gateway-for', { connector, field: 'via' })
}

/** Through the gateway nobody needs to know where the target is. */
function handleOf({ lease, connect, secret }: IssuedLease, via: Via) {
  const { termEndsAt, endsAt, diesAt } = lease
  const times = { termEndsAt, endsAt, diesAt }
  if (via === 'env') return { via, connect: { ...connect }, secret, ...times }
  const { host: _, port: __, url: ___, ...inside } = connect
  return { via, connect: inside, word: secret, ...times }
}

/** A workload uses the leases of its own task, and of no other. */
async function findOwnLease(world: ApiWorld, call: Asking<IdentityCaller>): Promise<LeaseRow> {
  const lease = await findOfApp(world, call, 'lease', findLease)
  if (lease.taskId !== call.caller.taskId) throwUnknown('lease')
  return lease
}

function idempotencyKey(header: string | undefined): string | undefined {
  if (header === undefined || (header.length <= limits.textChars && /^[\x21-\x7e]+$/.test(header)))
    return header
  throw problemOf('idempotency-key-not-visible', { field: 'Idempotency-Key' })
}
