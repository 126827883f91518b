/** Requests that end without an answer: withdrawn, or left open for too long. */
import { type RequestId, systemId } from '../base/ids.ts'
import { checkPermit, type Permit } from '../base/permit.ts'
import { Problem } from '../base/problem.ts'
import { forEachDue } from '../base/sweep.ts'
import { lockKnown } from '../ledger/fact-table.ts'
import { entryKind } from '../ledger/kind.ts'
import { type LedgerWorld, recorded, type SweepWorld } from '../ledger/record.ts'
import { listOverdueRequests, type RequestRow, requestTable } from './rows.ts'

const requestWithdrawn = entryKind('request.withdraw', 'withdrew a request')
const requestExpired = entryKind('request.expire', 'let a request expire')

/** `expired`: nobody answered in time, or nobody used the yes to a call. */
export async function withdrawRequest(
  world: LedgerWorld,
  permit: Permit<'request.withdraw'>,
  { requestId: id }: { requestId: RequestId },
  state: 'withdrawn' | 'expired' = 'withdrawn',
): Promise<RequestRow> {
  checkPermit(permit, 'request.withdraw', id)
  return recorded(world, async scope => {
    const request = await lockKnown(scope.tx, requestTable, id)
    if (request.state !== 'open' && !(request.kind === 'call' && state === 'expired'))
      throw new Problem('wrong-state', {
        detail: `This request is ${request.state} and can not be ${state}.`,
        next: 'What was agreed is given back with: drop',
      })
    scope.entry({ kind: state === 'expired' ? requestExpired : requestWithdrawn, by: permit })
    return scope.save(requestTable, request, { ...request, state, closedAt: scope.at })
  })
}

/** Returns how many expired. */
export async function sweepRequests(world: SweepWorld): Promise<number> {
  const overdue = await listOverdueRequests(world.store, world.clock.now())
  return forEachDue(overdue, async ({ id }) => {
    const about = { type: 'request', id }
    const permit = world.permitFor(systemId('approval'), 'request.withdraw', about)
    await withdrawRequest(world, permit, { requestId: id }, 'expired')
  })
}
