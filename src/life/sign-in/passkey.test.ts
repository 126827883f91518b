import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { makeAuthenticator } from '../../../test/support/authenticator.ts'
import { testPermit } from '../../../test/support/permit.ts'
import { person, type TestWorld, testWorld } from '../../../test/support/world.ts'
import type { PersonId } from '../../core/base/ids.ts'
import { bounds } from './bounds.ts'
import {
  addPasskey,
  anotherOne,
  askPasskey,
  checkPasskey,
  offerPasskey,
  passkeysOf,
  removePasskeys,
  yesTo,
} from './passkey.ts'

const origin = 'http://localhost:4400'
const request = { id: 'rq_1', bodyHash: 'a'.repeat(64) }

let world: TestWorld & { issuer: string }
let maya: PersonId
let device: ReturnType<typeof makeAuthenticator>
beforeAll(async () => {
  world = { ...(await testWorld('team')), issuer: origin }
})
beforeEach(async () => {
  maya = await person(world, 'Maya')
  device = makeAuthenticator()
})
afterAll(() => world.store.close())

async function add(by = device, proof?: object) {
  const { challenge } = await offerPasskey(world, maya)
  return addPasskey(world, maya, { response: by.create({ origin, challenge }), proof })
}
async function challengeFor(about: string, personId = maya) {
  return (await askPasskey(world, { personId, about }))?.challenge ?? ''
}
const refused = { code: 'token-refused' }

describe('saying yes', () => {
  const about = yesTo(request)
  const check = (response?: object, personId = maya) =>
    checkPasskey(world, { personId, about }, response)

  test('needs no passkey of who has none', async () => {
    expect(await askPasskey(world, { personId: maya, about })).toBeNull()
    expect(await check()).toBeNull()
    expect(await check({ id: 'anything' })).toBeNull()
  })

  test('is done with the passkey of who has one, and in no other way', async () => {
    const { id } = await add()
    await expect(check()).rejects.toMatchObject({ code: 'human-required' })
    const challenge = await challengeFor(about)
    expect(await check(device.get({ origin, challenge }))).toBe(id)
  })

  test('is good once', async () => {
    await add()
    const yes = device.get({ origin, challenge: await challengeFor(about) })
    await check(yes)
    await expect(check(yes)).rejects.toMatchObject(refused)
  })

  test('is good for five minutes', async () => {
    await add()
    const yes = device.get({ origin, challenge: await challengeFor(about) })
    world.clock.advance(bounds.passkeySeconds * 1000)
    await expect(check(yes)).rejects.toMatchObject(refused)
  })

  test.each([
    ['another request', yesTo({ ...request, id: 'rq_2' })],
    ['the same request with another body', yesTo({ ...request, bodyHash: 'b'.repeat(64) })],
    ['adding a passkey', anotherOne],
  ])('to %s is no yes to this one', async (_what, other) => {
    await add()
    const yes = device.get({ origin, challenge: await challengeFor(other) })
    await expect(check(yes)).rejects.toMatchObject(refused)
  })

  test.each([
    ['at another origin', { origin: 'http://localhost:4401' }],
    ['at another host', { origin: 'https://localhost.evil.example' }],
    ['without the person there', { flags: 4 }],
    ['without the person having unlocked it', { flags: 1 }],
    ['as if it were a new key', { type: 'webauthn.create' }],
    ['with a challenge of nobody', { challenge: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' }],
  ])('%s is refused', async (_what, bent) => {
    await add()
    const challenge = await challengeFor(about)
    await expect(check(device.get({ origin, challenge, ...bent }))).rejects.toMatchObject(refused)
  })

  test('with another device, or with somebody else’s, is refused', async () => {
    await add()
    const tom = await person(world, 'Tom')
    const toms = makeAuthenticator()
    const { challenge } = await offerPasskey(world, tom)
    await addPasskey(world, tom, { response: toms.create({ origin, challenge }) })
    const mine = await challengeFor(about)
    const forged = { ...toms.get({ origin, challenge: mine }), id: device.id, rawId: device.id }
    await expect(check(forged)).rejects.toMatchObject(refused)
    const theirs = toms.get({ origin, challenge: await challengeFor(about) })
    await expect(check(theirs)).rejects.toMatchObject(refused)
    // Tom's device on what was asked of Maya is no yes of Tom's either.
    const asked = toms.get({ origin, challenge: await challengeFor(about) })
    await expect(check(asked, tom)).rejects.toMatchObject(refused)
  })

  test.each<[string, object]>([
    ['nothing', {}],
    ['no signature', { id: '', rawId: '', type: 'public-key', response: {} }],
    ['numbers', { id: 7, response: 7 }],
  ])('with %s is refused', async (_what, given) => {
    await add()
    await expect(check(given)).rejects.toMatchObject(refused)
    await expect(check({ ...given, id: device.id })).rejects.toMatchObject(refused)
  })
})

describe('a further passkey', () => {
  test('is added with one that is there', async () => {
    await add()
    const second = makeAuthenticator()
    await expect(add(second)).rejects.toMatchObject({ code: 'human-required' })
    const challenge = await challengeFor(anotherOne)
    await add(second, device.get({ origin, challenge }))
    expect(passkeysOf(world, maya)).toHaveLength(2)
  })

  test('is not the same one again', async () => {
    await add()
    const proof = device.get({ origin, challenge: await challengeFor(anotherOne) })
    await expect(add(device, proof)).rejects.toMatchObject({ code: 'already-exists' })
  })

  test('is not offered beyond the bound', async () => {
    await add()
    for (let more = 1; more < bounds.passkeys; more++)
      await add(
        makeAuthenticator(),
        device.get({ origin, challenge: await challengeFor(anotherOne) }),
      )
    await expect(offerPasskey(world, maya)).rejects.toMatchObject({ code: 'wrong-state' })
  })

  test('that answers what was offered to somebody else is refused', async () => {
    const tom = await person(world, 'Tom')
    const { challenge } = await offerPasskey(world, tom)
    const response = device.create({ origin, challenge })
    await expect(addPasskey(world, maya, { response })).rejects.toMatchObject(refused)
    expect(passkeysOf(world, maya)).toEqual([])
  })
})

test('a removed passkey says yes to nothing, and its person needs none again', async () => {
  await add()
  const about = yesTo(request)
  const yes = device.get({ origin, challenge: await challengeFor(about) })
  const remove = (by: PersonId) =>
    removePasskeys(world, testPermit('person.add', by, maya), { personId: maya })
  await expect(remove(maya)).rejects.toMatchObject({ code: 'human-required' })
  await remove(world.first.id)
  await remove(world.first.id)
  expect(passkeysOf(world, maya)).toEqual([])
  expect(await checkPasskey(world, { personId: maya, about }, yes)).toBeNull()
  const other = makeAuthenticator()
  await add(other)
  await expect(checkPasskey(world, { personId: maya, about }, yes)).rejects.toMatchObject(refused)
})
