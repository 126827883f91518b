import fc from 'fast-check'
import { expect, test } from 'vitest'
import { githubClaims } from '../../../../test/fakes/github-issuer.ts'
import type { JsonObject } from '../../base/json.ts'
import { github } from './github.ts'
import { matchBinding, parseBinding, provenanceOf } from './machine.ts'

const rule = {
  repository_owner_id: '4711',
  repository_id: '1001',
  job_workflow_ref: 'acme/deal-desk/.github/workflows/refresh.yml@refs/heads/main',
  environment: 'crm',
}
const issuer = 'https://token.actions.githubusercontent.com'
const claims = githubClaims('us', 1_760_000_000) as JsonObject
const match = (more: JsonObject, binding: JsonObject = rule) =>
  matchBinding(github, parseBinding(github, binding), { ...claims, ...more })

test('a token of the bound repository, workflow and environment fits', () => {
  expect(match({})).toBeNull()
})

test.each([
  ['another owner of the same name', { repository_owner_id: '9001' }, 'repository_owner_id'],
  ['another repository of the same name', { repository_id: '1002' }, 'repository_id'],
  ['a pull request', { event_name: 'pull_request' }, 'event_name'],
  ['a pull request that runs with trust', { event_name: 'pull_request_target' }, 'event_name'],
  ['a run that another run starts', { event_name: 'workflow_run' }, 'event_name'],
  ['a comment', { event_name: 'issue_comment' }, 'event_name'],
  ['another workflow file', { job_workflow_ref: `${rule.job_workflow_ref}x` }, 'job_workflow_ref'],
  ['another environment', { environment: 'production' }, 'environment'],
  ['an environment in other letters', { environment: 'CRM' }, 'environment'],
  ['an id with a blank', { repository_id: '1001 ' }, 'repository_id'],
  ['an id as a number', { repository_id: 1001 }, 'repository_id'],
  ['an id in a list', { repository_id: ['1001'] }, 'repository_id'],
  ['an event in a list', { event_name: ['push'] }, 'event_name'],
])('%s does not fit, and the claim is named', (_what, more, claim) => {
  expect(match(more as JsonObject)?.refusal).toMatchObject({ refused: 'claims', claim })
})

test('a refusal says both sides', () => {
  expect(match({ repository_owner_id: '9001', repository_id: '7' })?.refusal.says).toBe(
    'its token says repository_owner_id 9001, the trust rule says 4711',
  )
})

test('a claim that is not there does not fit', () => {
  for (const name of ['repository_id', 'environment', 'event_name', 'job_workflow_ref']) {
    const { [name]: _, ...rest } = claims
    expect(matchBinding(github, parseBinding(github, rule), rest)?.refusal.claim).toBe(name)
  }
})

test('a branch named like the environment is not the environment', () => {
  const spoof = {
    ref: 'refs/heads/x:environment:crm',
    sub: 'repo:acme/deal-desk:ref:refs/heads/x:environment:crm',
  }
  const { environment: _, ...rest }: JsonObject = { ...claims, ...spoof }
  expect(matchBinding(github, parseBinding(github, rule), rest)?.refusal.claim).toBe('environment')
})

test('`sub` is never read: both of its forms fit, and so does a custom one', () => {
  for (const sub of [
    'repo:acme/deal-desk:environment:crm',
    'repo:acme@4711/deal-desk@1001:environment:crm',
    'repository_owner:somebody-else:anything',
  ])
    expect(match({ sub })).toBeNull()
})

test('a ref is trusted only where it is protected', () => {
  const { environment: _, ...ids } = rule
  const onMain = { ...ids, ref: 'refs/heads/main' }
  expect(match({}, onMain)).toBeNull()
  expect(match({ ref_protected: 'false' }, onMain)?.refusal.claim).toBe('ref_protected')
  expect(match({ ref_protected: true }, onMain)?.refusal.claim).toBe('ref_protected')
  expect(match({ ref: 'refs/heads/main2' }, onMain)?.refusal.claim).toBe('ref')
  expect(match({ ref: 'refs/tags/main' }, onMain)?.refusal.claim).toBe('ref')
})

test('a rule may narrow events and pin the workflow to a commit', () => {
  const pinned = {
    ...rule,
    event_name: ['schedule'],
    job_workflow_sha: claims['job_workflow_sha'] as string,
  }
  expect(match({ event_name: 'schedule' }, pinned)).toBeNull()
  expect(match({}, pinned)?.refusal.claim).toBe('event_name')
  const moved = { event_name: 'schedule', job_workflow_sha: 'f'.repeat(40) }
  expect(match(moved, pinned)?.refusal.claim).toBe('job_workflow_sha')
})

test.each([
  ['binds names only', { repository: 'acme/deal-desk' }, 'repository'],
  ['binds `sub`', { sub: 'repo:acme/deal-desk:*' }, 'sub'],
  ['lacks the repository’s id', { repository_id: undefined }, 'repository_id'],
  ['lacks the owner’s id', { repository_owner_id: undefined }, 'repository_owner_id'],
  ['has a name for an id', { repository_id: 'deal-desk' }, 'repository_id'],
  ['has a number for an id', { repository_id: 1001 }, 'repository_id'],
  ['has a pattern for an id', { repository_id: '*' }, 'repository_id'],
  ['lacks the workflow', { job_workflow_ref: undefined }, 'job_workflow_ref'],
  ['has a pattern for the workflow', { job_workflow_ref: 'acme/*' }, 'job_workflow_ref'],
  [
    'leaves the workflow’s ref open',
    { job_workflow_ref: 'acme/deal-desk/.github/workflows/refresh.yml@*' },
    'job_workflow_ref',
  ],
  ['has neither environment nor ref', { environment: undefined }, 'environment'],
  ['has a pattern for the environment', { environment: 'cr*' }, 'environment'],
  ['has a pattern for the ref', { ref: 'refs/heads/*' }, 'ref'],
  ['has a branch without its kind', { ref: 'main' }, 'ref'],
  ['trusts pull requests', { event_name: ['push', 'pull_request'] }, 'event_name'],
  ['trusts no event', { event_name: [] }, 'event_name'],
  ['pins half a commit', { job_workflow_sha: '9f2c1' }, 'job_workflow_sha'],
])('a rule that %s is refused', (_what, more, field) => {
  expect(() => parseBinding(github, { ...rule, ...more } as unknown as JsonObject)).toThrow(
    expect.objectContaining({ code: 'invalid-field', field: `claims.${field}` }),
  )
})

test('whatever one claim of a bound one is changed to, the token does not fit', () => {
  const bound = fc.constantFrom(...Object.keys(rule), 'event_name')
  fc.assert(
    fc.property(bound, fc.jsonValue(), (name, value) => {
      fc.pre(value !== claims[name] && value !== 'push')
      expect(match({ [name]: value as string })).not.toBeNull()
    }),
  )
})

test('a claim the rule does not bind never decides', () => {
  fc.assert(
    fc.property(fc.constantFrom('actor', 'ref', 'sha', 'run_id'), fc.string(), (name, value) => {
      expect(match({ [name]: value })).toBeNull()
    }),
  )
})

test('provenance keeps ids for the log and names apart', () => {
  const { facts, words } = provenanceOf(github, issuer, claims)
  expect(facts).toMatchObject({
    commit: claims['sha'],
    run: '7300000041',
    runNumber: '41',
    repositoryId: '1001',
  })
  expect(words).toMatchObject({ repository: 'acme/deal-desk', actor: 'maya' })
  expect(JSON.stringify(facts)).not.toMatch(/acme|maya|deal-desk|refs/)
})

test('calls of one job join one task; another job, attempt or run is another', () => {
  const key = (more: JsonObject) => provenanceOf(github, issuer, { ...claims, ...more }).key
  expect(key({ jti: 'another' })).toBe(key({}))
  for (const more of [{ check_run_id: '1' }, { run_attempt: '2' }, { run_id: '2' }])
    expect(key(more)).not.toBe(key({}))
})

test('a token that names no run joins nothing', () => {
  const { run_id: _, ...rest } = claims
  const key = (jti: string) => provenanceOf(github, issuer, { ...rest, jti }).key
  expect(key('a')).not.toBe(key('b'))
})
