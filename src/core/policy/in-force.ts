/**
 * The bundle in force: how the program's own rules and a company's agreed changes get there, and how
 * every replica finds it.
 */
import { readAgreed } from '../approval/agreed.ts'
import { newId, type RequestId, systemId } from '../base/ids.ts'
import { assert, problemOf } from '../base/problem.ts'
import { findWhere } from '../ledger/fact-table.ts'
import { entryKind } from '../ledger/kind.ts'
import { type LedgerWorld, recorded, type Scope } from '../ledger/record.ts'
import type { Replica } from '../ledger/replica.ts'
import { verb } from '../ledger/verb.ts'
import * as bundles from './bundle.ts'
import { type BundleRow, bundleTable } from './rows.ts'

const policyInstalled = entryKind(
  'policy.install',
  'put the rules that came with the program in force',
)
const policyChanged = entryKind('policy.change', 'changed the rules')

/**
 * At every start. The first bundle is what the program brings; after an update of the program its new
 * guardrails and schema come in under the company's own files. Unchanged: nothing is written. Problem
 * `invalid-field` where a file of the company no longer fits: the program does not start on half of them.
 */
export async function installPolicies(world: LedgerWorld): Promise<void> {
  const shipped = bundles.readShipped()
  await recorded(world, async scope => {
    await scope.tx.query('select pg_advisory_xact_lock(7135010)')
    const held = await lockActive(scope)
    const bundle = bundles.openBundle(
      bundles.renewText(shipped, held === undefined ? null : textOf(held)),
    )
    if (bundle.hash === held?.hash) return
    await takePlace(scope, held, bundle, null)
    scope.entry({ kind: policyInstalled, by: systemId('genesis'), facts: { hash: bundle.hash } })
  })
}

/**
 * Puts an agreed change in force, once: again it answers the bundle that came of it. Problem `conflict`
 * when the rules were changed after this was proposed; `hash-mismatch` when what would come of it is
 * not what people agreed to.
 */
export const activateAgreed = verb(
  'policy.change',
  'requestId',
  async (scope, { requestId }, by) => {
    const { file, onto, makes } = (await readAgreed(scope, requestId, 'policy')).body
    const known = await findWhere(scope.tx, bundleTable, { requestId })
    if (known !== undefined) return known
    const held = await lockActive(scope)
    if (held === undefined || held.hash !== onto) throw problemOf('rules-changed-since')
    assert(typeof file === 'string', 'a proposal holds the file')
    const bundle = bundles.openBundle(bundles.withFile(textOf(held), file))
    if (bundle.hash !== makes) throw problemOf('outcome-not-as-agreed')
    scope.entry({ kind: policyChanged, by, facts: { from: held.hash, to: bundle.hash } })
    return takePlace(scope, held, bundle, requestId)
  },
)

/** The one in force, locked: two changes at once wait for each other. */
function lockActive(scope: Scope): Promise<BundleRow | undefined> {
  return findWhere(scope.tx, bundleTable, { state: 'active' }, 'for update')
}

async function takePlace(
  scope: Scope,
  held: BundleRow | undefined,
  { hash, body }: bundles.Bundle,
  requestId: RequestId | null,
): Promise<BundleRow> {
  if (held !== undefined) await scope.save(bundleTable, held, { ...held, state: 'superseded' })
  const id = newId('bundle')
  const serial = (held?.serial ?? 0) + 1
  return scope.insert(bundleTable, { id, serial, hash, body, requestId, state: 'active' })
}

export function textOf(row: Pick<BundleRow, 'body'>): bundles.BundleText {
  return JSON.parse(row.body) as bundles.BundleText
}

/** The bundle memory says is in force; opened once for each, and again when another takes its place. */
export function followBundle(replica: Replica): () => bundles.Bundle {
  let open: bundles.Bundle | undefined
  return () => {
    const row = replica.by(bundleTable, 'state', 'active')[0]
    if (row === undefined) throw problemOf('no-rules-in-force')
    if (open?.hash !== row.hash) open = bundles.openBundle(textOf(row))
    return open
  }
}
