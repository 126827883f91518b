/** Our issuer for outside systems, read as they read it: address, discovery, keys, a token. */
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { attest, type Company, connectSales, makeAppWithGrant, startCompany } from './company.ts'

let company: Company
let issuer: string
const read = async (url: string) => (await fetch(url)).json() as Promise<Record<string, string>>
beforeAll(async () => {
  company = await startCompany({ target: true })
  issuer = company.running.world.federation.issuer
}, 120_000)
afterAll(() => company?.stop())

test('is found by its own address alone, and what it signs holds by what it publishes', async () => {
  const found = await read(`${issuer}/.well-known/openid-configuration`)
  expect(found).toMatchObject({ issuer, id_token_signing_alg_values_supported: ['RS256'] })
  // Keys are there for who reads them before anything was signed.
  const keys = createRemoteJWKSet(new URL(String(found['jwks_uri'])))
  const token = await company.running.world.federation.sign({ subject: 'lhg_1', audience: 'cloud' })
  const { payload } = await jwtVerify(token, keys, { issuer, audience: 'cloud' })
  expect(payload.sub).toBe('lhg_1')
  expect(found).not.toHaveProperty('token_endpoint')
  expect(found).not.toHaveProperty('authorization_endpoint')
})

test('opens no door of ours: not as a caller, a subject or an actor', async () => {
  const { world } = company.running
  await connectSales(company)
  await makeAppWithGrant(company, 'desk')
  const subject = `spiffe://${world.config.trustDomain}/app/desk/run`
  const token = await world.federation.sign({ subject, audience: world.issuer })
  expect((await company.as({ task: token })('GET', '/v1/me')).status).toBe(401)
  const own = await attest(company, 'desk')
  const access = 'urn:ietf:params:oauth:token-type:access_token'
  const forms = [
    { subject_token: token, identity: 'desk/run', scope: 'look' },
    { subject_token: token, subject_token_type: access, identity: 'desk/run', scope: 'look' },
    {
      subject_token: own,
      subject_token_type: access,
      actor_token: token,
      actor_token_type: access,
    },
  ]
  for (const form of forms) {
    const refused = await company.exchange({ scope: 'look', ...form })
    expect([refused.status, refused.body.access_token]).toEqual([400, undefined])
  }
})

test('its keys are none of those our own tokens are read by', async () => {
  const { world } = company.running
  const own = world.keys.tokenJwks().keys.map(({ kid }) => kid)
  for (const { kid } of world.federation.jwks().keys) expect(own).not.toContain(kid)
})
