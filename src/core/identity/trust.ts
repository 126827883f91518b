/**
 * What a trust rule may be, and how it is proposed. Pure. A change of trust is a request: the body
 * made here is what people agree to, and `add-trust.ts` applies it once they did.
 */
import type { AppId, IdentityId } from '../base/ids.ts'
import type { JsonObject } from '../base/json.ts'
import { Problem } from '../base/problem.ts'
import type { Replica } from '../ledger/replica.ts'
import type { IssuerKeys } from './jwks.ts'
import { githubIssuer, parseGithubBinding } from './presets/github.ts'
import { parsePersonBinding } from './presets/person.ts'
import { identityTable, type TrustPreset } from './rows.ts'

export interface TrustWorld {
  readonly replica: Replica
  readonly issuerKeys: Pick<IssuerKeys, 'knows'>
  /** Ours: people are attested by it alone. */
  readonly issuer: string
}

export interface TrustProposal {
  readonly identityId: IdentityId
  readonly preset: TrustPreset
  /** Without it: GitHub's own issuer, or ours for a person. */
  readonly issuer?: string | undefined
  readonly claims: JsonObject
}

/** What is agreed to, and what the rule's row then holds. Proposing it again gives the same. */
export interface TrustBody {
  readonly identityId: IdentityId
  readonly appId: AppId
  readonly preset: TrustPreset
  readonly issuer: string
  readonly claims: JsonObject
}

/**
 * The body of a request of kind `trust`. Problems: `not-found` for an identity that is not there or
 * revoked, `address-refused` for an issuer nobody registered, `invalid-field` for claims that bind
 * too little.
 */
export function proposeTrust(world: TrustWorld, input: TrustProposal): TrustBody {
  const identity = world.replica.get(identityTable, input.identityId)
  if (identity?.state !== 'active')
    throw new Problem('not-found', { field: 'identity', detail: 'There is no such identity.' })
  const { preset } = input
  return {
    identityId: identity.id,
    appId: identity.appId,
    preset,
    issuer: checkIssuer(world, preset, input.issuer),
    claims: parseClaims(preset, input.claims),
  }
}

/** Issuer and the immutable id a rule turns on: what a token finds its rules by. */
export function anchorOf(issuer: string, claims: JsonObject): string {
  const id = claims['repository_id']
  return `${issuer} ${typeof id === 'string' ? id : ''}`
}

function checkIssuer(world: TrustWorld, preset: TrustPreset, given: string | undefined): string {
  if (preset === 'person') {
    if (given === undefined || given === world.issuer) return world.issuer
    throw unregistered('People are attested by this installation alone.')
  }
  const issuer = given ?? githubIssuer
  if (world.issuerKeys.knows(issuer)) return issuer
  throw unregistered('This issuer is not registered here, exactly as it is written.')
}

function unregistered(detail: string): Problem {
  return new Problem('address-refused', {
    field: 'issuer',
    detail,
    next: 'The operator registers issuers in LEASEHOLD_CI_ISSUERS.',
  })
}

function parseClaims(preset: TrustPreset, claims: JsonObject): JsonObject {
  return { ...(preset === 'github' ? parseGithubBinding(claims) : parsePersonBinding(claims)) }
}
