/**
 * Erases the words of people from the log: text and salt of every entry about one thing. The leaves
 * stay, so every proof stays valid; the entry it writes says which positions lost their words.
 *
 * Not here: words in the tables (their chapters change those), and copies in backups.
 */
import { type AnyId, idPrefixes } from '../../core/base/ids.ts'
import { problemOf } from '../../core/base/problem.ts'
import { entryKind } from '../../core/ledger/kind.ts'
import { verb } from '../../core/ledger/verb.ts'
import { eraseWordsOf, hasWaitingWords } from './rows.ts'

export const textErased = entryKind('text.erase', 'erased the words about it')

/** Answers the positions that lost their words. */
export const eraseWords = verb('text.erase', 'id', async (scope, { id }, by) => {
  // INVARIANT: words without a position can not be erased, so while there are any, nothing is.
  if (await hasWaitingWords(scope.tx, id)) throw problemOf('log-not-caught-up')
  const positions = await eraseWordsOf(scope.tx, id)
  const subjects = [{ type: typeOf(id), id, version: 0 }]
  scope.entry({ kind: textErased, by, subjects, facts: { positions } })
  return positions
})

function typeOf(id: AnyId): string {
  const known = Object.entries(idPrefixes).find(([, prefix]) => id.startsWith(`${prefix}_`))
  return known?.[0] ?? 'thing'
}
