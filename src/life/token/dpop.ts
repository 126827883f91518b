/**
 * Proofs of possession (RFC 9449): who presents a token that is bound to a key shows with each request
 * that they hold it. Not here: which tokens are bound.
 *
 * ATTACKER: has seen a token, in a log or on the way, or a request with its proof. The token alone is
 * worth nothing without the key; a proof is for one method and path, one token, one minute, once. Once in
 * this process: at another replica the same proof is good for the rest of its minute, for exactly the
 * same request with the same token.
 */
import { calculateJwkThumbprint, EmbeddedJWK, jwtVerify } from 'jose'
import { base64url, sha256 } from '../../core/base/hash.ts'
import { problemOf, problemsAlike } from '../../core/base/problem.ts'
import { type Clock, toMs } from '../../core/base/time.ts'

const bounds = {
  proofChars: 4_000,
  /** Before and after now: clocks differ, and a request takes a while. */
  proofMs: 60_000,
  /** Remembered at once; beyond it nobody is let in by a proof. */
  proofs: 200_000,
}

export interface Proven {
  readonly method: string
  /** Without a query. */
  readonly path: string
  /** Of the request, known to be one of ours; or the issuer's own. */
  readonly hosts: readonly string[]
  /** What it is presented with; none where a token is asked for. */
  readonly token?: string | undefined
}

/** A class because it guards which proofs were seen. */
export class Proofs {
  readonly #clock: Clock
  readonly #seen = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** RFC 9449 §4.3. Answers with the thumbprint of the key. Problem `token-refused`, the same for every fault. */
  async check(proof: string, { method, path, hosts, token }: Proven): Promise<string> {
    const nowMs = toMs(this.#clock.now())
    if (proof.length > bounds.proofChars) throw refused('too long')
    const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, {
      typ: 'dpop+jwt',
      algorithms: ['ES256', 'EdDSA', 'Ed25519'],
      requiredClaims: ['jti', 'iat', 'htm', 'htu'],
      currentDate: new Date(nowMs),
    }).catch((cause: unknown) => {
      throw refused(cause instanceof Error ? cause.message : 'unreadable')
    })
    const { jti, iat = 0, htm, htu, ath } = payload
    const { jwk } = protectedHeader
    if (jwk === undefined || 'd' in jwk) throw refused('its key is not a public one')
    if (Math.abs(iat * 1000 - nowMs) > bounds.proofMs) throw refused('not of now')
    const at = URL.parse(String(htu))
    const isHere = at?.pathname === path && hosts.includes(at.host) && at.search + at.hash === ''
    if (htm !== method || !isHere) throw refused('for another request')
    if (token !== undefined && ath !== base64url(sha256(token))) throw refused('for another token')
    const jkt = await calculateJwkThumbprint(jwk)
    this.#once(`${jkt} ${String(jti)}`, nowMs)
    return jkt
  }

  #once(name: string, nowMs: number): void {
    const key = base64url(sha256(name))
    if (this.#seen.has(key)) throw refused('seen before')
    // In the order they came, so the oldest are the first to be forgotten.
    for (const [each, untilMs] of this.#seen) {
      if (untilMs > nowMs) break
      this.#seen.delete(each)
    }
    if (this.#seen.size >= bounds.proofs) throw problemOf('too-many-proofs')
    this.#seen.set(key, nowMs + 2 * bounds.proofMs)
  }
}

const refused = problemsAlike('token-refused', {
  detail: 'The proof of the key this token is bound to is missing, or is not good.',
  next: 'Send a new one with each request; and look at the clock of this machine.',
})

/** `scheme` as it was sent. Problem where a bound token comes as a bearer, or the other way round. */
export async function checkBound(
  proofs: Proofs,
  { scheme, boundTo, proof }: { scheme: string; boundTo: string | null; proof: string | undefined },
  of: Proven,
): Promise<void> {
  // RFC 9449 §7.2: one that is bound is never taken as a bearer.
  if ((scheme.toLowerCase() === 'dpop') !== (boundTo !== null)) throw refused('the wrong scheme')
  if (boundTo === null) return
  if ((await proofs.check(proof ?? '', of)) !== boundTo) throw refused('of another key')
}
