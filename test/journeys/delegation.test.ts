/** One app's agent has another's work for it: by two exchanges, with what both may do and no more. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  attest,
  type Company,
  connectSales,
  expectStatus,
  makeAppWithGrant,
  startCompany,
} from './company.ts'

const access = 'urn:ietf:params:oauth:token-type:access_token'
let company: Company
beforeAll(async () => {
  company = await startCompany({ target: true })
  await connectSales(company)
  for (const slug of ['desk', 'helper', 'ungranted']) await makeAppWithGrant(company, slug)
  const { grants } = (await company.as('maya')('GET', '/v1/apps/ungranted')).body
  for (const { id } of grants)
    await expectStatus(200, company.as('maya')('POST', `/v1/grants/${id}/drop`))
}, 120_000)
afterAll(() => company?.stop())

const spiffeId = (slug: string) =>
  `spiffe://${company.running.world.config.trustDomain}/app/${slug}/run`
const form = (token: string, more: Record<string, string>) =>
  company.exchange({ subject_token: token, subject_token_type: access, ...more })

async function worksFor(first: string, other: string) {
  const own = await attest(company, first)
  const others = await attest(company, other)
  const handed = await expectStatus(200, form(own, { audience: spiffeId(other) }))
  const actor = { actor_token: others, actor_token_type: access, scope: 'look' }
  const taken = await expectStatus(200, form(handed.body.access_token, actor))
  return { own, others, handed: handed.body, taken: taken.body }
}

const deals = { resource: 'crm.deals', actions: ['read'] }

test('what both may read is read, and the trace says for which task', async () => {
  const { own, taken, handed } = await worksFor('desk', 'helper')
  expect(handed).toMatchObject({ token_type: 'Bearer', scope: 'look', issued_token_type: access })
  const workload = company.as({ task: taken.access_token })
  const { lease } = (await expectStatus(201, workload('POST', '/v1/leases', deals))).body
  const { hops } = (await company.as('maya')('GET', `/v1/trace/${lease.id}`)).body
  const { task } = (await company.as({ task: own })('GET', '/v1/me')).body
  expect(hops).toContainEqual(
    expect.objectContaining({
      hop: 'attestation',
      state: 'proven',
      name: 'works for',
      what: expect.stringMatching(/^T-[0-9A-Z]{5} of desk$/),
      id: task.id,
    }),
  )
  // The first is done: what was done for it ends, at the target too.
  await expectStatus(200, company.as({ task: own })('POST', `/v1/tasks/${task.id}/close`))
  expect((await workload('GET', '/v1/me')).status).toBe(401)
  const { world } = company.running
  await world.runNow('apps')
  await world.runNow('leases')
  const ended = (await company.as('maya')('GET', `/v1/leases/${lease.id}`)).body
  expect(ended).toMatchObject({ state: 'gone', outcome: 'verified-gone' })
})

test('what the first may not is denied, and says of whom; the other by itself may', async () => {
  const { others, taken } = await worksFor('ungranted', 'helper')
  await expectStatus(201, company.as({ task: others })('POST', '/v1/leases', deals))
  const { status, body } = await company.as({ task: taken.access_token })(
    'POST',
    '/v1/leases',
    deals,
  )
  expect([status, body.code]).toEqual([403, 'denied'])
  expect(body.detail).toContain('said of the task it works for')
})

test('nor is what the other may not', async () => {
  const { own, taken } = await worksFor('desk', 'ungranted')
  await expectStatus(201, company.as({ task: own })('POST', '/v1/leases', deals))
  const answer = await company.as({ task: taken.access_token })('POST', '/v1/leases', deals)
  expect([answer.status, answer.body.code]).toEqual([403, 'denied'])
})

test('what was handed on opens no door here, and is taken up by nobody else', async () => {
  const { handed, own } = await worksFor('desk', 'helper')
  const answer = await company.as({ task: handed.access_token })('POST', '/v1/leases', deals)
  expect(answer.status).toBe(401)
  const thief = await attest(company, 'ungranted')
  for (const actor_token of [thief, own]) {
    const actor = { actor_token, actor_token_type: access, scope: 'look' }
    const refused = await form(handed.access_token, actor)
    expect([refused.status, refused.body.error]).toEqual([400, 'invalid_token'])
  }
  const unsaid = await form(handed.access_token, { actor_token: thief, scope: 'look' })
  expect(unsaid.body).toMatchObject({ error: 'invalid_request' })
})
