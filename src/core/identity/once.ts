/**
 * An assertion is accepted once: in the transaction that acts on it, so that of many calls with the
 * same one exactly one acts, on however many replicas, also after a restart.
 */
import { limits } from '../base/limits.ts'
import { addMs, type Instant } from '../base/time.ts'
import type { Sql, Tx } from '../store/store.ts'
import type { UsedAssertion } from './attest.ts'
import { type AttestRefusal, refuse } from './refusal.ts'
import { deleteAssertions, markAssertion } from './rows.ts'

/**
 * Null when it is ours to use now. Otherwise the refusal, and the caller rolls back. A second call
 * waits for the first one's commit.
 */
export async function claimAssertion(
  tx: Tx,
  assertion: UsedAssertion,
  now: Instant,
): Promise<AttestRefusal | null> {
  if (!assertion.isOnce) return null
  const usedAt = await markAssertion(tx, assertion, now)
  if (usedAt === null) return null
  const refusal = refuse('used', 'jti', 'a token that was used', 'a new one from its issuer')
  const says = `it was used once already, at ${usedAt}`
  return { ...refusal, issuer: assertion.issuer, says }
}

/**
 * Forgets assertions that ran out. INVARIANT: only well after their end, so that a clock that jumps back,
 * here or on another replica, revives nothing.
 */
export function forgetAssertions(sql: Sql, now: Instant): Promise<number> {
  return deleteAssertions(sql, addMs(now, -limits.assertionKeptMs))
}
