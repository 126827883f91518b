/**
 * `run` in a CI job: nobody is signed in, and the machine says who it is by its own issuer's token. The real
 * command line, server and PostgreSQL; the issuer is a pretend one on loopback.
 */
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { ended, start } from './cli.ts'
import {
  type Company,
  claimsOf,
  connectSales,
  expectStatus,
  makeAppWithGrant,
  startCompany,
} from './company.ts'

const uid = '7d8fa0c1-3a43-4b3a-8d6c-0f2f2f0a1b2c'
let company: Company
let runner: Server
let home: string
const asked: string[] = []
const word = randomUUID()

const times = () => ({ iat: Math.floor(Date.now() / 1000), jti: randomUUID() })
const base = () => ({ iss: company.github.issuer, aud: company.running.issuer, ...times() })
const job = () => ({
  ...base(),
  sub: 'project_path:acme/desk:ref_type:branch:ref:main',
  exp: Math.floor(Date.now() / 1000) + 3600,
  namespace_id: '72',
  project_id: '20',
  project_path: 'acme/desk',
  user_login: 'maya',
  pipeline_id: '574',
  pipeline_source: 'push',
  job_id: '302',
  ref: 'main',
  ref_type: 'branch',
  ref_protected: 'true',
})

beforeAll(async () => {
  company = await startCompany({ target: true })
  await connectSales(company)
  await makeAppWithGrant(company, 'desk')
  const [maya, tom] = [company.as('maya'), company.as('tom')]
  const { issuer } = company.github
  const pod = { 'kubernetes.io/serviceaccount/uid': uid, 'kubernetes.io/namespace': 'desk' }
  for (const [preset, claims] of [
    ['gitlab', { namespace_id: '72', project_id: '20', ref: 'main' }],
    ['kubernetes', pod],
  ] as const) {
    const rule = { role: 'run', preset, issuer, claims, reason: 'our CI' }
    const { body } = await expectStatus(201, maya('POST', '/v1/apps/desk/trust', rule))
    const yes = { says: 'yes', bodyHash: body.bodyHash }
    await expectStatus(200, tom('POST', `/v1/requests/${body.id}/answer`, yes))
  }
  await company.running.world.settle()
  // What a runner of GitHub offers its jobs.
  runner = createServer((req, res) => {
    asked.push(`${req.url} ${req.headers.authorization}`)
    const audience = new URL(req.url ?? '', 'http://runner').searchParams.get('audience')
    void company.github
      .issue({
        ...base(),
        aud: audience,
        exp: Math.floor(Date.now() / 1000) + 300,
        sub: 'x',
        event_name: 'push',
        ref: 'refs/heads/main',
        sha: '9f2c1a7',
        run_id: '41',
        run_number: '41',
        run_attempt: '1',
        check_run_id: '7',
        ...claimsOf('desk'),
      })
      .then(value => res.end(JSON.stringify({ value })))
  })
  await new Promise<void>(done => runner.listen(0, '127.0.0.1', done))
}, 120_000)
afterAll(async () => {
  runner?.close()
  await company?.stop()
})
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'leasehold-ci-'))
  return () => rm(home, { recursive: true })
})

const run = (env: Record<string, string>, ...more: string[]) => {
  const server = ['--server', company.running.address]
  const words = ['run', ...server, '--as', 'desk/run', '--need', 'crm.deals:read', ...more]
  const print = 'console.log(JSON.stringify(process.env))'
  return ended(start(home, [...words, '--', process.execPath, '-e', print], env))
}
const runnerEnv = () => ({
  ACTIONS_ID_TOKEN_REQUEST_URL: `http://127.0.0.1:${(runner.address() as { port: number }).port}/token?api-version=2`,
  ACTIONS_ID_TOKEN_REQUEST_TOKEN: word,
})

test('of GitHub asks its runner for a token, and is given what the app may use', async () => {
  const { code, out, err } = await run(runnerEnv(), '--purpose', 'look')
  expect([code, err]).toEqual([0, expect.stringContaining('crm.deals:read')])
  expect(JSON.parse(out)).toMatchObject({ DATABASE_URL: expect.stringContaining('127.0.0.1') })
  const audience = encodeURIComponent(company.running.issuer)
  expect(asked.at(-1)).toBe(`/token?api-version=2&audience=${audience} Bearer ${word}`)
})

test('of GitLab uses the one token of its job for each command, and nobody else does', async () => {
  const env = { LEASEHOLD_ID_TOKEN: await company.github.issue(job()) }
  for (const _ of [1, 2]) {
    const { code, out, err } = await run(env, '--purpose', 'look')
    expect([code, err]).toEqual([0, expect.stringContaining('verified gone')])
    // The command itself can not be it again.
    expect(out).not.toContain(env.LEASEHOLD_ID_TOKEN)
  }
  // ATTACKER: has read the token in the job's log, and is on another machine.
  const elsewhere = await mkdtemp(join(tmpdir(), 'leasehold-thief-'))
  const words = [
    'run',
    '--server',
    company.running.address,
    '--as',
    'desk/run',
    '--purpose',
    'look',
  ]
  const stolen = await ended(
    start(elsewhere, [...words, '--need', 'crm.deals:read', '--', 'true'], env),
  )
  expect(stolen.code).not.toBe(0)
  expect(stolen.err).toContain('first used with another key')
  await rm(elsewhere, { recursive: true })
})

test('of Kubernetes reads the file the kubelet renews', async () => {
  const pod = { namespace: 'desk', serviceaccount: { name: 'desk', uid }, pod: { uid: 'p1' } }
  const exp = Math.floor(Date.now() / 1000) + 3600
  const claims = { ...base(), aud: [company.running.issuer], exp, 'kubernetes.io': pod }
  const file = join(home, 'token')
  const sub = 'system:serviceaccount:desk:desk'
  await writeFile(file, `${await company.github.issue({ ...claims, sub })}\n`)
  const { code, err } = await run({ LEASEHOLD_ID_TOKEN_FILE: file }, '--purpose', 'look')
  expect([code, err]).toEqual([0, expect.stringContaining('verified gone')])
})

test('that no rule trusts, says nothing it is for, or has no token is told so', async () => {
  const other = { LEASEHOLD_ID_TOKEN: await company.github.issue({ ...job(), project_id: '21' }) }
  const untrusted = await run(other, '--purpose', 'look')
  expect([untrusted.code, untrusted.err]).toEqual([
    expect.any(Number),
    expect.stringContaining('project_id'),
  ])
  expect(untrusted.code).not.toBe(0)
  const unsaid = await run(runnerEnv())
  expect([unsaid.code, unsaid.err]).toEqual([125, expect.stringContaining('--purpose')])
  const none = await run({ LEASEHOLD_ID_TOKEN_FILE: join(home, 'none') }, '--purpose', 'look')
  expect(none.code).not.toBe(0)
  expect(none.err).toContain('gave no token')
  expect(none.err + unsaid.err + untrusted.err).not.toContain(word)
})

test('shows its token to no server that goes by another’s address', async () => {
  // ATTACKER: would be given a token that is good at the server it names.
  const evil = createServer((_, res) => res.end(JSON.stringify({ issuer: company.running.issuer })))
  await new Promise<void>(done => evil.listen(0, '127.0.0.1', done))
  const before = asked.length
  const server = `http://127.0.0.1:${(evil.address() as { port: number }).port}`
  const words = ['run', '--server', server, '--as', 'desk/run', '--purpose', 'look']
  const { code, err } = await ended(start(home, [...words, '--', 'true'], runnerEnv()))
  evil.close()
  expect([code, asked.length]).toEqual([125, before])
  expect(err).toContain('wants you to sign in at another server')
})
