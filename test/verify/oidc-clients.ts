// Clients that are not ours against a whole server of ours, from discovery alone: openid-client signs
// in a device and exchanges a CI token, then Debian's Authlib does the exchange and validates
// (oidc_client.py). Everything runs on loopback in a folder that is gone afterwards.
//   node test/verify/oidc-clients.ts       exit code 0 when every check held
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import * as oidc from 'openid-client'
import { readConfig } from '../../src/config.ts'
import { type Running, startServer } from '../../src/main.ts'
import { type CompanyProviderFake, startCompanyProvider } from '../fakes/company-provider.ts'
import { type GithubIssuer, githubClaims, startGithubIssuer } from '../fakes/github-issuer.ts'
import { type Browser, openBrowser } from '../support/browser.ts'

const people = [
  { sub: 'maya', name: 'Maya Ortiz', email: 'maya@example.com' },
  { sub: 'tom', name: 'Tom Reyes', email: 'tom@example.com' },
]
const exchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange'
const app = 'deal-desk'
const manifest = `app: ${app}
purposes:
  refresh-board:
    says: read the deals that are stuck
`

await main()

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'leasehold-verify-'))
  const stops: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })]
  try {
    const company = await startCompanyProvider(people)
    stops.push(() => company.stop())
    const github = await startGithubIssuer()
    stops.push(() => github.stop())
    const running = await start(folder, company, github)
    stops.push(() => running.stop())
    await verify(running, github)
    console.log('both clients agree with us')
  } catch (thrown) {
    console.log(thrown instanceof Error ? (thrown.stack ?? thrown.message) : thrown)
    process.exitCode = 1
  } finally {
    for (const stop of stops.toReversed()) await stop()
  }
}

function start(
  folder: string,
  company: CompanyProviderFake,
  github: GithubIssuer,
): Promise<Running> {
  const config = readConfig({
    LEASEHOLD_HOME: folder,
    LEASEHOLD_PORT: '0',
    LEASEHOLD_MODE: 'team',
    LEASEHOLD_COMPANY_ISSUER: company.issuer,
    LEASEHOLD_COMPANY_CLIENT_ID: company.clientId,
    LEASEHOLD_CI_ISSUERS: github.issuer,
    LEASEHOLD_LOOPBACK_ISSUERS: `${company.issuer} ${github.issuer}`,
  })
  return startServer(config, { log: () => {} })
}

async function verify({ issuer }: Running, github: GithubIssuer): Promise<void> {
  // 1. openid-client: discovery, device flow, renewal.
  const client = await oidc.discovery(new URL(issuer), 'leasehold-cli', {}, oidc.None(), {
    execute: [oidc.allowInsecureRequests],
  })
  const metadata = client.serverMetadata()
  const [maya, tom] = [await signIn(client, issuer, 'maya'), await signIn(client, issuer, 'tom')]
  const renewed = await oidc.refreshTokenGrant(client, maya.refresh_token ?? '')
  check('openid-client: device flow, refresh', renewed.refresh_token !== maya.refresh_token)
  const keys = createRemoteJWKSet(new URL(metadata.jwks_uri ?? ''))
  const { payload } = await jwtVerify(renewed.access_token, keys, { issuer, typ: 'at+jwt' })
  const audience = String(payload.aud)
  // 2. An app whose CI may prove who it is: asked by its owner, agreed by somebody else.
  await makeApp({ issuer, github, maya: renewed.access_token, tom: tom.access_token })
  // 3. openid-client: token exchange from discovery alone.
  const form = async () => ({
    subject_token: await github.issue(githubClaims(issuer, Math.floor(Date.now() / 1000))),
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    audience,
    scope: 'refresh-board',
  })
  const exchanged = await oidc.genericGrantRequest(client, exchangeGrant, await form())
  const task = await jwtVerify(exchanged.access_token, keys, { issuer, audience, typ: 'at+jwt' })
  check('openid-client: token exchange', String(task.payload.sub).startsWith('spiffe://'))
  // 4. Authlib, in Python: the same, and every tampered token refused.
  const given = { issuer, audience, form: await form(), personToken: renewed.access_token }
  check('Authlib', (await python(JSON.stringify(given))) === 0)
  // 5. A refresh token used again ends what came of it.
  const again = await oidc
    .refreshTokenGrant(client, maya.refresh_token ?? '')
    .catch(() => undefined)
  const heir = await oidc
    .refreshTokenGrant(client, renewed.refresh_token ?? '')
    .catch(() => undefined)
  check('openid-client: a refresh token used twice ends the family', !again && !heir)
}

async function signIn(client: oidc.Configuration, issuer: string, sub: string) {
  const asked = await oidc.initiateDeviceAuthorization(client, {})
  const browser: Browser = openBrowser()
  await browser.get(`${issuer}/sign-in/company?login_hint=${sub}`)
  const page = await browser.get(asked.verification_uri_complete ?? '')
  await browser.submit(page, '/d', { says: 'yes' })
  return oidc.pollDeviceAuthorizationGrant(client, { ...asked, interval: 0.05 })
}

async function makeApp(world: {
  issuer: string
  github: GithubIssuer
  maya: string
  tom: string
}): Promise<void> {
  const { issuer, github, maya, tom } = world
  await call(issuer, maya, 'POST', '/v1/apps', {
    slug: app,
    purpose: 'board of deals that are stuck',
    backup: 'Tom Reyes',
  })
  await call(issuer, maya, 'PUT', `/v1/apps/${app}/manifest`, { yaml: manifest })
  const claims = githubClaims(issuer, 0)
  const asked = await call(issuer, maya, 'POST', `/v1/apps/${app}/trust`, {
    role: 'run',
    preset: 'github',
    issuer: github.issuer,
    reason: 'the nightly run refreshes the board',
    claims: {
      repository_id: claims['repository_id'],
      repository_owner_id: claims['repository_owner_id'],
      job_workflow_ref: claims['job_workflow_ref'],
      environment: claims['environment'],
    },
  })
  const { id, bodyHash } = asked as { id: string; bodyHash: string }
  await call(issuer, tom, 'POST', `/v1/requests/${id}/answer`, { says: 'yes', bodyHash })
}

async function call(
  issuer: string,
  token: string,
  method: string,
  path: string,
  body: object,
): Promise<unknown> {
  const response = await fetch(`${issuer}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
  return JSON.parse(text)
}

/** Secrets go by standard input: arguments can be read by everybody on the machine. */
function python(input: string): Promise<number | null> {
  const script = join(import.meta.dirname, 'oidc_client.py')
  // Debian's own: another Python on the path does not see Debian's packages.
  const child = spawn('/usr/bin/python3', ['-B', script], { stdio: ['pipe', 'inherit', 'inherit'] })
  child.stdin.end(input)
  return new Promise((resolve, reject) => child.once('error', reject).once('close', resolve))
}

function check(says: string, holds: boolean): void {
  if (!holds) throw new Error(`does not hold: ${says}`)
  console.log(`  ok  ${says}`)
}
