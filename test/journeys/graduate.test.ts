/**
 * A prototype that stays becomes a managed service: asked for by one, agreed to by others, with identities
 * of its own and what was really used; and the prototype's access is proven gone.
 */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { answerRequest } from '../../src/core/approval/request.ts'
import { type RequestId, systemId } from '../../src/core/base/ids.ts'
import { makeSuccessor } from '../../src/core/grant/agreed.ts'
import type { Store } from '../../src/core/store/store.ts'
import { runOffboarding } from '../../src/life/offboard/run.ts'
import type { World } from '../../src/world.ts'
import { failing, type TestWorld } from '../support/world.ts'
import {
  type Answered,
  appBody,
  attest,
  type Company,
  claimsOf,
  connectSales,
  expectStatus,
  makeAppWithGrant,
  startCompany,
} from './company.ts'

let company: Company
const day = 24 * 3600_000
const read = { resource: 'crm.deals', actions: ['read'] }
const given = { to: 'sue@acme.example', backup: 'maya@acme.example', team: 'sales-systems' }
const ask = { ...given, reason: 'it stays' }

beforeAll(async () => {
  company = await startCompany({ target: true })
  await connectSales(company)
}, 120_000)
afterAll(() => company?.stop())

const appOf = async (slug: string) => (await company.as('sam')('GET', `/v1/apps/${slug}`)).body
const run = async (...jobs: string[]) => {
  for (const job of jobs) await company.running.world.runNow(job)
  await company.running.world.settle()
}
const lease = async (slug: string, token?: string) =>
  company.as({ task: token ?? (await attest(company, slug)) })('POST', '/v1/leases', read)
const graduate = (slug: string, body: object = ask) =>
  company.as('maya')('POST', `/v1/apps/${slug}/graduate`, body)
const answer = (who: 'tom' | 'sue' | 'maya' | 'eve', { id, bodyHash }: Answered['body']) =>
  company.as(who)('POST', `/v1/requests/${id}/answer`, { says: 'yes', bodyHash })
const stateOf = async (slug: string) => (await appOf(slug)).state
/** An end goes on by itself: what a busy machine did not see gone at the first look, it does at a later one. */
const comesToBe = async (slug: string, state: string) => {
  const look = async () => {
    await run('apps', 'leases', 'offboard')
    const is = await stateOf(slug)
    if (is !== state) company.clock.advance(2_000)
    expect(is).toBe(state)
  }
  await vi.waitFor(look, { timeout: 30_000, interval: 50 })
}

/** A prototype at work: one grant used, and one, to write, that is not. */
async function makePrototype(slug: string): Promise<string> {
  await makeAppWithGrant(company, slug)
  const more = { app: slug, resource: 'crm.deals', actions: ['write'], reason: 'perhaps' }
  const { body } = await expectStatus(201, company.as('maya')('POST', '/v1/requests', more))
  await expectStatus(200, answer('tom', body))
  await company.running.world.settle()
  const token = await attest(company, slug)
  await expectStatus(201, lease(slug, token))
  return token
}

async function agree(slug: string, body: object = ask) {
  const asked = (await expectStatus(201, graduate(slug, body))).body
  for (const who of ['tom', 'sue'] as const) await expectStatus(200, answer(who, asked))
  await company.running.world.settle()
  return asked
}

/** What the new team does as for any app: says what it is for, and who attests it. */
async function startService(slug: string): Promise<void> {
  const sue = company.as('sue')
  const need = `      - resource: crm.deals\n        actions: [read]\n`
  const yaml = `app: ${slug}\npurposes:\n  look:\n    says: Looks\n    needs:\n${need}`
  await expectStatus(200, sue('PUT', `/v1/apps/${slug}/manifest`, { yaml }))
  const ci = { role: 'run', preset: 'github', issuer: company.github.issuer, reason: 'our CI' }
  const trust = { ...ci, claims: claimsOf(slug) }
  const asked = (await expectStatus(201, sue('POST', `/v1/apps/${slug}/trust`, trust))).body
  await expectStatus(200, answer('maya', asked))
  await company.running.world.settle()
}

test('a prototype is taken over by a managed app, and all it had is proven gone', async () => {
  const token = await makePrototype('desk')
  const old = await appOf('desk')
  const asked = (await expectStatus(201, graduate('desk'))).body
  expect(asked.says).toBe(
    'maya asks that desk-service, a managed service of sales-systems, take over from desk',
  )
  expect(asked.gives.join('\n')).toContain('crm.deals: read (granted read; used read)')
  expect(asked.gives.join('\n')).toContain('nothing, left behind (granted write; used nothing)')
  expect([asked.approvers.toSorted(), asked.quorum]).toEqual([['sue', 'tom'], 2])
  // Not who asks, not a stranger, and not one of two.
  for (const who of ['maya', 'eve'] as const)
    expect((await answer(who, asked)).status).not.toBe(200)
  await expectStatus(200, answer('tom', asked))
  expect((await company.as('sam')('GET', '/v1/apps/desk-service')).status).toBe(404)
  const agreed = (await expectStatus(200, answer('sue', asked))).body
  await company.running.world.settle()

  const service = await appOf('desk-service')
  expect(agreed.made).toBe(service.id)
  expect(service).toMatchObject({ stage: 'managed', state: 'active', team: 'sales-systems' })
  expect([service.owner.name, service.backup.name]).toEqual(['sue', 'maya'])
  expect(service.grants.map((each: { actions: string[] }) => each.actions)).toEqual([['read']])
  expect(service.trust).toEqual([])
  const ids = (app: typeof service) => app.identities.map((each: { id: string }) => each.id)
  expect(ids(service).filter((id: string) => ids(old).includes(id))).toEqual([])
  expect(service.identities.map((each: { role: string }) => each.role).toSorted()).toEqual(
    old.identities.map((each: { role: string }) => each.role).toSorted(),
  )
  // Until it works nothing changes for the prototype.
  await run('apps')
  expect(await stateOf('desk')).toBe('active')

  await startService('desk-service')
  await expectStatus(201, lease('desk-service'))
  await run('apps')
  expect(await stateOf('desk')).toBe('active')
  const { task } = (await company.as({ task: token })('GET', '/v1/me')).body
  expect(task).not.toBeNull()
  await expectStatus(200, company.as({ task: token })('POST', `/v1/tasks/${task.id}/close`))
  await run('apps', 'offboard', 'offboard')
  expect(await stateOf('desk')).toBe('graduated')
  const end = (await company.as('maya')('GET', '/v1/apps/desk/end')).body
  expect([end.state, end.green]).toEqual(['verified-gone', end.of])
  const kinds = new Set(end.items.map((each: { kind: string }) => each.kind))
  for (const kind of ['lease', 'grant', 'identity', 'trust-rule']) expect(kinds).toContain(kind)
  const { text } = await company.as('maya')('GET', '/v1/apps/desk/certificate')
  const { predicate } = JSON.parse(Buffer.from(JSON.parse(text).payload, 'base64').toString())
  expect(predicate).toMatchObject({ state: 'verified-gone', app: { slug: 'desk' } })
  // Its token and its CI are nobody's any more; the service goes on.
  expect((await lease('desk', token)).status).toBe(401)
  await expect(attest(company, 'desk')).rejects.toThrow('invalid_grant')
  await expectStatus(201, lease('desk-service'))
  const tasks = (await company.as('sue')('GET', '/v1/tasks?app=desk-service')).body.items
  expect(tasks.map((each: { kind: string }) => each.kind)).toContain('service')
}, 90_000)

describe('it is refused, with what to do first', () => {
  type Check = { name: string; ok: boolean; says: string; next: string }
  const open = async (slug: string): Promise<Check[]> => {
    const { body } = await company.as('maya')('GET', `/v1/apps/${slug}/graduate`)
    return body.checks.filter((each: Check) => !each.ok)
  }

  test('for an app that nobody has used', async () => {
    await makeAppWithGrant(company, 'idle')
    expect((await open('idle')).map(({ name }) => name)).toEqual(['used'])
    const { body } = await expectStatus(409, graduate('idle'))
    expect([body.code, body.detail]).toEqual([
      'wrong-state',
      '`idle` can not graduate yet: it needs that it was used, so that what it needs is known.',
    ])
    expect(body.next).toContain('run --as idle/run')
  }, 30_000)

  test('for one that is bare, paused, on hold, ending, or managed already', async () => {
    const maya = company.as('maya')
    await expectStatus(201, maya('POST', '/v1/apps', { ...appBody, slug: 'bare' }))
    expect((await open('bare')).map(({ name }) => name)).toEqual(['purpose', 'trust', 'used'])
    await makePrototype('still')
    expect(await open('still')).toEqual([])
    await expectStatus(200, maya('POST', '/v1/apps/still/pause', { reason: 'lunch' }))
    expect((await open('still')).map(({ name }) => name)).toEqual(['prototype'])
    expect((await graduate('still')).body.code).toBe('wrong-state')
    await expectStatus(200, maya('POST', '/v1/apps/still/resume'))
    const held = { scope: 'app', about: 'still', reason: 'look' }
    const hold = (await expectStatus(201, maya('POST', '/v1/holds', held))).body
    expect((await expectStatus(403, graduate('still'))).body.denial.rule).toBe('hold')
    const { body: lifted } = await company.as('sue')('POST', `/v1/holds/${hold.id}/lift`)
    expect(lifted.state).toBe('lifted')
    // Nor for who does not answer for it, nor for who asks, nor under a name that was given.
    expect((await company.as('eve')('POST', '/v1/apps/still/graduate', ask)).status).toBe(404)
    const own = { ...ask, to: 'maya@acme.example', backup: 'sue@acme.example' }
    expect((await graduate('still', own)).body.code).toBe('approval-needed')
    expect((await graduate('still', { ...ask, slug: 'idle' })).body.code).toBe('already-exists')
    const more = await graduate('still', { ...ask, keep: { 'crm.contacts': 'perhaps' } })
    expect([more.status, more.body.field]).toEqual([422, '/keep'])
    const managed = await company.as('sue')('POST', '/v1/apps/desk-service/graduate', ask)
    expect(managed.body.detail).toContain('a prototype that is active')
    const { planHash } = (await maya('POST', '/v1/apps/still/end', {})).body
    await expectStatus(200, maya('POST', '/v1/apps/still/end', { planHash }))
    expect((await graduate('still')).body.code).toBe('wrong-state')
  }, 60_000)

  test('where the app is another since people were asked', async () => {
    await makePrototype('moved')
    const asked = (await expectStatus(201, graduate('moved'))).body
    await expectStatus(200, company.as('maya')('POST', '/v1/apps/moved/extend', { days: 1 }))
    await expectStatus(200, answer('tom', asked))
    const { body } = await answer('sue', asked)
    expect(body.code).toBe('hash-mismatch')
    expect((await company.as('sam')('GET', '/v1/apps/moved-service')).status).toBe(404)
    expect(await stateOf('moved')).toBe('active')
  }, 60_000)
})

describe('what it leads to', () => {
  test('what was not used stays behind, unless it is asked for; what is given back meanwhile is not given', async () => {
    await makePrototype('wide')
    const keep = { 'crm.deals': 'it will write next month' }
    const asked = (await expectStatus(201, graduate('wide', { ...ask, keep }))).body
    expect(asked.gives.join('\n')).toContain(
      'crm.deals: write (granted write; used nothing) it will',
    )
    const write = (await appOf('wide')).grants.find((each: { actions: string[] }) =>
      each.actions.includes('write'),
    )
    await expectStatus(200, company.as('maya')('POST', `/v1/grants/${write.id}/drop`))
    for (const who of ['tom', 'sue'] as const) await expectStatus(200, answer(who, asked))
    await company.running.world.settle()
    const grants = (await appOf('wide-service')).grants as { actions: string[] }[]
    expect(grants.map(({ actions }) => actions)).toEqual([['read']])
    // One successor: another request of before does not make a second.
    expect((await graduate('wide', { ...ask, slug: 'wider' })).body.detail).toContain('took over')
  }, 60_000)

  test('both work side by side for half a minute, not longer', async () => {
    await makePrototype('slow')
    await agree('slow')
    await startService('slow-service')
    await expectStatus(201, lease('slow-service'))
    await run('apps')
    expect(await stateOf('slow')).toBe('active')
    company.clock.advance(31_000)
    await run('apps', 'leases', 'offboard')
    expect(['ending', 'graduated']).toContain(await stateOf('slow'))
    await comesToBe('slow', 'graduated')
    expect(await stateOf('slow-service')).toBe('active')
    // It is looked at again on its days, as any app that is gone.
    company.clock.advance(3_601_000)
    await run('offboard')
    const { body } = await company.as('maya')('GET', '/v1/apps/slow/end')
    expect([body.state, body.rechecks]).toEqual(['verified-gone', 1])
    expect(await stateOf('slow')).toBe('graduated')
  }, 60_000)

  test('it is undone where nobody takes over in a week, and the prototype goes on', async () => {
    await makePrototype('left')
    await company.as('maya')('POST', '/v1/apps/left/extend', { days: 20 })
    await agree('left')
    company.clock.advance(7 * day + 1000)
    await comesToBe('left-service', 'ended')
    const { body } = await company.as('sue')('GET', '/v1/apps/left-service/end')
    expect(body.state).toBe('verified-gone')
    expect(await stateOf('left')).toBe('active')
  }, 60_000)
})

/** The same store for so many transactions; then the process is dead, and nothing is written any more. */
function dyingAfter(store: Store, last: number): Store {
  let left = last
  const transact: Store['transact'] = async (work, options) => {
    if (left-- <= 0) throw new Error('the process died')
    return store.transact(work, options)
  }
  return { ...store, ending: { ...store.ending, transact }, transact }
}

describe('a crash', () => {
  /** Everybody has said yes, and the process died before anything was made of it. */
  async function sayYes(asked: Answered['body']): Promise<RequestId> {
    const { world } = company.running
    for (const who of ['tom', 'sue'] as const) {
      const about = { type: 'request', id: asked.id, draft: { says: 'yes' } } as const
      const actor = { kind: 'person', id: company.ids[who] } as const
      const decided = world.decide({ actor, action: 'request.answer', about })
      if (!decided.allowed) throw new Error(decided.denial.says)
      const said = { requestId: asked.id, says: 'yes', bodyHash: asked.bodyHash } as const
      await answerRequest(world, decided.permit, said)
      await world.settle()
    }
    return asked.id
  }
  const made = async (slug: string) =>
    (await company.as('sam')('GET', '/v1/apps')).body.items.filter(
      (each: { slug: string }) => each.slug === slug,
    ).length

  test('after the yes and before the successor leaves nothing half made, and it is made later, once', async () => {
    await makePrototype('torn')
    const requestId = await sayYes((await expectStatus(201, graduate('torn'))).body)
    const { world } = company.running
    const app = await appOf('torn')
    const about = { type: 'request', id: requestId, draft: { appId: app.id } }
    const permit = world.permitFor(systemId('approval'), 'app.graduate', about)
    for (const when of ['at the entry', 'after the commit'] as const) {
      const torn = failing(world as unknown as TestWorld, when)
      const why = when === 'at the entry' ? '22012' : 'lost'
      await expect(makeSuccessor(torn, permit, { requestId })).rejects.toThrow(why)
      await world.settle()
      expect(await made('torn-service')).toBe(when === 'at the entry' ? 0 : 1)
    }
    // Whoever does it again finds it done: the schedule, and a second replica beside it.
    company.clock.advance(11_000)
    await run('agreed')
    await Promise.all([1, 2].map(() => makeSuccessor(world, permit, { requestId })))
    await world.settle()
    expect(await made('torn-service')).toBe(1)
    const { grants, identities } = await appOf('torn-service')
    expect([grants.length, identities.length]).toEqual([1, app.identities.length])
  }, 60_000)

  test('before anything was done: the schedule does it', async () => {
    await makePrototype('lost')
    await sayYes((await expectStatus(201, graduate('lost'))).body)
    await run('agreed')
    expect(await made('lost-service')).toBe(0)
    company.clock.advance(11_000)
    await run('agreed')
    expect(await made('lost-service')).toBe(1)
  }, 60_000)

  test('between the end and its proof: the proof is gone on with, and the app is graduated', async () => {
    const token = await makePrototype('cut')
    await agree('cut')
    await startService('cut-service')
    await expectStatus(201, lease('cut-service'))
    const { task } = (await company.as({ task: token })('GET', '/v1/me')).body
    await expectStatus(200, company.as({ task: token })('POST', `/v1/tasks/${task.id}/close`))
    // The end has begun, and nobody was there to look; who looks next dies at the verdict.
    await run('apps')
    const { world } = company.running
    const { id: appId } = await appOf('cut')
    const about = { type: 'app', id: appId }
    const permit = world.permitFor(systemId('offboard'), 'offboard.run', about)
    // Each run dies one transaction later than the one before, until one comes through.
    let died = 0
    for (let last = 0; last < 20; last++) {
      const torn = { ...world, store: dyingAfter(world.store, last) } as World
      const isOver = await runOffboarding(torn, permit, { appId }).then(
        () => true,
        () => false,
      )
      if (isOver) break
      died++
      await world.settle()
      company.clock.advance(1_000)
    }
    expect(died).toBeGreaterThanOrEqual(3)
    await comesToBe('cut', 'graduated')
    const end = (await company.as('maya')('GET', '/v1/apps/cut/end')).body
    expect(end.state).toBe('verified-gone')
  }, 60_000)
})
