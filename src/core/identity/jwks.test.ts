import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair } from 'jose'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type GithubIssuer, startGithubIssuer } from '../../../test/fakes/github-issuer.ts'
import { type HandClock, handClock } from '../../../test/support/clock.ts'
import { fetchJson } from '../../life/outbound/fetch.ts'
import type { Json } from '../base/json.ts'
import { limits } from '../base/limits.ts'
import { Problem } from '../base/problem.ts'
import { type IssuerKeys, makeIssuerKeys } from './jwks.ts'

let github: GithubIssuer
let clock: HandClock
let keys: IssuerKeys
let kid: string
beforeEach(async () => {
  github = await startGithubIssuer()
  clock = handClock()
  keys = cacheOf([github.issuer])
  kid = await github.rotate()
})
afterEach(() => github.stop())

function cacheOf(issuers: readonly string[]): IssuerKeys {
  return makeIssuerKeys(
    { clock, fetch: fetchJson },
    { issuers: new Set(issuers), allowedOrigins: new Set(issuers.map(one => new URL(one).origin)) },
  )
}
const ask = (name = kid) => keys.keyOf(github.issuer, name, 'RS256')

test('a key is fetched once and then at hand', async () => {
  expect(await ask()).toBeDefined()
  const calls = github.calls()
  expect(await ask()).toBe(await ask())
  expect(github.calls()).toBe(calls)
})

test('an issuer nobody registered is never called', async () => {
  expect(await keys.keyOf('http://127.0.0.1:1', kid, 'RS256')).toBeUndefined()
  expect(await keys.keyOf(`${github.issuer}/`, kid, 'RS256')).toBeUndefined()
  expect(keys.knows(`${github.issuer}/`)).toBe(false)
  expect(github.calls()).toBe(0)
})

test('fifty who ask at once make one call', async () => {
  const found = await Promise.all(Array.from({ length: 50 }, () => ask()))
  expect(found.every(key => key !== undefined)).toBe(true)
  // The discovery document and the keys.
  expect(github.calls()).toBe(2)
})

test('ten thousand unknown keys make one call in a stretch', async () => {
  await ask()
  clock.advance(limits.jwksRefetchMs)
  const before = github.calls()
  for (let i = 0; i < 10_000; i++) expect(await ask(`unknown ${i}`)).toBeUndefined()
  expect(github.calls() - before).toBe(2)
  expect(await ask()).toBeDefined()
})

test('a new key is found after the floor, and not a millisecond before', async () => {
  await ask()
  const next = await github.rotate()
  clock.advance(limits.jwksRefetchMs - 1)
  expect(await ask(next)).toBeUndefined()
  clock.advance(1)
  expect(await ask(next)).toBeDefined()
})

test('a removed key is dead once the keys are fetched again', async () => {
  await ask()
  github.removeKey(kid)
  clock.advance(limits.jwksFreshMs - 1)
  expect(await ask()).toBeDefined()
  clock.advance(1)
  expect(await ask()).toBeUndefined()
})

test('a removed key is dead at once where an unknown key makes us look', async () => {
  await ask()
  github.removeKey(kid)
  clock.advance(limits.jwksRefetchMs)
  expect(await ask('unknown')).toBeUndefined()
  expect(await ask()).toBeUndefined()
})

test('known keys are good while the issuer is down, until their age, and not a millisecond more', async () => {
  await ask()
  github.behave('down')
  clock.advance(limits.jwksMaxAgeMs - 1)
  expect(await ask()).toBeDefined()
  expect(await ask('unknown')).toBeUndefined()
  clock.advance(1)
  await expect(ask()).rejects.toMatchObject({ code: 'issuer-unavailable' })
})

test('an issuer that was never reached is tried again soon, and not sooner', async () => {
  github.behave('down')
  await expect(ask()).rejects.toMatchObject({ code: 'issuer-unavailable' })
  const calls = github.calls()
  await expect(ask()).rejects.toMatchObject({ code: 'issuer-unavailable' })
  expect(github.calls()).toBe(calls)
  github.behave('well')
  clock.advance(limits.jwksRetryMs)
  expect(await ask()).toBeDefined()
})

test('an issuer that does not answer holds nobody longer than the limit', async () => {
  github.behave('slow')
  const started = performance.now()
  await expect(ask()).rejects.toMatchObject({ code: 'issuer-unavailable' })
  expect(performance.now() - started).toBeLessThan(limits.issuerCallMs + 1_500)
})

test('who has a fresh key waits for no call that an unknown one has caused', async () => {
  await ask()
  github.behave('slow')
  clock.advance(limits.jwksRefetchMs)
  const unknown = ask('unknown')
  const started = performance.now()
  expect(await ask()).toBeDefined()
  expect(performance.now() - started).toBeLessThan(limits.issuerCallMs / 2)
  expect(await unknown).toBeUndefined()
})

test('two issuers with the same key id keep their own keys, asked in either order', async () => {
  const other = await startGithubIssuer()
  try {
    await github.rotate('same')
    await other.rotate('same')
    for (const issuers of [
      [github.issuer, other.issuer],
      [other.issuer, github.issuer],
    ]) {
      keys = cacheOf(issuers)
      const found = []
      for (const issuer of issuers) found.push(await keys.keyOf(issuer, 'same', 'RS256'))
      expect(found.every(key => key !== undefined)).toBe(true)
      const [first, second] = await Promise.all(
        found.map(async key => (await exportJWK(key ?? new Uint8Array())).n),
      )
      expect(first).not.toBe(second)
    }
  } finally {
    await other.stop()
  }
})

test('a key is for its own algorithm alone', async () => {
  expect(await keys.keyOf(github.issuer, kid, 'ES256')).toBeUndefined()
  expect(await ask()).toBeDefined()
})

const discovery = (issuer: string, jwks_uri: string) => (_: unknown, response: Answering) =>
  response.end(JSON.stringify({ issuer, jwks_uri }))
type Answering = Parameters<RequestListener>[1]

test.each<[string, (origin: string) => RequestListener]>([
  ['names another issuer', origin => discovery('https://example.com', `${origin}/jwks`)],
  ['names itself with a slash more', origin => discovery(`${origin}/`, `${origin}/jwks`)],
  ['keeps its keys at another origin', origin => discovery(origin, `${github.issuer}/jwks`)],
  ['keeps its keys inside', origin => discovery(origin, 'http://169.254.169.254/jwks')],
  ['has no keys', origin => (_, response) => response.end(JSON.stringify({ issuer: origin }))],
  ['answers with a list', () => (_, response) => response.end('[]')],
])('an issuer that %s is not used', async (_what, make) => {
  const calls = github.calls()
  const { origin, close } = await serve(make)
  keys = cacheOf([origin, github.issuer])
  await expect(keys.keyOf(origin, kid, 'RS256')).rejects.toMatchObject({
    code: 'issuer-unavailable',
  })
  expect(github.calls()).toBe(calls)
  close()
})

test('keys that are too short, private, for encryption or of another kind are nobody’s keys', async () => {
  const issuer = 'https://issuer.example'
  const good = await jwk('RS256', { kid: 'good' })
  const set = [
    good,
    { ...good, kid: 'encrypts', use: 'enc' },
    { ...good, kid: 'other-alg', alg: 'RS512' },
    { ...good, kid: 'short', n: String(good.n).slice(0, 100) },
    { ...good, kid: 'private', d: 'AQAB' },
    { kty: 'oct', kid: 'secret', k: 'c2VjcmV0', alg: 'HS256' },
    { kty: 'EC', crv: 'P-256', kid: 'not-a-point', x: 'AA', y: 'AA' },
    { ...good, kid: 7 },
    await jwk('ES256', { kid: 'curve' }),
  ] as unknown as Json[]
  keys = fixed(issuer, { keys: set })
  for (const name of ['encrypts', 'other-alg', 'short', 'private', 'not-a-point', '7'])
    expect(await keys.keyOf(issuer, name, 'RS256')).toBeUndefined()
  expect(await keys.keyOf(issuer, 'secret', 'RS256')).toBeUndefined()
  expect(await keys.keyOf(issuer, 'not-a-point', 'ES256')).toBeUndefined()
  expect(await keys.keyOf(issuer, 'good', 'RS256')).toBeDefined()
  expect(await keys.keyOf(issuer, 'curve', 'ES256')).toBeDefined()
})

test('an issuer with more keys than the limit is not used', async () => {
  const issuer = 'https://issuer.example'
  const good = await jwk('RS256', { kid: 'good' })
  const many = Array.from({ length: limits.issuerKeys + 1 }, () => good)
  await expect(
    fixed(issuer, { keys: many as unknown as Json[] }).keyOf(issuer, 'good', 'RS256'),
  ).rejects.toMatchObject({ code: 'issuer-unavailable' })
  const enough = fixed(issuer, { keys: many.slice(1) as unknown as Json[] })
  expect(await enough.keyOf(issuer, 'good', 'RS256')).toBeDefined()
})

function fixed(issuer: string, set: Json): IssuerKeys {
  const fetch = async (address: string): Promise<Json> => {
    if (address === `${issuer}/.well-known/openid-configuration`)
      return { issuer, jwks_uri: `${issuer}/keys` }
    if (address === `${issuer}/keys`) return set
    throw new Problem('issuer-unavailable', { detail: 'There is nothing here.' })
  }
  return makeIssuerKeys(
    { clock, fetch },
    { issuers: new Set([issuer]), allowedOrigins: new Set<string>() },
  )
}

async function jwk(alg: 'RS256' | 'ES256', more: object) {
  const { publicKey } = await generateKeyPair(alg, { extractable: true })
  return { ...(await exportJWK(publicKey)), alg, ...more }
}

async function serve(make: (origin: string) => RequestListener) {
  let listener: RequestListener = () => {}
  const server = createServer((request, response) => listener(request, response))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  listener = make(origin)
  return { origin, close: () => server.close() }
}
