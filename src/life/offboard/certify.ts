/**
 * Certify: signs the statement, writes its hash into the log, and puts the log's proof of that entry
 * beside it. One file then stands alone: signature, key table, entry, inclusion, checkpoint.
 */

import { findApp } from '../../core/app/rows.ts'
import { sha256Hex } from '../../core/base/hash.ts'
import { type AppId, isId, systemId } from '../../core/base/ids.ts'
import { assert } from '../../core/base/problem.ts'
import { product } from '../../core/base/product.ts'
import type { SignedKeyTable } from '../../core/keys/table.ts'
import { entryKind } from '../../core/ledger/kind.ts'
import { type LedgerWorld, recorded } from '../../core/ledger/record.ts'
import { findInstallation, findPerson } from '../../core/people/rows.ts'
import { readLog } from '../audit/read.ts'
import type { PlanItem } from './item.ts'
import { type Plan, systemsOf } from './plan.ts'
import * as rows from './rows.ts'
import { sealStatement, statementOf } from './statement.ts'

const certified = entryKind('offboard.certify', 'signed an end certificate')

/** `tlogProof`: C2SP tlog-proof of the entry, with a checkpoint that covers it. */
type SealedEntry = Readonly<Record<'leaf' | 'facts' | 'factsSalt' | 'tlogProof', string>>

export interface CertifyWorld extends LedgerWorld {
  readonly certificateSigner: () => { readonly kid: string; sign(data: Uint8Array): Uint8Array }
  readonly keyTable: () => SignedKeyTable
  /** Waits until the newest entry of this kind about this thing has a position, and proves it. */
  readonly sealEntry: (subjectId: string, kind: string) => Promise<SealedEntry>
}

/** One look at everything, and its verdict. */
interface Looked {
  readonly row: rows.OffboardingRow
  readonly plan: Plan
  readonly items: readonly PlanItem[]
}

export async function certify(world: CertifyWorld, input: Looked): Promise<rows.OffboardingRow> {
  const statement = await makeStatement(world, input)
  const envelope = sealStatement(statement, world.certificateSigner())
  const certificateHash = sha256Hex(statement)
  const row = await recorded(world, async scope => {
    const before = await rows.findOffboarding(scope.tx, input.row.appId)
    assert(before !== undefined, 'an offboarding is recorded before it is certified')
    scope.entry({ kind: certified, by: systemId('offboard'), facts: { certificateHash } })
    return scope.save(rows.offboardingTable, before, {
      ...before,
      certificateHash,
      certifiedAt: scope.at,
    })
  })
  const { tlogProof, ...entry } = await world.sealEntry(row.id, certified)
  const file = { schema: 'leasehold/v1', ...envelope, entry, tlogProof, keys: world.keyTable() }
  await rows.keepCertificate(world.store, row.id, `${JSON.stringify(file, null, 2)}\n`)
  return row
}

async function makeStatement(world: CertifyWorld, { row, plan, items }: Looked): Promise<string> {
  const app = await findApp(world.store, row.appId)
  const installation = await findInstallation(world.store)
  assert(app !== undefined && installation !== undefined, 'the app and the installation exist')
  const [owner, backup, endedBy] = await Promise.all([
    findPerson(world.store, app.ownerId),
    findPerson(world.store, app.backupId),
    readEnder(world, app.id),
  ])
  const at = world.clock.now()
  const { id, name, trustDomain, mode } = installation
  const people = { owner: owner?.name ?? '(erased)', backup: backup?.name ?? '(erased)' }
  return statementOf({
    app: { id: app.id, slug: app.slug, ...people },
    installation: { id, name, trustDomain, mode },
    plan,
    items,
    systems: systemsOf(items, plan.things),
    endedBy,
    endedAt: app.endedAt ?? at,
    at,
    rechecks: row.rechecks,
  })
}

/** Who said that the app ends, from the log: a person, or our sweep when its date came. */
async function readEnder(world: CertifyWorld, appId: AppId): Promise<string> {
  const find = (kind: string) => readLog(world.store, { subject: appId, kind, limit: 1 })
  const [entry] = [...(await find('app.end')), ...(await find('app.end-due'))]
  assert(entry !== undefined, 'an app that is taken down began to end')
  const { actor } = entry
  if (!isId('person', actor)) return `${product.name} (${actor.slice(3)})`
  return (await findPerson(world.store, actor))?.name ?? '(erased)'
}
