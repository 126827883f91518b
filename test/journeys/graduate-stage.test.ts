/** What the stage of an app opens: a sensitive action is reachable for a managed app, and for no prototype. */
import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTunnel } from '../../cli/src/tunnel.ts'
import { startWebTarget, type WebTarget } from '../fakes/web-target.ts'
import { ended, homeOfSam, makeApp, start } from './cli.ts'
import {
  type Answered,
  type Company,
  claimsOf,
  expectStatus,
  startCompany,
  taskByHand,
} from './company.ts'

let company: Company
let web: WebTarget
beforeAll(async () => {
  company = await startCompany()
  web = await startWebTarget(randomBytes(20).toString('base64url'))
}, 120_000)
afterAll(async () => {
  await company?.stop()
  await web?.close()
})

const answer = (who: 'tom' | 'maya', { id, bodyHash }: Answered['body']) =>
  company.as(who)('POST', `/v1/requests/${id}/answer`, { says: 'yes', bodyHash })

test('a sensitive action waits for a person’s yes for a managed app, and is none for a prototype', async () => {
  const [sam, maya] = [company.as('sam'), company.as('maya')]
  const credential = { header: 'authorization', value: `Bearer ${web.key}` }
  const target = { slug: 'api', connector: 'http', config: { url: web.url, credential } }
  await expectStatus(201, sam('POST', '/v1/targets', { ...target, production: false }))
  const owned = { dataClass: 'internal', dataOwner: 'tom@acme.example', columns: [] }
  const named = { slug: 'api', target: 'api', object: {}, ...owned }
  await expectStatus(201, sam('POST', '/v1/resources', named))
  await makeApp(company, 'janitor', ['api:read,destroy'])
  const ci = { role: 'run', preset: 'github', issuer: company.github.issuer, reason: 'our CI' }
  const trust = { ...ci, claims: claimsOf('janitor') }
  await expectStatus(
    200,
    answer('tom', (await expectStatus(201, sam('POST', '/v1/apps/janitor/trust', trust))).body),
  )
  const work = async (slug: string, actions: string[]) => {
    const task = await taskByHand(company, { identity: `${slug}/run`, run: crypto.randomUUID() })
    return {
      task,
      answer: await company.as({ task })('POST', '/v1/leases', { resource: 'api', actions }),
    }
  }
  // The prototype was granted it, and can not: no person is asked, for no yes would help.
  const { answer: denied } = await work('janitor', ['destroy'])
  expect([denied.status, denied.body.code]).toEqual([403, 'denied'])
  expect(denied.body.denial.wouldPassIf).toContain('graduated')
  expect((await work('janitor', ['read'])).answer.status).toBe(201)

  // What the command line says of it, to who owns it.
  const home = await homeOfSam(company)
  const told = await ended(start(home, ['graduate', 'janitor', '--check']))
  expect([told.code, told.out.split('\n')[0]]).toEqual([0, 'janitor   10 of 10 done'])
  expect(told.out).toContain('api   used read; destroy never, and stays behind: --keep')
  await rm(home, { recursive: true })

  const keep = { api: 'clearing up is what it is for' }
  const taker = { to: 'maya@acme.example', backup: 'Sam', team: 'ops', reason: 'it stays', keep }
  const asked = (await expectStatus(201, sam('POST', '/v1/apps/janitor/graduate', taker))).body
  for (const who of ['tom', 'maya'] as const) await expectStatus(200, answer(who, asked))
  await company.running.world.settle()
  const need = `      - resource: api\n        actions: [read, destroy]\n`
  const yaml = `app: janitor-service\npurposes:\n  look:\n    says: Clears up\n    needs:\n${need}`
  await expectStatus(200, maya('PUT', '/v1/apps/janitor-service/manifest', { yaml }))
  const byHand = { role: 'run', preset: 'person', claims: { as: ['backup'] }, reason: 'by hand' }
  await expectStatus(201, maya('POST', '/v1/apps/janitor-service/trust', byHand))
  await company.running.world.settle()
  const { task, answer: issued } = await work('janitor-service', ['read', 'destroy'])
  expect(issued.status).toBe(201)
  const server = new URL(company.running.address)
  const path = `/v1/leases/${issued.body.lease.id}/tunnel`
  const opened = await openTunnel({ server, path, token: async () => task }, () => {})
  try {
    const remove = () =>
      fetch(`http://127.0.0.1:${opened.port}/v1/things/7`, {
        method: 'DELETE',
        headers: { authorization: `Bearer ${issued.body.handle.word}` },
      })
    const waits = await remove()
    expect([waits.status, ((await waits.json()) as { code: string }).code]).toEqual([
      403,
      'approval-needed',
    ])
    await company.running.world.settle()
    const { items } = (await company.as('tom')('GET', '/v1/requests?state=open')).body
    const call = items.find(({ kind }: { kind: string }) => kind === 'call')
    await expectStatus(200, answer('tom', call))
    await company.running.world.settle()
    expect((await remove()).status).toBe(200)
    expect((await remove()).status).toBe(403)
  } finally {
    opened.close()
  }
}, 90_000)
