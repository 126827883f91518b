import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testPermit } from '../../../test/support/permit.ts'
import { person, type TestWorld, testWorld } from '../../../test/support/world.ts'
import { newId, type PersonId, systemId } from '../../core/base/ids.ts'
import { entryKind } from '../../core/ledger/kind.ts'
import { recorded } from '../../core/ledger/record.ts'
import { draftPerson, leavePerson } from '../../core/people/change.ts'
import { personTable } from '../../core/people/rows.ts'
import { makeLink, redeemLink } from './link.ts'
import { sweepSignIns } from './rows.ts'
import { checkCsrf, endSession, findSession, startSession } from './session.ts'

const minuteMs = 60_000
const operator = systemId('genesis')
const testAdded = entryKind('test.added', 'added a person for a test')

let world: TestWorld
let local: PersonId

beforeAll(async () => {
  world = await testWorld('solo')
  local = await addLocal('Robin')
})
afterAll(() => world.store.close())

async function addLocal(name: string): Promise<PersonId> {
  const added = draftPerson({ name }, world.clock.now())
  await recorded(world, async scope => {
    await scope.insert(personTable, added)
    scope.entry({ kind: testAdded, by: operator })
  })
  return added.id
}

async function newLink(personId = local): Promise<string> {
  return (await makeLink(world, operator, { personId })).secret
}

async function count(text: string): Promise<number> {
  const rows = await world.store.query<{ n: number }>(`select count(*)::int as n from ${text}`)
  return rows[0]?.n ?? -1
}

const refusal = { code: 'not-signed-in' }

describe('a one-time link', () => {
  test('signs in the person it was made for, and counts as having been seen', async () => {
    const secret = await newLink()
    world.clock.advance(minuteMs)
    const { person, session } = await redeemLink(world, secret)
    expect(person).toMatchObject({ id: local, seenAt: world.clock.now() })
    expect((await findSession(world, session.secret))?.person.id).toBe(local)
  })

  test('works once', async () => {
    const secret = await newLink()
    await redeemLink(world, secret)
    await expect(redeemLink(world, secret)).rejects.toMatchObject(refusal)
  })

  test('works once also when 50 redeem it at the same moment', async () => {
    const secret = await newLink()
    const [sessions, entries] = [
      await count('browser_session'),
      await count(`ledger_inbox where kind = 'person.sign-in'`),
    ]
    const all = await Promise.allSettled(
      Array.from({ length: 50 }, () => redeemLink(world, secret)),
    )
    expect(all.filter(one => one.status === 'fulfilled')).toHaveLength(1)
    expect(await count('browser_session')).toBe(sessions + 1)
    expect(await count(`ledger_inbox where kind = 'person.sign-in'`)).toBe(entries + 1)
  })

  test('is over after 15 minutes, not before', async () => {
    const [early, late] = [await newLink(), await newLink()]
    world.clock.advance(15 * minuteMs - 1)
    await redeemLink(world, early)
    world.clock.advance(1)
    await expect(redeemLink(world, late)).rejects.toMatchObject(refusal)
  })

  test('is exactly its text: no blanks, no other spelling, nothing longer', async () => {
    const secret = await newLink()
    const variants = [
      ` ${secret}`,
      `${secret} `,
      `${secret}\n`,
      `${secret}\u200b`,
      `${secret}=`,
      secret.toUpperCase(),
      secret.slice(0, -1),
      `${secret}A`,
      '',
      'x'.repeat(100_000),
    ]
    for (const variant of variants)
      await expect(redeemLink(world, variant)).rejects.toMatchObject(refusal)
    await redeemLink(world, secret)
  })

  test('leaves only its hash behind, in the table and in the log', async () => {
    const secret = await newLink()
    const rows = await world.store.query<{ all: string }>(
      `select (select string_agg(l::text, ' ') from one_time_link l)
         || (select string_agg(i::text, ' ') from ledger_inbox i) as all`,
    )
    expect(rows[0]?.all).toContain('link.make')
    expect(rows[0]?.all).not.toContain(secret)
  })

  test('is not made for somebody the company vouches for, who left, or who never was', async () => {
    const outside = await person(world)
    await expect(makeLink(world, operator, { personId: outside })).rejects.toMatchObject({
      code: 'wrong-state',
    })
    const gone = await addLocal('Gone')
    const secret = await newLink(gone)
    await leavePerson(world, testPermit('person.leave', world.first.id, gone), { personId: gone })
    await expect(redeemLink(world, secret)).rejects.toMatchObject(refusal)
    for (const personId of [gone, newId('person')])
      await expect(makeLink(world, operator, { personId })).rejects.toMatchObject({
        code: 'not-found',
      })
  })

  test('needs a permit about this very person', async () => {
    const permit = testPermit('person.add', world.first.id, newId('person'))
    await expect(makeLink(world, permit, { personId: local })).rejects.toThrow(/permit for/)
  })

  test('an error while signing in does not use it up', async () => {
    const secret = await newLink()
    const failing = { ...world, store: failingStore(world, 'insert into browser_session') }
    await expect(redeemLink(failing, secret)).rejects.toThrow('no space left')
    await redeemLink(world, secret)
  })
})

describe('a browser session', () => {
  test('ends eight hours after the sign-in, however much it is used', async () => {
    const { secret } = await startSession(world.store, local, world.clock.now())
    for (let i = 0; i < 16; i++) {
      world.clock.advance(30 * minuteMs - 1)
      expect(await findSession(world, secret)).toBeDefined()
    }
    world.clock.advance(16)
    expect(await findSession(world, secret)).toBeUndefined()
  })

  test('ends after an hour in which nobody used it', async () => {
    const { secret } = await startSession(world.store, local, world.clock.now())
    world.clock.advance(60 * minuteMs)
    expect(await findSession(world, secret)).toBeDefined()
    world.clock.advance(60 * minuteMs + 1)
    expect(await findSession(world, secret)).toBeUndefined()
  })

  test('ends when signed out, and stays ended', async () => {
    const { secret } = await startSession(world.store, local, world.clock.now())
    await endSession(world, secret)
    expect(await findSession(world, secret)).toBeUndefined()
  })

  test('ends with its person: who left has none', async () => {
    const id = await addLocal('Kim')
    const { secret } = await startSession(world.store, id, world.clock.now())
    await leavePerson(world, testPermit('person.leave', world.first.id, id), { personId: id })
    expect(await findSession(world, secret)).toBeUndefined()
    const late = await startSession(world.store, id, world.clock.now())
    expect(await findSession(world, late.secret)).toBeUndefined()
  })

  test('its forms are its own: another session of the same person can not post them', async () => {
    const [one, two] = [
      await startSession(world.store, local, world.clock.now()),
      await startSession(world.store, local, world.clock.now()),
    ]
    const [first, second] = [
      await findSession(world, one.secret),
      await findSession(world, two.secret),
    ]
    if (first === undefined || second === undefined) throw new Error('both are signed in')
    checkCsrf(first, first.csrf)
    for (const given of [second.csrf, undefined, '', `${first.csrf} `])
      expect(() => checkCsrf(first, given)).toThrow(/not made for you/)
  })
})

describe('sweeping', () => {
  test('removes what ended by time, and keeps what was used but could still be tried', async () => {
    const used = await newLink()
    await redeemLink(world, used)
    const { secret } = await startSession(world.store, local, world.clock.now())
    await sweepSignIns(world.store, world.clock.now())
    expect(await count('one_time_link where used_at is not null')).toBe(1)
    expect(await findSession(world, secret)).toBeDefined()
    world.clock.advance(8 * 60 * minuteMs + 1)
    await sweepSignIns(world.store, world.clock.now())
    expect(await count('one_time_link')).toBe(0)
    expect(await count('browser_session')).toBe(0)
  })
})

/** The store, but one statement fails as on a full disk. */
function failingStore({ store }: TestWorld, start: string): TestWorld['store'] {
  return {
    ...store,
    transact: (work, options) =>
      store.transact(
        tx =>
          work({
            ...tx,
            query: (text, params) =>
              text.startsWith(start)
                ? Promise.reject(new Error('no space left'))
                : tx.query(text, params),
          }),
        options,
      ),
  }
}
