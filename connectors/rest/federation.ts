/**
 * Our issuer for outside systems that trust it in place of a stored key: what connectors are given of it.
 * What such systems demand of a token: RS256, one audience, a subject of at most 127 bytes of ASCII, a
 * short life. Keys and documents of the issuer are the server's; `main.ts` hands this over.
 */
import type { Json } from '../../src/core/base/json.ts'

export interface Federation {
  /** The `iss` of each token; its discovery document and keys are read below it. */
  readonly issuer: string
  /** One signed token that lives for a few minutes. Never kept, shown or logged. */
  sign(claims: FederationClaims): Promise<string>
  /** The keys as a JWK Set, for systems that are given them instead of fetching them. */
  jwks(): { readonly keys: readonly Json[] }
}

export interface FederationClaims {
  readonly subject: string
  readonly audience: string
  /** Beside the registered claims, e.g. session tags. */
  readonly more?: Readonly<Record<string, Json>>
}
