/** Sets the boundary an app works in, from its `leasehold.yaml`. The one before is kept, superseded. */
import { stateAt } from '../app/app.ts'
import { appTable } from '../app/rows.ts'
import type { AppId, ManifestId } from '../base/ids.ts'
import { canonicalJson } from '../base/json.ts'
import { checkPermit, type Permit } from '../base/permit.ts'
import { Problem } from '../base/problem.ts'
import { product } from '../base/product.ts'
import { shareRow } from '../ledger/find-row.ts'
import { entryKind } from '../ledger/kind.ts'
import { type LedgerWorld, recorded } from '../ledger/record.ts'
import { lockManifest, type ManifestRow, manifestTable, type Purpose } from './rows.ts'

/** What a `leasehold.yaml` says, read and bounded (`life/manifest`). */
export interface ManifestText {
  readonly app: string
  readonly purposes: readonly Purpose[]
  /** What each purpose is for, in words of people: by its name. */
  readonly says: Readonly<Record<string, string>>
  /** SHA-256 of the canonical form, hex: comments and layout do not change it. */
  readonly digest: string
}

const manifestSet = entryKind('manifest.set', 'set what the app is for')

/** The same content again is the same manifest, and nothing is recorded. */
export async function setManifest(
  world: LedgerWorld,
  permit: Permit<'manifest.set'>,
  input: { id: ManifestId; appId: AppId; text: ManifestText },
): Promise<ManifestRow> {
  checkPermit(permit, 'manifest.set', input.id)
  const { text } = input
  return recorded(world, async scope => {
    const app = await shareRow(scope.tx, appTable, input.appId)
    if (app === undefined) throw new Problem('not-found', { detail: 'There is no such app.' })
    if (app.slug !== text.app)
      throw new Problem('invalid-field', {
        field: '/app',
        detail: `This file is of \`${text.app}\`, not of \`${app.slug}\`.`,
        next: `Write \`app: ${app.slug}\`, or name the other app.`,
      })
    const state = stateAt(app, scope.at)
    if (!['draft', 'active', 'paused'].includes(state))
      throw new Problem('wrong-state', {
        detail: `\`${app.slug}\` is ${state} and needs nothing any more.`,
        next: `Make a new app: ${product.command} new`,
      })
    const before = await lockManifest(scope.tx, app.id)
    if (before?.digest === text.digest) return before
    if (before !== undefined)
      await scope.save(manifestTable, before, { ...before, state: 'superseded' })
    const manifest: ManifestRow = {
      id: input.id,
      version: 1,
      appId: app.id,
      digest: text.digest,
      purposes: text.purposes,
      says: canonicalJson(text.says),
      state: 'current',
      madeAt: scope.at,
    }
    await scope.insert(manifestTable, manifest)
    scope.entry({ kind: manifestSet, by: permit })
    return manifest
  })
}
