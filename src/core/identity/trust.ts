/**
 * What a trust rule may be, and how it is proposed. Pure. A change of trust is a request: the body
 * made here is what people agree to, and `add-trust.ts` applies it once they did.
 */
import type { JsonObject } from '../base/json.ts'
import { Problem } from '../base/problem.ts'
import type { Replica } from '../ledger/replica.ts'
import type { IssuerKeys } from './jwks.ts'
import { githubIssuer, parseGithubBinding } from './presets/github.ts'
import { parsePersonBinding } from './presets/person.ts'
import { identityTable, type TrustPreset, type TrustRuleRow } from './rows.ts'

export interface TrustWorld {
  readonly replica: Replica
  readonly issuerKeys: Pick<IssuerKeys, 'knows'>
  /** Ours: people are attested by it alone. */
  readonly issuer: string
}

/** What is agreed to, and what the rule's row then holds. Proposing it again gives the same. */
export type TrustBody = Pick<TrustRuleRow, 'identityId' | 'appId' | 'preset' | 'issuer' | 'claims'>

export interface TrustProposal extends Pick<TrustBody, 'identityId' | 'preset' | 'claims'> {
  /** Without it: GitHub's own issuer, or ours for a person. */
  readonly issuer?: string | undefined
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
  const { preset, claims } = input
  const bound = preset === 'github' ? parseGithubBinding(claims) : parsePersonBinding(claims)
  const issuer = checkIssuer(world, preset, input.issuer)
  return { identityId: identity.id, appId: identity.appId, preset, issuer, claims: { ...bound } }
}

/** Issuer and the immutable id a rule turns on: what a token finds its rules by. */
export function anchorOf(issuer: string, claims: JsonObject): string {
  const id = claims['repository_id']
  return `${issuer} ${typeof id === 'string' ? id : ''}`
}

function checkIssuer(world: TrustWorld, preset: TrustPreset, given: string | undefined): string {
  const isOurs = preset === 'person'
  const issuer = given ?? (isOurs ? world.issuer : githubIssuer)
  if (isOurs ? issuer === world.issuer : world.issuerKeys.knows(issuer)) return issuer
  throw new Problem('address-refused', {
    field: 'issuer',
    detail: isOurs
      ? 'People are attested by this installation alone.'
      : 'This issuer is not registered here, exactly as it is written.',
    next: 'The operator registers issuers in LEASEHOLD_CI_ISSUERS.',
  })
}
