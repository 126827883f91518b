/** What is found there beside leases, and what is not shown. */
import { beforeEach, expect, test } from 'vitest'
import type { InventoryPage, Target } from '../../src/core/target/target.ts'
import { newAccount } from '../../test/fakes/gcp/state.ts'
import { type FakeGcp, startFakeGcp } from '../../test/fakes/gcp.ts'
import { type HandClock, handClock } from '../../test/support/clock.ts'
import { gcpConnector } from './gcp.ts'

let clock: HandClock
let gcp: FakeGcp
let target: Target
const pool = '//iam.googleapis.com/projects/1234/locations/global/workloadIdentityPools/ci'

beforeEach(async () => {
  clock = handClock()
  gcp = await startFakeGcp(clock)
  const connector = gcpConnector()
  target = connector.open(connector.parseConfig({ ...gcp.config, projects: ['acme-data'] }), clock)
  return async () => {
    expect(gcp.breaches).toEqual([])
    await gcp.close()
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

test('service accounts are found with keys of people, their ends and last use, in each project', async () => {
  const etl = newAccount(gcp, 'nightly-etl', { project: 'acme-data' })
  etl.keys = [
    { id: 'aa11', validBefore: '9999-12-31T23:59:59Z' },
    { id: 'bb22', validBefore: '2027-01-01T00:00:00Z' },
  ]
  gcp.lastUsed?.set(etl.email, clock.now())
  const { found } = await listAll()
  const of = found.filter(each => JSON.stringify(each).includes(etl.email))
  expect(of.map(({ kind, name, endsAt }) => [kind, name, endsAt])).toEqual([
    ['account', etl.email, undefined],
    ['key', 'aa11', null],
    ['key', 'bb22', '2027-01-01T00:00:00.000Z'],
  ])
  expect(of[0]).toMatchObject({ lastUsedAt: clock.now(), ours: false })
})

test('outside issuers that are trusted, and people with rights on the whole, are found', async () => {
  gcp.providers.push({ name: `${pool}/providers/gh`, issuer: 'https://ci.example' })
  const { found } = await listAll()
  expect(found.find(({ kind }) => kind === 'trust')).toMatchObject({
    name: 'ci/providers/gh',
    details: { trusted: 'https://ci.example' },
  })
  const roles = found.filter(({ kind }) => kind === 'role')
  expect(roles.map(({ name, details }) => [name, details['project'], details['role']])).toEqual([
    ['user:ada@acme.example', 'acme-leases', 'roles/owner'],
    ['user:ada@acme.example', 'acme-data', 'roles/owner'],
  ])
})

test('what is not shown is said with the right that shows it, and the rest is listed', async () => {
  gcp.lacks.add('iam.workloadIdentityPools.list').add('resourcemanager.projects.getIamPolicy')
  gcp.lastUsed = undefined
  newAccount(gcp, 'nightly-etl')
  const { found, unseen } = await listAll()
  expect(found.map(({ kind }) => kind)).toEqual(['account'])
  const told = unseen.map(({ what, needs }) => `${what}: ${needs}`).join('\n')
  for (const word of [
    'workloadIdentityPoolViewer',
    'getIamPolicy',
    'activityAnalysisViewer',
    'undelete',
  ])
    expect(told).toContain(word)
})

test('an account that somebody gave a name of ours is not ours', async () => {
  newAccount(gcp, 'nightly-etl', { displayName: 'lh_test_desk' })
  const { found } = await listAll()
  expect(found.find(({ name }) => name.startsWith('nightly'))).toMatchObject({
    kind: 'account',
    ours: false,
  })
})

test('a cursor of somebody else is refused', async () => {
  for (const cursor of ['x', '["accounts other",""]', '[]'])
    await expect(target.inventory(cursor, AbortSignal.timeout(5_000))).rejects.toThrow(
      /invalid-field|bad-json/,
    )
})
