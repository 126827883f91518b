/**
 * Trust in a GitHub Actions run: which claims of its OpenID Connect token make it an identity of ours
 * (docs.github.com, "OpenID Connect reference"). Pure.
 *
 * INVARIANT: a rule binds the immutable ids of repository and owner, the exact workflow file, and an
 * environment or a protected ref. Names alone bind nothing: they are given away again.
 * ATTACKER: opens a pull request, names a branch like an environment, takes over a freed name, or
 * customises `sub`. So `sub` is never read, and events that run other people's code are never trusted.
 */
import type { Json, JsonObject } from '../../base/json.ts'
import { limits } from '../../base/limits.ts'
import { Problem } from '../../base/problem.ts'
import { type AttestRefusal, type Miss, refuse } from '../refusal.ts'

export const githubIssuer = 'https://token.actions.githubusercontent.com'

/** Events that run what somebody with the right to write has put there. */
export const githubEvents = ['push', 'workflow_dispatch', 'schedule', 'release', 'deployment']

const id = /^[1-9][0-9]{0,18}$/
const idSays = 'must be the number GitHub gave, as text; a name is not enough'

/**
 * What a rule may bind, each to one exact value, in the order in which it is looked at. No patterns,
 * so nothing to get wrong; and no names of repository, owner or `sub` at all.
 */
const members = {
  repository_owner_id: { form: id, says: idSays },
  repository_id: { form: id, says: idSays },
  event_name: {
    form: new RegExp(`^(${githubEvents.join('|')})$`),
    says: `lists what may start a run: ${githubEvents.join(', ')}. Pull requests run anybody's code`,
  },
  job_workflow_ref: {
    form: /^[\w.-]+\/[\w.-]+\/\.github\/workflows\/[\w.-]+\.ya?ml@[^\s*?@]+$/,
    says: 'must be <owner>/<repository>/.github/workflows/<file>@<ref>, exactly',
  },
  job_workflow_sha: { form: /^[0-9a-f]{40}$/, says: 'must be a whole commit id' },
  environment: { form: /^[^\s*?][^*?]*$/, says: 'must be the name of one environment' },
  // Trusted only where the token says that it is protected.
  ref: { form: /^refs\/(heads|tags)\/[^\s*?]+$/, says: 'must be one ref, as refs/heads/main' },
} as const
type Member = keyof typeof members

/** What a rule asks for. `event_name` is a list; everything else is one value. */
export type GithubBinding = Readonly<Partial<Record<Member, string | readonly string[]>>>

/** Reads the claims of a rule. Problem `invalid-field` says what a safe rule lacks. */
export function parseGithubBinding(claims: JsonObject): GithubBinding {
  const given: JsonObject = { event_name: githubEvents, ...claims }
  for (const [name, value] of Object.entries(given)) {
    if (!isMember(name)) throw invalid(name.slice(0, 60), 'is not a claim that a rule can bind')
    const values = Array.isArray(value) && name === 'event_name' ? value : [value]
    const fits = (each: unknown) =>
      typeof each === 'string' && each.length <= limits.claimChars && members[name].form.test(each)
    if (values.length === 0 || !values.every(fits)) throw invalid(name, members[name].says)
  }
  for (const name of ['repository_owner_id', 'repository_id', 'job_workflow_ref'] as const)
    if (given[name] === undefined) throw invalid(name, members[name].says)
  if (given['environment'] === undefined && given['ref'] === undefined)
    throw invalid('environment', 'or a protected `ref` must be named')
  return given
}

const order = [...Object.keys(members), 'ref_protected'] as (Member | 'ref_protected')[]

/** Null when the token fits. Where it does not: the first claim that fails. */
export function matchGithub(binding: GithubBinding, claims: JsonObject): Miss | null {
  let refusal: AttestRefusal | undefined
  let fitted = 0
  for (const name of order) {
    const isProtection = name === 'ref_protected'
    const needs = isProtection ? (binding.ref === undefined ? undefined : 'true') : binding[name]
    const said = claims[name]
    if (needs === undefined || [needs].flat().some(each => each === said)) fitted++
    else refusal ??= refuseRule(name, said, needs)
  }
  return refusal === undefined ? null : { refusal, fitted }
}

function refuseRule(
  claim: string,
  said: Json | undefined,
  needs: string | readonly string[],
): AttestRefusal {
  const refusal = refuse('claims', claim, said, [needs].flat().join(' or '))
  const says = `its token says ${claim} ${refusal.is}, the trust rule says ${refusal.needs}`
  return { ...refusal, says }
}

/** Claims that are kept, by the names they are kept under: ids and numbers, and words of people. */
const factClaims = {
  repositoryId: 'repository_id',
  ownerId: 'repository_owner_id',
  actorId: 'actor_id',
  event: 'event_name',
  commit: 'sha',
  run: 'run_id',
  runNumber: 'run_number',
  attempt: 'run_attempt',
  job: 'check_run_id',
  workflowSha: 'job_workflow_sha',
}
const wordClaims = {
  repository: 'repository',
  actor: 'actor',
  ref: 'ref',
  workflow: 'job_workflow_ref',
}

/** Where a task came from; two calls of one job of one run have the same key. */
export function githubProvenance(issuer: string, claims: JsonObject) {
  const facts: Record<string, string> = { issuer, ...keep(factClaims, claims) }
  const { repositoryId, run, attempt, job } = facts
  // A token that names no run is a run of its own.
  const key =
    run === undefined
      ? `github ${claims['jti'] as string}`
      : `github ${repositoryId} ${run} ${attempt} ${job}`
  return { facts, words: keep(wordClaims, claims), key }
}

function keep(names: Readonly<Record<string, string>>, claims: JsonObject): Record<string, string> {
  const kept: Record<string, string> = {}
  for (const name in names) {
    const said = claims[names[name] ?? '']
    if (typeof said === 'string' && said.length <= limits.claimChars) kept[name] = said
  }
  return kept
}

function isMember(name: string): name is Member {
  return Object.hasOwn(members, name)
}

function invalid(field: string, says: string): Problem {
  return new Problem('invalid-field', {
    field: `claims.${field}`,
    detail: `\`${field}\` ${says}.`,
    next: 'Look the ids up with: gh api repos/OWNER/REPO --jq ".id, .owner.id"',
  })
}
