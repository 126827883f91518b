/**
 * Branded ids: one kind can not be passed for another, and each says what it is.
 *
 * An id is a prefix and 130 random bits in Crockford's alphabet, lower case (26 characters). What a
 * person sees is the slug, or a short id made of it (`life/lists`).
 */
import { randomFillSync } from 'node:crypto'
import type { Word } from './words.ts'

export const idPrefixes = {
  person: 'pe',
  app: 'ap',
  identity: 'id',
  trustRule: 'tr',
  target: 'tg',
  resource: 'rs',
  request: 'rq',
  grant: 'gr',
  manifest: 'mf',
  task: 'tk',
  token: 'tn',
  lease: 'ls',
  decision: 'dc',
  bundle: 'pb',
  hold: 'ho',
  finding: 'fi',
  offboarding: 'of',
  evidence: 'ev',
  thing: 'th',
  passkey: 'pk',
  key: 'ky',
  system: 'sy',
} as const

export type IdKind = keyof typeof idPrefixes
declare const idBrand: unique symbol
export type Id<K extends IdKind> = string & { readonly [idBrand]: K }

export type PersonId = Id<'person'>
export type AppId = Id<'app'>
export type IdentityId = Id<'identity'>
export type TrustRuleId = Id<'trustRule'>
export type TargetId = Id<'target'>
export type ResourceId = Id<'resource'>
export type RequestId = Id<'request'>
export type GrantId = Id<'grant'>
export type ManifestId = Id<'manifest'>
export type TaskId = Id<'task'>
export type TokenId = Id<'token'>
export type LeaseId = Id<'lease'>
export type DecisionId = Id<'decision'>
export type BundleId = Id<'bundle'>
export type HoldId = Id<'hold'>
export type FindingId = Id<'finding'>
export type OffboardingId = Id<'offboarding'>
export type EvidenceId = Id<'evidence'>
export type ThingId = Id<'thing'>
export type PasskeyId = Id<'passkey'>
export type KeyId = Id<'key'>
/** One of our own sweeps, as an actor: `sy_lease-sweep`. */
export type SystemId = Id<'system'>
export type ActorId = PersonId | IdentityId | SystemId
export type AnyId = Id<IdKind>

/** Drawn for many ids at once: asking the system costs more than all the rest of a small request. */
const entropy = Buffer.alloc(26 * 128)
let drawn = entropy.length

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'

export function newId<K extends IdKind>(kind: K): Id<K> {
  if (drawn === entropy.length) {
    randomFillSync(entropy)
    drawn = 0
  }
  let text = ''
  for (const byte of entropy.subarray(drawn, (drawn += 26))) text += alphabet[byte & 31]
  return `${idPrefixes[kind]}_${text}` as Id<K>
}

export type SystemName =
  Word<'genesis lease-sweep app-sweep offboard approval recovery schedule gateway discovery'>

export function systemId(name: SystemName): SystemId {
  return `sy_${name}` as SystemId
}

export function isId<K extends IdKind>(kind: K, text: string): text is Id<K> {
  return text.startsWith(`${idPrefixes[kind]}_`) && /^[a-z]{2}_[0-9a-hjkmnp-tv-z]{26}$/.test(text)
}
