/** Forged bearers at the API door, over HTTP and the real verifiers: none is accepted, none says why. */
import { createHmac, generateKeyPairSync } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader, type JWTPayload, SignJWT } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  attest,
  type Company,
  connectSales,
  makeAppWithGrant,
  startCompany,
} from '../journeys/company.ts'

let company: Company
let genuine: string
let claims: JWTPayload
beforeAll(async () => {
  company = await startCompany({ target: true })
  await connectSales(company)
  await makeAppWithGrant(company, 'victim')
  genuine = await attest(company, 'victim')
  claims = decodeJwt(genuine)
}, 120_000)
afterAll(() => company?.stop())

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const me = (bearer: string) =>
  fetch(`${company.running.address}/v1/me`, { headers: { authorization: `Bearer ${bearer}` } })

test('the genuine token is accepted, so that what follows is refused for what is wrong with it', async () => {
  expect((await me(genuine)).status).toBe(200)
})

test('no algorithm, another key, a key in the header, a header nobody knows: all refused alike', async () => {
  const header = decodeProtectedHeader(genuine)
  const [head = '', body = '', signature = ''] = genuine.split('.')
  const own = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const sign = (more: object, said: JWTPayload = claims) =>
    new SignJWT(said).setProtectedHeader({ ...header, alg: 'ES256', ...more }).sign(own.privateKey)
  const published = company.running.world.keys.tokenJwks().keys.map(key => JSON.stringify(key))
  const hmac = (key: string) => {
    const signed = `${part({ ...header, alg: 'HS256' })}.${body}`
    return `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`
  }
  const flipped = Buffer.from(signature, 'base64url')
  flipped[5] = (flipped[5] ?? 0) ^ 1
  const person = { ...claims, sub: company.ids.sam, client_id: 'leasehold-cli', sid: 'x' }
  const jwk = own.publicKey.export({ format: 'jwk' })
  const forged: Record<string, string> = {
    ...Object.fromEntries(
      ['none', 'None', 'NONE', ''].map(alg => [
        `alg ${alg}`,
        `${part({ ...header, alg })}.${body}.`,
      ]),
    ),
    ...Object.fromEntries(
      published.map((key, i) => [`our public key ${i} as a secret`, hmac(key)]),
    ),
    'its own key': await sign({}),
    'its own key, embedded': await sign({ jwk }),
    'a key to fetch': await sign({ jku: 'http://127.0.0.1:1/jwks', x5u: 'http://127.0.0.1:1/' }),
    'a kid that is a path': await sign({ kid: '../../dev/null' }),
    'a kid that is a prototype': await sign({ kid: '__proto__' }),
    'a platform person': await sign({}, person),
    'another signature': `${head}.${body}.${flipped.toString('base64url')}`,
    'other claims': `${head}.${part({ ...claims, sub: 'spiffe://acme.example/app/other/run' })}.${signature}`,
    'r and s of zero': `${head}.${body}.${Buffer.alloc(64).toString('base64url')}`,
    'no signature': `${head}.${body}.`,
    'another type': await sign({ typ: 'JWT' }),
    'a critical header': `${part({ ...header, crit: ['x'], x: 1 })}.${body}.${signature}`,
  }
  const before = await company.size()
  for (const [name, token] of Object.entries(forged)) {
    const answer = await me(token)
    const text = await answer.text()
    expect([name, answer.status]).toEqual([name, 401])
    expect(JSON.parse(text).code).toBe('token-refused')
    expect(text).not.toMatch(/signature|alg|kid|jwk|jose/i)
  }
  expect(await company.size()).toBe(before)
})

test('a token ends with its time, with its task, and is good for nobody else', async () => {
  const task = company.as({ task: genuine })
  const { body } = await task('GET', '/v1/me')
  expect((await task('POST', `/v1/tasks/${body.task.id}/close`)).status).toBe(200)
  await company.running.world.settle()
  expect((await me(genuine)).status).toBe(401)
  const later = await attest(company, 'victim')
  company.clock.advance(3_600_000)
  expect((await me(later)).status).toBe(401)
})
