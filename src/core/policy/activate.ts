/** Puts an agreed change of the rules in force. */
import { readAgreed } from '../approval/agreed.ts'
import { newId, type RequestId } from '../base/ids.ts'
import { checkPermit, type Permit } from '../base/permit.ts'
import { assert, Problem } from '../base/problem.ts'
import { entryKind } from '../ledger/kind.ts'
import { type LedgerWorld, recorded } from '../ledger/record.ts'
import { openBundle, withFile } from './bundle.ts'
import { textOf } from './in-force.ts'
import { type BundleRow, bundleTable, findBundleOf, lockActiveBundle } from './rows.ts'

const policyChanged = entryKind('policy.change', 'changed the rules')

/**
 * Once: again it answers the bundle that came of it. Problem `conflict` when the rules were changed
 * after this was proposed; `hash-mismatch` when what would come of it is not what people agreed to.
 */
export async function activateAgreed(
  world: LedgerWorld,
  permit: Permit<'policy.change'>,
  input: { requestId: RequestId },
): Promise<BundleRow> {
  checkPermit(permit, 'policy.change', input.requestId)
  return recorded(world, async scope => {
    const { request, body } = await readAgreed(scope, input.requestId, 'policy')
    const known = await findBundleOf(scope.tx, request.id)
    if (known !== undefined) return known
    const held = await lockActiveBundle(scope.tx)
    if (held === undefined || held.hash !== body['onto'])
      throw new Problem('conflict', {
        detail: 'The rules were changed after this was proposed.',
        next: 'Propose it again on the rules as they are now.',
      })
    const file = body['file']
    assert(typeof file === 'string', 'a proposal holds the file')
    const bundle = openBundle(withFile(textOf(held), file))
    if (bundle.hash !== body['makes'])
      throw new Problem('hash-mismatch', {
        detail: 'What would come of this is not what people agreed to.',
        next: 'Propose it again.',
      })
    await scope.save(bundleTable, held, { ...held, state: 'superseded' })
    const row: BundleRow = {
      id: newId('bundle'),
      version: 1,
      serial: held.serial + 1,
      hash: bundle.hash,
      body: bundle.body,
      requestId: request.id,
      state: 'active',
      madeAt: scope.at,
    }
    await scope.insert(bundleTable, row)
    scope.entry({ kind: policyChanged, by: permit, facts: { from: held.hash, to: bundle.hash } })
    return row
  })
}
