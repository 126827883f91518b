import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { handClock } from '../../../test/support/clock.ts'
import { testPermit } from '../../../test/support/permit.ts'
import { memoryStore } from '../../../test/support/store.ts'
import { listPeople } from '../../life/lists/lists.ts'
import { newId, systemId } from '../base/ids.ts'
import { addMs } from '../base/time.ts'
import type { LedgerWorld } from '../ledger/record.ts'
import { Replica } from '../ledger/replica.ts'
import type { Store } from '../store/store.ts'
import { leavePerson, setRoles } from './change.ts'
import { type Genesis, genesis } from './genesis.ts'
import { isLiving, localIssuer, parseRoles } from './person.ts'
import { findInstallation, findPerson, personTable } from './rows.ts'
import { type SignIn, signInPerson } from './sign-in.ts'

const iss = 'https://login.example.com'
const admin = newId('person')

let store: Store
let world: LedgerWorld
const clock = handClock()

function worldOf(store: Store): LedgerWorld {
  return { store, clock, replica: new Replica(), poke: () => {} }
}

const first: Genesis = {
  installationName: 'Acme',
  trustDomain: 'acme.example',
  mode: 'team',
  person: { id: admin, name: 'Sam', email: null },
}

beforeAll(async () => {
  store = await memoryStore()
  world = worldOf(store)
  await genesis(world, first)
})
afterAll(() => store.close())

async function entries(kind: string): Promise<number> {
  const rows = await store.query<{ n: number }>(
    'select count(*)::int as n from ledger_inbox where kind = $1',
    [kind],
  )
  return rows[0]?.n ?? 0
}

describe('genesis', () => {
  test('names the installation and its first person, who may let others in', async () => {
    expect(await findInstallation(store)).toMatchObject({
      mode: 'team',
      trustDomain: 'acme.example',
    })
    expect(await findPerson(store, admin)).toMatchObject({
      roles: ['platform'],
      iss: localIssuer,
      state: 'living',
    })
    expect(await entries('installation.make')).toBe(1)
  })

  test('happens once, also when asked twice at the same moment', async () => {
    await expect(genesis(world, first)).rejects.toMatchObject({ code: 'already-exists' })
    const fresh = await memoryStore()
    const both = await Promise.allSettled([
      genesis(worldOf(fresh), { ...first, person: { name: 'A' } }),
      genesis(worldOf(fresh), { ...first, person: { name: 'B' } }),
    ])
    expect(both.map(one => one.status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(await listPeople(fresh, 10)).toHaveLength(1)
    await fresh.close()
  })

  test('refuses a trust domain that is not one, and writes nothing', async () => {
    const fresh = await memoryStore()
    for (const trustDomain of [
      '',
      'Acme',
      'acme/x',
      'a b',
      'аcme',
      '.acme',
      'acme.',
      'a'.repeat(256),
    ])
      await expect(genesis(worldOf(fresh), { ...first, trustDomain })).rejects.toMatchObject({
        code: 'invalid-field',
      })
    expect(await findInstallation(fresh)).toBeUndefined()
    await fresh.close()
  })
})

const signIn = (said: Partial<SignIn>) =>
  signInPerson(world, { iss, sub: 'u', name: 'Somebody', email: null, ...said })

describe('signing in', () => {
  test('adds a person the first time and refreshes what may change afterwards', async () => {
    const made = await signIn({
      iss,
      sub: 'u-1',
      name: 'Maya',
      email: 'm@example.com',
    })
    expect(made).toMatchObject({ name: 'Maya', roles: [], state: 'living', version: 1 })
    clock.advance(1000)
    const again = await signIn({ sub: 'u-1', name: 'Maya Ortiz' })
    expect(again).toMatchObject({ id: made.id, name: 'Maya Ortiz', email: null, version: 2 })
    expect(again.seenAt).toBe(clock.now())
  })

  test('the same e-mail under another subject is another person', async () => {
    const victim = await signIn({ sub: 'u-2', email: 'boss@example.com' })
    const other = await signIn({ sub: 'u-3', email: 'boss@example.com' })
    const elsewhere = await signIn({
      iss: 'https://other.example.com',
      sub: 'u-2',
      email: 'boss@example.com',
    })
    expect(new Set([victim.id, other.id, elsewhere.id]).size).toBe(3)
  })

  test('a subject that only looks the same is another person or refused, never folded', async () => {
    const permit = testPermit('person.roles', admin, admin)
    expect(permit.about).toBe(admin)
    const known = await signIn({ sub: 'root' })
    for (const sub of ['ROOT', 'Root', 'root ', ' root']) {
      const person = await signIn({ sub })
      expect(person.id).not.toBe(known.id)
      expect(person.roles).toEqual([])
    }
    for (const sub of [
      '',
      'root\u00a0',
      'ro\u200bot',
      'r\u043e\u043et',
      'ｒoot',
      'root\u0000',
      'x'.repeat(256),
    ])
      await expect(signIn({ sub })).rejects.toMatchObject({
        code: 'invalid-field',
        field: 'sub',
      })
  })

  test('nobody outside can vouch for a local person', async () => {
    await expect(signIn({ iss: localIssuer, sub: admin })).rejects.toMatchObject({
      code: 'not-signed-in',
    })
  })

  test('a name that hides something is refused: whoever brings it makes it harmless first', async () => {
    const attempt = signIn({ sub: 'u-xss', name: 'x\u202e' })
    await expect(attempt).rejects.toMatchObject({ field: 'name' })
  })

  test('two first sign-ins at the same moment make one person', async () => {
    const both = await Promise.all([1, 2, 3].map(() => signIn({ sub: 'u-twice' })))
    expect(new Set(both.map(person => person.id)).size).toBe(1)
  })

  test('names and addresses are beside the leaf, never in facts or in memory', async () => {
    const person = await signIn({ sub: 'u-priv', name: 'Secret Name' })
    const rows = await store.query<{ leaf: string; facts: string; words: string }>(
      'select leaf, facts, words from ledger_inbox where $1 = any(subjects)',
      [person.id],
    )
    expect(rows).toHaveLength(1)
    expect(`${rows[0]?.leaf}${rows[0]?.facts}`).not.toMatch(/Secret Name|u-priv/)
    expect(rows[0]?.words).toContain('Secret Name')
    expect(world.replica.get(personTable, person.id)).not.toHaveProperty('name')
  })
})

describe('roles', () => {
  test('are exactly the known words', () => {
    expect(parseRoles(['security', 'auditor', 'security'])).toEqual(['auditor', 'security'])
    for (const role of ['Platform', 'ROOT', 'platform ', 'plаtform', '__proto__', ''])
      expect(() => parseRoles([role])).toThrow(/not a role/)
  })
})

describe('leaving', () => {
  test('who left is not living and can not come back by signing in', async () => {
    const person = await signIn({ sub: 'u-lee', name: 'Lee' })
    expect(isLiving(person, clock.now())).toBe(true)
    const left = await leavePerson(world, testPermit('person.leave', admin, person.id), {
      personId: person.id,
    })
    expect(left).toMatchObject({ state: 'left', leftAt: clock.now() })
    expect(isLiving(left, clock.now())).toBe(false)
    expect(world.replica.get(personTable, person.id)?.state).toBe('left')
    const before = await entries('person.sign-in')
    await expect(signIn({ sub: 'u-lee' })).rejects.toMatchObject({
      code: 'not-signed-in',
    })
    expect(await entries('person.sign-in')).toBe(before)
  })

  test('leaving twice is recorded and changes nothing more', async () => {
    const person = await signIn({ sub: 'u-twice-left' })
    const permit = testPermit('person.leave', admin, person.id)
    const left = await leavePerson(world, permit, { personId: person.id })
    clock.advance(5000)
    const again = testPermit('person.leave', admin, person.id)
    expect(await leavePerson(world, again, { personId: person.id })).toEqual(left)
  })

  test('the last living person with the role platform keeps it and stays', async () => {
    await expect(
      leavePerson(world, testPermit('person.leave', admin, admin), { personId: admin }),
    ).rejects.toMatchObject({ code: 'wrong-state' })
    await expect(
      setRoles(world, testPermit('person.roles', admin, admin), { personId: admin, roles: [] }),
    ).rejects.toMatchObject({ code: 'wrong-state' })
    const heir = await signIn({ sub: 'u-heir' })
    await setRoles(world, testPermit('person.roles', admin, heir.id), {
      personId: heir.id,
      roles: ['platform'],
    })
    const reduced = await setRoles(world, testPermit('person.roles', heir.id, admin), {
      personId: admin,
      roles: ['auditor'],
    })
    expect(reduced.roles).toEqual(['auditor'])
  })

  test('somebody nobody knows can not leave', async () => {
    const id = newId('person')
    await expect(
      leavePerson(world, testPermit('person.leave', systemId('offboard'), id), { personId: id }),
    ).rejects.toMatchObject({ code: 'not-found' })
  })

  test('an owner is silent after 45 days, to the millisecond, and living again once seen', () => {
    const seenAt = clock.now()
    const days = 45 * 24 * 3600 * 1000
    expect(isLiving({ state: 'living', seenAt }, addMs(seenAt, days))).toBe(true)
    expect(isLiving({ state: 'living', seenAt }, addMs(seenAt, days + 1))).toBe(false)
    expect(isLiving({ state: 'left', seenAt }, seenAt)).toBe(false)
  })
})
