import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../base/json.ts'
import { gitlab } from './gitlab.ts'
import { kubernetes } from './kubernetes.ts'
import { matchBinding, parseBinding, provenanceOf } from './machine.ts'
import { kindsOf } from './machines.ts'

const fits = (preset: typeof gitlab, binding: JsonObject, claims: JsonObject) =>
  matchBinding(preset, parseBinding(preset, binding), claims)?.refusal.claim ?? 'fits'
const parse = (preset: typeof gitlab, binding: JsonObject) => () => parseBinding(preset, binding)

describe('a GitLab job', () => {
  const rule = { namespace_id: '72', project_id: '20', ref: 'main' }
  const claims: JsonObject = {
    namespace_id: '72',
    namespace_path: 'acme',
    project_id: '20',
    project_path: 'acme/desk',
    user_id: '1',
    user_login: 'maya',
    pipeline_id: '574',
    pipeline_source: 'push',
    job_id: '302',
    ref: 'main',
    ref_type: 'branch',
    ref_protected: 'true',
    environment: 'crm',
    environment_protected: 'false',
    sha: '714a629c0b401fdce83e847fc9589983fc6f46bc',
    ci_config_ref_uri: 'gitlab.example/acme/desk//.gitlab-ci.yml@refs/heads/main',
    sub: 'project_path:acme/desk:ref_type:branch:ref:main',
    jti: 'a',
  }
  const at = (more: JsonObject, binding: JsonObject = rule) =>
    fits(gitlab, binding, { ...claims, ...more })

  test('of the bound project on the bound, protected ref fits, whatever its `sub`', () => {
    expect(at({})).toBe('fits')
    expect(at({ sub: 'anything', project_path: 'renamed/desk' })).toBe('fits')
  })

  test.each<[string, JsonObject, string]>([
    ['another project of the same path', { project_id: '21' }, 'project_id'],
    ['another group of the same path', { namespace_id: '73' }, 'namespace_id'],
    ['a merge request', { pipeline_source: 'merge_request_event' }, 'pipeline_source'],
    [
      'a pull request from outside',
      { pipeline_source: 'external_pull_request_event' },
      'pipeline_source',
    ],
    ['a token that triggers', { pipeline_source: 'trigger' }, 'pipeline_source'],
    ['another branch', { ref: 'main2' }, 'ref'],
    ['a branch that anybody may push to', { ref_protected: 'false' }, 'ref_protected'],
    ['protection as a boolean', { ref_protected: true }, 'ref_protected'],
    ['an id as a number', { project_id: 20 }, 'project_id'],
  ])('that is %s does not fit, and the claim is named', (_what, more, claim) => {
    expect(at(more)).toBe(claim)
  })

  test('an environment is trusted only where it is protected', () => {
    const binding = { namespace_id: '72', project_id: '20', environment: 'crm' }
    expect(at({}, binding)).toBe('environment_protected')
    expect(at({ environment_protected: 'true' }, binding)).toBe('fits')
    expect(at({ environment_protected: 'true', environment: 'prod' }, binding)).toBe('environment')
  })

  test.each<[string, JsonObject, string]>([
    ['no project', { ...rule, project_id: undefined as never }, 'claims.project_id'],
    ['a path for an id', { ...rule, project_id: 'acme/desk' }, 'claims.project_id'],
    ['neither ref nor environment', { namespace_id: '72', project_id: '20' }, 'claims.environment'],
    ['a pattern', { ...rule, ref: 'release/*' }, 'claims.ref'],
    ['`sub`', { ...rule, sub: 'project_path:acme/desk' }, 'claims.sub'],
    [
      'merge requests',
      { ...rule, pipeline_source: ['merge_request_event'] },
      'claims.pipeline_source',
    ],
    ['a claim by a name of Object', { ...rule, constructor: 'x' }, 'claims.constructor'],
  ])('is trusted by no rule with %s', (_what, binding, field) => {
    const given = Object.fromEntries(Object.entries(binding).filter(([, v]) => v !== undefined))
    expect(parse(gitlab, given)).toThrow(expect.objectContaining({ code: 'invalid-field', field }))
  })

  test('says where it comes from: ids as facts, names as words, a key for one job', () => {
    const { facts, words, key } = provenanceOf(gitlab, 'https://gitlab.example', claims)
    expect(facts).toMatchObject({
      commit: claims['sha'],
      run: '574',
      repositoryId: '20',
      job: '302',
    })
    expect(words).toMatchObject({ repository: 'acme/desk', actor: 'maya' })
    expect(key).toBe('gitlab 20 574 302')
    expect(JSON.stringify(facts)).not.toMatch(/acme|maya/)
  })
})

describe('a pod of Kubernetes', () => {
  const uid = '7d8fa0c1-3a43-4b3a-8d6c-0f2f2f0a1b2c'
  const rule = { 'kubernetes.io/serviceaccount/uid': uid, 'kubernetes.io/namespace': 'desk' }
  const claims: JsonObject = {
    'kubernetes.io': {
      namespace: 'desk',
      node: { name: 'n1', uid: 'a' },
      pod: { name: 'desk-5f', uid: 'b0' },
      serviceaccount: { name: 'desk', uid },
    },
    sub: 'system:serviceaccount:desk:desk',
    jti: 'a',
  }
  const inside = (more: JsonObject) => ({
    'kubernetes.io': { ...(claims['kubernetes.io'] as JsonObject), ...more },
  })

  test('of the bound service account fits', () => {
    expect(fits(kubernetes, rule, claims)).toBe('fits')
  })

  test.each<[string, JsonObject, string]>([
    [
      'another account made under its name',
      inside({ serviceaccount: { name: 'desk', uid: 'f' } }),
      'kubernetes.io/serviceaccount/uid',
    ],
    ['another namespace', inside({ namespace: 'other' }), 'kubernetes.io/namespace'],
    ['claims that are no object', { 'kubernetes.io': 'desk' }, 'kubernetes.io/serviceaccount/uid'],
    [
      'claims beside, flat',
      { 'kubernetes.io': {}, 'kubernetes.io/serviceaccount/uid': uid },
      'kubernetes.io/serviceaccount/uid',
    ],
    [
      'a uid by inheritance',
      inside({ serviceaccount: { __proto__: { uid } } }),
      'kubernetes.io/serviceaccount/uid',
    ],
  ])('with %s does not fit, and the claim is named', (_what, more, claim) => {
    expect(fits(kubernetes, rule, { ...claims, ...more })).toBe(claim)
  })

  test.each<[string, JsonObject, string]>([
    [
      'a name alone',
      { 'kubernetes.io/serviceaccount/name': 'desk', 'kubernetes.io/namespace': 'desk' },
      'claims.kubernetes.io/serviceaccount/uid',
    ],
    ['no namespace', { 'kubernetes.io/serviceaccount/uid': uid }, 'claims.kubernetes.io/namespace'],
    [
      'a uid that is none',
      { ...rule, 'kubernetes.io/serviceaccount/uid': 'desk' },
      'claims.kubernetes.io/serviceaccount/uid',
    ],
  ])('is trusted by no rule with %s', (_what, binding, field) => {
    expect(parse(kubernetes, binding)).toThrow(expect.objectContaining({ field }))
  })

  test('is one run as long as the pod lives', () => {
    const { facts, key } = provenanceOf(kubernetes, 'https://cluster.example', claims)
    expect([facts['run'], key]).toEqual(['b0', 'kubernetes b0'])
  })
})

test('a token is of each kind whose id it names, and of none where it names none', () => {
  expect(kindsOf({ project_id: '1' }).map(({ name }) => name)).toEqual(['gitlab'])
  expect(kindsOf({ project_id: '1', repository_id: '2' })).toHaveLength(2)
  expect(kindsOf({ sub: 'x' })).toEqual([])
})
