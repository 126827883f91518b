/** The loop of every sweep: one thing that fails holds up no other. */
import { isProblem } from './problem.ts'

/**
 * Runs `work` for each in turn and returns how many were done. What somebody else did meanwhile is
 * passed over; any other failure is thrown at the end, after all had their turn.
 */
export async function forEachDue<T>(due: readonly T[], work: (one: T) => Promise<unknown>) {
  const failures: unknown[] = []
  let done = 0
  for (const one of due) {
    try {
      await work(one)
      done++
    } catch (thrown) {
      if (!isProblem(thrown, 'wrong-state') && !isProblem(thrown, 'conflict')) failures.push(thrown)
    }
  }
  if (failures.length > 0)
    throw new AggregateError(failures, `${failures.length} of a sweep failed`)
  return done
}
