/** What evidence means, in exactly the words of design §2. Pure; unknown is never green. */
import type { Evidence, HolderEvidence } from './target.ts'

export type EndState = 'verified-gone' | 'revoked-unverified' | 'unreachable' | 'still-there'

export function judge(evidence: Evidence): EndState {
  if (evidence.listed === 'present' || evidence.credential === 'accepted') return 'still-there'
  if ((evidence.sessions ?? 0) > 0 || evidence.residue.length > 0) return 'still-there'
  if (evidence.listed === 'unknown') return 'unreachable'
  if (evidence.sessions === null) return 'revoked-unverified'
  // It never left our gateway, which lets nothing through without a live lease.
  if (evidence.credential === 'none') return 'verified-gone'
  // The refusal counts only where the same path accepts somebody: a dead port refuses everyone.
  if (evidence.credential !== 'refused' || evidence.probe !== 'accepted')
    return 'revoked-unverified'
  return 'verified-gone'
}

export function judgeHolder(evidence: HolderEvidence): EndState {
  if (evidence.listed === 'present' || evidence.residue.length > 0) return 'still-there'
  return evidence.listed === 'absent' ? 'verified-gone' : 'unreachable'
}
