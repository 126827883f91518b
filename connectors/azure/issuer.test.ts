/** Azure without a stored secret: our application there trusts our issuer, and each lease's does for a moment. */
import { randomUUID } from 'node:crypto'
import { beforeEach, expect, test } from 'vitest'
import { addSeconds, toSeconds } from '../../src/core/base/time.ts'
import { judge } from '../../src/core/target/judge.ts'
import type { Target } from '../../src/core/target/target.ts'
import { type FakeAzure, startFakeAzure } from '../../test/fakes/azure.ts'
import { type FakeFederation, startFakeFederation } from '../../test/fakes/federation.ts'
import { type HandClock, handClock } from '../../test/support/clock.ts'
import { azureConnector } from './azure.ts'

let clock: HandClock
let azure: FakeAzure
let issuer: FakeFederation
const soon = () => AbortSignal.timeout(10_000)

beforeEach(async () => {
  clock = handClock()
  azure = await startFakeAzure(clock)
  issuer = await startFakeFederation(clock)
  azure.adminSecret = undefined
  azure.adminTrusts.push({
    id: randomUUID(),
    name: 'leasehold',
    issuer: issuer.issuer,
    subject: `connector/azure/${azure.admin.clientId}`,
    audiences: ['api://AzureADTokenExchange'],
  })
  return async () => {
    expect(azure.breaches).toEqual([])
    await azure.close()
    await issuer.close()
  }
})

function openTarget(federation?: FakeFederation): Target {
  const connector = azureConnector(federation)
  const { clientSecret: _, ...config } = azure.config
  return connector.open(connector.parseConfig(config), clock)
}

test('a lease is made and ended with no secret anywhere, not even for a moment', async () => {
  const target = openTarget(issuer)
  expect(await target.preflight(soon())).toMatchObject({ ok: true })
  const object = {
    subscription: azure.subscription,
    resourceGroup: 'deals',
    roles: { read: ['Reader'] },
  }
  const names = { principal: 'lh_test_desk', holder: 'lhg_test', owner: 'lho_test' }
  const times = { deadline: addSeconds(clock.now(), 10), endsAt: addSeconds(clock.now(), 900) }
  const asked = { object, actions: ['read' as const], columns: [], secret: 'derived' }
  const order = { ...names, ...times, ...asked }
  await target.ensureHolder(order, soon())
  const issued = await target.issue(order, soon())
  expect(azure.seen.filter(each => each.asked.includes('addPassword'))).toEqual([])
  // Nor is the trust left, by which our issuer could have another token made.
  expect([...azure.apps.values()].flatMap(({ trusts }) => trusts)).toEqual([])
  const lease = { ...order, secret: issued.secret ?? '', acceptedPath: issued.acceptedPath }
  await target.end(lease, soon())
  expect(judge(await target.verifyGone(lease, soon()))).toBe('verified-gone')
})

test.each([
  ['of another audience', () => ({ aud: 'https://example.com' })],
  ['of two audiences', () => ({ aud: ['api://AzureADTokenExchange', 'https://example.com'] })],
  ['of another issuer', () => ({ iss: 'https://elsewhere.example' })],
  ['of another subject', () => ({ sub: 'connector/azure/other' })],
  ['that is over', () => ({ exp: toSeconds(clock.now()) - 1 })],
])('a word %s opens nothing', async (_, wrong) => {
  issuer.claims = wrong()
  const { ok, steps } = await openTarget(issuer).preflight(soon())
  expect([ok, steps.length]).toEqual([false, 1])
  expect(JSON.stringify(steps)).not.toContain('eyJ')
  expect(azure.apps.size).toBe(0)
})

test('a key that was rotated away opens nothing, and the next one does', async () => {
  azure.jwks = issuer.jwks()
  await issuer.rotate()
  expect(await openTarget(issuer).preflight(soon())).toMatchObject({ ok: false })
  azure.jwks = undefined
  expect(await openTarget(issuer).preflight(soon())).toMatchObject({ ok: true })
})

test('a server that has no issuer says so, and what to do', async () => {
  const { steps } = await openTarget().preflight(soon())
  expect(steps[0]?.detail).toMatch(/no issuer.*secret/)
})
