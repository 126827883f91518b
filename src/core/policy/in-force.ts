/**
 * The bundle in force: how the program's own rules get there, and how every replica finds it. A
 * company's change goes through `activate.ts`, never through here.
 */
import { newId, systemId } from '../base/ids.ts'
import { Problem } from '../base/problem.ts'
import { entryKind } from '../ledger/kind.ts'
import { type LedgerWorld, recorded } from '../ledger/record.ts'
import type { Replica } from '../ledger/replica.ts'
import { type Bundle, type BundleText, openBundle, readShipped, renewText } from './bundle.ts'
import { type BundleRow, bundleTable, lockActiveBundle } from './rows.ts'

const policyInstalled = entryKind(
  'policy.install',
  'put the rules that came with the program in force',
)

/**
 * At every start. The first bundle is what the program brings; after an update of the program its new
 * guardrails and schema come in under the company's own files. Unchanged: nothing is written. Problem
 * `invalid-field` where a file of the company no longer fits: the program does not start on half of them.
 */
export async function installPolicies(world: LedgerWorld): Promise<void> {
  const shipped = readShipped()
  await recorded(world, async scope => {
    await scope.tx.query('select pg_advisory_xact_lock(7135010)')
    const held = await lockActiveBundle(scope.tx)
    const bundle = openBundle(renewText(shipped, held === undefined ? null : textOf(held)))
    if (bundle.hash === held?.hash) return
    if (held !== undefined) await scope.save(bundleTable, held, { ...held, state: 'superseded' })
    await scope.insert(bundleTable, {
      id: newId('bundle'),
      version: 1,
      serial: (held?.serial ?? 0) + 1,
      hash: bundle.hash,
      body: bundle.body,
      requestId: null,
      state: 'active',
      madeAt: scope.at,
    })
    scope.entry({ kind: policyInstalled, by: systemId('genesis'), facts: { hash: bundle.hash } })
  })
}

export function textOf(row: Pick<BundleRow, 'body'>): BundleText {
  return JSON.parse(row.body) as BundleText
}

/** The bundle memory says is in force; opened once for each, and again when another takes its place. */
export function followBundle(replica: Replica): () => Bundle {
  let open: Bundle | undefined
  return () => {
    const row = replica.by(bundleTable, 'state', 'active')[0]
    if (row === undefined)
      throw new Problem('bad-configuration', {
        detail: 'There are no rules in force, so nothing can be decided.',
        next: 'Start the server again: it puts its own rules in force.',
      })
    if (open?.hash !== row.hash) open = openBundle(textOf(row))
    return open
  }
}
