import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type AttestedWorld,
  attestedWorld,
  attestIn,
  audience,
  identityOf,
  ourIssuer,
  someApp,
  trusting,
} from '../../../../test/support/attested.ts'
import { fetchJson } from '../../../life/outbound/fetch.ts'
import type { JsonObject } from '../../base/json.ts'
import { toSeconds } from '../../base/time.ts'
import { makeIssuerKeys } from '../jwks.ts'
import { isRefusal } from '../refusal.ts'
import { proposeTrust } from '../trust.ts'
import { parseBinding } from './machine.ts'
import { spiffe } from './spiffe.ts'

const domain = 'spiffe://prod.acme.example'
const workload = `${domain}/ns/desk/sa/refresh`
const rule = { spiffe_id: workload }
const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })
const [svidKey, x509Key, strangerKey] = [pair(), pair(), pair()]

let world: AttestedWorld
let bundle: Server
let identityId: Awaited<ReturnType<typeof identityOf>>['id']
let calls = 0
beforeAll(async () => {
  bundle = createServer((_, response) => {
    calls++
    const jwk = (key: KeyObject, use: string, kid: string) => {
      return { ...key.export({ format: 'jwk' }), use, kid }
    }
    const keys = [
      jwk(svidKey.publicKey, 'jwt-svid', 'svid'),
      jwk(x509Key.publicKey, 'x509-svid', 'leaf'),
      jwk(x509Key.publicKey, 'sig', 'plain'),
    ]
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ keys, spiffe_sequence: 3, spiffe_refresh_hint: 300 }))
  })
  await new Promise<void>(resolve => bundle.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(bundle.address() as AddressInfo).port}`
  const github = await attestedWorld()
  const issuers = new Set([github.github.issuer, `${domain}=${origin}/bundle`])
  const allowedOrigins = new Set([github.github.issuer, origin])
  const issuerKeys = makeIssuerKeys({ ...github, fetch: fetchJson }, { issuers, allowedOrigins })
  world = { ...github, issuerKeys }
  const app = await someApp(world)
  identityId = (await identityOf(world, app)).id
  const trusts = { ...world, github: { ...world.github, issuer: domain } }
  await trusting(trusts, identityId, rule, 'spiffe')
})
afterAll(async () => {
  bundle.close()
  await world.github.stop()
  await world.store.close()
})

/** As a SPIRE server writes one: no issuer and no id. `undefined` takes a claim away. */
function svid(more: Record<string, unknown> = {}, key = svidKey.privateKey, kid = 'svid') {
  const iat = toSeconds(world.clock.now())
  const claims = { sub: workload, aud: [audience], iat, exp: iat + 300, ...more }
  return new SignJWT(claims).setProtectedHeader({ alg: 'ES256', typ: 'JWT', kid }).sign(key)
}
async function claimRefused(token: string, named?: string) {
  const answer = await attestIn(world, token, named)
  return isRefusal(answer) ? `${answer.refused} ${answer.claim}` : 'attested'
}

describe('a workload of a SPIFFE trust domain', () => {
  test('is the identity whose rule has its id, for the holder of one key', async () => {
    const answer = await attestIn(world, await svid())
    if (isRefusal(answer)) throw new Error(answer.says)
    expect(answer.identity.id).toBe(identityId)
    expect(answer.assertion).toMatchObject({ issuer: domain, replay: 'bound' })
    expect(answer.provenance.facts).toEqual({ issuer: domain })
    expect(answer.provenance.words).toEqual({ actor: workload })
    const again = await attestIn(world, await svid({ exp: toSeconds(world.clock.now()) + 200 }))
    expect(isRefusal(again) ? '' : again.provenance.key).not.toBe(answer.provenance.key)
  })

  test('says nothing by its `iss`, which the domain’s server may write as it likes', async () => {
    expect(await claimRefused(await svid({ iss: 'https://oidc.acme.example' }))).toBe('attested')
    expect(await claimRefused(await svid({ iss: ourIssuer }))).toBe('attested')
    expect(await claimRefused(await svid({ spiffe_id: `${domain}/other` }))).toBe('attested')
  })

  test.each<[string, Record<string, unknown>, string]>([
    ['another path', { sub: `${workload}2` }, 'claims spiffe_id'],
    ['a path below', { sub: `${workload}/x` }, 'claims spiffe_id'],
    ['a path that leads back', { sub: `${domain}/x/../ns/desk/sa/refresh` }, 'claims spiffe_id'],
    ['a path in escapes', { sub: `${domain}/ns/desk/sa/%72efresh` }, 'claims spiffe_id'],
    ['two slashes', { sub: `${domain}//ns/desk/sa/refresh` }, 'claims spiffe_id'],
    ['the domain itself', { sub: domain }, 'malformed iss'],
    ['a domain nobody registered', { sub: 'spiffe://other.example/x' }, 'malformed iss'],
    ['the domain in other letters', { sub: workload.replace('prod', 'PROD') }, 'malformed iss'],
    ['a longer domain', { sub: workload.replace('.example', '.example.evil') }, 'malformed iss'],
    ['two audiences', { aud: [audience, 'https://other.example'] }, 'malformed aud'],
    ['another audience', { aud: 'https://other.example' }, 'audience aud'],
    ['no end', { exp: undefined }, 'malformed exp'],
    ['no start', { iat: undefined }, 'malformed iat'],
    ['an end beyond what we remember', { exp: 4_000_000_000 }, 'time exp'],
  ])('with %s is refused', async (_what, more, refused) => {
    expect(await claimRefused(await svid(more), 'deal-desk/run')).toBe(refused)
  })

  test('is signed by a key that its bundle has for JWT-SVIDs, and by no other', async () => {
    expect(await claimRefused(await svid({}, strangerKey.privateKey))).toBe('signature signature')
    expect(await claimRefused(await svid({}, x509Key.privateKey, 'leaf'))).toBe('key kid')
    expect(await claimRefused(await svid({}, x509Key.privateKey, 'plain'))).toBe('key kid')
  })

  test('is not whoever another registered issuer says it is', async () => {
    const iat = toSeconds(world.clock.now())
    const said = { sub: workload, aud: audience, iat, nbf: iat, exp: iat + 300, jti: 'a' }
    expect(await claimRefused(await world.github.issue(said))).toBe('key kid')
    const beside = { ...said, sub: 'somebody', spiffe_id: workload }
    expect(await claimRefused(await world.github.issue(beside), 'deal-desk/run')).toBe('claims iss')
  })

  test('costs its bundle no call that a token could ask for', () => {
    expect(calls).toBe(1)
  })
})

const propose = (claims: JsonObject, issuer?: string) => () =>
  proposeTrust(world, { identityId, preset: 'spiffe', claims, issuer })

test('the trust domain of its id answers for it, and nobody else', () => {
  expect(propose(rule)().issuer).toBe(domain)
  expect(propose(rule, domain)().issuer).toBe(domain)
  for (const issuer of [world.github.issuer, 'spiffe://other.example', ourIssuer, ''])
    expect(propose(rule, issuer)).toThrow(expect.objectContaining({ code: 'address-refused' }))
  expect(propose({ spiffe_id: 'spiffe://other.example/x' })).toThrow(/not registered/)
})

test.each([
  ['no id', {}],
  ['a pattern', { spiffe_id: `${domain}/ns/*` }],
  ['a domain without a path', { spiffe_id: domain }],
  ['a slash at its end', { spiffe_id: `${workload}/` }],
  ['a step back', { spiffe_id: `${domain}/a/../b` }],
  ['an escape', { spiffe_id: `${domain}/a%2fb` }],
  ['upper case in the domain', { spiffe_id: workload.replace('prod', 'Prod') }],
  ['another claim', { ...rule, sub: workload }],
])('a rule with %s is refused', (_what, claims) => {
  expect(() => parseBinding(spiffe, claims as JsonObject)).toThrow(
    expect.objectContaining({ code: 'invalid-field' }),
  )
})
