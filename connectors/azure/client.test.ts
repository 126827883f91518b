/**
 * Microsoft's own client, given nothing but a word of our issuer: it obtains a token from the same strict
 * Entra that our connector is tested against, and what is forged, over or for somebody else gets none.
 */
import { randomUUID } from 'node:crypto'
import { ClientAssertionCredential } from '@azure/identity'
import { beforeEach, expect, test } from 'vitest'
import { toSeconds } from '../../src/core/base/time.ts'
import { type EntraFront, startEntraFront } from '../../test/fakes/azure/front.ts'
import { type FakeAzure, startFakeAzure } from '../../test/fakes/azure.ts'
import { type FakeFederation, startFakeFederation } from '../../test/fakes/federation.ts'
import { type HandClock, handClock } from '../../test/support/clock.ts'

const audience = 'api://AzureADTokenExchange'
const scope = 'https://management.azure.com/.default'
let clock: HandClock
let azure: FakeAzure
let front: EntraFront
let issuer: FakeFederation

beforeEach(async () => {
  clock = handClock(new Date().toISOString())
  azure = await startFakeAzure(clock)
  front = await startEntraFront(azure)
  issuer = await startFakeFederation(clock)
  azure.adminSecret = undefined
  azure.adminTrusts.push({
    id: randomUUID(),
    name: 'leasehold',
    issuer: issuer.issuer,
    subject: subject(),
    audiences: [audience],
  })
  return async () => {
    expect(azure.breaches).toEqual([])
    await Promise.all([front.close(), azure.close(), issuer.close()])
  }
})

const subject = () => `connector/azure/${azure.admin.clientId}`

/** A new client each time: one that was given a token would keep it. */
async function obtain(word = () => issuer.sign({ subject: subject(), audience })) {
  const client = new ClientAssertionCredential(azure.tenant, azure.admin.clientId, word, {
    authorityHost: front.url,
    // There is no authority but this one: nobody at microsoft.com is asked about it.
    disableInstanceDiscovery: true,
    tlsOptions: { ca: front.ca },
    retryOptions: { maxRetries: 0 },
  })
  return (await client.getToken(scope)).token
}

test('a word of our issuer is all it takes, and what it obtains is let in', async () => {
  const token = await obtain()
  const headers = { authorization: `Bearer ${token}` }
  const list = `${azure.url}/subscriptions?api-version=2022-12-01`
  expect((await fetch(list, { headers })).status).toBe(200)
  expect((await fetch(list, { headers: { authorization: 'Bearer none' } })).status).toBe(401)
  const tenant = azure.tenant
  expect(front.asked).toEqual([
    `GET /${tenant}/v2.0/.well-known/openid-configuration`,
    `POST /${tenant}/oauth2/v2.0/token`,
  ])
})

test.each<[string, () => unknown]>([
  ['that was forged', () => issuer.forge()],
  ['that is over', () => (issuer.claims = { exp: toSeconds(clock.now()) - 1 })],
  ['for another audience', () => (issuer.claims = { aud: 'https://example.com' })],
  ['for two audiences', () => (issuer.claims = { aud: [audience, 'https://example.com'] })],
  ['of another subject', () => (issuer.claims = { sub: 'connector/azure/other' })],
  ['of another issuer', () => (issuer.claims = { iss: 'https://elsewhere.example' })],
])('a word %s gets it nothing', async (_, change) => {
  await change()
  await expect(obtain()).rejects.toThrow(/AADSTS70021/)
})

test('a word by a key that was rotated away gets it nothing, and one by the next key does', async () => {
  const old = await issuer.sign({ subject: subject(), audience })
  await issuer.rotate()
  await expect(obtain(async () => old)).rejects.toThrow(/AADSTS70021/)
  expect(await obtain()).not.toBe('')
})

test('an Entra that trusts us no more gives it nothing', async () => {
  azure.adminTrusts.length = 0
  await expect(obtain()).rejects.toThrow(/AADSTS70021/)
})
