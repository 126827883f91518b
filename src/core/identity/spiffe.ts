/**
 * SPIFFE ids of identities: `spiffe://<trust domain>/app/<slug>/<role>`. Pure.
 *
 * INVARIANT: an id is compared byte for byte and never normalised. What is not written exactly as we
 * write it (case, `%`, `..`, `//`, a trailing `/`, anything beyond ASCII) is not an id of ours.
 */
export const identityRoles = ['build', 'test', 'publish', 'run', 'agent'] as const
export type IdentityRole = (typeof identityRoles)[number]

interface SpiffeName {
  readonly trustDomain: string
  readonly slug: string
  readonly role: IdentityRole
}

/** SPIFFE-ID §2: at most 2048 bytes; trust domain and slug were parsed when they were made. */
export function spiffeId(name: SpiffeName): string {
  return `spiffe://${name.trustDomain}/app/${name.slug}/${name.role}`
}

/** The parts, or null for anything we would not have written ourselves. */
export function parseSpiffeId(text: string): SpiffeName | null {
  if (text.length > 2048) return null
  const parts = /^spiffe:\/\/([a-z0-9._-]{1,255})\/app\/([a-z][a-z0-9-]*)\/([a-z]+)$/.exec(text)
  const [, trustDomain, slug, named] = parts ?? []
  const role = identityRoles.find(each => each === named)
  return trustDomain && slug && role ? { trustDomain, slug, role } : null
}

/** What callers may write for an identity: its SPIFFE id, or `<slug>/<role>` of this installation. */
export function parseIdentityName(text: string, trustDomain: string): string | null {
  if (text.startsWith('spiffe://')) return parseSpiffeId(text) === null ? null : text
  return parseIdentityName(`spiffe://${trustDomain}/app/${text}`, trustDomain)
}
