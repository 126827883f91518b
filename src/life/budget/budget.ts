/** What a budget bounds, in the units it is counted in, and over which span of time. Pure. */
import type { TaskId } from '../../core/base/ids.ts'
import type { Instant } from '../../core/base/time.ts'
import type { Budget } from '../../core/grant/rows.ts'

/** `spend` in millionths of a dollar, so that one token has a whole price. */
export type Amounts = Readonly<Record<'calls' | 'rows' | 'bytes' | 'spend', number>>

export function amountsOf(of: (kind: keyof Amounts) => number): Amounts {
  return { calls: of('calls'), rows: of('rows'), bytes: of('bytes'), spend: of('spend') }
}

export const none = amountsOf(() => 0)
const perCent = 10_000
/** More than anything counts to, and exact in a bigint column. */
export const unbounded = Number.MAX_SAFE_INTEGER

export function boundsOf(budget: Budget): Amounts {
  const { calls = unbounded, rows = unbounded, bytes = unbounded, spendCents } = budget
  return { calls, rows, bytes, spend: spendCents === undefined ? unbounded : spendCents * perCent }
}

/** The task, or the day in UTC. */
export function spanOf({ per }: Budget, taskId: TaskId, now: Instant): string {
  return per === 'task' ? taskId : now.slice(0, 10)
}

/** `1,000 calls in one day`. */
export function sayBudget(budget: Budget): string {
  const named = sayUsed(budget, none).replaceAll(/(\$0\.00|\b0) of /g, '')
  return `${named} in one ${budget.per}`
}

/** `999 of 1,000 calls`, for each that is bounded. */
export function sayUsed(budget: Budget, used: Amounts): string {
  const { calls, rows, bytes, spend } = boundsOf(budget)
  const counted = (is: number, most: number, what: string) =>
    most === unbounded ? [] : [`${is.toLocaleString('en')} of ${most.toLocaleString('en')} ${what}`]
  const dollars = (micros: number) => `$${(micros / 1e6).toFixed(2)}`
  return [
    ...counted(used.calls, calls, 'calls'),
    ...counted(used.rows, rows, 'rows'),
    ...counted(used.bytes, bytes, 'bytes'),
    ...(spend === unbounded ? [] : [`${dollars(used.spend)} of ${dollars(spend)}`]),
  ].join(', ')
}
