/**
 * Erases the words of people from the log: text and salt of every entry about one thing. The leaves
 * stay, so every proof stays valid; the entry it writes says which positions lost their words.
 *
 * Not here: words in the tables (their chapters change those), and copies in backups.
 */
import { type AnyId, idPrefixes } from '../../core/base/ids.ts'
import { checkPermit, type Permit } from '../../core/base/permit.ts'
import { Problem } from '../../core/base/problem.ts'
import { entryKind } from '../../core/ledger/kind.ts'
import { type LedgerWorld, recorded } from '../../core/ledger/record.ts'
import { eraseWordsOf, hasWaitingWords } from './rows.ts'

export const textErased = entryKind('text.erase', 'erased the words about it')

/** Answers the positions that lost their words. */
export async function eraseWords(
  world: LedgerWorld,
  permit: Permit<'text.erase'>,
  input: { readonly id: AnyId },
): Promise<number[]> {
  checkPermit(permit, 'text.erase', input.id)
  return recorded(world, async scope => {
    // INVARIANT: words without a position can not be erased, so while there are any, nothing is.
    if (await hasWaitingWords(scope.tx, input.id))
      throw new Problem('conflict', {
        detail: 'The last changes of this are still on their way into the log.',
        next: 'Repeat in a second.',
      })
    const positions = await eraseWordsOf(scope.tx, input.id)
    const subjects = [{ type: typeOf(input.id), id: input.id, version: 0 }]
    scope.entry({ kind: textErased, by: permit, subjects, facts: { positions } })
    return positions
  })
}

function typeOf(id: AnyId): string {
  const known = Object.entries(idPrefixes).find(([, prefix]) => id.startsWith(`${prefix}_`))
  return known?.[0] ?? 'thing'
}
