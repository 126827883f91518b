/** Uses up what people agreed to once: one call, as it was shown to them. */
import type { RequestId } from '../base/ids.ts'
import type { Permit } from '../base/permit.ts'
import { assert } from '../base/problem.ts'
import { entryKind } from '../ledger/kind.ts'
import { type LedgerWorld, recorded, subjectOf } from '../ledger/record.ts'
import { readAgreed } from './agreed.ts'
import { requestTable } from './rows.ts'

const requestUsed = entryKind('request.use', 'did once what was agreed to')

/**
 * The permit is of the use it was agreed for. Problem `approval-needed` where another call was faster,
 * or it is too old by now.
 */
export async function useAgreed(
  world: LedgerWorld,
  permit: Permit<'lease.use'>,
  requestId: RequestId,
): Promise<void> {
  assert(permit.action === 'lease.use', 'a call is used under a permit to use')
  await recorded(world, async scope => {
    const { request } = await readAgreed(scope, requestId, 'call')
    const subjects = [subjectOf(requestTable, request)]
    const { bodyHash } = request
    scope.entry({ kind: requestUsed, by: permit, subjects, facts: { bodyHash } })
    await scope.save(requestTable, request, { ...request, state: 'used' })
  })
}
