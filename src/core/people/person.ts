/** What a person is allowed to be: roles, living or not, and how their texts are read. Pure. */
import { limits } from '../base/limits.ts'
import { problemOf } from '../base/problem.ts'
import { parseText, safeText } from '../base/text.ts'
import { type Instant, msBetween } from '../base/time.ts'

export const roles = ['platform', 'security', 'auditor'] as const
export type Role = (typeof roles)[number]

/** Issuer of persons nobody outside vouches for: they sign in by a one-time link. */
export const localIssuer = 'urn:leasehold:local'

const dayMs = 24 * 3600 * 1000

/** Living: has not left, and has signed in lately enough to be answerable. */
export function isLiving(
  person: { readonly state: 'living' | 'left'; readonly seenAt: Instant },
  now: Instant,
): boolean {
  return (
    person.state === 'living' && msBetween(person.seenAt, now) <= limits.ownerSilentDays * dayMs
  )
}

/** Roles as given, sorted and once each. Case, look-alikes and unknown words are refused. */
export function parseRoles(given: readonly string[]): Role[] {
  const other = given.find(text => !(roles as readonly string[]).includes(text))
  const names = roles.join(', ')
  if (other !== undefined)
    throw problemOf('role-unknown', { role: safeText(other, 40), names, field: 'roles' })
  return [...new Set(given as readonly Role[])].sort()
}

/**
 * Issuer and subject as the issuer wrote them. Nothing is trimmed, folded or normalised: two
 * spellings are two people (OpenID Connect Core §2: `sub` is case sensitive, at most 255 ASCII).
 */
export function parseKey(key: { iss: string; sub: string }): { iss: string; sub: string } {
  if (key.iss.length > 255 || !/^[\x21-\x7e]+$/.test(key.iss))
    throw problemOf('iss-not-valid', { field: 'iss' })
  if (key.sub.length > 255 || !/^[\x20-\x7e]+$/.test(key.sub))
    throw problemOf('sub-not-valid', { field: 'sub' })
  return { iss: key.iss, sub: key.sub }
}

export function parseName(text: string): string {
  return parseText(text, 'name', limits.personNameChars)
}

/** An address to show. It is never a key, so it is only bounded and made harmless. */
export function parseEmail(text: string | null): string | null {
  if (text === null) return null
  if (text.length <= 254 && /^[^\s@<>"]+@[^\s@<>"]+$/.test(text))
    return parseText(text, 'email', 254)
  throw problemOf('email-not-an-address', { field: 'email' })
}
