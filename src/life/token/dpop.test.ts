import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { beforeEach, describe, expect, it } from 'vitest'
import { handClock } from '../../../test/support/clock.ts'
import { base64url, sha256 } from '../../core/base/hash.ts'
import { toMs } from '../../core/base/time.ts'
import { checkBound, Proofs } from './dpop.ts'

const clock = handClock()
const of = { method: 'POST', path: '/v1/leases', hosts: ['127.0.0.1:4400', 'localhost:4400'] }
const token = 'header.body.signature'
let proofs: Proofs
let pair: Awaited<ReturnType<typeof generateKeyPair>>
beforeEach(async () => {
  proofs = new Proofs(clock)
  pair = await generateKeyPair('ES256', { extractable: true })
})

interface Change {
  readonly claims?: Record<string, unknown>
  readonly header?: Record<string, unknown>
  readonly key?: CryptoKey
}

async function proof({ claims = {}, header = {}, key = pair.privateKey }: Change = {}) {
  const jwk = await exportJWK(pair.publicKey)
  const body = {
    jti: crypto.randomUUID(),
    iat: Math.floor(toMs(clock.now()) / 1000),
    htm: 'POST',
    htu: 'http://localhost:4400/v1/leases',
    ath: base64url(sha256(token)),
    ...claims,
  }
  const head = { alg: 'ES256', typ: 'dpop+jwt', jwk, ...header }
  return new SignJWT(body).setProtectedHeader(head).sign(key)
}

const check = async (text: string, more: object = {}) =>
  proofs.check(text, { ...of, token, ...more })

describe('a proof of possession', () => {
  it('names the key of who made it, for this request and this token', async () => {
    const jkt = await calculateJwkThumbprint(await exportJWK(pair.publicKey))
    expect(await check(await proof())).toBe(jkt)
    expect(await check(await proof({ claims: { htu: 'http://127.0.0.1:4400/v1/leases' } }))).toBe(
      jkt,
    )
    expect(await check(await proof({ claims: { ath: undefined } }), { token: undefined })).toBe(jkt)
  })

  it('is good once', async () => {
    const one = await proof()
    await check(one)
    await expect(check(one)).rejects.toMatchObject({ code: 'token-refused', log: 'seen before' })
    clock.advance(50_000)
    await check(await proof())
    await expect(check(one)).rejects.toMatchObject({ log: 'seen before' })
    clock.advance(200_000)
    await expect(check(one)).rejects.toMatchObject({ log: 'not of now' })
  })

  it.each<[string, Change]>([
    ['another method', { claims: { htm: 'GET' } }],
    ['another path', { claims: { htu: 'http://localhost:4400/v1/apps' } }],
    ['another host', { claims: { htu: 'http://evil.example/v1/leases' } }],
    ['a host that ends alike', { claims: { htu: 'http://localhost:44001/v1/leases' } }],
    ['a query', { claims: { htu: 'http://localhost:4400/v1/leases?a=1' } }],
    ['no address', { claims: { htu: 'leases' } }],
    ['another token', { claims: { ath: base64url(sha256('other')) } }],
    ['no token', { claims: { ath: undefined } }],
    ['no name of its own', { claims: { jti: undefined } }],
    ['no time', { claims: { iat: undefined } }],
    ['the time of an hour ago', { claims: { iat: Math.floor(toMs(clock.now()) / 1000) - 3600 } }],
    ['the time of an hour ahead', { claims: { iat: Math.floor(toMs(clock.now()) / 1000) + 3600 } }],
    ['another type', { header: { typ: 'JWT' } }],
    ['no key', { header: { jwk: undefined } }],
  ])('for %s is refused, always in the same words', async (_, change) => {
    await expect(proof(change).then(check)).rejects.toMatchObject({
      code: 'token-refused',
      detail: 'The proof of the key this token is bound to is missing, or is not good.',
    })
  })

  it('that shows its private key, is signed by another, or by none, is refused', async () => {
    const own = await exportJWK(pair.privateKey)
    const other = await generateKeyPair('ES256')
    const none = `${Buffer.from('{"alg":"none","typ":"dpop+jwt"}').toString('base64url')}.e30.`
    const all = [
      proof({ header: { jwk: own } }),
      proof({ key: other.privateKey }),
      none,
      '',
      'x'.repeat(5000),
    ]
    for (const each of all)
      await expect(check(await each)).rejects.toMatchObject({ code: 'token-refused' })
  })
})

describe('a token that is bound', () => {
  const shown = async (change: object = {}) => ({
    scheme: 'DPoP',
    boundTo: await calculateJwkThumbprint(await exportJWK(pair.publicKey)),
    proof: await proof(),
    ...change,
  })

  it('is taken with a proof of its key, and with no other', async () => {
    await checkBound(proofs, await shown(), { ...of, token })
    for (const change of [{ scheme: 'Bearer' }, { proof: undefined }, { boundTo: 'another' }])
      await expect(checkBound(proofs, await shown(change), { ...of, token })).rejects.toMatchObject(
        {
          code: 'token-refused',
        },
      )
  })

  it('is no bearer’s, and a bearer’s is no holder’s', async () => {
    await checkBound(
      proofs,
      { scheme: 'bearer', boundTo: null, proof: undefined },
      { ...of, token },
    )
    const shownAsBound = { ...(await shown()), boundTo: null }
    await expect(checkBound(proofs, shownAsBound, { ...of, token })).rejects.toMatchObject({
      code: 'token-refused',
    })
  })
})
