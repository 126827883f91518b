/** The log for people: entries with what they mean, and one entry held against its leaf. */
import type { JsonObject } from '../../core/base/json.ts'
import { limits } from '../../core/base/limits.ts'
import { problemOf } from '../../core/base/problem.ts'
import { kindSays } from '../../core/ledger/kind.ts'
import { commit, type LeafBody, subjectIds } from '../../core/ledger/leaf.ts'
import type { EntryRow } from '../../core/ledger/rows.ts'
import { isSame, leafHash } from '../../core/ledger/tree.ts'
import type { Sql } from '../../core/store/store.ts'
import { type EntryFilter, findEntries, findEntry } from './rows.ts'

export type LogEntry = ReturnType<typeof present>

/** A page of the log; newest first unless `after` is given. */
export async function readLog(sql: Sql, filter: EntryFilter & { readonly limit?: number } = {}) {
  const limit = Math.min(Math.max(Math.trunc(filter.limit ?? limits.pageRows), 1), limits.pageRows)
  return (await findEntries(sql, filter, limit)).map(present)
}

export async function readEntry(sql: Sql, position: number): Promise<LogEntry> {
  const entry = await findEntry(sql, position)
  if (entry === undefined) throw problemOf('no-such-entry', { position })
  return present(entry)
}

function present(row: EntryRow) {
  const { position, at, kind, leaf } = row
  const { body, isErased, faults } = openLeaf(row)
  return {
    position,
    at,
    kind,
    /** The kind as a sentence without its subject: `made the app`. */
    says: kindSays(kind),
    actor: body.actor,
    subjects: body.subjects,
    facts: JSON.parse(row.facts) as JsonObject,
    /** By `<id>.<column>` or the writer's own name; `erased` when they are gone for good. */
    words: isErased ? ('erased' as const) : (JSON.parse(row.words ?? '{}') as Words),
    /** The hashed text: what a proof of this entry is about. */
    leaf,
    faults,
  }
}

type Words = Readonly<Record<string, string>>

/**
 * A row of the log held against its leaf. Whether the leaf is in the tree is for a proof to say.
 * `faults`: what of the row is not what the leaf says; empty when all of it is. `isErased`: there were
 * words, and they are no longer there.
 */
export function openLeaf(row: EntryRow) {
  const body = JSON.parse(row.leaf) as LeafBody
  const faults: ('leaf-hash' | 'columns' | 'facts' | 'words')[] = []
  if (!isSame(leafHash(row.leaf), row.leafHash)) faults.push('leaf-hash')
  const ids = subjectIds(body.subjects).join(' ')
  if (body.kind !== row.kind || body.at !== row.at || ids !== row.subjects.join(' '))
    faults.push('columns')
  if (commit(row.factsSalt, row.facts) !== body.facts) faults.push('facts')
  if (row.words !== null && commit(row.wordsSalt ?? '', row.words) !== body.words)
    faults.push('words')
  return { body, isErased: row.words === null && body.words !== undefined, faults }
}
