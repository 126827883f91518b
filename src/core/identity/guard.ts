/**
 * The guard before every call to an address that somebody else chose: an issuer's discovery document
 * and its keys. Not for calls to targets, whose addresses are configured with their credentials.
 *
 * ATTACKER: names an address inside our network (metadata service, loopback), or one that only looks
 * like a known host (user info, port, suffix, international spelling, trailing dot). So: https and a
 * plain name. Where the name leads is looked at by who connects (`src/life/outbound/fetch.ts`).
 */
import { isIP } from 'node:net'
import type { Json } from '../base/json.ts'
import { type Problem, problemOf } from '../base/problem.ts'

/** Origins the operator lists by name (a demo's issuer on loopback, one inside the company). */
export type AllowedOrigins = ReadonlySet<string>

/**
 * A plain https address, written as it is compared: byte for byte. Problem `address-refused` says
 * what is wrong with it and never repeats it, since it may hold a credential.
 */
export function checkAddress(text: string, field: string, allowed: AllowedOrigins): URL {
  const url = URL.parse(text)
  if (url === null || (url.href !== text && url.href !== `${text}/`))
    throw refused(field, 'is not written as a plain address: lower case, no port 443, no `..`')
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    throw refused(field, 'has a user, a query or a fragment')
  if (allowed.has(url.origin)) return url
  if (url.protocol !== 'https:') throw refused(field, 'is not https')
  if (url.port !== '') throw refused(field, 'names a port')
  if (!isPublicName(url.hostname)) throw refused(field, 'does not name a public host')
  return url
}

/** A name with a dot, of plain letters: no IP address in any spelling, no international name. */
function isPublicName(hostname: string): boolean {
  if (isIP(hostname.replace(/^\[|\]$/g, '')) !== 0 || hostname.includes('xn--')) return false
  return /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$/.test(hostname)
}

/** How a document is fetched: within bounds, following no redirect, from public addresses alone. */
export type FetchJson = (address: string, allowed: AllowedOrigins) => Promise<Json>

export function refused(field: string, why: string): Problem {
  return problemOf('field-why', { why, field })
}
