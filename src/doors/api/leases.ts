/** Tasks and leases: what a workload does with the token it exchanged. */
import { z } from '@hono/zod-openapi'
import { newId } from '../../core/base/ids.ts'
import { limits } from '../../core/base/limits.ts'
import { Problem } from '../../core/base/problem.ts'
import { earliest } from '../../core/base/time.ts'
import { findResourceBySlug } from '../../core/grant/rows.ts'
import { endLease } from '../../core/lease/end.ts'
import { issueLease } from '../../core/lease/issue.ts'
import { renewLease } from '../../core/lease/renew.ts'
import { findLease, type LeaseRow, listLeases } from '../../core/lease/rows.ts'
import { driveLeasesOf } from '../../core/lease/sweep.ts'
import { entryKind } from '../../core/ledger/kind.ts'
import { recorded } from '../../core/ledger/record.ts'
import { decideIssue, decideRenew } from '../../core/policy/decide.ts'
import { recordDenial } from '../../core/policy/record.ts'
import { closeTask } from '../../core/task/close.ts'
import { findTask, listTasks, type TaskRow } from '../../core/task/rows.ts'
import type { IdentityCaller, KnownCaller } from './caller.ts'
import { findVisibleApp, noSuch, parseId, visibleApps } from './find.ts'
import { AskLease, SayUse } from './inputs.ts'
import { denialView, permitted } from './permitted.ts'
import { DenialAnswer } from './problem.ts'
import type { Routes } from './route.ts'
import { leaseView, taskView } from './show.ts'
import { IssuedLeaseView, LeaseView, TaskView } from './views.ts'
import type { ApiWorld } from './world.ts'

const leaseUsed = entryKind('lease.use', 'said what it did with a credential')

export function addTaskRoutes(routes: Routes, world: ApiWorld): void {
  routes.add(
    {
      method: 'get',
      path: '/v1/tasks',
      says: 'Tasks of the apps you may see, newest first.',
      who: 'signed-in',
      query: z.object({ app: z.string().optional() }),
      answer: z.object({ items: z.array(TaskView) }),
    },
    async call => {
      const named = call.query('app')
      const app = named === undefined ? undefined : await findVisibleApp(world, call.caller, named)
      const visible = visibleApps(world, call.caller)
      const tasks = await listTasks(world.store, app === undefined ? {} : { appId: app.id })
      const shown = tasks.filter(task => visible === null || visible.includes(task.appId))
      return { items: await Promise.all(shown.slice(0, 50).map(task => taskView(world, task))) }
    },
  )
  routes.add(
    {
      method: 'get',
      path: '/v1/tasks/:task',
      says: 'One task and its leases.',
      who: 'signed-in',
      answer: TaskView,
    },
    async call => taskView(world, await findVisibleTask(world, call.caller, call.param('task'))),
  )
  routes.add(
    {
      method: 'post',
      path: '/v1/tasks/:task/close',
      says: 'Ends a task. Its credentials are driven to gone before the answer.',
      who: 'signed-in',
      answer: TaskView,
    },
    async call => {
      const task = await findVisibleTask(world, call.caller, call.param('task'))
      const about = { type: 'task', id: task.id } as const
      const permit = await permitted(world, {
        actor: call.caller.actor,
        action: 'task.close',
        about,
      })
      const closed =
        task.state === 'closed'
          ? task
          : await closeTask(world, permit, { taskId: task.id, because: 'done' })
      await driveLeasesOf(world, { taskId: task.id })
      return taskView(world, closed)
    },
  )
}

export function addLeaseRoutes(routes: Routes, world: ApiWorld): void {
  routes.add(
    {
      method: 'post',
      path: '/v1/leases',
      says: 'Asks for a credential for this task. Header Idempotency-Key makes a retry the same lease.',
      who: 'identity',
      body: AskLease,
      answer: IssuedLeaseView,
      status: 201,
    },
    async call => {
      const resource = await findResourceBySlug(world.store, call.body.resource)
      if (resource === undefined) throw noSuch('resource')
      const id = newId('lease')
      const decision = decideIssue(world, {
        identityId: call.caller.identityId,
        taskId: call.caller.taskId,
        resourceId: resource.id,
        actions: call.body.actions,
        leaseId: id,
      })
      if (!decision.allowed) {
        await recordDenial(world, decision.record)
        throw new DenialAnswer(denialView(decision.denial, decision.record))
      }
      const { lease, handle } = await issueLease(world, decision.permit, {
        id,
        taskId: call.caller.taskId,
        grantId: decision.grantId,
        resourceId: resource.id,
        actions: call.body.actions,
        endsAt: decision.endsAt,
        termSeconds: Math.min(call.body.termSeconds ?? decision.termSeconds, decision.termSeconds),
        idempotencyKey: idempotencyKey(call.header('idempotency-key')),
      })
      return {
        lease: leaseView(world, lease),
        handle: { ...handle, connect: { ...handle.connect } },
      }
    },
  )
  routes.add(
    {
      method: 'get',
      path: '/v1/leases',
      says: 'Leases of the apps you may see, newest first.',
      who: 'signed-in',
      query: z.object({ app: z.string().optional(), open: z.enum(['true', 'false']).optional() }),
      answer: z.object({ items: z.array(LeaseView) }),
    },
    async call => {
      const named = call.query('app')
      const app = named === undefined ? undefined : await findVisibleApp(world, call.caller, named)
      const visible = visibleApps(world, call.caller)
      const leases = await listLeases(world.store, {
        appId: app?.id,
        open: call.query('open') === 'true',
      })
      const shown = leases.filter(lease => visible === null || visible.includes(lease.appId))
      return { items: shown.map(lease => leaseView(world, lease)) }
    },
  )
  routes.add(
    {
      method: 'get',
      path: '/v1/leases/:lease',
      says: 'One lease.',
      who: 'signed-in',
      answer: LeaseView,
    },
    async call => leaseView(world, await findVisibleLease(world, call.caller, call.param('lease'))),
  )
  addLeaseChangeRoutes(routes, world)
}

function addLeaseChangeRoutes(routes: Routes, world: ApiWorld): void {
  routes.add(
    {
      method: 'post',
      path: '/v1/leases/:lease/renew',
      says: 'Another term, by a new decision.',
      who: 'identity',
      answer: LeaseView,
    },
    async call => {
      const lease = await findOwnLease(world, call.caller, call.param('lease'))
      const decision = decideRenew(world, {
        identityId: call.caller.identityId,
        taskId: call.caller.taskId,
        resourceId: lease.resourceId,
        actions: lease.actions,
        leaseId: lease.id,
      })
      if (!decision.allowed) {
        await recordDenial(world, decision.record)
        throw new DenialAnswer(denialView(decision.denial, decision.record))
      }
      const endsAt = earliest(lease.endsAt, decision.endsAt)
      return leaseView(
        world,
        await renewLease(world, decision.permit, {
          leaseId: lease.id,
          endsAt,
          termSeconds: decision.termSeconds,
        }),
      )
    },
  )
  routes.add(
    {
      method: 'post',
      path: '/v1/leases/:lease/release',
      says: 'Gives a credential back: it is ended and looked at.',
      who: 'signed-in',
      answer: LeaseView,
    },
    async call => {
      const lease = await findVisibleLease(world, call.caller, call.param('lease'))
      const about = {
        type: 'lease',
        id: lease.id,
        draft: { appId: lease.appId, taskId: lease.taskId },
      } as const
      const permit = await permitted(world, {
        actor: call.caller.actor,
        action: 'lease.end',
        about,
      })
      const cause = call.caller.kind === 'identity' ? 'released' : 'revoked'
      return leaseView(world, await endLease(world, permit, { leaseId: lease.id, cause }))
    },
  )
  routes.add(
    {
      method: 'post',
      path: '/v1/leases/:lease/uses',
      says: 'Says what was done with a credential. It is kept as said, not as proven.',
      who: 'identity',
      body: SayUse,
      answer: z.object({ recorded: z.literal(true) }),
      status: 201,
    },
    async call => {
      const lease = await findOwnLease(world, call.caller, call.param('lease'))
      const { rows, action } = call.body
      await recorded(world, async scope => {
        scope.entry({
          kind: leaseUsed,
          by: call.caller.identityId,
          subjects: [{ type: 'lease', id: lease.id, version: lease.version }],
          facts: { leaseId: lease.id, taskId: lease.taskId, rowCount: rows, action },
        })
      })
      return { recorded: true as const }
    },
  )
}

async function findVisibleTask(
  world: ApiWorld,
  caller: KnownCaller,
  text: string,
): Promise<TaskRow> {
  const task = await findTask(world.store, await parseId(world.store, 'task', text))
  const visible = visibleApps(world, caller)
  if (task === undefined || (visible !== null && !visible.includes(task.appId)))
    throw noSuch('task')
  return task
}

async function findVisibleLease(
  world: ApiWorld,
  caller: KnownCaller,
  text: string,
): Promise<LeaseRow> {
  const lease = await findLease(world.store, await parseId(world.store, 'lease', text))
  const visible = visibleApps(world, caller)
  if (lease === undefined || (visible !== null && !visible.includes(lease.appId)))
    throw noSuch('lease')
  return lease
}

/** A workload uses the leases of its own task, and of no other. */
async function findOwnLease(
  world: ApiWorld,
  caller: IdentityCaller,
  text: string,
): Promise<LeaseRow> {
  const lease = await findVisibleLease(world, caller, text)
  if (lease.taskId !== caller.taskId) throw noSuch('lease')
  return lease
}

function idempotencyKey(header: string | undefined): string | undefined {
  if (header === undefined || (header.length <= limits.textChars && /^[\x21-\x7e]+$/.test(header)))
    return header
  throw new Problem('bad-request', {
    field: 'Idempotency-Key',
    detail: `\`Idempotency-Key\` must be 1 to ${limits.textChars} visible ASCII characters.`,
  })
}
