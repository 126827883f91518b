/**
 * Whether a session may be, now: decided by policy on the facts in memory, under the lease it is of.
 * No I/O. Asked before a target is touched, and again whenever a fact it hangs on changes.
 */

import { appTable } from '../../core/app/rows.ts'
import type { Json } from '../../core/base/json.ts'
import type { DataAction, DecisionRecord, Permit } from '../../core/base/permit.ts'
import { Problem, problemOf } from '../../core/base/problem.ts'
import { addMs, earliest, type Instant } from '../../core/base/time.ts'
import { grantTable, manifestTable, resourceTable, targetTable } from '../../core/grant/rows.ts'
import { concernedBy, heldBy } from '../../core/hold/hold.ts'
import { identityTable } from '../../core/identity/rows.ts'
import { type LeaseRow, leaseTable } from '../../core/lease/rows.ts'
import type { Image } from '../../core/ledger/fact-table.ts'
import { personTable } from '../../core/people/rows.ts'
import { decideLease } from '../../core/policy/decide.ts'
import type { Denial } from '../../core/policy/question.ts'
import { type TaskRow, taskTable } from '../../core/task/rows.ts'
import { chainOf } from '../../core/task/task.ts'
import type { Metered } from '../../life/budget/meter.ts'
import { shortId } from '../../life/lists/short-id.ts'
import { bounds } from './bounds.ts'
import { over, type StandingWorld } from './tunnel.ts'

export type Standing =
  | {
      readonly allowed: true
      readonly permit: Permit<'lease.use'>
      readonly record: DecisionRecord
      /** Until then at most; a renewed term makes it later. */
      readonly until: Instant
      readonly holdForMs: number
      /** Where what is used is bounded. */
      readonly metered?: Metered
    }
  | {
      readonly allowed: false
      readonly problem: Problem
      /** Of a no by policy. */
      readonly denial?: Denial
      readonly record?: DecisionRecord
    }

/** One thing asked for in a session that is open. */
export interface Call {
  readonly action: DataAction
  /** For the record, in the target's words: `tools/call search`, `POST /v1/messages`. */
  readonly asked: string
  /** Of a tool, its name. */
  readonly tool?: string
  /** What goes on with it, read when a person must see it. Throws where that is too much. */
  readonly said?: () => Promise<Json>
  /** The hash of all of it. */
  readonly hash?: string
}

export function decideSession(
  world: StandingWorld,
  { id }: Pick<LeaseRow, 'id'>,
  call?: Call,
): Standing {
  // 1. The lease itself, for its term. What is not live any more has left memory, or says so.
  const { replica, clock } = world
  const lease = replica.get(leaseTable, id)
  const name = shortId('lease', id)
  if (lease?.state !== 'live') return { allowed: false, problem: over(`${name} has ended.`) }
  if (replica.get(taskTable, lease.taskId) === undefined)
    return { allowed: false, problem: over(`The task of ${name} was closed.`) }
  const termEndsAt = addMs(lease.termEndsAt, -bounds.beforeTermMs)
  if (termEndsAt <= clock.now())
    return { allowed: false, problem: over(`${name} ended at ${lease.termEndsAt}.`) }
  // 2. Everything else is policy's, under the grant it was made for.
  const { identityId, taskId, resourceId } = lease
  const actions = call === undefined ? lease.actions : [call.action]
  const work = { identityId, taskId, resourceId, actions, leaseId: id, asked: call?.asked }
  const tool = call?.tool && `${lease.targetId}/${call.tool}`
  const one = call && { call: call.hash ?? '', tool }
  const decision = decideLease(world, 'lease.use', { ...work, ...one })
  if (!decision.allowed) {
    const { denial, record } = decision
    const { says, rule, wouldPassIf, decisionId } = denial
    const shown = shortId('decision', decisionId)
    const problem = problemOf('rule-denies', { says, rule, wouldPassIf, decision: shown })
    return { allowed: false, problem, denial, record }
  }
  if (replica.get(grantTable, lease.grantId)?.state !== 'live')
    return { allowed: false, problem: over(`The grant of ${name} was given back.`) }
  if (call !== undefined && !lease.actions.includes(call.action)) {
    const detail = `${name} was asked for to ${lease.actions.join(', ')}, not to ${call.action}.`
    const next = `Ask for it: --need ${replica.get(resourceTable, resourceId)?.slug}:${call.action}`
    return { allowed: false, problem: new Problem('denied', { detail, next }) }
  }
  const { permit, record, endsAt, holdForMs, reserve: budget, grantId } = decision
  const resource = replica.get(resourceTable, resourceId)?.slug ?? ''
  return {
    allowed: true,
    permit,
    record,
    until: earliest(termEndsAt, lease.endsAt, endsAt),
    holdForMs,
    ...(budget &&
      grantId && { metered: { grantId, budget, taskId, identityId, resource, record } }),
  }
}

/**
 * Of everything the decision reads: which version it had. Where nothing of it changed, the answer is
 * the same but for time, so asking again is cheap for as many sessions as there may be.
 */
export function readVersions({ replica, policies }: StandingWorld, of: LeaseRow): string {
  const task = replica.get(taskTable, of.taskId)
  const works = (task && chainOf(replica, task)) ?? []
  const rows = [
    replica.get(leaseTable, of.id),
    replica.get(resourceTable, of.resourceId),
    replica.get(targetTable, of.targetId),
    ...works.flatMap(each => versioned(replica, each)),
    ...(task ? heldBy(replica, concernedBy(replica, task)) : []),
  ]
  const versions = rows.map(row => `${row?.id}.${row?.version}`)
  return [policies().hash, ...versions].join(' ')
}

/** What one piece of work hangs on. */
function versioned(replica: StandingWorld['replica'], task: Image<TaskRow>) {
  const { appId, identityId, onBehalfOf } = task
  const app = replica.get(appTable, appId)
  return [
    task,
    app,
    replica.get(identityTable, identityId),
    ...[app?.ownerId, onBehalfOf].map(id => replica.get(personTable, id ?? '')),
    ...replica.by(grantTable, 'appId', appId),
    ...replica.by(manifestTable, 'appId', appId),
  ]
}
