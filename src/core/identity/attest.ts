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
import { verify } from 'node:crypto'
import { appTable } from '../app/rows.ts'
import type { PersonId } from '../base/ids.ts'
import type { JsonObject } from '../base/json.ts'
import { limits } from '../base/limits.ts'
import { assert, isProblem } from '../base/problem.ts'
import { fromMs, type Instant, toMs } from '../base/time.ts'
import type { Image } from '../ledger/fact-table.ts'
import type { Replica } from '../ledger/replica.ts'
import { installationTable, personTable } from '../people/rows.ts'
import { type Assertion, type AssertionClaims, readAssertion } from './assertion.ts'
import type { IssuerKeys } from './jwks.ts'
import { claimOf, type MachinePreset, matchBinding, provenanceOf } from './presets/machine.ts'
import { kindsOf, machines } from './presets/machines.ts'
import { matchPerson, type PersonBinding } from './presets/person.ts'
import type { AttestRefusal, Miss, Replay, UsedAssertion } from './refusal.ts'
import { isRefusal, refuse } from './refusal.ts'
import { type IdentityRow, identityTable, type TrustRuleRow, trustRuleTable } from './rows.ts'
import { parseIdentityName } from './spiffe.ts'

export interface AttestWorld {
  readonly replica: Replica
  readonly issuerKeys: IssuerKeys
  /** Ours: of people's tokens, and of the tokens that come of attesting. */
  readonly issuer: string
  /** Throws Problem `token-refused` for a token of ours that is not a signed-in person's. */
  readonly verifyPerson: (token: string) => Promise<{ readonly personId: PersonId }>
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
  readonly provenance: Readonly<ReturnType<typeof provenanceOf>>
  readonly assertion: UsedAssertion
}

/** Throws Problem `issuer-unavailable` when nobody can say: that is no refusal. */
export async function attest(
  world: AttestWorld,
  input: AttestInput,
): Promise<Attested | AttestRefusal> {
  // 1. What it says, and nothing believed yet.
  const assertion = readAssertion(input.token, world.issuerKeys.knows)
  if (isRefusal(assertion)) return assertion
  // 2. Whose token it claims to be: ours, or of an issuer that is registered, byte for byte.
  const { iss } = assertion.claims
  if (iss !== world.issuer && !world.issuerKeys.knows(iss))
    return refuse('issuer', 'iss', iss, 'an issuer registered here')
  const attestBy = iss === world.issuer ? attestPerson : attestRun
  const answer = await attestBy(world, assertion, input)
  return isRefusal(answer) ? { ...answer, issuer: iss } : answer
}

async function attestRun(world: AttestWorld, assertion: Assertion, input: AttestInput) {
  // 3. Of the right kind, made for us, and valid now.
  const { claims } = assertion
  const kinds = kindsOf(claims)
  const replay = replayOf(kinds)
  const misfit = checkKind(assertion, input.audience) ?? checkTimes(claims, input.now, replay)
  if (misfit !== null) return misfit
  // 4. Signed by its issuer, with a key that it publishes now.
  const unsigned = await checkSignature(world, assertion)
  if (unsigned !== null) return unsigned
  // 5. Trusted by a rule of the identity.
  const { iss } = claims
  const rules =
    input.identity === undefined
      ? kinds.flatMap(({ anchor }) =>
          world.replica.by(trustRuleTable, 'anchor', `${iss} ${claimOf(claims, anchor) as string}`),
        )
      : rulesOf(world.replica, input.identity)
  const chosen = choose(world.replica, rules, iss, ({ preset, claims: binding }) =>
    preset === 'person'
      ? { refusal: unknownTo(claims), fitted: 0 }
      : matchBinding(machines[preset], binding, claims),
  )
  if (isRefusal(chosen)) {
    // Only who named an identity hears what its nearest rule says.
    const isTold = input.identity !== undefined || chosen.refused === 'identity'
    return { ...(isTold ? chosen : unknownTo(claims)), ...used(assertion, replay) }
  }
  const { preset } = chosen.rule
  assert(preset !== 'person', 'a machine is attested by a rule for machines')
  const provenance = provenanceOf(machines[preset], iss, claims)
  return { ...chosen, person: null, provenance, ...used(assertion, machines[preset].replay) }
}

async function attestPerson(world: AttestWorld, assertion: Assertion, input: AttestInput) {
  const { iss } = assertion.claims
  // 3. and 4. are the people's chapter: type, audience, time, signature, and that they are signed in.
  // ATTACKER: a task token has the same issuer and keys. It is no person's, and is refused there.
  const personId = await signedIn(world, input.token)
  const person = personId === null ? undefined : world.replica.get(personTable, personId)
  if (person === undefined)
    return refuse('signature', 'token', 'no sign-in that stands', 'a new one')
  if (input.identity === undefined)
    return refuse('identity', 'identity', undefined, 'the one this is for, <app>/<role>')
  // 5. Holding the part in the app that a rule of the identity names.
  const rules = rulesOf(world.replica, input.identity)
  const chosen = choose(world.replica, rules, iss, rule => {
    const app = world.replica.get(appTable, rule.appId)
    assert(app, 'a rule has an app')
    return matchPerson(rule.claims as unknown as PersonBinding, app, person, input.now)
  })
  if (isRefusal(chosen)) return chosen
  const facts = { issuer: iss, event: 'local', person: person.id }
  const provenance = { facts, words: {}, key: `person ${person.id}` }
  return { ...chosen, person: person.id, provenance, ...used(assertion, 'many') }
}

/** RFC 8725 §3.11: each kind of token has its own type, and none passes for another. */
function checkKind({ typ, claims: { aud } }: Assertion, audience: string): AttestRefusal | null {
  if (typ !== 'jwt') return refuse('malformed', 'typ', typ, 'JWT')
  return aud === audience ? null : refuse('audience', 'aud', aud, audience)
}

/** To the millisecond, with no leeway at the end: what has run out stays out. */
function checkTimes(claims: AssertionClaims, now: Instant, replay: 'bound' | 'once') {
  const { exp, iat, nbf } = claims
  const nowMs = toMs(now)
  const latestMs = nowMs + limits.issuerSkewSeconds * 1000
  if (nowMs >= exp * 1000)
    return refuse('time', 'exp', fromMs(exp * 1000), `later than now, ${now}`)
  const longest = limits.assertionSeconds[replay]
  if (exp - iat > longest)
    return refuse('time', 'exp', exp - iat, `at most ${longest} seconds after iat`)
  for (const [name, from] of Object.entries({ iat, nbf }))
    if (from !== undefined && from * 1000 > latestMs)
      return refuse('time', name, fromMs(from * 1000), `not after ${now}`)
  return null
}

async function checkSignature(
  world: AttestWorld,
  { alg, kid, claims: { iss }, signed, signature }: Assertion,
): Promise<AttestRefusal | null> {
  const key = await world.issuerKeys.keyOf(iss, kid, alg)
  if (key === undefined) return refuse('key', 'kid', kid, `a key that ${iss} publishes for ${alg}`)
  // RFC 7518 §3.3 and §3.4. The key is of the algorithm's own kind: it was filed under both.
  const isSigned = verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, signature)
  return isSigned ? null : refuse('signature', 'signature', 'another', `made with the key ${kid}`)
}

async function signedIn(world: AttestWorld, token: string): Promise<PersonId | null> {
  try {
    return (await world.verifyPerson(token)).personId
  } catch (thrown) {
    if (isProblem(thrown, 'token-refused')) return null
    throw thrown
  }
}

type Chosen = Pick<Attested, 'rule' | 'identity'>

/** The one identity whose rule fits; else the refusal of the rule that came nearest. */
function choose(
  replica: Replica,
  rules: readonly Image<TrustRuleRow>[],
  issuer: string,
  match: (rule: Image<TrustRuleRow>) => Miss | null,
): Chosen | AttestRefusal {
  const found = new Map<string, Chosen>()
  let nearest: Miss | undefined
  for (const rule of rules) {
    const identity = replica.get(identityTable, rule.identityId)
    if (rule.issuer !== issuer || identity?.state !== 'active') continue
    const miss = match(rule)
    if (miss === null) found.set(identity.id, { rule, identity })
    else if (nearest === undefined || miss.fitted > nearest.fitted) nearest = miss
  }
  if (found.size > 1)
    return refuse('identity', 'identity', `${found.size} that fit`, 'one, named by `identity`')
  const [chosen] = found.values()
  if (chosen !== undefined) return chosen
  return (
    nearest?.refusal ?? refuse('claims', 'iss', issuer, 'one that a rule of this identity names')
  )
}

function rulesOf(replica: Replica, named: string): Image<TrustRuleRow>[] {
  const [installation] = replica.all(installationTable)
  const spiffeId = parseIdentityName(named, installation?.trustDomain ?? '')
  const [identity] = spiffeId === null ? [] : replica.by(identityTable, 'spiffeId', spiffeId)
  return identity === undefined ? [] : replica.by(trustRuleTable, 'identityId', identity.id)
}

function used({ claims: { iss, exp }, hash }: Assertion, replay: Replay) {
  return { assertion: { issuer: iss, hash, expiresAt: fromMs(exp * 1000), replay } }
}

function unknownTo(claims: JsonObject): AttestRefusal {
  const claim = kindsOf(claims)[0]?.anchor ?? 'sub'
  return refuse('claims', claim, claimOf(claims, claim), 'one that a trust rule names')
}

/** Of the kind it may be of: a token that is longer about lives longer, and is good for one key alone. */
function replayOf(kinds: readonly MachinePreset[]): 'bound' | 'once' {
  return kinds.length > 0 && kinds.every(({ replay }) => replay === 'bound') ? 'bound' : 'once'
}
