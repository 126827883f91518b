/** What was granted and is not used: told, then resting, and back on one word of the owner. */
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
const day = 24 * 3600_000
const deals = { resource: 'crm.deals', actions: ['read'] }
beforeAll(async () => {
  company = await startCompany({ target: true })
  await connectSales(company)
  for (const slug of ['idle', 'busy', 'kept']) await makeAppWithGrant(company, slug, 20)
}, 120_000)
afterAll(() => company?.stop())

const pass = async (ms: number) => {
  company.clock.advance(ms)
  await company.running.world.runNow('apps')
}
const grantOf = async (slug: string) =>
  (await company.as('maya')('GET', `/v1/apps/${slug}`)).body.grants[0]
const stateOf = async (slug: string) => (await grantOf(slug)).state
const told = async () => {
  const { items } = (await company.as('maya')('GET', '/v1/findings')).body
  return items
    .filter((each: { kind: string }) => each.kind === 'grant-unused')
    .map((each: { says: string }) => each.says.split(' ')[0])
}
const use = async (slug: string) =>
  company.as({ task: await attest(company, slug) })('POST', '/v1/leases', deals)

test('its owner is told, it rests, and one word takes it up again', async () => {
  await pass(2 * day)
  await expectStatus(201, use('busy'))
  await pass(1.5 * day)
  expect((await told()).sort()).toEqual(['idle', 'kept'])
  // Told again it is not, and a look at it is no use of it.
  await pass(1000)
  expect(await told()).toHaveLength(2)

  const kept = await grantOf('kept')
  await expectStatus(200, company.as('maya')('POST', `/v1/grants/${kept.id}/keep`))
  await pass(2 * day)
  expect([await stateOf('idle'), await stateOf('kept')]).toEqual(['resting', 'live'])
  expect(await stateOf('busy')).toBe('live')

  const denied = await use('idle')
  expect([denied.status, denied.body.code]).toEqual([403, 'denied'])
  const { id } = await grantOf('idle')
  for (const who of ['eve', 'sue'] as const)
    expect((await company.as(who)('POST', `/v1/grants/${id}/keep`)).status).not.toBe(200)
  expect(await stateOf('idle')).toBe('resting')

  const back = await expectStatus(200, company.as('maya')('POST', `/v1/grants/${id}/keep`))
  expect(back.body).toMatchObject({ state: 'live', id })
  await company.running.world.settle()
  await expectStatus(201, use('idle'))
}, 60_000)

test('what rests ends with its app, can be given back, and is not kept once it was', async () => {
  const { id } = await grantOf('kept')
  await pass(5.5 * day)
  await pass(2 * day)
  expect(await stateOf('kept')).toBe('resting')
  await expectStatus(200, company.as('maya')('POST', `/v1/grants/${id}/drop`))
  const late = await company.as('maya')('POST', `/v1/grants/${id}/keep`)
  expect([late.status, late.body.code]).toEqual([409, 'wrong-state'])
})
