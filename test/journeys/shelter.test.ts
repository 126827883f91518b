/**
 * Our own credential at a real PostgreSQL: made anew by word and by turn, through crashes, and replaced by a
 * person. What is let in there is asked of PostgreSQL, never of us.
 */
import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemId } from '../../src/core/base/ids.ts'
import { addMs, type Instant } from '../../src/core/base/time.ts'
import { targetConfigAad } from '../../src/core/grant/rows.ts'
import { leavePerson, setRoles } from '../../src/core/people/change.ts'
import type { Target } from '../../src/core/target/target.ts'
import { findTargetBySlug } from '../../src/life/lists/lists.ts'
import { lookBack, readKept, rotateTarget, sweepShelter } from '../../src/life/shelter/shelter.ts'
import type { World } from '../../src/world.ts'
import { testPermit } from '../support/permit.ts'
import { signInAs } from '../support/sales-database.ts'
import { ended, homeOfSam, start } from './cli.ts'
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
let world: World
let home: string
const given: string[] = []
const hour = 3_600_000

beforeAll(async () => {
  company = await startCompany({ target: true })
  world = company.running.world
  given.push(sales().config.password)
  await connectSales(company)
  await makeAppWithGrant(company, 'deal-desk', 25)
  home = await homeOfSam(company)
}, 120_000)
afterAll(async () => {
  await company?.stop()
  await rm(home, { recursive: true, force: true })
})

function sales() {
  if (company.sales === undefined) throw new Error('there is a target')
  return company.sales
}
async function crm() {
  await world.settle()
  const row = await findTargetBySlug(world.store, 'crm')
  if (row === undefined) throw new Error('it is connected')
  return row
}
/** What we hold, opened as only the server can. */
async function held(of: 'sealed' | 'pending' = 'sealed') {
  const { id } = await crm()
  const sealed = (await readKept(world.store, id))[of]
  if (sealed === null) throw new Error(`nothing is ${of}`)
  return JSON.parse(Buffer.from(world.unseal(sealed, targetConfigAad(id))).toString())
}
const letsIn = async (secret: string, principal = 'leasehold') => {
  const session = await signInAs(sales(), { principal, secret }).catch(() => undefined)
  await session?.end()
  return session !== undefined
}
const kinds = async () => {
  await world.settle()
  const { body } = await company.as('sue')('GET', '/v1/log?limit=12')
  return body.entries.map(({ kind }: { kind: string }) => kind)
}
const told = async () => {
  await world.settle()
  const { body } = await company.as('sam')('GET', '/v1/findings')
  return body.items.filter(({ kind }: { kind: string }) => kind === 'target-credential')
}
const rotate = () => company.as('sam')('POST', '/v1/targets/crm/rotate')
const byUs = async () => testPermit('key.rotate', systemId('schedule'), (await crm()).id)
const issue = async () => {
  const task = await attest(company, 'deal-desk')
  return company.as({ task })('POST', '/v1/leases', { resource: 'crm.deals', actions: ['read'] })
}

describe('our own credential, by word', () => {
  test('is made anew: the one before is refused, and nobody has seen the new one', async () => {
    const { body, text } = await expectStatus(200, rotate())
    expect(body).toMatchObject({ isSheltered: true, before: 'refused', preflightState: 'passed' })
    const { password } = await held()
    expect(await letsIn(given[0] ?? '')).toBe(false)
    expect(await letsIn(password)).toBe(true)
    expect(text).not.toContain(password)
    expect(await kinds()).toEqual(expect.arrayContaining(['target.rotate', 'target.before']))
    expect(JSON.stringify(await world.store.query('select * from ledger_entry'))).not.toContain(
      password,
    )
    const [known] = await sales().ask<{ password: string }>(
      "select rolpassword as password from pg_authid where rolname = 'leasehold'",
    )
    expect(known?.password).toMatch(/^SCRAM-SHA-256\$/)
    given.push(password)
  })

  test('is used at once: leases are issued and end as before', async () => {
    const { body, status } = await issue()
    expect(status).toBe(201)
    const released = await company.as('maya')('POST', `/v1/leases/${body.lease.id}/release`)
    expect(released.body).toMatchObject({ state: 'gone' })
  })

  test('is not made anew for who may not connect, nor for an agent', async () => {
    const { password } = await held()
    for (const who of ['maya', 'sue', 'eve'] as const)
      expect((await company.as(who)('POST', '/v1/targets/crm/rotate')).body.code).toBe('denied')
    const agent = await ended(start(home, ['connect', 'rotate', 'crm'], { CLAUDECODE: '1' }))
    expect(agent.code).toBe(64)
    expect((await held()).password).toBe(password)
    expect((await company.as('sam')('POST', '/v1/targets/nothing/rotate')).status).toBe(404)
  })

  test('is one word of the command line, which shows no secret', async () => {
    const { out, err, code } = await ended(start(home, ['connect', 'rotate', 'crm']))
    expect({ code, out }).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^● crm: made anew.*is refused/),
    })
    expect(out + err).not.toContain((await held()).password)
    given.push((await held()).password)
  })
})

describe('a crash', () => {
  const crashed = () => Promise.reject(new Error('the process is gone'))
  /** The same world, whose target does that in place of its own. */
  const withTarget = (change: (target: Target) => Partial<Target>): World => ({
    ...world,
    targets: Object.assign(Object.create(world.targets), {
      call: (id: never, lane: never, run: (target: Target, signal: AbortSignal) => never) =>
        world.targets.call(id, lane, (target, signal) =>
          run({ ...target, ...change(target) }, signal),
        ),
    }),
  })

  test('before it is set there locks nobody out, and the next run sets what was kept', async () => {
    const before = await held()
    const broken = withTarget(() => ({ rotateAdmin: crashed }))
    await expect(rotateTarget(broken, await byUs(), await crm())).rejects.toMatchObject({
      code: 'target-unavailable',
    })
    const planned = (await held('pending')).password
    expect([await letsIn(before.password), await letsIn(planned)]).toEqual([true, false])
    expect((await issue()).status).toBe(201)
    await sweepShelter(world)
    expect([await letsIn(before.password), await letsIn(planned)]).toEqual([false, true])
    expect(await held()).toMatchObject({ password: planned })
  })

  test('after it was set there and before it was saved is gone on from with both', async () => {
    const before = await held()
    const store = { ...world.store, ending: world.store.ending, transact: crashed }
    await expect(rotateTarget({ ...world, store }, await byUs(), await crm())).rejects.toThrow(
      'gone',
    )
    const set = (await held('pending')).password
    expect(await held()).toEqual(before)
    expect([await letsIn(before.password), await letsIn(set)]).toEqual([false, true])
    await sweepShelter(world)
    expect(await held()).toMatchObject({ password: set })
    expect((await readKept(world.store, (await crm()).id)).previous).toEqual([])
    expect((await issue()).status).toBe(201)
  })

  test('of an answer that was lost is no failure: what is let in is looked at', async () => {
    const lost = withTarget(target => ({
      rotateAdmin: async (next, signal) => {
        await target.rotateAdmin?.(next, signal)
      },
      tryAdmin: crashed,
    }))
    const before = await held()
    expect(await rotateTarget(lost, await byUs(), await crm())).toBe('unknown')
    expect(await letsIn(before.password)).toBe(false)
    // It was not seen refused: it is kept, and tried again.
    expect((await readKept(world.store, (await crm()).id)).previous).toHaveLength(1)
    expect(await lookBack(world, await crm())).toBe('refused')
  })

  test('of two that do it at once leaves one that is let in', async () => {
    const permit = await byUs()
    const target = await crm()
    await Promise.allSettled([
      rotateTarget(world, permit, target),
      rotateTarget(world, permit, target),
    ])
    expect(await letsIn((await held()).password)).toBe(true)
    expect((await issue()).status).toBe(201)
  })
})

describe('by itself', () => {
  const changed = async (work: () => Promise<unknown>) => {
    const { password } = await held()
    await work()
    await sweepShelter(world)
    return (await held()).password !== password
  }
  const giveAgain = async (who: Name = 'sam', adminEndsAt?: Instant, shared?: boolean) => {
    const password = randomBytes(24).toString('base64url')
    await sales().ask(`alter role leasehold password '${password}'`)
    const config = { ...sales().config, password }
    const production = false
    const said = { config, production, adminEndsAt, shared }
    const target = { slug: 'crm', connector: 'postgres', ...said }
    return expectStatus(201, company.as(who)('POST', '/v1/targets', target))
  }

  test('it stays while nobody has seen it and its end is far', async () => {
    expect(await changed(async () => company.clock.advance(48 * hour))).toBe(false)
  })

  test('what a person gave is made anew a day later, and not before', async () => {
    const { body } = await giveAgain()
    expect(body).toMatchObject({ isSheltered: false, before: 'refused' })
    expect(body.anewAt).toBe(addMs(body.adminRotatedAt, 24 * hour))
    expect(await changed(async () => company.clock.advance(23 * hour))).toBe(false)
    expect(await changed(async () => company.clock.advance(2 * hour))).toBe(true)
  })

  test('what others use too is made anew by word alone, and a person is told when its turn is', async () => {
    const { body } = await giveAgain('sam', addMs(company.clock.now(), 10 * 24 * hour), true)
    expect(body).toMatchObject({ isSheltered: false, anewAt: null })
    expect(await changed(async () => company.clock.advance(48 * hour))).toBe(false)
    expect(await told()).toEqual([])
    expect(await changed(async () => company.clock.advance(80 * hour))).toBe(false)
    expect(await told()).toMatchObject([{ owner: 'Sam', says: expect.stringContaining('By hand') }])
    const { body: rotated } = await expectStatus(200, rotate())
    expect(rotated).toMatchObject({ isSheltered: true, before: 'refused' })
  })

  test('it is made anew ahead of its end, which moves on', async () => {
    await giveAgain('sam', addMs(company.clock.now(), 10 * 24 * hour))
    await expectStatus(200, rotate())
    expect(await changed(async () => company.clock.advance(47 * hour))).toBe(false)
    expect(await changed(async () => company.clock.advance(80 * hour))).toBe(true)
    expect((await crm()).adminEndsAt > addMs(company.clock.now(), 9 * 24 * hour)).toBe(true)
  })

  test('of a short life it is made anew in the second half of it, and not in every pass', async () => {
    await giveAgain('sam', addMs(company.clock.now(), 40 * hour))
    await expectStatus(200, rotate())
    expect(await changed(async () => company.clock.advance(19 * hour))).toBe(false)
    expect(await changed(async () => company.clock.advance(2 * hour))).toBe(true)
    expect(await changed(async () => company.clock.advance(hour))).toBe(false)
    await giveAgain()
  })

  test('where it is not let in a person is told once, and not any more when it is', async () => {
    await sales().ask("alter role leasehold password 'changed by somebody else there'")
    await expect(rotate()).resolves.toMatchObject({ body: { code: 'target-refused' } })
    await sweepShelter(world)
    await sweepShelter(world)
    expect(await told()).toMatchObject([
      { severity: 'high', says: expect.stringContaining('connect postgres --name crm') },
    ])
    await giveAgain()
    await sweepShelter(world)
    expect(await told()).toEqual([])
  })

  test('of who has left it is made anew at once, and anybody who may connect takes the target over', async () => {
    const sam = company.ids.sam
    await setRoles(world, testPermit('person.roles', sam, company.ids.tom), {
      personId: company.ids.tom,
      roles: ['platform'],
    })
    await giveAgain()
    const denied = await company.as('eve')('POST', '/v1/targets', {
      slug: 'crm',
      connector: 'postgres',
      config: sales().config,
      production: false,
    })
    expect(denied.body.code).toBe('denied')
    const leave = () => leavePerson(world, testPermit('person.leave', sam, sam), { personId: sam })
    expect(await changed(leave)).toBe(true)
    await giveAgain('tom')
    expect((await crm()).ownerId).toBe(company.ids.tom)
  })
})
