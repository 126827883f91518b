/** Rules of a task: how long it lives, who may join it. Pure. */
import type { AppRow, DataClass } from '../app/rows.ts'
import type { PersonId } from '../base/ids.ts'
import { limits } from '../base/limits.ts'
import { addSeconds, earliest, type Instant } from '../base/time.ts'
import type { Image } from '../ledger/fact-table.ts'
import type { Replica } from '../ledger/replica.ts'
import { type Autonomy, type TaskKind, type TaskRow, taskTable } from './rows.ts'

/** INVARIANT (design §8, I3): never longer than its app or its kind. */
export function taskEndsAt(kind: TaskKind, app: Pick<AppRow, 'endsAt'>, now: Instant): Instant {
  const longest = kind === 'job' ? limits.jobSeconds : limits.serviceSeconds
  return earliest(addSeconds(now, longest), app.endsAt)
}

/**
 * A second call of the same run joins, if it is the same kind of work for the same person: joining
 * never makes unattended work attended, nor somebody's work somebody else's.
 */
export function canJoin(
  task: Pick<TaskRow, 'state' | 'endsAt' | 'kind' | 'autonomy' | 'onBehalfOf'>,
  work: { kind: TaskKind; autonomy: Autonomy; onBehalfOf: PersonId | null },
  now: Instant,
): boolean {
  return (
    task.state === 'open' &&
    task.endsAt > now &&
    task.kind === work.kind &&
    task.autonomy === work.autonomy &&
    task.onBehalfOf === work.onBehalfOf
  )
}

/**
 * The task and those it works for, nearest first; undefined where one of them is over, and so is this.
 * INVARIANT (design §8, I7): what is let through for one is let through for each of them.
 */
export function chainOf(replica: Replica, task: Image<TaskRow>): Image<TaskRow>[] | undefined {
  if (typeof task.parentId !== 'string') return [task]
  const parent = replica.get(taskTable, task.parentId)
  const above = parent && chainOf(replica, parent)
  return above && [task, ...above]
}

/** What a task was given access to is never forgotten. */
export function withTouched(touched: readonly DataClass[], more: DataClass): readonly DataClass[] {
  return touched.includes(more) ? touched : [...touched, more].sort()
}
