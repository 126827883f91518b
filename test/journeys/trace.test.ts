/** One query from the commit to the use, and what it says where something is missing. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  attest,
  type Company,
  connectSales,
  expectStatus,
  makeAppWithGrant,
  startCompany,
} from './company.ts'

let company: Company
let lease: string
let task: string
beforeAll(async () => {
  company = await startCompany({ target: true })
  await connectSales(company)
  await makeAppWithGrant(company, 'traced')
  const token = await attest(company, 'traced')
  const workload = company.as({ task: token })
  const ask = { resource: 'crm.deals', actions: ['read'] }
  lease = (await expectStatus(201, workload('POST', '/v1/leases', ask))).body.lease.id
  await workload('POST', `/v1/leases/${lease}/uses`, { rows: 118, action: 'read' })
  task = (await workload('GET', '/v1/me')).body.task.id
  await expectStatus(200, workload('POST', `/v1/tasks/${task}/close`))
}, 120_000)
afterAll(() => company?.stop())

type Hop = {
  hop: string
  name: string
  what: string
  state: string
  by: string
  entry: number | null
}

const trace = async (thing: string) => (await company.as('maya')('GET', `/v1/trace/${thing}`)).body

test('each hop is there, in order, with its name, who vouches for it, and where it is in the log', async () => {
  const { hops, ...sums } = await trace(lease)
  expect(hops.map((hop: Hop) => `${hop.hop} ${hop.state}`)).toEqual([
    'commit asserted',
    'attestation proven',
    'decision proven',
    'token proven',
    'decision proven',
    'lease proven',
    'use asserted',
    'end proven',
  ])
  expect(sums).toMatchObject({ app: 'traced', proven: 6, asserted: 2, missing: 0 })
  const [commit, attestation, decision, token, , leased, use, end] = hops
  expect(commit).toMatchObject({ name: '9f2c1a7', what: 'maya', by: 'the CI token' })
  expect(attestation).toMatchObject({ name: 'CI run 41', what: 'acme/traced' })
  expect(attestation.by).toBe(`${new URL(company.github.issuer).host}'s signature`)
  expect(decision.name).toMatch(/^D-[0-9A-Z]{5}$/)
  expect(decision.by).toMatch(/^policy v\d+, log #\d+$/)
  expect(token.what).toMatch(/^sha256 [0-9a-f]{8}…$/)
  expect(leased.name).toBe(`L-${lease.slice(3, 8).toUpperCase()}`)
  expect(use).toMatchObject({ what: '118 rows', by: 'the app' })
  expect(end).toMatchObject({ what: 'verified-gone', name: leased.name })
  for (const { entry, by } of hops.filter((hop: Hop) => hop.entry !== null)) {
    const { status, body } = await company.as('sam')('GET', `/v1/log/${entry}`)
    expect([status, body.position]).toEqual([200, entry])
    if (by.includes('#')) expect(by).toContain(`log #${entry}`)
  }
})

test('starts from a commit, a lease, a task, a decision, an app, long or short', async () => {
  const { hops } = await trace(lease)
  const decision = hops.findLast((hop: Hop) => hop.hop === 'decision')
  const short = `L-${lease.slice(3, 9).toUpperCase()}`
  for (const thing of ['9f2c1a7', lease, short, task, decision.id, decision.name, 'traced'])
    expect([thing, (await trace(thing)).hops]).toEqual([thing, hops])
})

test('who may not see the app finds nothing, and what is not there is not found', async () => {
  for (const thing of [lease, task, 'traced', '9f2c1a7'])
    expect((await company.as('eve')('GET', `/v1/trace/${thing}`)).status).toBe(404)
  expect((await trace('L-ZZZZZ')).code).toBe('not-found')
  expect((await trace('abcdef1')).next).toContain('commit')
})

test('names that were erased are said to be erased; the proof stands', async () => {
  const { store } = company.running.world
  await store.query(
    `delete from ledger_words using ledger_entry e
     where ledger_words.position = e.position and e.kind = 'token.exchange'`,
  )
  const [commit, attestation] = (await trace(lease)).hops
  expect(commit.what).toBe('(erased)')
  expect(attestation).toMatchObject({ what: '(erased)', state: 'proven' })
})

test('work a person began has no commit, and says so; a record that is gone is named missing', async () => {
  const { world } = company.running
  await world.store.query(`update task set provenance = '{}' where id = $1`, [task]).catch(() => {})
  const { hops, missing } = await trace(lease)
  expect(hops[0]).toMatchObject({ hop: 'commit', state: 'missing' })
  expect(missing).toBe(1)
})
