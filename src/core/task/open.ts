/**
 * Opens a task, or joins the one this run has opened: in the transaction of the exchange that asks,
 * whose entry carries the row.
 */
import { requireIn } from '../app/app.ts'
import { appTable, type DataClass } from '../app/rows.ts'
import type { TaskId } from '../base/ids.ts'
import type { Permit } from '../base/permit.ts'
import { assert, problemOf } from '../base/problem.ts'
import { earliest } from '../base/time.ts'
import { identityTable } from '../identity/rows.ts'
import { lockOrWait, lockRow, shareKnown, shareRow } from '../ledger/fact-table.ts'
import type { Scope } from '../ledger/record.ts'
import { findTask, type TaskRow, taskTable } from './rows.ts'
import { canJoin, taskEndsAt, withTouched } from './task.ts'

type Said = 'id' | 'appId' | 'identityId' | 'kind' | 'purpose' | 'autonomy' | Whose
type Whose = 'onBehalfOf' | 'parentId'
/**
 * `id` is used when a new one is opened; that the purpose is in the manifest was decided; the
 * provenance is ids only: commit, run, workflow, digests.
 */
export type NewTask = Pick<TaskRow, Said | 'provenance' | 'provenanceKey'>

/**
 * The open task of this run and purpose, or a new one. Problem `conflict` when the run has an open
 * task of another autonomy or for another person: that one must be closed first.
 */
export async function openTask(scope: Scope, permit: Permit<'token.exchange'>, input: NewTask) {
  assert(permit.actor === input.identityId, 'a task is opened by the identity it is of')
  const app = await shareKnown(scope.tx, appTable, input.appId)
  // The decision saw memory; the rows are the truth, and hold still until this commits.
  const identity = await shareRow(scope.tx, identityTable, input.identityId)
  if (identity?.state !== 'active' || identity.appId !== app.id)
    throw problemOf('identity-revoked', { slug: app.slug })
  requireIn(app, ['active'], scope.at)
  const parent = input.parentId && (await shareKnown(scope.tx, taskTable, input.parentId))
  if (parent && (parent.state !== 'open' || parent.endsAt <= scope.at)) throw over
  const { identityId, purpose, provenanceKey } = input
  const key = { identityId, purpose, provenanceKey, state: 'open' } as const
  const known = await lockOrWait(scope.tx, taskTable, key)
  if (known !== undefined && canJoin(known, input, scope.at)) return known
  if (known !== undefined) await closeOverdue(scope, known)
  return scope.insert(taskTable, {
    ...input,
    touched: [],
    state: 'open',
    openedAt: scope.at,
    endsAt: earliest(taskEndsAt(input.kind, app, scope.at), parent ? parent.endsAt : null),
  })
}

const over = problemOf('task-closed')

/** One that ran out and was not swept yet makes room; any other is somebody's work. */
async function closeOverdue(scope: Scope, task: TaskRow): Promise<void> {
  if (task.endsAt > scope.at) throw problemOf('run-has-open-task')
  const closed = { state: 'closed', closedBecause: 'expired', closedAt: scope.at } as const
  await scope.save(taskTable, task, { ...task, ...closed })
}

/**
 * Notes what class of data a task was given access to, in the transaction that gives it; before that
 * transaction takes any other lock on the task.
 */
export async function touchIn(scope: Scope, taskId: TaskId, dataClass: DataClass): Promise<void> {
  // Most leases of a task touch what it has touched: those wait for nobody.
  const known = await findTask(scope.tx, taskId)
  if (known?.state === 'open' && known.touched.includes(dataClass)) return
  const task = await lockRow(scope.tx, taskTable, taskId)
  if (task?.state !== 'open') throw over
  const touched = withTouched(task.touched, dataClass)
  if (touched !== task.touched) await scope.save(taskTable, task, { ...task, touched })
  // What it learns it tells whom it works for.
  if (task.parentId) await touchIn(scope, task.parentId, dataClass)
}
