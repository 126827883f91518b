/** Ends task tokens before their time (RFC 7009), and puts away those whose task is over. */
import { forEachDue } from '../base/sweep.ts'
import { lockRow } from '../ledger/fact-table.ts'
import { entryKind } from '../ledger/kind.ts'
import type { SweepWorld } from '../ledger/record.ts'
import { verb } from '../ledger/verb.ts'
import { listLeftTasks, lockLiveTokensOf, type TokenRow, tokenTable } from './rows.ts'

const tokenRevoked = entryKind('token.revoke', 'revoked a token')
const tokensEnded = entryKind('token.end', 'put away the tokens of a closed task')

/**
 * Again, or for a token that is not there, changes nothing and is no error (§2.2). Whatever the
 * database can not do is thrown, so that nobody is told of a revocation that did not happen.
 */
export const revokeToken = verb('token.revoke', 'tokenId', async (scope, { tokenId }, by) => {
  const token = await lockRow(scope.tx, tokenTable, tokenId)
  if (token?.state !== 'live') return
  await scope.save(tokenTable, token, { ...token, state: 'revoked', revokedAt: scope.at })
  scope.entry({ kind: tokenRevoked, by })
})

/** A token ends with its task; this only takes it out of memory. Returns how many tasks it looked at. */
export async function sweepTokens(world: SweepWorld): Promise<number> {
  return forEachDue(await listLeftTasks(world.store), ({ id }) =>
    endTokens.bySweep(world, 'lease-sweep', { taskId: id }),
  )
}

const endTokens = verb('token.revoke', 'taskId', async (scope, { taskId }, by) => {
  const live = await lockLiveTokensOf(scope.tx, taskId)
  if (live.length === 0) return
  const ended = { state: 'revoked', revokedAt: scope.at } as const
  const afterOf = (token: TokenRow): TokenRow =>
    token.expiresAt <= scope.at ? { ...token, state: 'expired' } : { ...token, ...ended }
  await scope.saveAll(
    tokenTable,
    live.map(before => ({ before, after: afterOf(before) })),
  )
  scope.entry({ kind: tokensEnded, by })
})
