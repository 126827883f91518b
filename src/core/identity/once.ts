/**
 * An assertion is accepted once, or for the holder of the key it was first used with: in the transaction
 * that acts on it, so that of many calls with the same one exactly one acts, or those of one key, on however
 * many replicas, also after a restart.
 */
import { limits } from '../base/limits.ts'
import { addMs, type Instant } from '../base/time.ts'
import type { Sql, Tx } from '../store/store.ts'
import { type AttestRefusal, refuse, type UsedAssertion } from './refusal.ts'
import { deleteAssertions, findUse, markAssertion } from './rows.ts'

/**
 * Null when it is ours to use now. Otherwise the refusal, and the caller rolls back. A second call
 * waits for the first one's commit.
 */
export async function claimAssertion(
  tx: Tx,
  assertion: UsedAssertion,
  now: Instant,
): Promise<AttestRefusal | null> {
  const { replay, issuer, boundTo } = assertion
  if (replay === 'many') return null
  // ATTACKER: reads the token from the file or the job it lies in, and comes without the key.
  if (replay === 'bound' && boundTo === undefined)
    return { ...refuse('key', 'DPoP', undefined, 'a proof of a key (RFC 9449)'), issuer }
  const usedAt = await markAssertion(tx, assertion, now)
  return usedAt === null ? null : spent(assertion, usedAt)
}

/** What had its use is over whatever the rules say of it now, and is told so. */
export async function orSpent(sql: Sql, refusal: AttestRefusal): Promise<AttestRefusal> {
  const { assertion } = refusal
  if (assertion?.replay !== 'once') return refusal
  const usedAt = await findUse(sql, assertion)
  return usedAt === undefined ? refusal : spent(assertion, usedAt)
}

function spent({ issuer, replay }: UsedAssertion, usedAt: Instant): AttestRefusal {
  if (replay === 'bound') {
    const refusal = refuse('used', 'DPoP', 'another key', 'the key it was first used with')
    return { ...refusal, issuer, says: `it was first used with another key, at ${usedAt}` }
  }
  const refusal = refuse('used', 'jti', 'a token that was used', 'a new one from its issuer')
  return { ...refusal, issuer, says: `it was used once already, at ${usedAt}` }
}

/**
 * Forgets assertions that ran out. INVARIANT: only well after their end, so that a clock that jumps back,
 * here or on another replica, revives nothing.
 */
export function forgetAssertions(sql: Sql, now: Instant): Promise<number> {
  return deleteAssertions(sql, addMs(now, -limits.assertionKeptMs))
}
