/** The end of an app, and what can go wrong on the way: residue, a crash, access that comes back, a forged proof. */
import { createHash, createPublicKey, verify } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { beginEnd } from '../../src/core/app/events.ts'
import { type AppId, type LeaseId, systemId } from '../../src/core/base/ids.ts'
import { readSalts } from '../../src/core/lease/rows.ts'
import type { PlanItem } from '../../src/life/offboard/item.ts'
import { type OffboardWorld, recheckAfterMs, runOffboarding } from '../../src/life/offboard/run.ts'
import {
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

const ask = { resource: 'crm.deals', actions: ['read'] }

/** An app that has worked: one lease, live. */
async function worked(slug: string): Promise<{ lease: LeaseId; principal: string; task: string }> {
  await makeAppWithGrant(company, slug)
  const task = await attest(company, slug)
  const { body } = await expectStatus(201, company.as({ task })('POST', '/v1/leases', ask))
  return { lease: body.lease.id, principal: body.lease.principal, task }
}

async function end(slug: string) {
  const maya = company.as('maya')
  const plan = (await maya('POST', `/v1/apps/${slug}/end`, {})).body
  return maya('POST', `/v1/apps/${slug}/end`, { planHash: plan.planHash })
}

async function appId(slug: string): Promise<AppId> {
  const { store } = company.running.world
  const [app] = await store.query<{ id: AppId }>('select id from app where slug = $1', [slug])
  if (app === undefined) throw new Error(`there is no ${slug}`)
  return app.id
}

async function run(slug: string, world: OffboardWorld = company.running.world) {
  const id = await appId(slug)
  const about = { type: 'app', id } as const
  const permit = company.running.world.permitFor(systemId('offboard'), 'offboard.run', about)
  return runOffboarding(world, permit, { appId: id })
}

/** Looked at so often, certified, and the next look is days away or never. */
function planned(slug: string, rechecks: number): Promise<void> {
  return vi.waitFor(
    async () => {
      const { body } = await company.as('maya')('GET', `/v1/apps/${slug}/end`)
      expect(body).toMatchObject({ state: 'verified-gone', rechecks })
      const nextAt = body.nextTryAt === null ? Infinity : Date.parse(body.nextTryAt)
      expect(nextAt - Date.parse(company.clock.now())).toBeGreaterThan(600_000)
    },
    { timeout: 25_000, interval: 200 },
  )
}

/** Checks a certificate with nothing of ours: signature by the published key, hash in the logged facts. */
function isGood(text: string): boolean {
  try {
    const file = JSON.parse(text)
    const payload = Buffer.from(file.payload, 'base64')
    const head = `DSSEv1 ${file.payloadType.length} ${file.payloadType} ${payload.length} `
    const [{ keyid, sig }] = file.signatures
    const { keys } = JSON.parse(file.keys.body)
    const key = keys.find((each: { kid: string; use: string }) => each.kid === keyid)
    const publicKey = createPublicKey({ key: key.jwk, format: 'jwk' })
    const signed = Buffer.concat([Buffer.from(head), payload])
    const isSigned = verify(null, signed, publicKey, Buffer.from(sig, 'base64'))
    const hash = createHash('sha256').update(payload).digest('hex')
    return isSigned && JSON.parse(file.entry.facts).certificateHash === hash
  } catch {
    return false
  }
}

describe('an end that goes well', () => {
  test('is exactly as planned, proven item by item, and says who ended it', async () => {
    const { lease } = await worked('fine')
    const maya = company.as('maya')
    const plan = (await maya('POST', '/v1/apps/fine/end', {})).body
    expect(plan).toMatchObject({ state: 'planned', green: 0 })
    const kinds = plan.items.map((item: PlanItem) => item.kind)
    expect(new Set(kinds)).toEqual(
      new Set(['lease', 'grant', 'owner-role', 'trust-rule', 'identity']),
    )
    const other = { planHash: 'f'.repeat(64) }
    expect((await maya('POST', '/v1/apps/fine/end', other)).body.code).toBe('hash-mismatch')
    expect((await maya('GET', '/v1/apps/fine')).body.state).toBe('active')
    expect((await maya('GET', '/v1/apps/fine/certificate')).body.code).toBe('wrong-state')
    // Sue may stop anything: she ends it, and the certificate names her, not the owner.
    const planHash = plan.planHash
    const done = await expectStatus(
      200,
      company.as('sue')('POST', '/v1/apps/fine/end', { planHash }),
    )
    expect(done.body).toMatchObject({ state: 'verified-gone', green: done.body.of })
    expect((await maya('GET', '/v1/apps/fine')).body.state).toBe('ended')
    expect((await maya('GET', `/v1/leases/${lease}`)).body.outcome).toBe('verified-gone')
    const { text } = await maya('GET', '/v1/apps/fine/certificate')
    const { predicate } = JSON.parse(Buffer.from(JSON.parse(text).payload, 'base64').toString())
    expect(predicate).toMatchObject({
      state: 'verified-gone',
      endedBy: 'sue',
      rechecks: 0,
      app: { slug: 'fine', owner: 'maya', backup: 'tom' },
    })
    const looked = predicate.scope.systems.map(
      (each: { name: string; looked: boolean }) => each.looked,
    )
    expect(looked.every(Boolean)).toBe(true)
  })

  test('its certificate stands alone, and no byte of what is signed can be another', async () => {
    const { text } = await company.as('maya')('GET', '/v1/apps/fine/certificate')
    expect(isGood(text)).toBe(true)
    const file = JSON.parse(text)
    const payload = Buffer.from(file.payload, 'base64')
    for (let at = 0; at < payload.length; at += Math.ceil(payload.length / 200)) {
      const changed = Buffer.from(payload)
      changed[at] = (changed[at] ?? 0) ^ 1
      expect(isGood(JSON.stringify({ ...file, payload: changed.toString('base64') }))).toBe(false)
    }
    const facts = file.entry.facts.replace(/[0-9a-f]{64}/, '0'.repeat(64))
    expect(isGood(JSON.stringify({ ...file, entry: { ...file.entry, facts } }))).toBe(false)
  })

  test('names what was not looked at', async () => {
    await makeAppWithGrant(company, 'wide')
    const needs = '    needs:\n      - resource: hr.people\n        actions: [read]\n'
    const yaml = `app: wide\npurposes:\n  look:\n    says: x\n${needs}    egress: [api.example.com]\n`
    await expectStatus(200, company.as('maya')('PUT', '/v1/apps/wide/manifest', { yaml }))
    const { systems } = (await end('wide')).body
    const unseen = systems.filter((each: { looked: boolean }) => !each.looked)
    expect(unseen.map((each: { name: string }) => each.name).sort()).toEqual([
      'api.example.com',
      'hr.people',
    ])
    for (const { because } of unseen) expect(because).not.toBeNull()
  })
})

describe('an end that does not go well', () => {
  test('what is left at the target keeps the app ending and the certificate not green, until it is gone', async () => {
    const { principal } = await worked('sticky')
    const { sales } = company
    if (sales === undefined) throw new Error('there is a target')
    // A table of somebody, owned by the leased role: it can not be dropped with it by us.
    await sales.ask('create table kept (id int)', [], 'island')
    await sales.ask(`alter table kept owner to ${principal}`, [], 'island')
    const stuck = (await end('sticky')).body
    expect(stuck.state).toBe('not-green')
    expect(stuck.green).toBeLessThan(stuck.of)
    expect((await company.as('maya')('GET', '/v1/apps/sticky')).body.state).toBe('ending')
    const { text } = await company.as('maya')('GET', '/v1/apps/sticky/certificate')
    expect(isGood(text)).toBe(true)
    expect(Buffer.from(JSON.parse(text).payload, 'base64').toString()).toContain(
      '"state":"not-green"',
    )
    await sales.ask('drop table kept', [], 'island')
    await vi.waitFor(
      async () =>
        expect((await company.as('maya')('GET', '/v1/apps/sticky')).body.state).toBe('ended'),
      { timeout: 25_000, interval: 500 },
    )
  }, 60_000)

  test.each([
    ['at the look', 'sweepChildren'],
    ['before the certificate', 'certificateSigner'],
  ] as const)(
    'a crash %s is taken up again by itself',
    async (_, member) => {
      const slug = `crash-${member.toLowerCase()}`
      await worked(slug)
      const { world } = company.running
      const die = () => {
        throw new Error('the process died')
      }
      const id = await appId(slug)
      const actor = { kind: 'person', id: company.ids.maya } as const
      const said = world.decide({ actor, action: 'app.end', about: { type: 'app', id } })
      if (!said.allowed) throw new Error(said.denial.says)
      // As dying between two steps: what was done before is kept, nothing after happens.
      await beginEnd(world, said.permit, { appId: id })
      await run(slug, { ...world, [member]: die }).catch(() => undefined)
      await vi.waitFor(
        async () => {
          const { body } = await company.as('maya')('GET', `/v1/apps/${slug}/end`)
          expect(body).toMatchObject({ state: 'verified-gone', rechecks: 0 })
          expect(body.certifiedAt).not.toBeNull()
          const { text } = await company.as('maya')('GET', `/v1/apps/${slug}/certificate`)
          expect(isGood(text)).toBe(true)
        },
        { timeout: 20_000, interval: 300 },
      )
    },
    40_000,
  )

  test('two at once: one takes it down, the other is told to come again', async () => {
    await worked('twice')
    const { world } = company.running
    const [first, second] = await Promise.allSettled([end('twice'), end('twice')])
    expect([first.status, second.status]).toEqual(['fulfilled', 'fulfilled'])
    const looks = await world.store.query<{ n: number }>(
      `select count(*)::int as n from ledger_entry where kind = 'offboard.begin' and subjects @> $1`,
      [[await appId('twice')]],
    )
    expect(looks[0]?.n).toBe(1)
  })
})

describe('after the end', () => {
  test('access that somebody made again is found at the next look, taken down, and a person is told', async () => {
    const { principal } = await worked('back')
    await end('back')
    await planned('back', 0)
    await company.sales?.ask(`create role ${principal} login`)
    company.clock.advance((recheckAfterMs[0] ?? 0) + 1_000)
    await vi.waitFor(
      async () => {
        const { items } = (await company.as('sam')('GET', '/v1/findings')).body
        const found = items.find((item: { kind: string }) => item.kind === 'offboard-returned')
        expect(found).toMatchObject({ severity: 'high', about: 'back' })
      },
      { timeout: 20_000, interval: 300 },
    )
  }, 40_000)

  test('what derives the credentials is shredded after the last re-check, and not before', async () => {
    const { lease } = await worked('salted')
    await end('salted')
    const { store } = company.running.world
    for (const [i, wait] of recheckAfterMs.entries()) {
      await planned('salted', i)
      expect((await readSalts(store, [lease])).size).toBe(1)
      company.clock.advance(wait + 1_000)
    }
    await planned('salted', recheckAfterMs.length)
    await vi.waitFor(async () => expect((await readSalts(store, [lease])).size).toBe(0))
    expect((await company.as('maya')('GET', '/v1/apps/salted/end')).body.nextTryAt).toBeNull()
  }, 110_000)
})
