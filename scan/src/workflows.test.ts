/** What a workflow keeps is named; what dies with its job is not. */
import { describe, expect, test } from 'vitest'
import { recipes } from './recipes.ts'
import { bounds, readWorkflow } from './workflows.ts'

const s = (name: string) => `\${{ secrets.${name} }}`
const of = (job: string, above = '') => `on: push\n${above}\njobs:\n  ship:\n${job}`
const step = (lines: string) => of(`    runs-on: x\n    steps:\n      - ${lines}\n`)
const only = (text: string) => readWorkflow(text)?.[0]

describe('a job keeps', () => {
  test.each([
    [
      'aws',
      step(
        `uses: aws-actions/configure-aws-credentials@v4\n        with: { aws-access-key-id: '${s('K')}' }`,
      ),
    ],
    ['aws', of(`    env: { A: '${s('AWS_ACCESS_KEY_ID')}' }\n    steps: []\n`)],
    [
      'google',
      step(`uses: google-github-actions/auth@v2\n        with: { credentials_json: '${s('G')}' }`),
    ],
    ['google', step(`run: gcloud\n        env: { X: '${s('GOOGLE_CREDENTIALS')}' }`)],
    ['azure', step(`uses: azure/login@v2\n        with: { creds: '${s('AZ')}' }`)],
    [
      'azureTerraform',
      step(`run: terraform\n        env: { ARM_CLIENT_SECRET: '${s('ARM_CLIENT_SECRET')}' }`),
    ],
    ['vault', step(`uses: hashicorp/vault-action@v3\n        with: { token: '${s('V')}' }`)],
    [
      'pypi',
      step(`uses: pypa/gh-action-pypi-publish@release/v1\n        with: { password: '${s('P')}' }`),
    ],
    ['npm', step(`run: npm publish\n        env: { NODE_AUTH_TOKEN: '${s('NPM_TOKEN')}' }`)],
    [
      'ghcr',
      step(
        `uses: docker/login-action@v3\n        with: { registry: ghcr.io, password: '${s('PAT')}' }`,
      ),
    ],
    ['other', step(`run: deploy\n        env: { KEY: '${s('DEPLOY')}' }`)],
  ])('%s', (recipe, text) => {
    const job = only(text)
    expect(job?.recipe).toBe(recipe)
    expect(job?.secrets).toHaveLength(1)
    expect(recipes[recipe]).toBeDefined()
  })

  test('what stands above all jobs, in brackets, in a condition, or in a step of a called workflow', () => {
    const above = `env: { A: '${s('ABOVE')}' }`
    const job = `    if: secrets.COND != ''\n    uses: a/b/.github/workflows/c.yml@main
    secrets: { x: "\${{ secrets['QUOTED'] }}" }\n`
    expect(only(of(job, above))?.secrets).toEqual(['ABOVE', 'COND', 'QUOTED'])
  })

  test('a name for each, once, in the line where its job begins', () => {
    const text = step(`run: echo ${s('A')} ${s('A')} ${s('B')}`)
    expect(only(text)).toMatchObject({ name: 'ship', secrets: ['A', 'B'], line: 4 })
  })
})

describe('a job keeps nothing', () => {
  test('where the token that dies with it is all it reads', () => {
    expect(only(step(`run: echo ${s('GITHUB_TOKEN')} ${s('github_token')}`))?.secrets).toEqual([])
  })
  test('where it signs in by what GitHub says of it, and that is told', () => {
    const keyless = step(
      'uses: aws-actions/configure-aws-credentials@v4\n        with: { role-to-assume: r }',
    ).replace('on: push', 'on: push\npermissions: { id-token: write }')
    expect(only(keyless)).toMatchObject({ isFederated: true, secrets: [], recipe: '' })
    expect(only(keyless.replace('id-token: write', 'contents: read'))?.isFederated).toBe(false)
  })
  test('where its words only look like it', () => {
    expect(only(step('run: echo "our secrets.txt is $secrets.A"'))?.secrets).toEqual([])
  })
})

test('what hands on or prints all there are is told, for no name can be', () => {
  expect(only(of('    uses: a/b/c.yml@main\n    secrets: inherit\n'))?.isAll).toBe(true)
  expect(only(step("run: echo '${{ toJSON(secrets) }}'"))?.isAll).toBe(true)
  expect(only(step("run: echo '${{ toJSON(github) }}'"))?.isAll).toBe(false)
})

test.each([
  ['no YAML', 'jobs: [unclosed'],
  ['no jobs', 'on: push'],
  ['nothing', ''],
  ['too much', `jobs:\n${' '.repeat(bounds.chars)}`],
  ['aliases that grow without end', `${bomb()}\njobs: { a: { steps: *a8 } }`],
])('what is %s is not taken for a workflow without secrets', (_, text) => {
  expect(readWorkflow(text)).toBeUndefined()
})

function bomb(): string {
  const row = (i: number) => `a${i}: &a${i} [${`*a${i - 1},`.repeat(10)}]`
  return ['a0: &a0 [x]', ...Array.from({ length: 8 }, (_, i) => row(i + 1))].join('\n')
}
