/** What is there under our name and is no lease: on a real PostgreSQL, and page by page. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  attest,
  type Company,
  connectSales,
  expectStatus,
  makeAppWithGrant,
  startCompany,
} from '../../../test/journeys/company.ts'
import { issueOne, leaseWorld } from '../../../test/support/lease-world.ts'
import { prefixOf } from '../../core/lease/names.ts'
import { takeInventory } from './inventory.ts'

let company: Company
let ask: NonNullable<Company['sales']>['ask']
let live: { id: string; principal: string }
let stranger: string
const strangerOf = (letter: string) =>
  `${prefixOf(company.running.world.installationId())}older_${letter.repeat(26)}`

beforeAll(async () => {
  company = await startCompany({ target: true })
  if (company.sales === undefined) throw new Error('there is a target')
  ask = company.sales.ask
  await connectSales(company)
  await makeAppWithGrant(company, 'deal-desk')
  const workload = company.as({ task: await attest(company, 'deal-desk') })
  const body = { resource: 'crm.deals', actions: ['read'] }
  live = (await expectStatus(201, workload('POST', '/v1/leases', body))).body.lease
  const [role] = await ask<{ name: string }>(
    `select rolname as name from pg_roles where rolname like 'lh\\_%' and rolcanlogin`,
  )
  live = { ...live, principal: role?.name ?? '' }
  stranger = strangerOf('a')
}, 120_000)
afterAll(() => company?.stop())

const canLogIn = async (name: string) =>
  (
    await ask<{ is: boolean }>('select rolcanlogin as is from pg_roles where rolname = $1', [name])
  )[0]?.is

const findings = async () => {
  await company.running.world.settle()
  const { body } = await company.as('sam')('GET', '/v1/findings')
  return body.items.filter((each: { kind: string }) => each.kind === 'unknown-principal')
}

describe('an inventory', () => {
  it('finds nothing where everything there is a lease, and leaves it alone', async () => {
    expect(await takeInventory(company.running.world)).toEqual([])
    expect(await canLogIn(live.principal)).toBe(true)
  })

  it('stops what is there under our name and is no lease, and tells a person once', async () => {
    const other = `lh_zzzzzz_theirs_${'b'.repeat(26)}`
    // As the connector makes them: it may stop what it has made.
    for (const name of [stranger, other]) {
      await ask(`set role leasehold; create role ${name} login; reset role`)
    }
    expect(await takeInventory(company.running.world)).toEqual([stranger])
    expect(await canLogIn(stranger)).toBe(false)
    expect(await canLogIn(other)).toBe(true)
    expect(await canLogIn(live.principal)).toBe(true)
    expect(await takeInventory(company.running.world)).toEqual([stranger])
    expect(await findings()).toMatchObject([
      { severity: 'high', details: { principal: stranger, isStopped: true } },
    ])
  })

  it('what it may not stop is told as that', async () => {
    const made = strangerOf('c')
    await ask(`create role ${made} login superuser`)
    expect(await takeInventory(company.running.world)).toContain(made)
    expect(await canLogIn(made)).toBe(true)
    expect(await findings()).toContainEqual(
      expect.objectContaining({ details: expect.objectContaining({ isStopped: false }) }),
    )
    await ask(`drop role ${made}`)
  })

  it('takes the finding back when it is not there any more, and tells nobody who has answered', async () => {
    await takeInventory(company.running.world)
    const [finding] = await findings()
    await expectStatus(
      200,
      company.as('sam')('POST', `/v1/findings/${finding.id}/answer`, { answer: 'mine, of a test' }),
    )
    await company.running.world.settle()
    expect(await takeInventory(company.running.world)).toEqual([stranger])
    expect(await findings()).toEqual([])
    await ask(`drop role ${stranger}`)
    expect(await takeInventory(company.running.world)).toEqual([])
    const second = strangerOf('d')
    await ask(`set role leasehold; create role ${second} login; reset role`)
    await takeInventory(company.running.world)
    expect(await findings()).toHaveLength(1)
    await ask(`drop role ${second}`)
    await takeInventory(company.running.world)
    expect(await findings()).toEqual([])
  })

  it('a target that is away is passed over', async () => {
    await company.sales?.server.kill9()
    expect(await takeInventory(company.running.world)).toEqual([])
    await company.sales?.server.restart()
  })
})

describe('an inventory of many pages', () => {
  it('comes to the last of them, and holds each against our leases', async () => {
    const world = await leaseWorld()
    const lease = await issueOne(world)
    const ours = world.target.principals.get(lease.principal)
    if (ours === undefined) throw new Error('the lease is there')
    const strangers = Array.from(
      { length: 120 },
      (_, i) => `${lease.principal.slice(0, -3)}${i + 100}`,
    )
    for (const name of strangers) world.target.principals.set(name, { ...ours, name })
    world.target.pageRows = 1
    expect(await takeInventory(world)).toEqual(strangers)
  })
})
