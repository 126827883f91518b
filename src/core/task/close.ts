/** Closes a task: when its work is done, its time is over, or what it belonged to is. */
import { systemId, type TaskId } from '../base/ids.ts'
import { checkPermit, type Permit } from '../base/permit.ts'
import { forEachDue } from '../base/sweep.ts'
import { lockKnown } from '../ledger/fact-table.ts'
import { entryKind } from '../ledger/kind.ts'
import { type LedgerWorld, recorded, type SweepWorld } from '../ledger/record.ts'
import { type CloseCause, listDueTasks, type TaskRow, taskTable } from './rows.ts'

const taskClosed = entryKind('task.close', 'closed a task')

/** Closed already: the task as it is, and nothing is recorded. */
export async function closeTask(
  world: LedgerWorld,
  permit: Permit<'task.close'>,
  input: { taskId: TaskId; because: CloseCause },
): Promise<TaskRow> {
  checkPermit(permit, 'task.close', input.taskId)
  return recorded(world, async scope => {
    const task = await lockKnown(scope.tx, taskTable, input.taskId)
    if (task.state === 'closed') return task
    const closed = { state: 'closed', closedBecause: input.because, closedAt: scope.at } as const
    scope.entry({ kind: taskClosed, by: permit, facts: { because: input.because } })
    return scope.save(taskTable, task, { ...task, ...closed })
  })
}

/**
 * Pulls what ends a task: its time, the end of its app, a revoked identity, a person who left. A pause
 * or a hold does not: they are reversible, and the task gets nothing meanwhile. Returns how many closed.
 */
export async function sweepTasks(world: SweepWorld): Promise<number> {
  const due = await listDueTasks(world.store, world.clock.now())
  return forEachDue(due, ({ id, because }) => {
    const permit = world.permitFor(systemId('app-sweep'), 'task.close', { type: 'task', id })
    return closeTask(world, permit, { taskId: id, because })
  })
}
