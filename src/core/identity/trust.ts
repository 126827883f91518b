/**
 * What a trust rule may be, and how one comes and goes. A change of trust is a request: the body
 * `proposeTrust` makes is what people agree to, and `trustAgreed` applies it once they did.
 */
import { readAgreed } from '../approval/agreed.ts'
import type { IdentityId, RequestId, TrustRuleId } from '../base/ids.ts'
import type { JsonObject } from '../base/json.ts'
import type { Permit } from '../base/permit.ts'
import { problemOf } from '../base/problem.ts'
import { findRow, findWhere, lockKnown, lockRow } from '../ledger/fact-table.ts'
import { entryKind } from '../ledger/kind.ts'
import type { LedgerWorld, Scope } from '../ledger/record.ts'
import { verb } from '../ledger/verb.ts'
import type { AttestWorld } from './attest.ts'
import { githubIssuer } from './presets/github.ts'
import { parseBinding } from './presets/machine.ts'
import { machines } from './presets/machines.ts'
import { type Part, parsePersonBinding } from './presets/person.ts'
import { identityTable, type TrustRuleRow, trustRuleTable } from './rows.ts'

const trustAdded = entryKind('trust.add', 'let a caller prove that it is this identity')
const trustRemoved = entryKind('trust.remove', 'removed a trust rule')

/** `issuer` is ours: people are attested by it alone. */
export type TrustWorld = Pick<AttestWorld, 'replica' | 'issuer'> & {
  readonly issuerKeys: Pick<AttestWorld['issuerKeys'], 'knows'>
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
  if (identity?.state !== 'active') throw problemOf('no-such-identity', { field: 'identity' })
  const { preset, claims } = input
  const bound =
    preset === 'person' ? parsePersonBinding(claims) : parseBinding(machines[preset], claims)
  const issuer = checkIssuer(world, input, { ...bound })
  return { identityId: identity.id, appId: identity.appId, preset, issuer, claims: { ...bound } }
}

/**
 * Applies an agreed request of kind `trust`, once: again it answers the rule that is there. Problems
 * of `readAgreed`, and of `proposeTrust` where what was agreed is no longer possible.
 */
export const trustAgreed = verb(
  'trust.add',
  'id',
  async (scope, input: Agreed, by, world: LedgerWorld & TrustWorld) => {
    const { request, body } = await readAgreed(scope, input.requestId, 'trust')
    const known = await findWhere(scope.tx, trustRuleTable, { requestId: request.id })
    if (known !== undefined) return known
    // Held to the same rules as on the day it was proposed.
    const proposed = proposeTrust(world, body as unknown as TrustProposal)
    return insertRule(scope, by, proposed, input)
  },
)

type Agreed = { id: TrustRuleId; requestId: RequestId }

/**
 * Lets the owner or backup of the app do its work from their own machine. Owning the app is agreement
 * enough, so there is no request; any other trust is asked for.
 */
export const addTrustRule = verb(
  'trust.add',
  'id',
  async (scope, { id, identityId, as }: OwnRule, by, world: LedgerWorld & TrustWorld) => {
    const body = proposeTrust(world, { identityId, preset: 'person', claims: { as } })
    const known = await findRow(scope.tx, trustRuleTable, id)
    return known ?? insertRule(scope, by, body, { id, requestId: null })
  },
)

type OwnRule = { id: TrustRuleId; identityId: IdentityId; as: readonly Part[] }

/** Less trust needs nobody's agreement. Removing it again changes nothing. */
export const removeTrustRule = verb('trust.remove', 'ruleId', async (scope, input: Removed, by) => {
  const rule = await lockKnown(scope.tx, trustRuleTable, input.ruleId)
  if (rule.state === 'revoked') return rule
  scope.entry({ kind: trustRemoved, by })
  return scope.save(trustRuleTable, rule, { ...rule, state: 'revoked', endedAt: scope.at })
})

type Removed = { ruleId: TrustRuleId }

async function insertRule(
  scope: Scope,
  permit: Permit<'trust.add'>,
  body: TrustBody,
  { id, requestId }: { id: TrustRuleId; requestId: RequestId | null },
): Promise<TrustRuleRow> {
  const identity = await lockRow(scope.tx, identityTable, body.identityId)
  if (identity?.state !== 'active') throw problemOf('identity-revoked-meanwhile')
  const anchor = anchorOf(body)
  scope.entry({ kind: trustAdded, by: permit })
  return scope.insert(trustRuleTable, { id, ...body, anchor, requestId, state: 'active' })
}

/** Issuer and the immutable id a rule turns on: what a token finds its rules by. */
export function anchorOf({ issuer, preset, claims }: Omit<TrustBody, 'identityId' | 'appId'>) {
  const id = preset === 'person' ? '' : (claims[machines[preset].anchor] as string)
  return `${issuer} ${id}`
}

/** People are ours alone, and for an SVID nobody answers but its own trust domain. */
function checkIssuer(
  world: TrustWorld,
  { preset, issuer: given }: TrustProposal,
  bound: JsonObject,
) {
  const isOurs = preset === 'person'
  const [domain] =
    /^spiffe:\/\/[^/]+/.exec(preset === 'spiffe' ? (bound['spiffe_id'] as string) : '') ?? []
  const only = isOurs ? world.issuer : domain
  const issuer = given ?? only ?? (preset === 'github' ? githubIssuer : '')
  const isKnown = isOurs || world.issuerKeys.knows(issuer)
  if (isKnown && (only === undefined || issuer === only)) return issuer
  if (isOurs) throw problemOf('people-attested-here', { field: 'issuer' })
  throw problemOf('issuer-not-registered', { field: 'issuer' })
}
