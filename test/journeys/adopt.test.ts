/**
 * A role that nobody registered: found, claimed, adopted, and ended with its app, at a real PostgreSQL.
 * And who would do any of it in another's place.
 */
import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { openTunnel } from '../../cli/src/tunnel.ts'
import { type Liar, startLiar } from '../../demo/liar.ts'
import { signInAs } from '../support/sales-database.ts'
import { ended, homeOfSam, start } from './cli.ts'
import {
  attest,
  type Company,
  connectSales,
  expectStatus,
  giveGrant,
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
  for (const name of ['night_bot', 'lied_bot', 'hoarder', 'guarded', 'month_bot', 'cli_bot'])
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
    // And no app came of it.
    expect((await company.as('sue')('GET', '/v1/apps/night-export')).status).toBe(404)
    const { purpose: _, ...nameless } = body
    expect((await company.as('sue')('POST', path, nameless)).body.field).toBe('purpose')
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
    const again = { app: 'night-export', watchDays: 3 }
    const watched = await company.as('sam')('POST', `/v1/found/${id}/adopt`, again)
    expect(watched.body.code).toBe('invalid-field')
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

const closing: (() => unknown)[] = []
afterAll(async () => {
  for (const close of closing.reverse()) await close()
})

/** A session at the database under a lease of the app, through the gateway. */
async function lease(slug: string) {
  const task = await attest(company, slug)
  const wanted = { resource: 'crm.deals', actions: ['read'] }
  const { body } = await expectStatus(201, company.as({ task })('POST', '/v1/leases', wanted))
  const server = new URL(company.running.address)
  const path = `/v1/leases/${body.lease.id}/tunnel`
  const door = await openTunnel({ server, path, token: async () => task }, () => {})
  closing.push(() => door.close())
  const { user } = body.handle.connect
  const read = async () => {
    const own = { host: '127.0.0.1', port: door.port, database: 'crm', user }
    const client = new pg.Client({ ...own, password: body.handle.word })
    client.on('error', () => {})
    try {
      await client.connect()
      return (await client.query('select id from crm.deals')).rowCount
    } catch (thrown) {
      return (thrown as Error).message
    } finally {
      await client.end().catch(() => {})
    }
  }
  return { task, id: body.lease.id as string, read }
}

/** What the decision API answers to a workload about itself. */
async function mayI(slug: string, task: string, action = 'read') {
  const { identities } = (await company.as('maya')('GET', `/v1/apps/${slug}`)).body
  const run = identities.find(({ role }: { role: string }) => role === 'run')
  const asked = {
    subject: { type: 'identity', id: run.spiffeId },
    action: { name: action },
    resource: { type: 'resource', id: 'crm.deals' },
  }
  const answer = await fetch(`${company.running.address}/access/v1/evaluation`, {
    method: 'POST',
    headers: { authorization: `Bearer ${task}`, 'content-type': 'application/json' },
    body: JSON.stringify(asked),
  })
  return (await answer.json()) as { decision: boolean; context: Record<string, unknown> }
}

describe('an adopted app that is watched', () => {
  let month: Awaited<ReturnType<typeof lease>>
  let made: Awaited<ReturnType<typeof lease>>
  const maya = (method: string, path: string, body?: unknown) =>
    company.as('maya')(method, path, body)
  const state = async () => (await maya('GET', '/v1/apps/month-end')).body
  const answer = async (who: Name, { id, bodyHash }: { id: string; bodyHash: string }) =>
    company.as(who)('POST', `/v1/requests/${id}/answer`, { says: 'yes', bodyHash })

  beforeAll(async () => {
    await adopted('crm', 'month_bot', 'month-end', { watchDays: 3 })
    await giveGrant(company, 'month-end')
    month = await lease('month-end')
    made = await lease('made-here')
    expect([await month.read(), await made.read()]).toEqual([20, 20])
    // From now on policy denies both: what they are for does not need it any more.
    for (const app of ['month-end', 'made-here']) {
      const yaml = `app: ${app}\npurposes:\n  look:\n    says: Looks at nothing\n`
      await expectStatus(200, maya('PUT', `/v1/apps/${app}/manifest`, { yaml }))
    }
    await company.running.world.settle()
  }, 60_000)

  test('reads on where policy denies it, and its neighbour that was made here does not', async () => {
    expect(await month.read()).toBe(20)
    expect(await made.read()).toMatch(/outside-purpose/)
    expect(await state()).toMatchObject({ says: expect.stringMatching(/^It is watched: /) })
  })

  test('leaves a record that is no permit of policy, and says what would have denied it', async () => {
    await company.running.world.settle()
    const { items } = (await maya('GET', '/v1/decisions?app=month-end')).body
    const [watched] = items.filter((each: { effect: string }) => each.effect === 'watched')
    expect(watched).toMatchObject({ allowed: true, rules: ['outside-purpose'] })
    expect(JSON.parse(watched.record).outcome).toMatchObject({ effect: 'watched', allowed: true })
    const why = (await maya('GET', `/v1/decisions/${watched.id}`)).body
    expect(why.denial).toMatchObject({ rule: 'outside-purpose' })
    expect(JSON.stringify(why.denial.instead)).not.toContain('is allowed on')
    const trace = (await maya('GET', `/v1/trace/${month.id}`)).body
    expect(trace.hops).toContainEqual(
      expect.objectContaining({
        hop: 'decision',
        what: expect.stringMatching(/: watched, policy denies it by outside-purpose$/),
      }),
    )
  })

  test('plays again byte for byte', async () => {
    const played = await expectStatus(
      200,
      company.as('sue')('POST', '/v1/policy/try', { text: '' }),
    )
    expect(played.body.decisions).toBeGreaterThan(5)
    expect(played.body.identical).toBe(played.body.decisions)
  })

  test('is answered as watched by the decision API, for reading and writing alone', async () => {
    const { decision, context } = await mayI('month-end', month.task)
    expect(decision).toBe(true)
    expect(context).toMatchObject({
      effect: 'watched',
      reason_admin: { rules: ['outside-purpose'] },
    })
    // Nothing was granted for that: so one learns what has to be asked for.
    expect(await mayI('month-end', month.task, 'write')).toMatchObject({
      decision: true,
      context: { effect: 'watched' },
    })
    expect(await mayI('month-end', month.task, 'destroy')).toMatchObject({ decision: false })
    const neighbour = await mayI('made-here', made.task)
    expect(neighbour).toMatchObject({ decision: false })
    expect(neighbour.context).not.toHaveProperty('effect')
  })

  test('is issued nothing that policy denies', async () => {
    const task = await attest(company, 'month-end')
    const wanted = { resource: 'crm.deals', actions: ['read'] }
    const no = await company.as({ task })('POST', '/v1/leases', wanted)
    expect(no.body.denial.rule).toBe('outside-purpose')
  })

  test('is not watched for longer than the bound, made here, or asked for by an agent', async () => {
    const ask = (slug: string, days: number) =>
      maya('POST', `/v1/apps/${slug}/watch`, { days, reason: 'longer' })
    expect((await ask('month-end', 31)).body.code).toBe('invalid-field')
    expect((await ask('month-end', 6)).body.code).toBe('invalid-field')
    expect((await ask('made-here', 1)).body.code).toBe('wrong-state')
    const agent = company.as({ task: month.task })
    for (const path of ['watch', 'enforce']) {
      const tried = await agent('POST', `/v1/apps/month-end/${path}`, { days: 1, reason: 'x' })
      expect(tried.body.code).toBe('human-required')
    }
    const write = "update app set watched_until = now() where slug = 'made-here'"
    await expect(company.running.world.store.query(write)).rejects.toThrow('app_watched')
  })

  test('is held to policy by one person: the same use is denied', async () => {
    expect((await company.as('eve')('POST', '/v1/apps/month-end/enforce')).status).toBe(404)
    const enforced = await expectStatus(200, maya('POST', '/v1/apps/month-end/enforce'))
    expect(enforced.body).toMatchObject({ watchedUntil: null, says: 'It runs.' })
    await company.running.world.settle()
    expect(await month.read()).toMatch(/outside-purpose/)
    expect(await mayI('month-end', month.task)).toMatchObject({ decision: false })
  })

  test('is watched again only when another person agrees, once, and to the app as it was', async () => {
    const asked = { days: 2, reason: 'the month end' }
    const { body } = await expectStatus(201, maya('POST', '/v1/apps/month-end/watch', asked))
    expect(body.says).toBe('maya asks that month-end be watched, not held to policy')
    expect((await answer('maya', body)).status).toBe(403)
    expect((await state()).watchedUntil).toBe(null)
    await expectStatus(200, answer('sue', body))
    expect(await state()).toMatchObject({ watchedUntil: body.body.until })
    await company.running.world.settle()
    expect(await mayI('month-end', month.task)).toMatchObject({ context: { effect: 'watched' } })
    await expectStatus(200, maya('POST', '/v1/apps/month-end/enforce'))
    expect((await answer('sue', body)).status).toBe(403)
    await expect(company.running.world.applyAgreed(body.id)).rejects.toMatchObject({
      code: 'hash-mismatch',
    })
    expect((await state()).watchedUntil).toBe(null)
  })

  test('is stopped by a hold as any other, watched or not', async () => {
    const asked = { days: 1, reason: 'once more' }
    const { body } = await expectStatus(201, maya('POST', '/v1/apps/month-end/watch', asked))
    await expectStatus(200, answer('sue', body))
    await company.running.world.settle()
    expect(await month.read()).toBe(20)
    const hold = { scope: 'app', about: 'month-end', reason: 'a test' }
    const held = await expectStatus(201, company.as('sue')('POST', '/v1/holds', hold))
    await company.running.world.settle()
    expect(await month.read()).toMatch(/on hold/)
    await expectStatus(200, company.as('sue')('POST', `/v1/holds/${held.body.id}/lift`))
  })

  test('is ended as any other, and its certificate names the role', async () => {
    const view = await end('month-end')
    const file = (await maya('GET', '/v1/apps/month-end/certificate')).body
    const { items } = JSON.parse(Buffer.from(file.payload, 'base64').toString()).predicate
    expect(items).toContainEqual(
      expect.objectContaining({ kind: 'thing', name: 'month_bot', state: 'verified-gone' }),
    )
    expect(view.items.map(({ kind }: { kind: string }) => kind)).toContain('lease')
    expect(await isThere('month_bot')).toBe(false)
  })
})

test('by the command line: found, claimed, adopted, watched, enforced', async () => {
  const home = await homeOfSam(company)
  closing.push(() => rm(home, { recursive: true, force: true }))
  const lh = (...words: string[]) => ended(start(home, words))
  const listed = await lh('found', 'crm')
  expect(listed.err).toMatch(/^\d+ unknown, \d+ ownerless, \d+ never-ending\n/)
  const [, id = ''] = /^(U-\w+)\t▲ found\tcrm\taccount\tcli_bot\t/m.exec(listed.out) ?? []
  expect(await lh('claim', id)).toMatchObject({ code: 0, out: expect.stringContaining('is yours') })
  const app = ['--app', 'cli-app', '--purpose', 'a nightly copy', '--backup', 'tom@acme.example']
  const early = await lh('adopt', id, ...app, '--days', '3', '--watch', '4')
  expect(early.code).not.toBe(0)
  const adopted = await lh('adopt', id, ...app, '--days', '3', '--watch', '2')
  expect(adopted).toMatchObject({
    code: 0,
    out: expect.stringMatching(/belongs to cli-app.*watched/),
  })
  expect((await lh('status', 'cli-app')).out).toMatch(/Origin +adopted[^]*It is watched/)
  expect((await lh('show', id)).out).toContain('cli_bot')
  expect(await lh('enforce', 'cli-app')).toMatchObject({ code: 0 })
  expect((await lh('found', 'crm')).out).toMatch(/leased\tcrm\taccount\tcli_bot\tSam\tcli-app/)
  const again = await lh('watch', 'cli-app', '--days', '1', '--reason', 'once more')
  expect(again).toMatchObject({ code: 0, out: expect.stringContaining('be watched, not held') })
}, 60_000)

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
