/** Ends task tokens before their time (RFC 7009), and puts away those whose task is over. */
import { systemId, type TokenId } from '../base/ids.ts'
import { checkPermit, type Permit } from '../base/permit.ts'
import { forEachDue } from '../base/sweep.ts'
import { lockRow } from '../ledger/fact-table.ts'
import { entryKind } from '../ledger/kind.ts'
import { type LedgerWorld, recorded, type SweepWorld } from '../ledger/record.ts'
import { listLeftTasks, lockLiveTokensOf, type TokenRow, tokenTable } from './rows.ts'

const tokenRevoked = entryKind('token.revoke', 'revoked a token')
const tokensEnded = entryKind('token.end', 'put away the tokens of a closed task')

/**
 * Again, or for a token that is not there, changes nothing and is no error (§2.2). Whatever the
 * database can not do is thrown, so that nobody is told of a revocation that did not happen.
 */
export async function revokeToken(
  world: LedgerWorld,
  permit: Permit<'token.revoke'>,
  input: { tokenId: TokenId },
): Promise<void> {
  checkPermit(permit, 'token.revoke', input.tokenId)
  await recorded(world, async scope => {
    const token = await lockRow(scope.tx, tokenTable, input.tokenId)
    if (token?.state !== 'live') return
    await scope.save(tokenTable, token, { ...token, state: 'revoked', revokedAt: scope.at })
    scope.entry({ kind: tokenRevoked, by: permit })
  })
}

/** A token ends with its task; this only takes it out of memory. Returns how many tasks it looked at. */
export async function sweepTokens(world: SweepWorld): Promise<number> {
  return forEachDue(await listLeftTasks(world.store), ({ id }) => {
    const about = { type: 'task', id }
    const permit = world.permitFor(systemId('lease-sweep'), 'token.revoke', about)
    checkPermit(permit, 'token.revoke', id)
    return recorded(world, async scope => {
      const live = await lockLiveTokensOf(scope.tx, id)
      if (live.length === 0) return
      const ended = { state: 'revoked', revokedAt: scope.at } as const
      const afterOf = (token: TokenRow): TokenRow =>
        token.expiresAt <= scope.at ? { ...token, state: 'expired' } : { ...token, ...ended }
      const pairs = live.map(before => ({ before, after: afterOf(before) }))
      await scope.saveAll(tokenTable, pairs)
      scope.entry({ kind: tokensEnded, by: permit })
    })
  })
}
