/**
 * The server's own issuer at three clouds, with nothing of theirs stored here: strict pretend ones, which read
 * its address, discovery and keys over HTTP, and keep their own lists.
 */
import { randomUUID } from 'node:crypto'
import { ClientAssertionCredential } from '@azure/identity'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { FakeAws } from '../fakes/aws.ts'
import { startEntraFront } from '../fakes/azure/front.ts'
import { type FakeAzure, startFakeAzure } from '../fakes/azure.ts'
import { type FakeGcp, startFakeGcp } from '../fakes/gcp.ts'
import { startAwsByThePage, trustIssuer } from '../support/kit/aws.ts'
import { type Company, startCompany } from './company.ts'

const pool = 'iam.googleapis.com/projects/1234/locations/global/workloadIdentityPools/leasehold'
let company: Company
let aws: FakeAws
let gcp: FakeGcp
let azure: FakeAzure
let issuer: string

beforeAll(async () => {
  company = await startCompany()
  issuer = company.running.world.federation.issuer
  aws = await startAwsByThePage(company.clock)
  trustIssuer(aws, issuer)
  aws.admin.keys.length = 0
  gcp = await startFakeGcp(company.clock)
  gcp.publicKey = undefined
  gcp.mayActAsAdmin.add(`principal://${pool}/subject/connector/gcp/${gcp.config.project}`)
  azure = await startFakeAzure(company.clock)
  azure.adminSecret = undefined
}, 120_000)
afterAll(async () => {
  for (const each of [aws, gcp, azure]) {
    expect(each.breaches).toEqual([])
    await each.close()
  }
  await company?.stop()
})

const connect = async (slug: string, connector: string, config: object) => {
  const target = { slug, connector, config, production: false }
  const { status, body } = await company.as('sam')('POST', '/v1/targets', target)
  return [status, body.preflightState, body.code] as const
}
const configs = () => {
  const { accessKeyId: _, secretAccessKey: __, ...amazon } = aws.config
  const { clientSecret: ___, ...entra } = azure.config
  const { project, url } = gcp.config
  return {
    aws: { ...amazon, admin: 'arn:aws:iam::123456789012:role/leasehold-admin' },
    gcp: { project, url, provider: `//${pool}/providers/ours`, serviceAccount: gcp.admin },
    azure: entra,
  }
}

test('a whole canary lives at each of them by our word alone', async () => {
  const { aws: amazon, gcp: google, azure: entra } = configs()
  expect(await connect('amazon', 'aws', amazon)).toEqual([201, 'passed', undefined])
  // Nobody there trusts us yet.
  expect(await connect('early', 'gcp', google)).toEqual([201, 'failed', undefined])
  gcp.providers.push({ name: google.provider, issuer })
  expect(await connect('google', 'gcp', google)).toEqual([201, 'passed', undefined])
  expect(await connect('soon', 'azure', entra)).toEqual([201, 'failed', undefined])
  azure.adminTrusts.push({
    id: randomUUID(),
    name: 'leasehold',
    issuer,
    subject: `connector/azure/${azure.admin.clientId}`,
    audiences: ['api://AzureADTokenExchange'],
  })
  expect(await connect('entra', 'azure', entra)).toEqual([201, 'passed', undefined])
}, 60_000)

test("Microsoft's own client obtains a credential by a word of the server, and by one for others none", async () => {
  const { world } = company.running
  const front = await startEntraFront(azure)
  const { clientId } = azure.admin
  const obtain = async (audience: string) => {
    const word = () => world.federation.sign({ subject: `connector/azure/${clientId}`, audience })
    const client = new ClientAssertionCredential(azure.tenant, clientId, word, {
      authorityHost: front.url,
      disableInstanceDiscovery: true,
      tlsOptions: { ca: front.ca },
      retryOptions: { maxRetries: 0 },
    })
    return (await client.getToken('https://graph.microsoft.com/.default')).token
  }
  try {
    const headers = { authorization: `Bearer ${await obtain('api://AzureADTokenExchange')}` }
    expect((await fetch(`${azure.url}/v1.0/applications`, { headers })).status).toBe(200)
    await expect(obtain('https://example.com')).rejects.toThrow(/AADSTS70021/)
  } finally {
    await front.close()
  }
}, 60_000)

test('after our keys changed, what they read of us is still enough', async () => {
  const { world } = company.running
  const kids = () => world.federation.jwks().keys.map(({ kid }) => kid as string)
  const before = kids()
  company.clock.advance(31 * 24 * 3600_000)
  await world.federation.turn()
  expect(kids()).toEqual(expect.arrayContaining(before))
  expect(await connect('again', 'aws', configs().aws)).toEqual([201, 'passed', undefined])
  expect(await connect('twice', 'gcp', configs().gcp)).toEqual([201, 'passed', undefined])
}, 60_000)
