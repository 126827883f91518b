/**
 * Trust in a GitHub Actions run: which claims of its OpenID Connect token make it an identity of ours
 * (docs.github.com, "OpenID Connect reference"). Pure.
 *
 * INVARIANT: a rule binds the immutable ids of repository and owner, the exact workflow file, and an
 * environment or a protected ref. Names alone bind nothing: they are given away again.
 * ATTACKER: opens a pull request, names a branch like an environment, takes over a freed name, or
 * customises `sub`. So `sub` is never read, and events that run other people's code are never trusted.
 */
import type { JsonObject } from '../../base/json.ts'
import { limits } from '../../base/limits.ts'
import { Problem } from '../../base/problem.ts'
import { type Miss, refuse } from '../refusal.ts'

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

/** Null when the token fits. Where it does not: the first claim that fails. */
export function matchGithub(binding: GithubBinding, claims: JsonObject): Miss | null {
  const needs = { ...binding, ...(binding.ref === undefined ? {} : { ref_protected: 'true' }) }
  const names = [...Object.keys(members), 'ref_protected'] as (keyof typeof needs)[]
  const failed = names.filter(name => {
    const accepted = [needs[name] ?? []].flat()
    return accepted.length > 0 && !accepted.some(value => value === claims[name])
  })
  const [claim] = failed
  if (claim === undefined) return null
  const refusal = refuse('claims', claim, claims[claim], [needs[claim] ?? []].flat().join(' or '))
  const says = `its token says ${claim} ${refusal.is}, the trust rule says ${refusal.needs}`
  return { refusal: { ...refusal, says }, fitted: names.length - failed.length }
}

/** Where a task came from; two calls of one job of one run have the same key. */
export function githubProvenance(issuer: string, claims: JsonObject) {
  const said = (name: string) => {
    const value = claims[name]
    return typeof value === 'string' && value.length <= limits.claimChars ? value : undefined
  }
  const facts = {
    issuer,
    repositoryId: said('repository_id'),
    ownerId: said('repository_owner_id'),
    actorId: said('actor_id'),
    event: said('event_name'),
    commit: said('sha'),
    run: said('run_id'),
    runNumber: said('run_number'),
    attempt: said('run_attempt'),
    job: said('check_run_id'),
    workflowSha: said('job_workflow_sha') ?? said('workflow_sha'),
  }
  const words = {
    repository: said('repository'),
    actor: said('actor'),
    ref: said('ref'),
    workflow: said('job_workflow_ref'),
  }
  const { repositoryId, run, attempt, job } = facts
  // A token that names no run is a run of its own.
  const parts = run === undefined ? [said('jti')] : [repositoryId, run, attempt, job]
  const key = ['github', ...parts.map(part => part ?? '-')].join(' ')
  return { facts: withoutGaps(facts), words: withoutGaps(words), key }
}

function withoutGaps(record: Record<string, string | undefined>): Record<string, string> {
  const said = Object.entries(record).filter(entry => entry[1] !== undefined)
  return Object.fromEntries(said) as Record<string, string>
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
