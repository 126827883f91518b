/** One step of a lease, under its lock: what every procedure here does between lock and entry. */
import type { LeaseId } from '../base/ids.ts'
import type { Instant } from '../base/time.ts'
import { lockKnown } from '../ledger/find-row.ts'
import type { Scope } from '../ledger/record.ts'
import { type LeaseEvent, stepLease } from './lease.ts'
import { type LeaseRow, leaseTable, setDueAll } from './rows.ts'

/** `next` sees the locked row and says what happens to it, and when the sweep looks at it again. */
export async function changeLease(
  scope: Scope,
  id: LeaseId,
  next: (row: LeaseRow) => LeaseEvent | Promise<LeaseEvent>,
  dueAt: (changed: LeaseRow) => Instant,
): Promise<LeaseRow> {
  const row = await lockKnown(scope.tx, leaseTable, id)
  const saved = await scope.save(leaseTable, row, stepLease(row, await next(row)))
  await setDueAll(scope.tx, [{ id, dueAt: dueAt(saved) }])
  return saved
}
