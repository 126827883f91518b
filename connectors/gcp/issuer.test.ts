/**
 * Google Cloud without a stored key: a provider there trusts our issuer. What the connector asks, a client
 * that is not ours is given through the same exchange; what is forged is refused.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ExternalAccountClient } from 'google-auth-library'
import { beforeEach, describe, expect, test } from 'vitest'
import { addSeconds, toSeconds } from '../../src/core/base/time.ts'
import { judge } from '../../src/core/target/judge.ts'
import type { Target } from '../../src/core/target/target.ts'
import { type FakeFederation, startFakeFederation } from '../../test/fakes/federation.ts'
import { type FakeGcp, startFakeGcp } from '../../test/fakes/gcp.ts'
import { type HandClock, handClock } from '../../test/support/clock.ts'
import { gcpConnector } from './gcp.ts'

const pool = 'iam.googleapis.com/projects/1234/locations/global/workloadIdentityPools/leasehold'
const provider = `//${pool}/providers/ours`
let clock: HandClock
let gcp: FakeGcp
let issuer: FakeFederation
const soon = () => AbortSignal.timeout(10_000)

beforeEach(async () => {
  clock = handClock(new Date().toISOString())
  gcp = await startFakeGcp(clock)
  issuer = await startFakeFederation(clock)
  gcp.publicKey = undefined
  gcp.providers.push({ name: provider, issuer: issuer.issuer })
  gcp.mayActAsAdmin.add(`principal://${pool}/subject/connector/gcp/acme-leases`)
  return async () => {
    expect(gcp.breaches).toEqual([])
    await gcp.close()
    await issuer.close()
  }
})

function openTarget(federation: FakeFederation | undefined = issuer): Target {
  const connector = gcpConnector(federation)
  const { project, url } = gcp.config
  const config = { project, url, provider, serviceAccount: gcp.admin }
  return connector.open(connector.parseConfig(config), clock)
}

const order = () => ({
  principal: 'lh_test_desk',
  holder: 'lhg_test',
  owner: 'lho_test',
  object: { bucket: 'acme-deals' },
  actions: ['read' as const],
  columns: [],
  secret: 'derived',
  deadline: addSeconds(clock.now(), 10),
  endsAt: addSeconds(clock.now(), 900),
})

describe('by our issuer', () => {
  test('a lease is made and ended with no key stored anywhere', async () => {
    const target = openTarget()
    expect(await target.preflight(soon())).toMatchObject({ ok: true })
    await target.ensureHolder(order(), soon())
    const issued = await target.issue(order(), soon())
    const lease = { ...order(), secret: issued.secret ?? '', acceptedPath: issued.acceptedPath }
    await target.end(lease, soon())
    expect(judge(await target.verifyGone(lease, soon()))).toBe('verified-gone')
  })

  test('keys that were handed over are taken where nobody can reach the issuer', async () => {
    const { jwks } = { jwks: issuer.jwks() }
    gcp.providers.splice(0, 1, { name: provider, issuer: issuer.issuer, jwks })
    await issuer.close()
    expect(await openTarget().preflight(soon())).toMatchObject({ ok: true })
  })

  test.each([
    ['of another audience', () => ({ aud: 'https://example.com' })],
    ['of two audiences', () => ({ aud: [`https:${provider}`, 'https://example.com'] })],
    ['of another issuer', () => ({ iss: 'https://elsewhere.example' })],
    ['that is over', () => ({ exp: toSeconds(clock.now()) - 1 })],
    ['that lives for two days', () => ({ exp: toSeconds(clock.now()) + 172_800 })],
    ['of a subject that is too long', () => ({ sub: `connector/gcp/${'a'.repeat(120)}` })],
    ['of somebody who may not act as the account', () => ({ sub: 'connector/gcp/other' })],
  ])('a word %s opens nothing', async (_, wrong) => {
    issuer.claims = wrong()
    const { ok, steps } = await openTarget().preflight(soon())
    expect([ok, steps.length]).toEqual([false, 1])
    expect(JSON.stringify(steps)).not.toMatch(/eyJ|ya29/)
    expect(gcp.accounts.size).toBe(0)
  })

  test('a key that was rotated away opens nothing, and the next one does', async () => {
    const { jwks } = { jwks: issuer.jwks() }
    await issuer.rotate()
    gcp.providers.splice(0, 1, { name: provider, issuer: issuer.issuer, jwks })
    expect(await openTarget().preflight(soon())).toMatchObject({ ok: false })
    gcp.providers.splice(0, 1, { name: provider, issuer: issuer.issuer })
    expect(await openTarget().preflight(soon())).toMatchObject({ ok: true })
  })

  test('a server that has no issuer says so, and what to do', async () => {
    const connector = gcpConnector()
    const { project, url } = gcp.config
    const config = { project, url, provider, serviceAccount: gcp.admin }
    const { steps } = await connector.open(connector.parseConfig(config), clock).preflight(soon())
    expect(steps[0]?.detail).toMatch(/no issuer.*`key`/)
  })
})

test("Google's own client obtains a credential through the same exchange, and a forged word none", async () => {
  const folder = await mkdtemp(join(tmpdir(), 'leasehold-gcp-'))
  const file = join(folder, 'word')
  const subject = 'connector/gcp/acme-leases'
  const ask = async () => {
    await writeFile(file, await issuer.sign({ subject, audience: `https:${provider}` }))
    const client = ExternalAccountClient.fromJSON({
      type: 'external_account',
      audience: provider,
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      token_url: `${gcp.url}/v1/token`,
      service_account_impersonation_url: `${gcp.url}/v1/projects/-/serviceAccounts/${gcp.admin}:generateAccessToken`,
      credential_source: { file },
    })
    const { token } = (await client?.getAccessToken()) ?? {}
    return token ?? ''
  }
  try {
    const token = await ask()
    const headers = { authorization: `Bearer ${token}` }
    const list = `${gcp.url}/v1/projects/acme-leases/serviceAccounts`
    expect((await fetch(list, { headers })).status).toBe(200)
    issuer.claims = { aud: 'https://example.com' }
    await expect(ask()).rejects.toThrow(/invalid_grant/)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
