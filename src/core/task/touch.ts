/**
 * Notes what class of data a task was given access to, in the transaction that gives it; before that
 * transaction takes any other lock on the task.
 */
import type { DataClass } from '../app/rows.ts'
import type { TaskId } from '../base/ids.ts'
import { Problem } from '../base/problem.ts'
import { lockRow } from '../ledger/find-row.ts'
import type { Scope } from '../ledger/record.ts'
import { findTask, taskTable } from './rows.ts'
import { withTouched } from './task.ts'

export async function touchIn(scope: Scope, taskId: TaskId, dataClass: DataClass): Promise<void> {
  // Most leases of a task touch what it has touched: those wait for nobody.
  const known = await findTask(scope.tx, taskId)
  if (known?.state === 'open' && known.touched.includes(dataClass)) return
  const task = await lockRow(scope.tx, taskTable, taskId)
  if (task?.state !== 'open')
    throw new Problem('wrong-state', { detail: 'This task is closed.', next: 'Open a new task.' })
  const touched = withTouched(task.touched, dataClass)
  if (touched !== task.touched) await scope.save(taskTable, task, { ...task, touched })
}
