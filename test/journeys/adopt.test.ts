/**
 * A role that nobody registered: found, claimed, adopted, and ended with its app, at a real PostgreSQL.
 * And who would do any of it in another's place.
 */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Liar, startLiar } from '../../demo/liar.ts'
import { signInAs } from '../support/sales-database.ts'
import {
  attest,
  type Company,
  connectSales,
  expectStatus,
  makeAppWithGrant,
  type Name,
  startCompany,
} from './company.ts'

let company: Company
let liar: Liar
const password = randomBytes(24).toString('base64url')

beforeAll(async () => {
  company = await startCompany({ target: true })
  await connectSales(company)
  const { sales } = company
  if (sales === undefined) throw new Error('there is a target')
  liar = await startLiar(sales.server)
  const config = { ...sales.config, port: liar.port }
  const target = { slug: 'liar', connector: 'postgres', config, production: false }
  await expectStatus(201, company.as('sam')('POST', '/v1/targets', target))
  for (const name of ['night_bot', 'lied_bot', 'hoarder', 'guarded'])
    await sales.ask(`create role ${name} login password '${password}';
      grant ${name} to leasehold with admin option;
      set role leasehold; grant select on crm.deals to ${name}; reset role`)
  await sales.ask('create table crm.hoard (id int); alter table crm.hoard owner to hoarder')
  await sales.ask('alter role guarded superuser')
  await company.running.world.runNow('discovery')
}, 120_000)
afterAll(async () => {
  await liar?.stop()
  await company?.stop()
})

const ask = <Row>(text: string, params?: unknown[]) => {
  if (company.sales === undefined) throw new Error('there is a target')
  return company.sales.ask<Row>(text, params)
}
const isThere = async (name: string) =>
  (await ask('select from pg_roles where rolname = $1', [name])).length > 0
const canSignIn = async (principal: string) => {
  if (company.sales === undefined) throw new Error('there is a target')
  const session = await signInAs(company.sales, { principal, secret: password }).catch(() => null)
  await session?.end()
  return session !== null
}

async function foundAt(target: string, name: string, who: Name = 'sam') {
  const { body } = await company.as(who)('GET', `/v1/found?target=${target}`)
  const thing = body.items.find((each: { name: string }) => each.name === name)
  if (thing === undefined) throw new Error(`${name} was not found at ${target}`)
  return thing
}
const to = { purpose: 'the nightly export', backup: 'tom@acme.example', days: 5 }

async function claimed(target: string, name: string) {
  const thing = await foundAt(target, name)
  return (await expectStatus(200, company.as('maya')('POST', `/v1/found/${thing.id}/claim`))).body
}
/** Maya's, adopted by Sam. */
async function adopted(target: string, name: string, app: string, more: object = {}) {
  const { id } = await claimed(target, name)
  const body = { ...to, ...more, app }
  return (await expectStatus(200, company.as('sam')('POST', `/v1/found/${id}/adopt`, body))).body
}
async function end(app: string) {
  const maya = company.as('maya')
  const { planHash } = (await expectStatus(200, maya('POST', `/v1/apps/${app}/end`, {}))).body
  return (await expectStatus(200, maya('POST', `/v1/apps/${app}/end`, { planHash }))).body
}
const itemOf = (view: { items: { kind: string }[] }) =>
  view.items.find(({ kind }) => kind === 'thing') as unknown as Record<string, string>

describe('what nobody registered', () => {
  test('is listed with three numbers; what is ours, and what we sign in with, is not', async () => {
    const { body } = await company.as('sam')('GET', '/v1/found?target=crm')
    const names = body.items.map(({ name }: { name: string }) => name)
    expect(names).toEqual(expect.arrayContaining(['night_bot', 'lied_bot', 'hoarder', 'guarded']))
    expect(names.filter((name: string) => /^lh|^leasehold/.test(name))).toEqual([])
    expect(body.unknown).toBe(names.length)
    expect(body).toMatchObject({ ownerless: names.length, neverEnding: names.length })
    expect((await company.as('maya')('GET', '/v1/found')).body.items).toEqual([])
  })

  test('is claimed by who owns it, once, and not for anybody else', async () => {
    const thing = await foundAt('crm', 'night_bot')
    const path = `/v1/found/${thing.shortId}/claim`
    expect((await company.as('maya')('POST', path)).body).toMatchObject({
      state: 'claimed',
      owner: 'maya',
      isKnown: false,
    })
    expect((await company.as('sam')('POST', path)).body.code).toBe('already-exists')
    // Somebody else's now: who has nothing to do with it does not find it.
    expect((await company.as('eve')('POST', path)).status).toBe(404)
    expect((await company.as('maya')('GET', '/v1/found')).body.items).toHaveLength(1)
  })

  test('is adopted by who answers for the system or for security, and by nobody else', async () => {
    const { id } = await claimed('crm', 'night_bot')
    const path = `/v1/found/${id}/adopt`
    const body = { ...to, app: 'night-export' }
    expect((await company.as('maya')('POST', path, body)).body.denial.rule).toBe('default-deny')
    const unclaimed = await foundAt('crm', 'hoarder')
    const early = await company.as('sue')('POST', `/v1/found/${unclaimed.id}/adopt`, body)
    expect(early.body.code).toBe('wrong-state')
    const seen = await expectStatus(200, company.as('sue')('POST', path, body))
    expect(seen.body).toMatchObject({ state: 'leased', owner: 'maya', app: 'night-export' })
    const app = (await company.as('maya')('GET', '/v1/apps/night-export')).body
    expect(app).toMatchObject({ owner: { name: 'maya' }, backup: { name: 'tom' }, state: 'active' })
    expect(app.origin).toBe('adopted')
  })

  test('joins no app that was made here, and none of somebody else', async () => {
    await makeAppWithGrant(company, 'made-here')
    const { id } = await claimed('crm', 'hoarder')
    const join = (app: string) => company.as('sam')('POST', `/v1/found/${id}/adopt`, { app })
    expect((await join('made-here')).body).toMatchObject({ code: 'wrong-state' })
    const other = await foundAt('crm', 'guarded')
    await expectStatus(200, company.as('sue')('POST', `/v1/found/${other.id}/claim`))
    const toSue = { ...to, app: 'of-sue' }
    await expectStatus(200, company.as('sam')('POST', `/v1/found/${other.id}/adopt`, toSue))
    expect((await join('of-sue')).body).toMatchObject({ code: 'wrong-state' })
  })

  test('no agent does any of it', async () => {
    const agent = company.as({ task: await attest(company, 'made-here') })
    const { id } = await foundAt('crm', 'lied_bot')
    for (const [method, path] of [
      ['GET', '/v1/found'],
      ['POST', `/v1/found/${id}/claim`],
      ['POST', `/v1/found/${id}/adopt`],
    ] as const)
      expect(
        (await agent(method, path, method === 'GET' ? undefined : { app: 'x' })).body,
      ).toMatchObject({
        code: 'human-required',
      })
  })
})

describe('the end of an adopted app', () => {
  test('ends its things at the system, and the certificate names them', async () => {
    expect(await canSignIn('night_bot')).toBe(true)
    const view = await end('night-export')
    expect(itemOf(view)).toMatchObject({ name: 'night_bot', system: 'crm', state: 'verified-gone' })
    expect(view.state).toBe('verified-gone')
    expect(await isThere('night_bot')).toBe(false)
    const file = (await company.as('maya')('GET', '/v1/apps/night-export/certificate')).body
    const said = JSON.parse(Buffer.from(file.payload, 'base64').toString())
    expect(said.predicate.items).toContainEqual(
      expect.objectContaining({ kind: 'thing', name: 'night_bot', state: 'verified-gone' }),
    )
    expect(await foundAt('crm', 'night_bot')).toMatchObject({ state: 'revoked', isKnown: true })
  })

  test('takes nobody’s data along: what owns something is stopped, named, and not green', async () => {
    await adopted('crm', 'hoarder', 'hoard')
    const view = await end('hoard')
    expect(view.state).toBe('not-green')
    const item = itemOf(view)
    expect(item).toMatchObject({ name: 'hoarder', state: 'still-there' })
    expect(item['because']).toMatch(/It can not sign in any more.*owns table crm.hoard/)
    expect(await canSignIn('hoarder')).toBe(false)
    expect(await ask('select from crm.hoard')).toEqual([])
    const residual = (await company.as('maya')('GET', '/v1/residual')).body.items
    expect(residual).toContainEqual(expect.objectContaining({ app: 'hoard', name: 'hoarder' }))
  })

  test('touches no superuser: a person ends that', async () => {
    const sue = company.as('sue')
    const { planHash } = (await expectStatus(200, sue('POST', '/v1/apps/of-sue/end', {}))).body
    const { body } = await expectStatus(200, sue('POST', '/v1/apps/of-sue/end', { planHash }))
    expect(itemOf(body)).toMatchObject({ name: 'guarded', state: 'still-there' })
    expect(await canSignIn('guarded')).toBe(true)
  })

  test('a system that lies about it is not green; when it does as it is told, it is', async () => {
    await adopted('liar', 'lied_bot', 'lied')
    const view = await end('lied')
    expect(view.state).toBe('not-green')
    expect(itemOf(view)).toMatchObject({ name: 'lied_bot', system: 'liar', state: 'still-there' })
    expect(await isThere('lied_bot')).toBe(true)
    expect(liar.swallowed.length).toBeGreaterThan(0)
    liar.honest = true
    await vi.waitFor(
      async () => {
        company.clock.advance(3_600_000)
        await company.running.world.runNow('offboard')
        const again = (await company.as('maya')('GET', '/v1/apps/lied/end')).body
        expect(itemOf(again)).toMatchObject({ state: 'verified-gone' })
      },
      { timeout: 20_000, interval: 500 },
    )
    expect(await isThere('lied_bot')).toBe(false)
  })
})
