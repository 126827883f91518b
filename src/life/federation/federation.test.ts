import { createLocalJWKSet, decodeJwt, jwtVerify } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { testPermit } from '../../../test/support/permit.ts'
import { expectReplay, readEntries } from '../../../test/support/replay.ts'
import { type TestWorld, testWorld } from '../../../test/support/world.ts'
import type { SystemId } from '../../core/base/ids.ts'
import { type FederationIssuer, makeFederation } from './issuer.ts'
import { federationKeyTable } from './rows.ts'

let world: TestWorld
let issuer: FederationIssuer
const day = 86_400_000
const sealed = new Map<string, Uint8Array>()
const seal = (plaintext: Uint8Array, place: string) => {
  sealed.set(place, plaintext)
  return `sealed ${place}`
}
const made = () => {
  const unseal = (text: string, place: string) => {
    const plaintext = sealed.get(place)
    if (plaintext === undefined || text !== `sealed ${place}`) throw new Error('not sealed here')
    return plaintext
  }
  const permitFor = (actor: SystemId, action: never, about: { id: never }) =>
    testPermit(action, actor, about.id)
  const more = { issuer: 'https://leasehold.example', seal, unseal }
  return makeFederation({ ...world, ...more, permitFor: permitFor as never })
}
beforeAll(async () => {
  world = await testWorld('team')
  issuer = made()
})
afterAll(() => world.store.close())

const claims = { subject: 'lhg_acme_1', audience: 'sts.amazonaws.com' }
const states = () =>
  world.replica
    .all(federationKeyTable)
    .map(({ state }) => state)
    .toSorted()
const verify = (token: string, options = {}) =>
  jwtVerify(token, createLocalJWKSet(issuer.jwks() as never), {
    issuer: 'https://leasehold.example/federation',
    audience: 'sts.amazonaws.com',
    algorithms: ['RS256'],
    currentDate: new Date(world.clock.now()),
    ...options,
  })

test('a token is one for an outside system, by keys that are published, made when they are needed', async () => {
  expect(issuer.jwks()).toEqual({ keys: [] })
  const tags = { 'https://aws.amazon.com/tags': { principal_tags: { app: ['deal-desk'] } } }
  const { payload, protectedHeader } = await verify(await issuer.sign({ ...claims, more: tags }))
  expect(payload).toMatchObject({ sub: 'lhg_acme_1', aud: 'sts.amazonaws.com', ...tags })
  expect(Number(payload.exp) - Number(payload.iat)).toBe(300)
  expect(protectedHeader).toMatchObject({ alg: 'RS256', typ: 'JWT' })
  expect(states()).toEqual(['active', 'next'])
  for (const jwk of issuer.jwks().keys)
    expect(Object.keys(jwk).toSorted()).toEqual(['alg', 'e', 'kid', 'kty', 'n', 'use'])
  expect(issuer.discovery()).toMatchObject({
    issuer: decodeJwt(await issuer.sign(claims)).iss,
    jwks_uri: 'https://leasehold.example/federation/jwks',
  })
})

test('what is said beside the claims replaces none of them', async () => {
  const more = { iss: 'https://evil.example', sub: 'admin', aud: ['a', 'b'], exp: 9_999_999_999 }
  const { payload } = await verify(await issuer.sign({ ...claims, more }))
  expect(payload).toMatchObject({ sub: 'lhg_acme_1', aud: 'sts.amazonaws.com' })
  expect(payload.exp).toBeLessThan(9_999_999_999)
})

test.each(['', 'a'.repeat(128), 'with space', 'ünicode', 'line\nbreak'])(
  'no token is signed for the subject %j',
  async subject => {
    await expect(issuer.sign({ ...claims, subject })).rejects.toThrow('short ASCII')
  },
)

test('no private part is in the log, in memory or in a row of the keys', async () => {
  const der = [...sealed.values()].map(bytes => Buffer.from(bytes).toString('base64url'))
  const seen = JSON.stringify([
    await readEntries(world.store),
    world.replica.all(federationKeyTable),
    await world.store.query('select * from federation_secret'),
  ])
  expect(der.length).toBeGreaterThan(1)
  for (const text of der) expect(seen).not.toContain(text.slice(0, 64))
})

test('a key is published before it signs and after, and its private part is then shredded', async () => {
  const before = await issuer.sign(claims)
  const { kid: old } = JSON.parse(atob(before.split('.')[0] ?? '')) as { kid: string }
  world.clock.advance(30 * day)
  const published = new Set(issuer.jwks().keys.map(({ kid }) => kid))
  await issuer.turn()
  const after = await issuer.sign(claims)
  const { kid } = JSON.parse(atob(after.split('.')[0] ?? '')) as { kid: string }
  expect([kid === old, published.has(kid)]).toEqual([false, true])
  expect(states()).toEqual(['active', 'next', 'retired'])
  // What was signed a moment before still holds.
  await verify(before, { currentDate: new Date(Date.parse(world.clock.now()) - 30 * day) })
  await issuer.turn()
  expect(states()).toEqual(['active', 'next', 'retired'])
  world.clock.advance(2 * day)
  await issuer.turn()
  expect(states()).toEqual(['active', 'next'])
  const secrets = await world.store.query<{ keyId: string }>(
    'select key_id as "keyId" from federation_secret',
  )
  expect(secrets.map(({ keyId }) => keyId)).not.toContain(old)
  await expect(verify(before)).rejects.toThrow('no applicable key')
})

test('turned by two at once they are turned once, and the log played again equals the tables', async () => {
  world.clock.advance(31 * day)
  await Promise.all([issuer.turn(), made().turn()])
  expect(states()).toEqual(['active', 'next', 'retired'])
  await expectReplay(world.store, [federationKeyTable])
})
