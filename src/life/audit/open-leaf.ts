/** A row of the log held against its leaf. Whether the leaf is in the tree is for a proof to say. */
import { commit, type LeafBody, subjectIds } from '../../core/ledger/leaf.ts'
import type { EntryRow } from '../../core/ledger/rows.ts'
import { isSame, leafHash } from '../../core/ledger/tree.ts'

/**
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
