/** Google Cloud and Entra as a person is shown them; the pretend ones' own lists say what reached them. */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import * as azureState from '../../test/fakes/azure/state.ts'
import { type FakeAzure, startFakeAzure } from '../../test/fakes/azure.ts'
import { newAccount, newToken } from '../../test/fakes/gcp/state.ts'
import { type FakeGcp, startFakeGcp } from '../../test/fakes/gcp.ts'
import { type HandClock, handClock } from '../../test/support/clock.ts'
import { azureReads, gcpReads } from './clouds.ts'
import { exits, type Host, runScan } from './run.ts'

interface Reported {
  readonly things: {
    readonly id: string
    readonly name: string
    readonly kind: string
    readonly group: string
    readonly where: string
    readonly notes: string[]
    readonly isUseTold: boolean
    readonly neverEnds: boolean | null
    readonly ownerCandidates: { who: string; evidence: string }[]
  }[]
  readonly unseen: { what: string; needs: string }[]
  readonly calls: { shape: string; times: number }[]
}

const day = 86_400_000
let clock: HandClock
let folder: string
let said: string

beforeEach(() => {
  clock = handClock()
  folder = mkdtempSync(join(tmpdir(), 'scan-clouds-'))
  said = ''
  return () => rmSync(folder, { recursive: true, force: true })
})

function run(source: string, more: Partial<Host> = {}): Promise<number> {
  return runScan({
    argv: [source],
    env: {},
    cwd: folder,
    stdout: { write: text => (said += text) },
    stderr: { write: text => (said += text) },
    clock,
    sleep: async ms => clock.advance(ms),
    fetch,
    tool: async () => '',
    awsKeys: async () => undefined,
    signal: new AbortController().signal,
    ...more,
  })
}

const read = (name: string) => readFileSync(join(folder, name), 'utf8')
const reported = () => JSON.parse(read('report.json')) as Reported
const named = (name: string) => reported().things.find(each => each.name === name)

function expectHidden(secrets: readonly string[]): void {
  for (const name of ['report.html', 'report.json', 'report.sarif'])
    expect(secrets.filter(secret => read(name).includes(secret))).toEqual([])
  expect(secrets.filter(secret => said.includes(secret))).toEqual([])
}

/** Each call is told, and each is one of those that read. */
function expectReading(seen: readonly { asked: string }[], form: RegExp): void {
  expect(seen.filter(({ asked }) => !form.test(asked))).toEqual([])
  expect(reported().calls.reduce((sum, { times }) => sum + times, 0)).toBe(seen.length)
  expect(reported().calls.filter(({ shape }) => /acme|[0-9a-f]{8}-/.test(shape))).toEqual([])
}

describe('Google Cloud', () => {
  let gcp: FakeGcp
  let token: string
  beforeEach(async () => {
    gcp = await startFakeGcp(clock)
    token = newToken(gcp, gcp.admin, 3_600).value
    return async () => {
      expect(gcp.breaches).toEqual([])
      await gcp.close()
    }
  })
  const gcloud = () => ({
    env: { GCP_API_URL: gcp.url },
    tool: async (name: string) => (name === 'gcloud' ? token : ''),
  })

  test('a project is named whole, by nothing but reading, without a secret', async () => {
    const accounts = Array.from({ length: 120 }, (_, i) => newAccount(gcp, `service-${1000 + i}`))
    for (const [i, each] of accounts.entries())
      if (i % 3 === 0) each.keys = [{ id: `aa${i}`, validBefore: '9999-12-31T23:59:59Z' }]
    const pool = '//iam.googleapis.com/projects/1234/locations/global/workloadIdentityPools/ci'
    gcp.providers.push({ name: `${pool}/providers/gh`, issuer: 'https://ci.example' })

    expect(await run('gcp:acme-leases', gcloud())).toBe(exits.whole)

    const told = new Set(reported().things.map(({ id }) => id))
    const ids = accounts.flatMap(({ email, keys }) => [
      `account ${email}`,
      ...keys.map(({ id }) => `key ${email} ${id}`),
    ])
    expect(ids.filter(id => !told.has(id))).toEqual([])
    expect(named('ci/providers/gh')?.kind).toBe('outside issuer')
    expect(named('aa0')).toMatchObject({ where: accounts[0]?.email, neverEnds: true })
    expectReading(gcp.seen, /^(GET \/v1\/projects\/|POST \/v3\/projects\/[a-z-]+:getIamPolicy$)/)
    expectHidden([token])
  })

  test('an old key that never ends is told as one; one with an end is not', async () => {
    const etl = newAccount(gcp, 'nightly-etl')
    etl.keys = [
      { id: 'aa11', validBefore: '9999-12-31T23:59:59Z' },
      { id: 'bb22', validBefore: '2099-01-01T00:00:00Z' },
    ]
    clock.advance(Date.parse('2026-06-01T00:00:00Z') - Date.parse(clock.now()))
    token = newToken(gcp, gcp.admin, 3_600).value
    expect(await run('gcp:acme-leases', gcloud())).toBe(exits.whole)
    const old = read('report.sarif')
      .split('\n')
      .filter(line => line.includes('"LH-SCAN-OLD-KEY","level"'))
    expect(old.map(line => /aa11|bb22/.exec(line)?.[0])).toEqual(['aa11'])
  })

  test('who has rights on the project from elsewhere is told apart from who belongs to it', async () => {
    const members = [
      'serviceAccount:etl@partner-data.iam.gserviceaccount.com',
      'serviceAccount:service-12@container-engine-robot.iam.gserviceaccount.com',
      'allUsers',
      'user:ada@acme.example',
    ]
    gcp.policies.get('project acme-leases')?.bindings.push({ role: 'roles/viewer', members })
    expect(await run('gcp:acme-leases', gcloud())).toBe(exits.whole)
    const of = (name: string) => named(name)?.notes
    expect(members.map(of)).toEqual([
      ['lets in partner-data'],
      [],
      ['lets in everybody its conditions let in'],
      [],
    ])
    expect(members.map(each => named(each)?.group)).toEqual([
      'access',
      'rights',
      'access',
      'rights',
    ])
  })

  test('what a right does not show is said, and of no use nothing is made', async () => {
    newAccount(gcp, 'nightly-etl')
    const { email } = newAccount(gcp, 'used-etl')
    gcp.lastUsed?.set(email, clock.now())
    gcp.lacks.add('iam.workloadIdentityPools.list').add('resourcemanager.projects.getIamPolicy')
    expect(await run('gcp:acme-leases', gcloud())).toBe(exits.whole)
    const needs = reported()
      .unseen.map(each => each.needs)
      .join('\n')
    expect(needs).toContain('workloadIdentityPoolViewer')
    expect(needs).toContain('resourcemanager.projects.getIamPolicy')
    // Google tells of those alone that were used: of the others it is not known.
    expect(named('nightly-etl@acme-leases.iam.gserviceaccount.com')?.isUseTold).toBe(false)
    expect(named(email)?.isUseTold).toBe(true)
  })

  test('it waits where Google says so; a token that is not taken ends it', async () => {
    newAccount(gcp, 'nightly-etl')
    let times = 0
    gcp.fault = asked =>
      asked.includes('/keys') && times++ < 2
        ? { status: 429, headers: { 'retry-after': '7' } }
        : undefined
    const began = clock.now()
    expect(await run('gcp:acme-leases', gcloud())).toBe(exits.whole)
    expect(Date.parse(clock.now()) - Date.parse(began)).toBeGreaterThan(13_000)
    clock.advance(day)
    expect(await run('gcp:acme-leases', gcloud())).toBe(exits.notAllRead)
    expect(said).toContain('gcp:acme-leases was not read: The token is not taken, or is over.')
    expect(said).toContain('gcloud auth login')
  })
})

test.each([[undefined], ['acme-quota']])(
  'whose quota is used at Google is said: %s',
  async quota => {
    const asked: unknown[] = []
    const watch: typeof fetch = async (_, init) => {
      asked.push(new Headers(init?.headers).get('x-goog-user-project') ?? undefined)
      return new Response('{}', { headers: { 'content-type': 'application/json' } })
    }
    const env = { GOOGLE_OAUTH_ACCESS_TOKEN: randomUUID(), GOOGLE_CLOUD_QUOTA_PROJECT: quota }
    await run('gcp:acme-leases', { fetch: watch, env })
    expect(new Set(asked)).toEqual(new Set([quota]))
  },
)

describe('Entra', () => {
  let azure: FakeAzure
  let token: string
  beforeEach(async () => {
    azure = await startFakeAzure(clock)
    const { oid, clientId } = azure.admin
    const given = await azureState.newToken(azure, oid, clientId, 'https://graph.microsoft.com')
    token = given.token
    return async () => {
      expect(azure.breaches).toEqual([])
      await azure.close()
    }
  })
  const az = () => ({
    env: { AZURE_API_URL: azure.url },
    tool: async (name: string) =>
      name === 'az' ? JSON.stringify({ accessToken: token, tenant: azure.tenant }) : '',
  })
  const secret = `hidden-${randomUUID()}`
  const plant = (i: number) => {
    const app = azureState.newApp(azure, {
      displayName: `app ${i}`,
      passwords: [
        { keyId: randomUUID(), displayName: `ci ${i}`, endDateTime: clock.now(), secret },
      ],
      keys: [{ keyId: randomUUID(), endDateTime: clock.now() }],
      trusts: [{ id: randomUUID(), name: `gh-${i}`, issuer: 'x', subject: 'y', audiences: [] }],
      owners: i % 2 === 0 ? [{ id: randomUUID(), displayName: 'Ada' }] : [],
    })
    return { app, principal: azureState.newPrincipal(azure, app) }
  }

  test('a tenant is named whole, by nothing but reading, without a secret', async () => {
    const planted = Array.from({ length: 60 }, (_, i) => plant(i))
    expect(await run('azure', az())).toBe(exits.whole)
    const told = new Set(reported().things.map(({ id }) => id))
    const ids = planted.flatMap(({ app, principal }) => [
      `app ${app.id}`,
      `account ${principal.id}`,
      ...app.passwords.map(({ keyId }) => `secret ${app.id} ${keyId}`),
      ...app.keys.map(({ keyId }) => `key ${app.id} ${keyId}`),
      ...app.trusts.map(({ id }) => `trust ${app.id} ${id}`),
    ])
    expect(ids.filter(id => !told.has(id))).toEqual([])
    expectReading(azure.seen, /^GET \/v1\.0\/(applications|servicePrincipals)[/?]/)
    expectHidden([token, secret])
    // What signs in is counted once: the secret, not its application as well.
    expect(named('ci 0')).toMatchObject({ kind: 'client secret', group: 'access', where: 'app 0' })
    expect(named('ci 0')?.ownerCandidates[0]).toMatchObject({
      who: 'Ada',
      evidence: 'owns its application',
    })
    expect(named('ci 1')?.ownerCandidates).toEqual([])
    expect(named('app 0')?.group).toBe('rights')
  })

  test('what a right does not show is said, and the rest is told', async () => {
    plant(1)
    azure.lacks.add('Directory.Read.All')
    expect(await run('azure', az())).toBe(exits.whole)
    expect(named('ci 1')).toBeDefined()
    expect(reported().things.filter(({ kind }) => kind === 'service principal')).toEqual([])
    expect(reported().unseen.map(({ what }) => what)).toContain(
      'service principals and what they were given',
    )
  })

  test('a token that is not taken shows nothing, and that is no list that is empty', async () => {
    plant(1)
    token = `${token}x`
    expect(await run('azure', az())).toBe(exits.notAllRead)
    expect(said).toContain('was not read: The token is not taken, or is over. Run `az login`')
    expect(reported().unseen).toEqual([])
  })

  test('a next page that is elsewhere is not asked for: the token would go there', async () => {
    for (let i = 0; i < 60; i++) plant(i)
    azure.strayLink = 'https://graph.example/v1.0/applications?$skiptoken=x'
    const asked: string[] = []
    const watch: typeof fetch = async (to, init) => {
      asked.push(to instanceof Request ? to.url : to.toString())
      return fetch(to, init)
    }
    expect(await run('azure', { ...az(), fetch: watch })).toBe(exits.whole)
    expect(asked.filter(each => !each.startsWith(azure.url))).toEqual([])
    expect(reported().unseen.map(({ what }) => what)).toContain(
      'applications with their credentials and owners',
    )
  })
})

describe('what leaves', () => {
  const id = '0193d2c8-0000-0000-0000-000000000000'
  test.each([
    [gcpReads, 'POST', '/v3/projects/acme-data:setIamPolicy'],
    [gcpReads, 'POST', '/v1/projects/acme-data/serviceAccounts'],
    [gcpReads, 'POST', '/v1/projects/-/serviceAccounts/a@b.example:generateAccessToken'],
    [gcpReads, 'DELETE', '/v1/projects/acme-data/serviceAccounts/a@b.example/keys'],
    [gcpReads, 'GET', '/v1/projects/acme-data/secrets/crm/versions/1:access'],
    [gcpReads, 'GET', '/storage/v1/b/acme-deals/o/x'],
    [gcpReads, 'GET', '/v1/projects/a/b/serviceAccounts'],
    [azureReads, 'POST', `/v1.0/applications/${id}/addPassword`],
    [azureReads, 'DELETE', `/v1.0/applications/${id}`],
    [azureReads, 'PATCH', '/v1.0/applications'],
    [azureReads, 'GET', `/v1.0/users/${id}/messages`],
    [azureReads, 'GET', '/v1.0/me'],
  ])('is not %# %s %s', (reads, method, path) => {
    expect(reads(method, new URL(path, 'https://x.example'), '')).toBeUndefined()
  })

  test.each([
    [
      gcpReads,
      'POST',
      '/v3/projects/acme-data:getIamPolicy',
      '/v3/projects/{project}:getIamPolicy',
    ],
    [
      gcpReads,
      'GET',
      '/v1/projects/acme-data/serviceAccounts/a@b.example/keys',
      '/v1/projects/{project}/serviceAccounts/{account}/keys',
    ],
    [
      azureReads,
      'GET',
      `/v1.0/servicePrincipals/${id}/appRoleAssignments`,
      '/v1.0/servicePrincipals/{id}/appRoleAssignments',
    ],
  ])('is %# %s %s, and is listed by its shape', (reads, method, path, shape) => {
    const got = reads(method, new URL(path, 'https://x.example'), '')
    expect(got).toBe(`${method} ${shape}`)
  })
})

test.each([
  ['gcp:acme-data', 'no token for Google Cloud', 'gcloud auth login'],
  ['gcp:../x', 'the id of a project', 'gcp:acme-data'],
  ['gcp', 'the id of a project', 'gcp:acme-data'],
  ['azure', 'no token for Microsoft Graph', 'az login'],
])('%s without a sign-in asks nobody, and says what to do', async (source, why, next) => {
  const asked: unknown[] = []
  const watch: typeof fetch = async to => {
    asked.push(to)
    throw new Error('nothing is asked here')
  }
  expect(await run(source, { fetch: watch })).toBe(exits.usage)
  expect(said).toContain(why)
  expect(said).toContain(next)
  expect(asked).toEqual([])
})

test.each([
  ['gcp:acme-data', 'GCP_API_URL'],
  ['azure', 'AZURE_API_URL'],
])('%s sends no token to an address without TLS', async (source, name) => {
  const token = randomUUID()
  const tool = async (of: string) =>
    of === 'az' ? JSON.stringify({ accessToken: token, tenant: randomUUID() }) : token
  expect(await run(source, { tool, env: { [name]: 'http://elsewhere.example' } })).toBe(exits.usage)
  expect(said).toContain(name)
  expect(said).not.toContain(token)
})
