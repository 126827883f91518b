/** Break-glass over the API: beyond policy, once, loud, and blocked until somebody else reviewed it. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { addSeconds } from '../../src/core/base/time.ts'
import { type Company, connectSales, expectStatus, startCompany, workByHand } from './company.ts'

let company: Company
beforeAll(async () => {
  company = await startCompany({ target: true })
  await connectSales(company)
  const sam = company.as('sam')
  const app = { slug: 'desk', purpose: 'looks at deals', backup: 'tom@acme.example', days: 5 }
  await expectStatus(201, sam('POST', '/v1/apps', app))
  const yaml = 'app: desk\npurposes:\n  look:\n    says: Looks at deals\n    needs: []\n'
  await expectStatus(200, sam('PUT', '/v1/apps/desk/manifest', { yaml }))
  const trust = { role: 'run', preset: 'person', claims: { as: ['owner'] }, reason: 'by hand' }
  await expectStatus(201, sam('POST', '/v1/apps/desk/trust', trust))
  await company.running.world.settle()
}, 120_000)
afterAll(() => company?.stop())

const glass = { app: 'desk', resource: 'crm.deals', actions: ['write'], reason: 'the import broke' }
const ask = { resource: 'crm.deals', actions: ['write'] }

const work = (run: string) => workByHand(company, { identity: 'desk/run', run })

const broken = async () => {
  const { body } = await expectStatus(200, company.as('sue')('GET', '/v1/findings'))
  return body.items.filter(({ kind }: { kind: string }) => kind === 'glass-broken')
}

test('broken glass is one lease of the person themselves, and blocks until another has reviewed it', async () => {
  const { as, clock, running } = company
  const [sam, sue, eve] = [as('sam'), as('sue'), as('eve')]
  const first = await work(crypto.randomUUID())
  await expectStatus(403, first('POST', '/v1/leases', ask))
  // Not the workload itself, not a stranger, not without a reason.
  await expectStatus(403, first('POST', '/v1/break-glass', glass))
  await expectStatus(404, eve('POST', '/v1/break-glass', glass))
  await expectStatus(422, sam('POST', '/v1/break-glass', { ...glass, reason: ' ' }))
  expect(await broken()).toEqual([])
  const { body: grant } = await expectStatus(201, sam('POST', '/v1/break-glass', glass))
  expect(grant).toMatchObject({ actions: ['write'], roles: ['run'], unattended: false })
  expect(grant.endsAt <= addSeconds(clock.now(), 1800)).toBe(true)
  // Once; what else there is, is as it was.
  await expectStatus(403, first('POST', '/v1/leases', { ...ask, via: 'env' }))
  await expectStatus(403, first('POST', '/v1/leases', { ...ask, actions: ['destroy'] }))
  const { body } = await expectStatus(201, first('POST', '/v1/leases', ask))
  expect(body.handle).toMatchObject({ via: 'proxy' })
  const second = await work(crypto.randomUUID())
  const again = await second('POST', '/v1/leases', ask)
  expect({ status: again.status, code: again.body.code }).toEqual({
    status: 409,
    code: 'wrong-state',
  })
  // Loud, and shut until somebody else has looked.
  const denied = await expectStatus(403, sam('POST', '/v1/break-glass', glass))
  expect(denied.text).toContain('glass-until-reviewed')
  const [finding] = await broken()
  expect(finding).toMatchObject({
    severity: 'high',
    says: expect.stringContaining('the import broke'),
  })
  const answer = { answer: 'looked at the import: it was needed' }
  const own = await expectStatus(403, sam('POST', `/v1/findings/${finding.id}/answer`, answer))
  expect(own.text).toContain('glass-reviewed-by-others')
  await expectStatus(200, sue('POST', `/v1/findings/${finding.id}/answer`, answer))
  await running.world.settle()
  await expectStatus(201, sam('POST', '/v1/break-glass', glass))
  // Half an hour, and it is gone at the target.
  clock.advance(1_801_000)
  await running.world.runNow('apps')
  await running.world.runNow('leases')
  const lease = (await expectStatus(200, sam('GET', `/v1/leases/${body.lease.id}`))).body
  expect(lease).toMatchObject({ state: 'gone', outcome: 'verified-gone' })
})
