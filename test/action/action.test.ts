/**
 * The action as a runner runs it, against the real server and a real PostgreSQL: access for the steps of a
 * job, gone after it whatever became of the job.
 */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import {
  type Company,
  claimsOf,
  connectSales,
  expectStatus,
  makeAppWithGrant,
  startCompany,
} from '../journeys/company.ts'
import { type Runner, startRunner } from './runner.ts'

let company: Company
let runner: Runner
let inputs: Record<string, string>
let claims: Record<string, unknown>
let run = 41

beforeAll(async () => {
  company = await startCompany({ target: true })
  await connectSales(company)
  await makeAppWithGrant(company, 'desk')
  runner = await startRunner(company.github, () => claims)
}, 120_000)
afterAll(async () => {
  await runner?.stop()
  await company?.stop()
})
beforeEach(() => {
  const id = String(run++)
  const ids = { run_id: id, run_number: id, run_attempt: '1', check_run_id: id }
  const from = { event_name: 'push', ref: 'refs/heads/main', ref_protected: 'true', sha: '9f2c1a7' }
  claims = { ...from, ...ids, ...claimsOf('desk') }
  inputs = {
    server: company.running.address,
    as: 'desk/run',
    purpose: 'look',
    need: 'crm.deals:read',
    wait: '0',
  }
})

const main = (more = {}) => runner.step('main', inputs, more)
/** The last step has what the first one left. */
const post = (state: Readonly<Record<string, string>>) =>
  runner.step(
    'post',
    inputs,
    Object.fromEntries(Object.entries(state).map(([name, value]) => [`STATE_${name}`, value])),
  )
const roles = async () =>
  (
    await company.sales?.ask<{ rolname: string }>(
      `select rolname from pg_roles where rolname like 'lh\\_%' and rolcanlogin`,
    )
  )?.map(({ rolname }) => rolname)
const leasesOf = async (task: string) =>
  (await company.as('maya')('GET', `/v1/tasks/${task}`)).body.leases
const secrets = ({ env }: { env: Readonly<Record<string, string>> }) => [
  env['PGPASSWORD'] ?? '',
  env['DATABASE_URL'] ?? '',
]

async function count(url = ''): Promise<number> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return Number((await client.query('select count(*) as n from crm.deals')).rows[0].n)
  } finally {
    await client.end()
  }
}

test('steps of a job have access, and after it nothing is left', async () => {
  const begun = await main()
  expect([begun.code, begun.out]).toEqual([
    0,
    expect.stringContaining('crm.deals:read · for this job'),
  ])
  expect(await count(begun.env['DATABASE_URL'])).toBeGreaterThan(0)
  expect(await count(begun.env['DATABASE_URL_CRM_DEALS'])).toBeGreaterThan(0)
  const { task = '', trace } = begun.outputs
  expect(trace).toBe(`${company.running.address}/trace/${task}`)
  expect(begun.summary).toMatch(/\| crm\.deals:read \| permit, L-\w{5} \| 2\d{3}-/)
  const [lease] = await leasesOf(task)
  expect(await roles()).toContain(lease.principal)

  const ended = await post(begun.state)
  expect([ended.code, ended.out]).toEqual([
    0,
    expect.stringMatching(/○ L-\w{5} released after \d+ s · ● verified gone/),
  ])
  expect(ended.out).not.toContain('::warning')
  expect(ended.summary).toContain('verified gone')
  expect(await leasesOf(task)).toMatchObject([{ state: 'gone', outcome: 'verified-gone' }])
  expect(await roles()).not.toContain(lease.principal)
  // Whoever held the doors is gone, and what it kept.
  await vi.waitFor(() => expect(holders(begun.state['folder'])).toEqual([]), 5000)
  const kept = [begun.state['folder'] ?? '', join(runner.temp, 'leasehold')]
  expect(kept.map(path => existsSync(path))).toEqual([false, false])
  await expect(count(begun.env['DATABASE_URL'])).rejects.toThrow('ECONNREFUSED')
})

test('each value is masked before it is written, in each of its forms, and no state holds one', async () => {
  const begun = await main()
  // As the runner reads a command's value.
  const lines = begun.out.replaceAll('%25', '%').split('\n')
  for (const secret of secrets(begun)) {
    expect(secret.length).toBeGreaterThan(20)
    for (const form of [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')])
      expect(lines).toContain(`::add-mask::${form}`)
    const shown = lines.filter(line => line.includes(secret) && !line.startsWith('::add-mask::'))
    expect(shown).toEqual([])
    expect(
      JSON.stringify(begun.state) + JSON.stringify(begun.outputs) + begun.summary,
    ).not.toContain(secret)
  }
  // What they are for is said after they are masked.
  const masked = lines.findLastIndex(line => line.startsWith('::add-mask::'))
  expect(lines.findIndex(line => line.includes('DATABASE_URL,'))).toBeGreaterThan(masked)
  expect((await post(begun.state)).out).not.toContain(secrets(begun)[0])
})

test('where nothing can be written, what is secret was masked already', async () => {
  const { code, out, state } = await main({ GITHUB_ENV: runner.temp })
  expect(code).toBe(1)
  expect(out).toContain('::add-mask::')
  expect((await post(state)).out).toContain('verified gone')
})

test('a job that was cancelled before it was told what it has gives back even that', async () => {
  // Of four there is one when it dies.
  inputs['need'] = 'crm.deals:read\n'.repeat(4)
  const begun = await runner.step('main', inputs, {}, (out, child) => {
    if (out.includes('● L-')) child.kill('SIGKILL')
  })
  expect([begun.code, begun.env]).toEqual([null, {}])
  const ended = await post(begun.state)
  const [, task = ''] = /○ L-\w{5} released after .* trace (T-\w{5})/.exec(ended.out) ?? []
  await vi.waitFor(async () => {
    const outcomes = (await leasesOf(task)).map(({ outcome }: { outcome: string }) => outcome)
    expect(new Set(outcomes)).toEqual(new Set(['verified-gone']))
  }, 20_000)
  await vi.waitFor(() => expect(holders(begun.state['folder'])).toEqual([]), 5000)
})

test('a job whose doors were killed in the middle has given everything back when its last step ran', async () => {
  const begun = await main()
  const { task = '' } = begun.outputs
  for (const pid of holders(begun.state['folder'])) process.kill(pid, 'SIGKILL')
  const ended = await post(begun.state)
  expect(ended.out).toMatch(/○ L-\w{5} released after .* · ● verified gone/)
  expect(await leasesOf(task)).toMatchObject([{ outcome: 'verified-gone' }])
})

test('what the server ended before is not said to be given back', async () => {
  const begun = await main()
  const reason = { reason: 'something looks wrong' }
  await expectStatus(200, company.as('maya')('POST', '/v1/apps/desk/pause', reason))
  await company.running.world.settle()
  const ended = await post(begun.state)
  await expectStatus(200, company.as('maya')('POST', '/v1/apps/desk/resume'))
  await company.running.world.settle()
  expect([ended.code, ended.out]).toEqual([
    0,
    expect.stringContaining('▲ Not given back by this job'),
  ])
  expect(ended.out).toContain(
    `::warning title=Leasehold,file=.github/workflows/refresh.yml,line=9::`,
  )
  await vi.waitFor(() => expect(holders(begun.state['folder'])).toEqual([]), 5000)
})

test('where its task was closed by a person, the last step says that nothing was left', async () => {
  const begun = await main()
  const path = `/v1/tasks/${begun.outputs['task']}/close`
  await expectStatus(200, company.as('maya')('POST', path))
  await company.running.world.settle()
  const ended = await post(begun.state)
  expect([ended.code, ended.out]).toEqual([0, expect.stringContaining('▲ Nothing was left')])
  expect(ended.out).toContain('::warning')
})

test('without `id-token: write` the line of the workflow is named, and nobody is asked', async () => {
  const before = runner.asked.length
  const { code, out, summary } = await main({ ACTIONS_ID_TOKEN_REQUEST_URL: undefined })
  expect([code, runner.asked.length]).toEqual([1, before])
  expect(out).toContain(
    '::error title=Leasehold,file=.github/workflows/refresh.yml,line=4::`id-token: write` is missing',
  )
  expect(out).toContain('add two lines: `id-token: write` and `contents: read`')
  expect(summary).toContain('no:')
})

test('a repository that is not linked is told the line that links it, and no branch name is in it', async () => {
  claims = { ...claims, repository_id: '7' }
  const { code, out } = await main({
    GITHUB_REPOSITORY_ID: '7',
    GITHUB_REF: 'refs/heads/$(touch${IFS}x)',
  })
  expect(code).toBe(1)
  expect(out).toContain('its token says repository_id 7')
  expect(out).toContain('leasehold trust add desk --role run --preset github')
  expect(out).toContain(
    '--claim repository_id=7 --claim job_workflow_ref=acme/desk/.github/workflows/refresh.yml@refs/heads/main',
  )
  expect(out).not.toContain('touch')
  expect(out).toContain('line=9::')
})

test('a denied need is said in the server’s words, and what was given before it is given back', async () => {
  inputs['need'] = 'crm.deals:read\n\ncrm.deals:write\n'
  const begun = await main()
  expect([begun.code, begun.env]).toEqual([1, {}])
  expect(begun.out).toContain('Denied: desk write crm.deals')
  expect(begun.out).toMatch(/Would pass if\s+the owner of crm\.deals grants it/)
  expect(begun.out).toMatch(/leasehold why D-\w{5}/)
  expect(begun.summary).toContain('| desk write crm.deals | no:')
  expect(begun.out).toMatch(/○ L-\w{5} released .* verified gone/)
  // Nothing is left for the last step, which asks nobody.
  const before = runner.asked.length
  expect(await post(begun.state)).toMatchObject({ code: 0, out: '' })
  expect(runner.asked.length).toBe(before)
})

test('where a person’s yes is missing the job waits for it, no longer than it said', async () => {
  inputs = { ...inputs, need: 'crm.deals:write', wait: '1' }
  const yaml =
    'app: desk\npurposes:\n  look:\n    says: Looks at deals\n    needs:\n      - resource: crm.deals\n        actions: [read, write]\n'
  const maya = company.as('maya')
  await expectStatus(200, maya('PUT', '/v1/apps/desk/manifest', { yaml }))
  const denied = async () => (await maya('GET', '/v1/apps/desk')).body.lastDenial
  const before = await denied()
  const begun = main()
  await vi.waitFor(async () => expect(await denied()).not.toEqual(before), 10_000)
  const ask = { app: 'desk', resource: 'crm.deals', actions: ['write'], reason: 'to mark' }
  const { body } = await expectStatus(201, maya('POST', '/v1/requests', ask))
  const yes = { says: 'yes', bodyHash: body.bodyHash }
  await expectStatus(200, company.as('tom')('POST', `/v1/requests/${body.id}/answer`, yes))
  const { code, out, state } = await begun
  expect([code, out]).toEqual([0, expect.stringContaining('crm.deals:write')])
  expect(out).toContain('▲ Denied: desk write crm.deals: a person can say yes. Asked again in 5 s.')
  await post(state)
  // Its neighbour: nobody can say yes in less than it takes to ask again.
  inputs = { ...inputs, need: 'crm.deals:destroy', wait: '0.05' }
  const refused = await main()
  expect([refused.code, refused.out]).toEqual([1, expect.not.stringContaining('Asked again')])
}, 60_000)

test.each([
  ['no server at all', { server: '' }, 'is no server'],
  ['a server without TLS', { server: 'http://leasehold.example' }, 'is no server'],
  ['a server with a path', { server: 'https://leasehold.example/x' }, 'is no server'],
  ['no need', { need: '\n' }, '1 to 10 lines, not 0'],
  ['eleven needs', { need: 'crm.deals:read\n'.repeat(11) }, '1 to 10 lines, not 11'],
  ['a need in other words', { need: 'postgres:crm.deals read' }, 'Say crm.deals:read'],
  ['no purpose', { purpose: '' }, '`purpose` what for'],
  ['a purpose the app does not have', { purpose: 'other' }, 'purpose'],
  ['no end of waiting', { wait: '61' }, '0 to 60 minutes'],
  ['a time that is none', { wait: 'soon' }, '0 to 60 minutes'],
])('%s is refused, with what to say instead', async (_, more, says) => {
  inputs = { ...inputs, ...more }
  const { code, out, env } = await main()
  expect([code, env]).toEqual([1, {}])
  expect(out).toContain('::error title=Leasehold')
  expect(out).toContain(says)
})

/** Processes that hold doors for this job. */
function holders(folder = ''): number[] {
  const all = execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' }).split('\n')
  const ours = all.filter(
    line => line.includes('hold.ts') && line.includes(folder) && folder !== '',
  )
  return ours.map(line => Number.parseInt(line, 10))
}
