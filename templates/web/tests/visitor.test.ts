// Who is looking: known by the server's signature, for this app and this minute, or nobody.
import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { visitorOf } from '../src/visitor.ts'

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const now = Math.floor(Date.now() / 1000)
const head = { alg: 'ES256', typ: 'leasehold-person+jwt', kid: 'k' }
const claims = { aud: 'http://desk.apps.example', exp: now + 60, name: 'Maya' }
let server: Server
let env: NodeJS.ProcessEnv

before(async () => {
  const jwks = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k' }] }
  server = createServer((_, res) => res.end(JSON.stringify(jwks)))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  env = { LEASEHOLD_SERVER: `http://127.0.0.1:${port}`, LEASEHOLD_ADDRESS: claims.aud }
})
after(() => server.close())

function token(said: object, header: object = head, key = privateKey): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const text = `${part(header)}.${part(said)}`
  const signed = sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' })
  return `${text}.${signed.toString('base64url')}`
}

test('a person whom the server signed for is known by name', async () => {
  assert.deepEqual(await visitorOf(token(claims), env), { kind: 'known', name: 'Maya' })
})

test('nobody is, by another key, kind, app or time, or without a signature', async () => {
  for (const each of [
    token(claims, head, stranger),
    token(claims, { ...head, typ: 'leasehold-visit+jwt' }),
    token(claims, { ...head, alg: 'none' }),
    token(claims, { ...head, kid: 'other' }),
    token({ ...claims, aud: 'http://other.apps.example' }),
    token({ ...claims, exp: now - 1 }),
    'x.y.z',
    '',
  ])
    assert.equal(await visitorOf(each, env), undefined)
})

test('alone a sample stands in; deployed nobody does', async () => {
  assert.equal((await visitorOf(undefined, {}))?.kind, 'sample')
  assert.equal(await visitorOf(undefined, { ...env, LEASEHOLD_COMMIT: 'c0ffee' }), undefined)
})
