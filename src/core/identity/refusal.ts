/** Why a caller was not attested: a value that names the one thing that failed. */
import type { Json } from '../base/json.ts'
import { safeText } from '../base/text.ts'
import type { Instant } from '../base/time.ts'
import type { Word } from '../base/words.ts'

/** What is counted per issuer and minute. A closed list, so that callers can not make up rows. */
export type RefusalReason =
  Word<'malformed issuer audience time key signature claims identity used'>

/** How the assertion may be used again: by anybody until it ends, by the holder of one key, never. */
export type Replay = 'many' | 'bound' | 'once'

export interface UsedAssertion {
  readonly issuer: string
  readonly hash: string
  readonly expiresAt: Instant
  readonly replay: Replay
  /** Thumbprint of the key its caller has proven to hold. */
  readonly boundTo?: string | undefined
}

export interface AttestRefusal {
  readonly refused: RefusalReason
  /** The registered issuer it claims to come from; null while it could be anybody's. */
  readonly issuer: string | null
  /** The claim, header or parameter that failed. */
  readonly claim: string
  /** What the token says there, made safe to print. */
  readonly is: string
  /** What would have been accepted. From no rule but those of the identity that was asked for. */
  readonly needs: string
  /** One sentence for the caller. */
  readonly says: string
  /** Where all but the rules was well: it may have had its use. */
  readonly assertion?: UsedAssertion
}

/** One rule that did not fit. */
export interface Miss {
  readonly refusal: AttestRefusal
  /** How many of its claims fitted: the nearest rule is the one with most. */
  readonly fitted: number
}

/** `says` is made from the parts unless a better sentence is given. */
export function refuse(
  refused: RefusalReason,
  claim: string,
  is: Json | undefined,
  needs: string,
): AttestRefusal {
  const text = typeof is === 'string' ? is : (JSON.stringify(is) ?? 'nothing')
  const shown = safeText(text, 120)
  const says = `its token says ${claim} ${shown}, needed is ${needs}`
  return { refused, issuer: null, claim, is: shown, needs, says }
}

export function isRefusal(value: object): value is AttestRefusal {
  return 'refused' in value
}
