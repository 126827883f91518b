/**
 * Attest: is this caller the workload it says it is (design §5.2)? The answer is an identity with the
 * rule that trusts it and where the work came from, or a refusal that names the claim that failed.
 *
 * Not for: what it may do (policy), and not for using the assertion up, which happens in the
 * transaction that acts on it (`once.ts`).
 *
 * INVARIANT: a refusal quotes a trust rule only to a caller who named its identity and whose token
 * that rule's issuer has signed. Everybody else learns what their own token says.
 */
import { type CryptoKey, compactVerify, errors } from 'jose'
import { appTable } from '../app/rows.ts'
import { isId, type PersonId } from '../base/ids.ts'
import type { JsonObject } from '../base/json.ts'
import { limits } from '../base/limits.ts'
import { assert } from '../base/problem.ts'
import { fromMs, type Instant, toMs } from '../base/time.ts'
import type { Image } from '../ledger/fact-table.ts'
import type { Replica } from '../ledger/replica.ts'
import { installationTable, type PersonRow, personTable } from '../people/rows.ts'
import { type Assertion, type AssertionAlg, readAssertion } from './assertion.ts'
import type { IssuerKeys } from './jwks.ts'
import { githubProvenance, type Miss, matchGithub } from './presets/github.ts'
import { matchPerson, type PersonBinding } from './presets/person.ts'
import { type AttestRefusal, isRefusal, refuse } from './refusal.ts'
import { type IdentityRow, identityTable, type TrustRuleRow, trustRuleTable } from './rows.ts'
import { parseIdentityName } from './spiffe.ts'
import { anchorOf } from './trust.ts'

/** Our own issuer of people's tokens: its keys are at hand, never fetched. */
export interface OwnIssuer {
  readonly issuer: string
  /** What people's tokens are for. */
  readonly audience: string
  readonly keyOf: (kid: string) => CryptoKey | undefined
}

export interface AttestWorld {
  readonly replica: Replica
  readonly issuerKeys: IssuerKeys
  readonly ownIssuer: OwnIssuer
}

export interface AttestInput {
  readonly token: string
  /** The one `aud` an assertion for us has. */
  readonly audience: string
  readonly now: Instant
  /** SPIFFE id or `<slug>/<role>`: whose rules are asked. Without it the rules the token finds. */
  readonly identity?: string | undefined
}

export interface Attested {
  readonly identity: Image<IdentityRow>
  readonly rule: Image<TrustRuleRow>
  /** The person whose sign-in attests, who is there and watches. */
  readonly person: PersonId | null
  readonly provenance: Provenance
  readonly assertion: UsedAssertion
}

export interface Provenance {
  /** Ids only: goes into the log. */
  readonly facts: JsonObject
  /** Names: erasable. */
  readonly words: Readonly<Record<string, string>>
  /** Equal for calls of the same run, so that they join one task. */
  readonly key: string
}

/** How the assertion may be used again: a person's token until it ends, any other never. */
export interface UsedAssertion {
  readonly issuer: string
  readonly hash: string
  readonly expiresAt: Instant
  readonly isOnce: boolean
}

/** Throws Problem `issuer-unavailable` when nobody can say: that is no refusal. */
export async function attest(
  world: AttestWorld,
  input: AttestInput,
): Promise<Attested | AttestRefusal> {
  // 1. What it says, and nothing believed yet.
  const assertion = readAssertion(input.token)
  if (isRefusal(assertion)) return assertion
  // 2. Whose token it claims to be: our own issuer's, or of one that is registered, byte for byte.
  const isOwn = assertion.iss === world.ownIssuer.issuer
  if (!isOwn && !world.issuerKeys.knows(assertion.iss))
    return refuse('issuer', 'iss', assertion.iss, 'an issuer registered here')
  // 3. Made for us, of the right kind, and valid now.
  const misfit = isOwn
    ? checkKind(assertion, 'at+jwt', world.ownIssuer.audience)
    : checkKind(assertion, 'jwt', input.audience)
  const misplaced = misfit ?? checkTimes(assertion, input.now)
  if (misplaced !== null) return misplaced
  // 4. Signed by that issuer, with a key it publishes now.
  const unsigned = await checkSignature(world, assertion, isOwn)
  if (unsigned !== null) return unsigned
  // 5. Trusted by a rule of the identity.
  return attestByRules(world, assertion, input)
}

/** RFC 8725 §3.11: each kind of token has its own type, and none passes for another. */
function checkKind(assertion: Assertion, typ: string, audience: string): AttestRefusal | null {
  if (assertion.typ !== typ) return refuse('malformed', 'typ', assertion.typ, typ)
  if (assertion.aud !== audience) return refuse('audience', 'aud', assertion.aud, audience)
  return null
}

/** To the millisecond, with no leeway at the end: what has run out stays out. */
function checkTimes({ exp, iat, nbf }: Assertion, now: Instant): AttestRefusal | null {
  const nowMs = toMs(now)
  const latestMs = nowMs + limits.issuerSkewSeconds * 1000
  if (nowMs >= exp * 1000)
    return refuse('time', 'exp', fromMs(exp * 1000), `later than now, ${now}`)
  if (exp - iat > limits.assertionSeconds)
    return refuse('time', 'exp', exp - iat, `at most ${limits.assertionSeconds} seconds after iat`)
  if (iat * 1000 > latestMs) return refuse('time', 'iat', fromMs(iat * 1000), `not after ${now}`)
  if (nbf !== null && nbf * 1000 > latestMs)
    return refuse('time', 'nbf', fromMs(nbf * 1000), `not after ${now}`)
  return null
}

async function checkSignature(
  world: AttestWorld,
  { alg, kid, iss, token }: Assertion,
  isOwn: boolean,
): Promise<AttestRefusal | null> {
  const key = isOwn ? ownKey(world, kid, alg) : await world.issuerKeys.keyOf(iss, kid, alg)
  if (key === undefined) return refuse('key', 'kid', kid, `a key that ${iss} publishes for ${alg}`)
  try {
    await compactVerify(token, key, { algorithms: [alg] })
    return null
  } catch (thrown) {
    if (thrown instanceof errors.JOSEError)
      return refuse('signature', 'signature', 'something else', `made with the key ${kid}`)
    throw thrown
  }
}

function ownKey(world: AttestWorld, kid: string, alg: AssertionAlg): CryptoKey | undefined {
  return alg === 'ES256' ? world.ownIssuer.keyOf(kid) : undefined
}

function attestByRules(
  world: AttestWorld,
  assertion: Assertion,
  input: AttestInput,
): Attested | AttestRefusal {
  const isOwn = assertion.iss === world.ownIssuer.issuer
  const person = isOwn ? personOf(world.replica, assertion.sub) : null
  if (person === undefined)
    return refuse('claims', 'sub', assertion.sub, 'a person of this installation')
  if (isOwn && input.identity === undefined)
    return refuse('identity', 'identity', undefined, 'the one this is for, <app>/<role>')
  const misses: Miss[] = []
  const found = new Map<string, Attested>()
  for (const { rule, identity } of rulesFor(world.replica, assertion, input.identity)) {
    const miss =
      person === null
        ? matchGithub(rule.claims, assertion.claims)
        : matchPart(world.replica, rule, person, input.now)
    if (miss !== null) misses.push(miss)
    else found.set(identity.id, { identity, rule, ...proofOf(assertion, person) })
  }
  if (found.size > 1)
    return refuse('identity', 'identity', `${found.size} identities`, 'one, named by `identity`')
  const [attested] = found.values()
  // Only who named an identity hears what its nearest rule says.
  const [nearest] = misses.sort((a, b) => b.fitted - a.fitted)
  if (input.identity === undefined) return attested ?? unknownTo(assertion)
  const unknown = refuse('identity', 'identity', input.identity, 'one that trusts this issuer')
  return attested ?? nearest?.refusal ?? unknown
}

interface Candidate {
  readonly rule: Image<TrustRuleRow>
  readonly identity: Image<IdentityRow>
}

/** Active rules of this issuer: those of the identity that was named, or those the token turns on. */
function rulesFor(replica: Replica, { iss, claims }: Assertion, named?: string): Candidate[] {
  const rules =
    named === undefined
      ? replica.by(trustRuleTable, 'anchor', anchorOf(iss, claims))
      : rulesOfNamed(replica, named)
  return rules.flatMap(rule => {
    const identity = replica.get(identityTable, rule.identityId)
    return rule.issuer === iss && identity?.state === 'active' ? [{ rule, identity }] : []
  })
}

function rulesOfNamed(replica: Replica, named: string): Image<TrustRuleRow>[] {
  const [installation] = replica.all(installationTable)
  const spiffeId = parseIdentityName(named, installation?.trustDomain ?? '')
  if (spiffeId === null) return []
  const [identity] = replica.by(identityTable, 'spiffeId', spiffeId)
  return identity === undefined ? [] : replica.by(trustRuleTable, 'identityId', identity.id)
}

type Person = Image<PersonRow, 'sub' | 'name' | 'email'>

/** ATTACKER: a task token comes from the same issuer and key. Its subject is no person. */
function personOf(replica: Replica, sub: string): Person | undefined {
  return isId('person', sub) ? replica.get(personTable, sub) : undefined
}

function matchPart(
  replica: Replica,
  rule: Image<TrustRuleRow>,
  person: Person,
  now: Instant,
): Miss | null {
  const app = replica.get(appTable, rule.appId)
  assert(app, 'an identity has an app')
  const refusal = matchPerson(rule.claims as unknown as PersonBinding, app, person, now)
  return refusal === null ? null : { refusal, fitted: 0 }
}

function proofOf(assertion: Assertion, person: Person | null) {
  const { iss, hash, exp, claims, jti } = assertion
  const local = person && {
    facts: { issuer: iss, event: 'local', person: person.id },
    words: {},
    key: `person ${person.id} ${jti}`,
  }
  return {
    person: person?.id ?? null,
    provenance: local ?? githubProvenance(iss, claims),
    assertion: { issuer: iss, hash, expiresAt: fromMs(exp * 1000), isOnce: person === null },
  }
}

function unknownTo({ claims }: Assertion): AttestRefusal {
  const claim = 'repository_id' in claims ? 'repository_id' : 'sub'
  return refuse('claims', claim, claims[claim], 'one that a trust rule names')
}
