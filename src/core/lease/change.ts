/** One step of a lease, and when the sweep looks at it again: what every procedure here does before its entry. */
import type { LeaseId } from '../base/ids.ts'
import { problemOf } from '../base/problem.ts'
import type { Scope } from '../ledger/record.ts'
import { type LeaseEvent, stepLease } from './lease.ts'
import { type Due, type LeaseRow, leaseTable, lockLease, moveDue } from './rows.ts'

/** Under its lock: `next` sees the row and says what happens to it. Nothing may be asked after it. */
export async function changeLease(
  scope: Scope,
  id: LeaseId,
  next: (row: LeaseRow) => LeaseEvent | Promise<LeaseEvent>,
  due: (changed: LeaseRow) => Due,
): Promise<LeaseRow> {
  const row = await lockLease(scope, id)
  if (row === undefined) throw problemOf('lease-over-or-being')
  return changeRead(scope, row, await next(row), due)
}

/** Of a row as it was read: where it is another by now, `recorded` throws `conflict`. */
export async function changeRead(
  scope: Scope,
  row: LeaseRow,
  event: LeaseEvent,
  due: (changed: LeaseRow) => Due,
): Promise<LeaseRow> {
  const saved = await scope.save(leaseTable, row, stepLease(row, event))
  moveDue(scope, new Map([[saved.id, due(saved)]]))
  return saved
}
