/**
 * A pause of an adopted app reaches its things at a real PostgreSQL, and is taken back there. Whether a role
 * can sign in is tried there, never asked of us.
 */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sweepHolds } from '../../src/life/discovery/hold.ts'
import { signInAs } from '../support/sales-database.ts'
import { type Company, connectSales, expectStatus, startCompany } from './company.ts'

let company: Company
const password = randomBytes(24).toString('base64url')
const names = ['night_bot', 'asleep_bot', 'guarded_bot', 'crash_bot', 'end_bot'] as const
type Name = (typeof names)[number]
const appOf = (name: Name) => name.replace('_', '-')

beforeAll(async () => {
  company = await startCompany({ target: true })
  await connectSales(company)
  for (const name of names)
    await ask(`create role ${name} login password '${password}';
      grant ${name} to leasehold with admin option`)
  await ask('alter role asleep_bot nologin')
  await company.running.world.runNow('discovery')
  for (const name of names) await adopt(name)
  await ask('alter role guarded_bot superuser')
}, 120_000)
afterAll(() => company?.stop())

function ask<Row>(text: string, params?: unknown[]) {
  if (company.sales === undefined) throw new Error('there is a target')
  return company.sales.ask<Row>(text, params)
}
const canSignIn = async (principal: Name) => {
  if (company.sales === undefined) throw new Error('there is a target')
  const session = await signInAs(company.sales, { principal, secret: password }).catch(() => null)
  await session?.end()
  return session !== null
}
async function found(name: Name) {
  const { body } = await company.as('sam')('GET', '/v1/found?target=crm')
  return body.items.find((each: { name: string }) => each.name === name)
}
async function adopt(name: Name) {
  const path = `/v1/found/${(await found(name)).id}`
  await expectStatus(200, company.as('maya')('POST', `${path}/claim`))
  const to = { purpose: 'the nightly export', backup: 'tom@acme.example', days: 5 }
  await expectStatus(200, company.as('sam')('POST', `${path}/adopt`, { ...to, app: appOf(name) }))
}
const pause = (name: Name) =>
  expectStatus(200, company.as('maya')('POST', `/v1/apps/${appOf(name)}/pause`, { reason: 'odd' }))
const resume = (name: Name) =>
  expectStatus(200, company.as('maya')('POST', `/v1/apps/${appOf(name)}/resume`))
const acts = async () => {
  await company.running.world.settle()
  const { body } = await company.as('sue')('GET', '/v1/log?kind=thing.hold&limit=50')
  return body.entries.length
}

describe('a pause of an adopted app', () => {
  test('stops its account at its system, and resuming lets it go on as before', async () => {
    const row = () => ask("select * from pg_roles where rolname = 'night_bot'")
    const before = await row()
    expect(await canSignIn('night_bot')).toBe(true)
    await pause('night_bot')
    expect(await canSignIn('night_bot')).toBe(false)
    expect(await found('night_bot')).toMatchObject({
      state: 'paused',
      stopped: 'it is stopped at its system',
    })
    const told = await acts()
    await sweepHolds(company.running.world)
    expect(await acts()).toBe(told)
    await resume('night_bot')
    expect(await row()).toEqual(before)
    expect(await canSignIn('night_bot')).toBe(true)
    expect(await found('night_bot')).toMatchObject({ state: 'leased', stopped: null })
    expect(await acts()).toBe(told + 1)
  })

  test('leaves the things of other apps alone', async () => {
    await pause('night_bot')
    expect(await canSignIn('crash_bot')).toBe(true)
    expect(await found('crash_bot')).toMatchObject({ state: 'leased', stopped: null })
    await resume('night_bot')
  })

  test('gives what could not sign in before no sign-in when it is over', async () => {
    await pause('asleep_bot')
    expect(await found('asleep_bot')).toMatchObject({ state: 'paused' })
    await resume('asleep_bot')
    expect(await canSignIn('asleep_bot')).toBe(false)
    expect(await found('asleep_bot')).toMatchObject({ state: 'leased', stopped: null })
  })

  test('says of what is not stopped that it is not, and why', async () => {
    await pause('guarded_bot')
    expect(await canSignIn('guarded_bot')).toBe(true)
    expect(await found('guarded_bot')).toMatchObject({
      state: 'leased',
      stopped: 'a person does that to this one',
    })
    await resume('guarded_bot')
  })

  test('is looked at again: who lets it in there meanwhile is undone', async () => {
    await pause('night_bot')
    await ask('alter role night_bot login')
    await sweepHolds(company.running.world)
    expect(await canSignIn('night_bot')).toBe(false)
    await resume('night_bot')
    expect(await canSignIn('night_bot')).toBe(true)
  })

  test('that crashed after it stopped the account puts back what it was', async () => {
    const { world } = company.running
    await company.as('maya')('POST', `/v1/apps/crash-bot/pause`, { reason: 'odd' })
    // As if nothing but what it was had been kept, before the stop.
    await world.store.query(
      "update found_thing set held = jsonb_build_object('was', held -> 'was') where name = 'crash_bot'",
    )
    await sweepHolds(world)
    expect(await found('crash_bot')).toMatchObject({ state: 'paused' })
    await resume('crash_bot')
    expect(await canSignIn('crash_bot')).toBe(true)
  })

  test('can be followed by its end, which is proven as any other', async () => {
    await pause('end_bot')
    const maya = company.as('maya')
    const { planHash } = (await expectStatus(200, maya('POST', '/v1/apps/end-bot/end', {}))).body
    const { body } = await expectStatus(200, maya('POST', '/v1/apps/end-bot/end', { planHash }))
    const [item] = body.items.filter(({ kind }: { kind: string }) => kind === 'thing')
    expect(item).toMatchObject({ state: 'verified-gone' })
    expect(await ask("select from pg_roles where rolname = 'end_bot'")).toEqual([])
    await sweepHolds(company.running.world)
    expect(await found('end_bot')).toMatchObject({ state: 'revoked' })
  })
})

describe('a hold', () => {
  test('on its owner, or on everything, stops it too, until it is lifted', async () => {
    const { world } = company.running
    for (const on of [{ scope: 'person', about: 'maya@acme.example' }, { scope: 'everything' }]) {
      const { body } = await expectStatus(
        201,
        company.as('sue')('POST', '/v1/holds', { ...on, reason: 'odd' }),
      )
      await sweepHolds(world)
      expect(await canSignIn('night_bot')).toBe(false)
      await expectStatus(200, company.as('sue')('POST', `/v1/holds/${body.id}/lift`))
      await sweepHolds(world)
      expect(await canSignIn('night_bot')).toBe(true)
    }
  })
})
