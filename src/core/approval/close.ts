/** Requests that end without an answer: withdrawn, or left open for too long. */
import type { RequestId } from '../base/ids.ts'
import { problemOf } from '../base/problem.ts'
import { forEachDue } from '../base/sweep.ts'
import { lockKnown } from '../ledger/fact-table.ts'
import { entryKind } from '../ledger/kind.ts'
import type { SweepWorld } from '../ledger/record.ts'
import { verb } from '../ledger/verb.ts'
import { listOverdueRequests, requestTable } from './rows.ts'

const requestWithdrawn = entryKind('request.withdraw', 'withdrew a request')
const requestExpired = entryKind('request.expire', 'let a request expire')

/** `expired`: nobody answered in time, or nobody used the yes to a call. */
type Closing = { requestId: RequestId; state?: 'withdrawn' | 'expired' }

export const withdrawRequest = verb(
  'request.withdraw',
  'requestId',
  async (scope, { requestId, state = 'withdrawn' }: Closing, by) => {
    const request = await lockKnown(scope.tx, requestTable, requestId)
    if (request.state !== 'open' && !(request.kind === 'call' && state === 'expired'))
      throw problemOf('request-not-open', { state: request.state, state2: state })
    scope.entry({ kind: state === 'expired' ? requestExpired : requestWithdrawn, by })
    return scope.save(requestTable, request, { ...request, state, closedAt: scope.at })
  },
)

/** Returns how many expired. */
export async function sweepRequests(world: SweepWorld): Promise<number> {
  const overdue = await listOverdueRequests(world.store, world.clock.now())
  return forEachDue(overdue, ({ id }) =>
    withdrawRequest.bySweep(world, 'approval', { requestId: id, state: 'expired' }),
  )
}
