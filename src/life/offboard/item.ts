/** One thing an app has that must be gone at its end, and what was seen of it last. */
import type { TargetId } from '../../core/base/ids.ts'
import type { Instant } from '../../core/base/time.ts'

/** An account is what an adopted app is said to have where no connected system shows it. */
export type ItemKind =
  | 'lease'
  | 'thing'
  | 'grant'
  | 'owner-role'
  | 'identity'
  | 'trust-rule'
  | 'account'

/** The words of design §2 for ended things; `to-do` until it was looked at. */
export type ItemState =
  | 'to-do'
  | 'verified-gone'
  | 'revoked-unverified'
  | 'manual-attested'
  | 'unreachable'
  | 'still-there'

export interface PlanItem {
  readonly order: number
  readonly kind: ItemKind
  readonly id: string
  /** What a person would look for: the name at the target, the SPIFFE id, the issuer. */
  readonly name: string
  /** Slug of the target, or our own name. */
  readonly system: string
  readonly targetId: TargetId | null
  readonly state: ItemState
  readonly paths: readonly string[]
  readonly because: string | null
  readonly at: Instant | null
}

export function isGreen(item: Pick<PlanItem, 'state'>): boolean {
  return item.state === 'verified-gone'
}

/** Our looks could not tell, so a person may say what they saw. */
export function isSayable({ state }: Pick<PlanItem, 'state'>): boolean {
  return state === 'unreachable' || state === 'revoked-unverified' || state === 'manual-attested'
}
