/** The whole life of an app over HTTP, on the real server and a real PostgreSQL target. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import {
  type Answered,
  attest,
  type Company,
  connectSales,
  expectStatus,
  makeAppWithGrant,
  startCompany,
} from './company.ts'

let company: Company
beforeAll(async () => {
  company = await startCompany({ target: true })
  await connectSales(company)
}, 120_000)
afterAll(() => company?.stop())

const lease = { resource: 'crm.deals', actions: ['read'] }

async function issue(slug: string): Promise<{ task: string; made: Answered }> {
  const task = await attest(company, slug)
  return { task, made: await company.as({ task })('POST', '/v1/leases', lease) }
}

function goneSoon(id: string) {
  return vi.waitFor(
    async () => {
      const { body } = await company.as('maya')('GET', `/v1/leases/${id}`)
      expect(body).toMatchObject({ state: 'gone', outcome: 'verified-gone' })
      return body
    },
    { timeout: 20_000, interval: 200 },
  )
}

describe('from birth to the end', () => {
  test('an app is made, asks, is agreed to, works for a task and gives the credential back', async () => {
    await makeAppWithGrant(company, 'deal-desk')
    const { task, made } = await issue('deal-desk')
    expect(made.status).toBe(201)
    expect(made.body.handle.word).toMatch(/^[\w-]{43,}$/)
    const { id } = made.body.lease
    const workload = company.as({ task })
    const use = await workload('POST', `/v1/leases/${id}/uses`, { rows: 3, action: 'read' })
    expect(use).toMatchObject({ status: 201, body: { recorded: true } })
    const mine = (await workload('GET', '/v1/me')).body
    expect(mine).toMatchObject({ kind: 'identity', identity: { app: 'deal-desk', role: 'run' } })
    const closed = await workload('POST', `/v1/tasks/${mine.task.id}/close`)
    expect(closed.body.leases).toMatchObject([{ id, state: 'gone', outcome: 'verified-gone' }])
    // Its neighbour: the token is worth nothing any more.
    expect((await workload('POST', '/v1/leases', lease)).status).toBe(401)
  })

  test('who may use the data is seen by who answers for it, and by the app’s own people', async () => {
    const ask = (who: 'maya' | 'tom' | 'eve') =>
      expectStatus(200, company.as(who)('GET', '/v1/resources/crm.deals/who'))
    const { items } = (await ask('tom')).body
    expect(items.length).toBeGreaterThan(0)
    expect(items[0]).toMatchObject({ purpose: 'look', actions: ['read'] })
    expect(items[0].identity).toMatch(/^spiffe:\/\/acme\.example\/app\/.*\/run$/)
    expect((await ask('eve')).body.items).toEqual([])
    expect((await ask('maya')).body.items.length).toBeGreaterThan(0)
    expect((await company.as('tom')('GET', '/v1/resources/no.such/who')).status).toBe(404)
  })

  test('unattended work asks for the credential itself, and is told to go through the gateway', async () => {
    const workload = company.as({ task: await attest(company, 'deal-desk') })
    const { status, body } = await workload('POST', '/v1/leases', { ...lease, via: 'env' })
    expect([status, body.denial.rule]).toEqual([403, 'credential-stays-here'])
    expect(body.denial.wouldPassIf).toContain('goes through the gateway')
    const proxied = await workload('POST', '/v1/leases', { ...lease, via: 'proxy' })
    expect(proxied.status).toBe(201)
    const { handle } = proxied.body
    expect(Object.keys(handle).toSorted()).toEqual(
      ['connect', 'diesAt', 'endsAt', 'termEndsAt', 'via', 'word'].toSorted(),
    )
    expect(Object.keys(handle.connect).toSorted()).toEqual(['database', 'user'])
    expect((await workload('POST', '/v1/leases', { ...lease, via: 'file' })).status).toBe(422)
  })

  test('the same idempotency key is the same lease', async () => {
    const workload = company.as({ task: await attest(company, 'deal-desk') })
    const ask = (key: string) => workload('POST', '/v1/leases', lease, { 'idempotency-key': key })
    const [first, again, other] = [await ask('a'), await ask('a'), await ask('b')]
    expect(again.body.lease.id).toBe(first.body.lease.id)
    expect(other.body.lease.id).not.toBe(first.body.lease.id)
  })
})

describe('what stops an app', () => {
  beforeAll(() => makeAppWithGrant(company, 'stopped'))

  test('a paused app gets nothing, and its live lease ends', async () => {
    const { task, made } = await issue('stopped')
    const reason = { reason: 'something looks wrong' }
    await expectStatus(200, company.as('maya')('POST', '/v1/apps/stopped/pause', reason))
    await goneSoon(made.body.lease.id)
    await company.running.world.settle()
    const refused = await company.as({ task })('POST', '/v1/leases', lease)
    expect([401, 403]).toContain(refused.status)
    const token = await company.exchange({ scope: 'look', identity: 'stopped/run' })
    expect(token.status).not.toBe(200)
    await expectStatus(200, company.as('maya')('POST', '/v1/apps/stopped/resume'))
    await company.running.world.settle()
    expect((await issue('stopped')).made.status).toBe(201)
  })

  test('a hold on its owner stops it, and lifting the hold lets it go on', async () => {
    const { made } = await issue('stopped')
    const order = { scope: 'person', about: 'maya@acme.example', reason: 'looks stolen' }
    const hold = await expectStatus(201, company.as('sue')('POST', '/v1/holds', order))
    await goneSoon(made.body.lease.id)
    await company.running.world.settle()
    const form = { scope: 'look', identity: 'stopped/run' }
    expect((await company.exchange(form)).status).not.toBe(200)
    // Somebody without a role, and not its setter, does not lift it.
    expect((await company.as('eve')('POST', `/v1/holds/${hold.body.id}/lift`)).status).toBe(403)
    await expectStatus(200, company.as('sue')('POST', `/v1/holds/${hold.body.id}/lift`))
    await company.running.world.settle()
    expect((await issue('stopped')).made.status).toBe(201)
  })
})

describe('the rules', () => {
  const text = `@id("deals-need-review")
@says("Deals are read by managed apps only, after a review.")
@owner("sales")
forbid (principal, action == Action::"read", resource)
when { resource.slug == "crm.deals" && context.app.stage != "managed" };
`
  test('a change is tried, proposed, agreed by another person, and from then on decides', async () => {
    await makeAppWithGrant(company, 'ruled')
    expect((await issue('ruled')).made.status).toBe(201)
    const tried = await expectStatus(200, company.as('sam')('POST', '/v1/policy/try', { text }))
    expect(tried.body.identical).toBe(tried.body.decisions)
    expect(tried.body.changed).not.toHaveLength(0)
    expect(tried.body.changed[0]).toMatchObject({
      from: 'yes',
      to: 'no',
      rule: 'deals-need-review',
    })
    const asked = await company.as('sam')('POST', '/v1/policy/propose', { text, reason: 'review' })
    const { id, bodyHash } = (await expectStatus(201, Promise.resolve(asked))).body
    const yes = { says: 'yes', bodyHash }
    const own = await company.as('sam')('POST', `/v1/requests/${id}/answer`, yes)
    expect(own.status).toBe(403)
    const other = { says: 'yes', bodyHash: '0'.repeat(64) }
    const wrong = await company.as('sue')('POST', `/v1/requests/${id}/answer`, other)
    expect(wrong.body.code).toBe('hash-mismatch')
    await expectStatus(200, company.as('sue')('POST', `/v1/requests/${id}/answer`, yes))
    await company.running.world.settle()
    const refused = (await issue('ruled')).made
    expect(refused).toMatchObject({ status: 403, body: { denial: { rule: 'deals-need-review' } } })
  })
})

describe('what is taken away', () => {
  test('a trust rule attests nobody any more, once its owner says so', async () => {
    await makeAppWithGrant(company, 'untrusted')
    await attest(company, 'untrusted')
    const { trust } = (await company.as('maya')('GET', '/v1/apps/untrusted')).body
    const path = `/v1/apps/untrusted/trust/${trust[0].id}/remove`
    expect((await company.as('eve')('POST', path)).status).toBe(404)
    expect((await company.as('maya')('POST', path.replace(trust[0].id, 'tr_x'))).status).toBe(404)
    await attest(company, 'untrusted')
    const { body } = await expectStatus(200, company.as('maya')('POST', path))
    expect(body.trust[0].state).toBe('revoked')
    await company.running.world.settle()
    await expect(attest(company, 'untrusted')).rejects.toThrow('invalid_grant')
  })

  test('a task token is revoked by who holds it; again, it is no error and says nothing', async () => {
    await makeAppWithGrant(company, 'revoker')
    const task = await attest(company, 'revoker')
    const [mine, other] = [company.as({ task }), await attest(company, 'revoker')]
    expect((await mine('GET', '/v1/me')).status).toBe(200)
    const revoke = () =>
      fetch(`${company.running.address}/oauth/revoke`, {
        method: 'POST',
        body: new URLSearchParams({ token: task }),
      })
    expect((await revoke()).status).toBe(200)
    await company.running.world.settle()
    expect((await mine('GET', '/v1/me')).status).toBe(401)
    expect((await revoke()).status).toBe(200)
    expect((await company.as({ task: other })('GET', '/v1/me')).status).toBe(200)
  })

  test('a role is another person’s to give and to take, and shows at once', async () => {
    const { as, ids } = company
    const give = (by: 'sam' | 'tom', id: string, roles: string[]) =>
      as(by)('PUT', `/v1/people/${id}/roles`, { roles })
    expect((await as('tom')('GET', '/v1/log')).status).toBe(403)
    expect((await give('tom', ids.tom, ['auditor'])).status).toBe(403)
    expect((await give('sam', ids.sam, ['platform', 'security'])).status).toBe(403)
    expect((await give('sam', ids.tom, ['root'])).status).toBe(422)
    const { body } = await expectStatus(200, give('sam', ids.tom, ['auditor']))
    expect(body.roles).toEqual(['auditor'])
    expect((await as('tom')('GET', '/v1/log')).status).toBe(200)
    await expectStatus(200, give('sam', ids.tom, []))
    expect((await as('tom')('GET', '/v1/log')).status).toBe(403)
  })
})

describe('people who leave', () => {
  test('their app gets nothing new, is offered to the backup, and is paused after 72 hours', async () => {
    const { as, clock, running } = company
    await expectStatus(201, as('eve')('POST', '/v1/apps', { ...eveApp, slug: 'orphan' }))
    expect((await as('maya')('POST', `/v1/people/${company.ids.eve}/leave`)).status).toBe(403)
    await expectStatus(200, as('sam')('POST', `/v1/people/${company.ids.eve}/leave`))
    await running.world.settle()
    const findings = (await as('tom')('GET', '/v1/findings')).body.items
    expect(findings).toContainEqual(
      expect.objectContaining({ kind: 'app-orphaned', about: 'orphan' }),
    )
    clock.advance(71 * 3_600_000)
    await running.world.runNow('apps')
    expect((await as('tom')('GET', '/v1/apps/orphan')).body.state).not.toBe('paused')
    clock.advance(2 * 3_600_000)
    await vi.waitFor(async () => {
      await running.world.runNow('apps')
      const { body } = await as('tom')('GET', '/v1/apps/orphan')
      expect(body).toMatchObject({ state: 'paused', pausedBecause: 'owner-gone' })
    }, 20_000)
    // Tom was the backup: as owner he needs another one, and names her.
    const alone = await as('tom')('POST', '/v1/apps/orphan/accept')
    expect(alone).toMatchObject({ status: 422, body: { field: 'backupId' } })
    const backup = { backup: 'maya@acme.example' }
    const taken = await expectStatus(200, as('tom')('POST', '/v1/apps/orphan/accept', backup))
    expect(taken.body).toMatchObject({ owner: { name: 'tom' }, backup: { name: 'maya' } })
    const named = { backup: 'sue@acme.example' }
    expect((await as('maya')('POST', '/v1/apps/orphan/backup', named)).body.backup.name).toBe('sue')
  }, 60_000)
})

const eveApp = { purpose: 'a list', backup: 'tom@acme.example', days: 20 }

describe('the log', () => {
  test('erasing words leaves every proof valid', async () => {
    const { as } = company
    const before = (await as('sam')('POST', '/v1/log/check')).body
    expect(before).toMatchObject({ verified: true, faults: [] })
    const person = { person: 'maya@acme.example' }
    expect((await as('sam')('POST', '/v1/erase', person)).status).toBe(403)
    const erased = await expectStatus(200, as('sue')('POST', '/v1/erase', person))
    expect(erased.body.entries).toBeGreaterThan(0)
    const after = (await as('sam')('POST', '/v1/log/check')).body
    expect(after).toMatchObject({ verified: true, faults: [], entries: before.entries + 2 })
    const page = await as('sam')('GET', `/v1/log?subject=${company.ids.maya}&limit=200`)
    expect(page.body.entries.some((entry: { erased: boolean }) => entry.erased)).toBe(true)
  })

  test('is read page by page, by kind, and by owners about their own apps alone', async () => {
    const { as } = company
    const [first, second] = [
      (await as('sam')('GET', '/v1/log?limit=5')).body,
      (await as('sam')('GET', '/v1/log?limit=5&after=3')).body,
    ]
    expect(first.entries).toHaveLength(5)
    const back = (await as('sam')('GET', `/v1/log?limit=5&before=${first.next}`)).body
    expect(back.entries[0].position).toBe(first.next - 1)
    expect(second.entries.map((entry: { position: number }) => entry.position)).toEqual([
      4, 5, 6, 7, 8,
    ])
    const kinds = (await as('sam')('GET', '/v1/log?kind=app.make')).body.entries
    expect(kinds.length).toBeGreaterThan(2)
    for (const { kind } of kinds) expect(kind).toBe('app.make')
    expect((await as('maya')('GET', '/v1/log?subject=deal-desk')).status).toBe(200)
    expect((await as('maya')('GET', '/v1/log')).status).toBe(403)
    expect((await as('tom')('GET', '/v1/log?subject=orphan')).status).toBe(200)
    expect((await as('maya')('GET', '/v1/log?subject=orphan')).status).toBe(404)
    expect((await as('tom')('GET', `/v1/log?subject=${company.ids.sam}`)).status).toBe(403)
  })
})

describe('what people do besides', () => {
  test('owner and backup may do the work themselves: no request, and nobody else may say so', async () => {
    const { as } = company
    const me = {
      role: 'agent',
      preset: 'person',
      claims: { as: ['owner', 'backup'] },
      reason: 'me',
    }
    const rule = await expectStatus(201, as('maya')('POST', '/v1/apps/deal-desk/trust', me))
    expect(rule.body).toMatchObject({ state: 'agreed', made: expect.stringMatching(/^tr_/) })
    const { trust } = (await as('maya')('GET', '/v1/apps/deal-desk')).body
    expect(trust).toContainEqual(expect.objectContaining({ id: rule.body.made, preset: 'person' }))
    expect((await as('sam')('POST', '/v1/apps/deal-desk/trust', me)).status).toBe(403)
  })

  test('data of the asker is answered by those who watch over data, never by the asker', async () => {
    const { as } = company
    const own = { purpose: 'my own deals', backup: 'maya@acme.example', slug: 'tom-desk' }
    await expectStatus(201, as('tom')('POST', '/v1/apps', own))
    const ask = { app: 'tom-desk', resource: 'crm.deals', actions: ['read'], reason: 'to look' }
    const { body } = await expectStatus(201, as('tom')('POST', '/v1/requests', ask))
    expect(new Set(body.approvers)).toEqual(new Set(['Sam', 'sue']))
    const yes = { says: 'yes', bodyHash: body.bodyHash }
    expect((await as('tom')('POST', `/v1/requests/${body.id}/answer`, yes)).status).toBe(403)
    const agreed = await expectStatus(200, as('sue')('POST', `/v1/requests/${body.id}/answer`, yes))
    expect(agreed.body).toMatchObject({ state: 'agreed', made: expect.stringMatching(/^gr_/) })
  })

  test('a target connected again by its owner is the same target; by another, its name is taken', async () => {
    const { as, sales } = company
    const target = { slug: 'crm', connector: 'postgres', config: sales?.config, production: false }
    const before = (await as('sam')('GET', '/v1/targets')).body.items[0].id
    const again = await expectStatus(201, as('sam')('POST', '/v1/targets', target))
    expect(again.body).toMatchObject({ id: before, preflightState: 'passed' })
    expect(JSON.stringify(again.body)).not.toContain(sales?.config.password)
    expect((await as('eve')('POST', '/v1/targets', target)).status).toBe(403)
  })

  test('a key is rotated by platform or security people, once for one key', async () => {
    const { as } = company
    const before = (await as(null)('GET', '/v1/keys')).body
    const keyId = company.running.world.keys.keyId('certificate')
    const rotate = { use: 'certificate', keyId }
    expect((await as('maya')('POST', '/v1/keys/rotate', rotate)).status).toBe(403)
    const after = (await expectStatus(200, as('sam')('POST', '/v1/keys/rotate', rotate))).body
    expect(after.rootFingerprint).toBe(before.rootFingerprint)
    expect(after.body).not.toBe(before.body)
    expect((await as('sam')('POST', '/v1/keys/rotate', rotate)).body.code).toBe('wrong-state')
  })

  test('a sign-in ends when it ends, not with its token', async () => {
    const { body } = await company.as('maya')('GET', '/v1/me')
    const ms = Date.parse(body.validUntil) - Date.parse(company.clock.now())
    expect(ms).toBeGreaterThan(3_590_000)
    expect(ms).toBeLessThanOrEqual(3_600_000)
  })
})
