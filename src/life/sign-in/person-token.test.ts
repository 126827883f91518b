/** Tokens at our API that must not pass. Each is one byte or one claim away from a good one. */
import { createHmac, generateKeyPairSync, sign } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type TestKeys, testKeys } from '../../../test/support/oauth.ts'
import { person, type TestWorld, testWorld } from '../../../test/support/world.ts'
import { newId, type PersonId } from '../../core/base/ids.ts'
import { isProblem } from '../../core/base/problem.ts'
import { addSeconds, toSeconds } from '../../core/base/time.ts'
import { type PersonTokenWorld, verifyPersonToken } from './person-token.ts'
import { insertOidcState } from './rows.ts'

const issuer = 'http://localhost:4400'
const apiAudience = `${issuer}/v1`

let ledger: TestWorld
let world: PersonTokenWorld
let keys: TestKeys
let personId: PersonId
const sid = 'grant-of-a-device'

beforeAll(async () => {
  ledger = await testWorld('team')
  keys = await testKeys()
  world = { ...ledger, issuer, apiAudience, tokenJwks: keys.tokenJwks }
  personId = await person(ledger)
  await ledger.store.transact(tx =>
    insertOidcState(tx, {
      kind: 'Grant',
      id: sid,
      payload: { accountId: personId, clientId: 'leasehold-cli' },
      expiresAt: addSeconds(ledger.clock.now(), 3600),
    }),
  )
})
afterAll(() => ledger.store.close())

type Part = Record<string, unknown>

function claims(change: Part = {}): Part {
  const iat = toSeconds(ledger.clock.now())
  const client_id = 'leasehold-cli'
  const fixed = { iss: issuer, aud: apiAudience, sub: personId, client_id, scope: 'api' }
  return { ...fixed, jti: 'a-token', sid, iat, exp: iat + 300, ...change }
}

function encode(part: Part): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}

function make(body = claims(), head: Part = {}, key = keys.signer().privateKey): string {
  const input = `${encode({ alg: 'ES256', typ: 'at+jwt', kid: keys.signer().kid, ...head })}.${encode(body)}`
  const signature = sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' })
  return `${input}.${signature.toString('base64url')}`
}

async function isRefused(token: string): Promise<boolean> {
  const verdict = await verifyPersonToken(world, token).catch((thrown: unknown) => thrown)
  return isProblem(verdict, 'token-refused')
}

describe('a token of a person', () => {
  test('passes when everything is right', async () => {
    expect(await verifyPersonToken(world, make())).toEqual({
      personId,
      tokenId: 'a-token',
      boundTo: null,
      clientId: 'leasehold-cli',
      signInEndsAt: addSeconds(ledger.clock.now(), 3600),
    })
  })

  test('without a signature is refused, in every spelling of none', async () => {
    for (const alg of ['none', 'None', 'NONE', '']) {
      const input = `${encode({ alg, typ: 'at+jwt' })}.${encode(claims())}`
      expect(await isRefused(`${input}.`)).toBe(true)
      expect(await isRefused(input)).toBe(true)
      expect(await isRefused(make(claims(), { alg }))).toBe(true)
    }
  })

  test('signed by our public key as if it were a secret is refused', async () => {
    const [jwk] = keys.tokenJwks().keys
    for (const secret of [JSON.stringify(jwk), jwk?.x ?? '', '']) {
      const input = `${encode({ alg: 'HS256', typ: 'at+jwt', kid: jwk?.kid })}.${encode(claims())}`
      const mac = createHmac('sha256', secret).update(input).digest('base64url')
      expect(await isRefused(`${input}.${mac}`)).toBe(true)
    }
  })

  test('signed by another key is refused, also when it brings that key along', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const jwk = publicKey.export({ format: 'jwk' })
    expect(await isRefused(make(claims(), {}, privateKey))).toBe(true)
    expect(await isRefused(make(claims(), { jwk }, privateKey))).toBe(true)
    expect(
      await isRefused(make(claims(), { jku: `${issuer}/keys`, x5u: `${issuer}/cert` }, privateKey)),
    ).toBe(true)
    expect(await isRefused(make(claims(), { kid: '../../dev/null' }, privateKey))).toBe(true)
  })

  test('with zeros for a signature is refused', async () => {
    const [head, body] = make().split('.')
    expect(await isRefused(`${head}.${body}.${Buffer.alloc(64).toString('base64url')}`)).toBe(true)
  })

  test('with a critical header nobody knows is refused', async () => {
    expect(await isRefused(make(claims(), { crit: ['x'], x: true }))).toBe(true)
    expect(await isRefused(make(claims(), { b64: false, crit: ['b64'] }))).toBe(true)
  })

  test('of another type is refused, so that no other signed thing is a token', async () => {
    for (const typ of ['JWT', undefined, 'at+JWT2', 'txntoken+jwt'])
      expect(await isRefused(make(claims(), { typ }))).toBe(true)
  })

  test('needs exactly our issuer and exactly our audience', async () => {
    for (const iss of ['http://localhost:4401', `${issuer}/`, [issuer], null, undefined])
      expect(await isRefused(make(claims({ iss })))).toBe(true)
    for (const aud of [
      issuer,
      `${apiAudience}/`,
      [apiAudience, 'other'],
      [apiAudience],
      {},
      undefined,
    ])
      expect(await isRefused(make(claims({ aud })))).toBe(true)
  })

  test('needs every claim that bounds it', async () => {
    for (const name of ['exp', 'iat', 'sub', 'jti', 'sid', 'client_id', 'aud', 'iss'])
      expect(await isRefused(make(claims({ [name]: undefined })))).toBe(true)
    for (const exp of ['9e99', -1, 0, null, [9_999_999_999]])
      expect(await isRefused(make(claims({ exp })))).toBe(true)
  })

  test('is over at its end, to the second', async () => {
    const token = make()
    ledger.clock.advance(299_000)
    await verifyPersonToken(world, token)
    ledger.clock.advance(1_000)
    expect(await isRefused(token)).toBe(true)
  })

  test('is for a person: a workload or a stranger in `sub` is refused', async () => {
    for (const sub of ['spiffe://example.com/app/x/run', newId('identity'), newId('person'), '', 7])
      expect(await isRefused(make(claims({ sub })))).toBe(true)
  })

  test('is of our own client, and of a sign-in that stands', async () => {
    expect(await isRefused(make(claims({ client_id: 'somebody-else' })))).toBe(true)
    expect(await isRefused(make(claims({ sid: 'never-was' })))).toBe(true)
    const other = await person(ledger, 'Tom')
    expect(await isRefused(make(claims({ sub: other })))).toBe(true)
  })

  test('of any size or shape is answered quickly', async () => {
    for (const text of ['', '.', '..', '.'.repeat(1_000_000), 'a'.repeat(1_000_000), '\u0000'])
      expect(await isRefused(text)).toBe(true)
  })

  test('ends with its person, also where its sign-in is still written down', async () => {
    const token = make()
    await ledger.store.query(`update person set state = 'left' where id = $1`, [personId])
    expect(await isRefused(token)).toBe(true)
    await ledger.store.query(`update person set state = 'living' where id = $1`, [personId])
    await verifyPersonToken(world, token)
  })

  test('ends with its sign-in, not with its own time', async () => {
    const token = make()
    await verifyPersonToken(world, token)
    await ledger.store.query(`delete from oidc_state where id = $1`, [sid])
    expect(await isRefused(token)).toBe(true)
  })
})
