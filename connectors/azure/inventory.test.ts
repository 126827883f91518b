/** What is found there beside leases, and what is not shown. */
import { randomUUID } from 'node:crypto'
import { beforeEach, expect, test } from 'vitest'
import type { InventoryPage, Target } from '../../src/core/target/target.ts'
import { newApp, newPrincipal } from '../../test/fakes/azure/state.ts'
import { type FakeAzure, startFakeAzure } from '../../test/fakes/azure.ts'
import { type HandClock, handClock } from '../../test/support/clock.ts'
import { azureConnector } from './azure.ts'

let clock: HandClock
let azure: FakeAzure
let target: Target

beforeEach(async () => {
  clock = handClock()
  azure = await startFakeAzure(clock)
  const connector = azureConnector()
  target = connector.open(connector.parseConfig(azure.config), clock)
  return async () => {
    expect(azure.breaches).toEqual([])
    await azure.close()
  }
})

async function listAll() {
  const pages: InventoryPage[] = []
  for (let cursor: string | null = null; ; ) {
    const page: InventoryPage = await target.inventory(cursor, AbortSignal.timeout(5_000))
    pages.push(page)
    cursor = page.next
    if (cursor === null) break
  }
  const unseen = pages.flatMap(page => page.unseen ?? [])
  return { found: pages.flatMap(page => page.found), unseen }
}

test('applications are found with their secrets, certificates, trusted issuers and owners', async () => {
  const endDateTime = clock.now()
  const secret = `hidden-${randomUUID()}`
  newApp(azure, {
    displayName: 'nightly etl',
    passwords: [{ keyId: randomUUID(), displayName: 'ci', endDateTime, secret }],
    keys: [{ keyId: randomUUID(), endDateTime }],
    trusts: [
      {
        id: randomUUID(),
        name: 'gh',
        issuer: 'https://ci.example',
        subject: 'repo:a',
        audiences: [],
      },
    ],
    owners: [{ id: randomUUID(), displayName: 'Ada' }],
  })
  const { found } = await listAll()
  expect(found.map(({ kind, name, creator }) => [kind, name, creator])).toEqual([
    ['app', 'nightly etl', 'Ada'],
    ['secret', 'ci', 'Ada'],
    ['key', 'nightly etl', 'Ada'],
    ['trust', 'gh', 'Ada'],
  ])
  expect(found[1]?.endsAt).toBe(endDateTime)
  expect(found[3]?.details).toMatchObject({ issuer: 'https://ci.example', subject: 'repo:a' })
  expect(JSON.stringify(found)).not.toContain(secret)
})

test('service principals are found with what they were given', async () => {
  const app = newApp(azure, { displayName: 'nightly etl' })
  const principal = newPrincipal(azure, app)
  principal.given.push({ id: randomUUID(), to: 'Microsoft Graph', role: randomUUID() })
  const { found } = await listAll()
  expect(found.slice(1).map(({ kind, name }) => [kind, name])).toEqual([
    ['account', 'nightly etl'],
    ['role', 'Microsoft Graph'],
  ])
})

test('what is not shown is said with the right that shows it, and the rest is listed', async () => {
  newPrincipal(azure, newApp(azure, { displayName: 'nightly etl' }))
  azure.lacks.add('Directory.Read.All')
  const { found, unseen } = await listAll()
  expect(found.map(({ kind }) => kind)).toEqual(['app'])
  const told = unseen.map(({ what, needs }) => `${what}: ${needs}`).join('\n')
  expect(told).toMatch(/service principals.*Directory\.Read\.All/)
  expect(told).toMatch(/last signed in/)
})

test('a next page that is elsewhere is not asked for: our token would go there', async () => {
  for (let i = 0; i < 60; i++) newApp(azure, { displayName: `app ${i}` })
  azure.strayLink = 'https://graph.example/v1.0/applications?$skiptoken=x'
  const { found, unseen } = await listAll()
  expect(found.filter(({ kind }) => kind === 'app')).toEqual([])
  expect(unseen.some(({ what }) => what.startsWith('applications'))).toBe(true)
})

test('an application that somebody called by a name of ours is not ours', async () => {
  newApp(azure, { displayName: 'lh_test_desk' })
  expect((await listAll()).found[0]).toMatchObject({ kind: 'app', ours: false })
})

test('a cursor of somebody else is refused', async () => {
  for (const cursor of [
    'x',
    '["groups",""]',
    '[]',
    '["apps","https://elsewhere.example/"]',
    '["apps","/v1.0/users"]',
  ])
    await expect(target.inventory(cursor, AbortSignal.timeout(5_000))).rejects.toThrow(
      /invalid-field|bad-json/,
    )
})
