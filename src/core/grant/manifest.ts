/** Sets the boundary an app works in, from its `leasehold.yaml`. The one before is kept, superseded. */
import { living, requireIn } from '../app/app.ts'
import { appTable } from '../app/rows.ts'
import type { AppId, ManifestId } from '../base/ids.ts'
import { canonicalJson } from '../base/json.ts'
import { problemOf } from '../base/problem.ts'
import { findWhere, shareKnown } from '../ledger/fact-table.ts'
import { entryKind } from '../ledger/kind.ts'
import { verb } from '../ledger/verb.ts'
import { manifestTable, type Purpose } from './rows.ts'

/** What a `leasehold.yaml` says, read and bounded (`life/manifest`). */
export interface ManifestText {
  readonly app: string
  readonly purposes: readonly Purpose[]
  /** What each purpose is for, in words of people: by its name. By none, the template it was made from. */
  readonly says: Readonly<Record<string, string>>
  /** SHA-256 of the canonical form, hex: comments and layout do not change it. */
  readonly digest: string
}

const manifestSet = entryKind('manifest.set', 'set what the app is for')

type NewManifest = { id: ManifestId; appId: AppId; text: ManifestText }

/** The same content again is the same manifest, and nothing is recorded. */
export const setManifest = verb('manifest.set', 'id', async (scope, input: NewManifest, by) => {
  const { text } = input
  const app = await shareKnown(scope.tx, appTable, input.appId)
  if (app.slug !== text.app)
    throw problemOf('certificate-of-another-app', { app: text.app, slug: app.slug, field: '/app' })
  requireIn(app, living, scope.at)
  const current = { appId: app.id, state: 'current' } as const
  const before = await findWhere(scope.tx, manifestTable, current, 'for update')
  if (before?.digest === text.digest) return before
  if (before !== undefined)
    await scope.save(manifestTable, before, { ...before, state: 'superseded' })
  scope.entry({ kind: manifestSet, by })
  return scope.insert(manifestTable, {
    ...current,
    id: input.id,
    digest: text.digest,
    purposes: text.purposes,
    says: canonicalJson(text.says),
  })
})
