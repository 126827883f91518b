/** What of a credential is handed over: itself, or a word that is worth nothing but at our gateway. */
import { base64url, hmacSha256 } from '../base/hash.ts'
import type { Via } from '../policy/facts.ts'

/**
 * INVARIANT: unless `env` was decided, the credential does not leave the core this way. The word is a
 * keyed hash of it: it lies nowhere, and nothing leads back from it.
 */
export function handOver(secret: string, via: Via = 'proxy'): string {
  return via === 'env' ? secret : base64url(hmacSha256(Buffer.from(secret), 'one-run word'))
}
