/** Closes a task: when its work is done, its time is over, or what it belonged to is. */
import type { TaskId } from '../base/ids.ts'
import { forEachDue } from '../base/sweep.ts'
import { lockKnown } from '../ledger/fact-table.ts'
import { entryKind } from '../ledger/kind.ts'
import type { SweepWorld } from '../ledger/record.ts'
import { verb } from '../ledger/verb.ts'
import { type CloseCause, listDueTasks, taskTable } from './rows.ts'

const taskClosed = entryKind('task.close', 'closed a task')

type Closing = { taskId: TaskId; because: CloseCause }

/** Closed already: the task as it is, and nothing is recorded. */
export const closeTask = verb('task.close', 'taskId', async (scope, input: Closing, by) => {
  const task = await lockKnown(scope.tx, taskTable, input.taskId)
  if (task.state === 'closed') return task
  const closed = { state: 'closed', closedBecause: input.because, closedAt: scope.at } as const
  scope.entry({ kind: taskClosed, by, facts: { because: input.because } })
  return scope.save(taskTable, task, { ...task, ...closed })
})

/**
 * Pulls what ends a task: its time, the end of its app, a revoked identity, a person who left. A pause
 * or a hold does not: they are reversible, and the task gets nothing meanwhile. Returns how many closed.
 */
export async function sweepTasks(world: SweepWorld): Promise<number> {
  const due = await listDueTasks(world.store, world.clock.now())
  return forEachDue(due, ({ id, because }) =>
    closeTask.bySweep(world, 'app-sweep', { taskId: id, because }),
  )
}
