/**
 * Evidence: where no look of ours can tell, a named person says that something is gone, shows it with a
 * file, and looks again on a day. It is told in their name in the certificate, and is never green.
 *
 * INVARIANT: what we see wins. Nobody can say away what is still there, and on its day it no longer counts.
 */
import { sha256Hex } from '../../core/base/hash.ts'
import { type AppId, type EvidenceId, newId, type PersonId } from '../../core/base/ids.ts'
import { checkPermit, type Permit, requirePerson } from '../../core/base/permit.ts'
import { problemOf } from '../../core/base/problem.ts'
import { addMs, type Instant } from '../../core/base/time.ts'
import { always, fact, factTable, type RowOf, throwUnknown } from '../../core/ledger/fact-table.ts'
import { entryKind } from '../../core/ledger/kind.ts'
import { verb } from '../../core/ledger/verb.ts'
import { first, query, type Sql, verbatim } from '../../core/store/store.ts'
import { bounds } from './bounds.ts'
import { type ItemKind, isSayable, type PlanItem } from './item.ts'
import { findOffboarding, findWork } from './rows.ts'

const evidenceGiven = entryKind('evidence.give', 'said that something is gone, and showed it')
const evidenceErased = entryKind('evidence.erase', 'erased a file that was shown as evidence')

export const evidenceTable = factTable('evidence', always, {
  id: fact<EvidenceId>(),
  appId: fact<AppId>(),
  itemKind: fact<ItemKind>(),
  itemId: fact<string>(),
  system: fact<string>(),
  personId: fact<PersonId>(),
  /** SHA-256 of the file, hex: its name. */
  fileHash: fact<string>(),
  recheckAt: fact<Instant>(),
  madeAt: fact<Instant>(),
})
export type EvidenceRow = RowOf<typeof evidenceTable>

export interface EvidenceInput {
  readonly appId: AppId
  /** Name or id of a thing of the plan, and its system where two have it. */
  readonly item: string
  readonly system?: string | undefined
  readonly fileHash: string
  /** In their own words; in the log beside the entry, where they can be erased. */
  readonly says: string
  /** When it is looked at again, by a person. */
  readonly recheckAt?: Instant | undefined
}

/** Problems: `wrong-state` where our own look says otherwise, `not-found`, `invalid-field`. */
export const giveEvidence = verb(
  'offboard.evidence',
  'appId',
  async (scope, input: EvidenceInput, by) => {
    const { appId, fileHash, says } = input
    const personId = requirePerson(by, 'say that something is gone')
    const { kind: itemKind, id: itemId, system } = await itemOf(scope.tx, input)
    if ((await readFile(scope.tx, appId, fileHash)) === undefined)
      throw problemOf('no-such-evidence-file')
    const latest = addMs(scope.at, bounds.evidenceMs)
    const { recheckAt = latest } = input
    if (recheckAt <= scope.at || recheckAt > latest)
      throw problemOf('look-again-within', { latest, field: '/recheckAt' })
    const row = { appId, itemKind, itemId, system, personId, fileHash, recheckAt }
    const subjects = [{ type: 'app', id: appId, version: 0 }]
    scope.entry({ kind: evidenceGiven, by, subjects, words: { says } })
    return scope.insert(evidenceTable, { id: newId('evidence'), ...row })
  },
)

/** The one thing of the newest look that is meant, where that look could not tell. */
async function itemOf(
  sql: Sql,
  { appId, item, system }: Pick<EvidenceInput, 'appId' | 'item' | 'system'>,
): Promise<PlanItem> {
  const row = await findOffboarding(sql, appId)
  const work = row && (await findWork(sql, row.id))
  if (work === undefined) throw problemOf('nobody-looked-yet')
  const meant = work.items.filter(
    each => [each.name, each.id].includes(item) && each.system === (system ?? each.system),
  )
  const [only] = meant
  const systems = meant.map(each => each.system).join(', ')
  if (only === undefined) throw problemOf('no-such-thing-of-app')
  if (meant.length > 1)
    throw problemOf('two-systems-one-name', { names: systems, field: '/system' })
  if (isSayable(only)) return only
  if (only.state === 'to-do') throw problemOf('not-looked-at-yet')
  throw only.state === 'still-there' ? problemOf('seen-to-be-there') : problemOf('proven-gone')
}

/** The items as they stand with what people said of them, while that counts. */
export async function withEvidence(
  sql: Sql,
  appId: AppId,
  items: readonly PlanItem[],
  at: Instant,
): Promise<PlanItem[]> {
  const given = (await listEvidence(sql, appId)).filter(({ recheckAt }) => recheckAt > at)
  return items.map(item => {
    const { kind, id, system } = item
    const said = given.findLast(
      each => each.itemKind === kind && each.itemId === id && each.system === system,
    )
    if (said === undefined || !isSayable(item)) return item
    const { by, fileHash, recheckAt, madeAt } = said
    const because = `${by} says it is gone (${madeAt}, file sha256 ${fileHash}) and looks again by ${recheckAt}; our own look: ${item.because ?? item.state}`
    return { ...item, state: 'manual-attested', paths: [...item.paths, 'a person'], because }
  })
}

/** With the name of who said it, the newest last. */
export const listEvidence = (sql: Sql, appId: AppId) =>
  query<EvidenceRow & { by: string }>(sql)`
    select ${verbatim(evidenceTable.select)},
      coalesce((select name from person where person.id = person_id), '(erased)') as by
    from evidence where app_id = ${appId} order by made_at, id`

/** Kept under the hash of its bytes; the same file again is the same. Problems: `invalid-field`, `wrong-state`. */
export async function putFile(
  sql: Sql,
  permit: Permit<'offboard.evidence'>,
  { appId, hash, bytes }: FileOf & { bytes: Uint8Array },
): Promise<void> {
  checkPermit(permit, 'offboard.evidence', appId)
  if (bytes.length === 0 || sha256Hex(bytes) !== hash)
    throw problemOf('file-not-as-named', { field: 'hash' })
  const stored = await first(sql)`
    insert into evidence_file (app_id, hash, bytes) select ${appId}, ${hash}, ${bytes}
    where (select count(*) from evidence_file where app_id = ${appId}) < ${bounds.evidenceFiles}
    on conflict (app_id, hash) do update set hash = excluded.hash returning 1`
  if (stored === undefined)
    throw problemOf('too-many-evidence-files', { evidenceFiles: bounds.evidenceFiles })
}

export async function readFile(sql: Sql, appId: AppId, hash: string) {
  const file = await first<{ bytes: Uint8Array }>(sql)`
    select bytes from evidence_file where app_id = ${appId} and hash = ${hash}`
  return file?.bytes
}

type FileOf = { appId: AppId; hash: string }

/** The bytes go; who showed a file of that hash, and when, stays in the log. */
export const eraseFile = verb('text.erase', 'appId', async (scope, { appId, hash }: FileOf, by) => {
  const gone = await first(scope.tx)`
    delete from evidence_file where app_id = ${appId} and hash = ${hash} returning 1`
  if (gone === undefined) throwUnknown('file')
  const subjects = [{ type: 'app', id: appId, version: 0 }]
  scope.entry({ kind: evidenceErased, by, subjects, facts: { fileHash: hash } })
})
