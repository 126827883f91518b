import { createHmac, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import { SignJWT } from 'jose'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  apiAudience,
  changeApp,
  ciToken,
  ourIssuer,
  personToken,
} from '../../../test/support/attested.ts'
import { testPermit } from '../../../test/support/permit.ts'
import { endWorld, issued, type TokenWorld, tokenWorld } from '../../../test/support/token-world.ts'
import { introspect } from '../../life/token/introspect.ts'
import { base64url } from '../base/hash.ts'
import { newId } from '../base/ids.ts'
import { limits } from '../base/limits.ts'
import { addMs, msBetween } from '../base/time.ts'
import { everything } from '../hold/hold.ts'
import { liftHold, setHold } from '../hold/set.ts'
import { revokeIdentity } from '../identity/identities.ts'
import { closeTask } from '../task/close.ts'
import type { IssuedToken } from './exchange.ts'
import { revokeToken } from './revoke.ts'
import { makeTokenKeys, signToken } from './signature.ts'
import { verifyTaskToken } from './verify.ts'

let world: TokenWorld
let token: IssuedToken
let runs = 0
beforeAll(async () => {
  world = await tokenWorld()
})
afterAll(() => endWorld(world))
// Each test has a run, a task and a token of its own.
beforeEach(async () => {
  token = await issued(world, await ciToken(world, { run_id: String(++runs) }))
})

const verify = (text = token.accessToken, audience = apiAudience) =>
  verifyTaskToken(world.verifying, text, audience)
const refused = async (text?: string, audience?: string) => {
  const problem = await verify(text, audience).then(
    () => ({ code: 'accepted', detail: '' }),
    (thrown: { code: string; detail: string }) => thrown,
  )
  expect(problem.code).toBe('token-refused')
  return problem.detail
}
const part = (value: unknown) => base64url(Buffer.from(JSON.stringify(value)))
const pieces = () => {
  const [header = '', body = '', signature = ''] = token.accessToken.split('.')
  return { header, body, signature, claims: JSON.parse(Buffer.from(body, 'base64url').toString()) }
}

test('a task token says which task of which identity of which app', async () => {
  expect(await verify()).toEqual({
    tokenId: token.row.id,
    identityId: world.run.id,
    taskId: token.row.taskId,
    appId: world.app.id,
    boundTo: null,
  })
})

test('a token is good for the audience it names and for no other', async () => {
  expect(await refused(undefined, 'http://localhost:4400/other')).toMatch(/another audience/)
})

test('a token ends at its millisecond, and a clock that jumps back does not revive it', async () => {
  const end = token.row.expiresAt
  world.clock.advance(msBetween(world.clock.now(), end) - 1)
  expect((await verify()).tokenId).toBe(token.row.id)
  world.clock.set(end)
  expect(await refused()).toMatch(/run out/)
  world.clock.set(addMs(end, -600_000))
  expect(await refused()).toMatch(/run out/)
  world.clock.set(end)
})

test('a revoked token is refused at once, with the time, also where its signature is remembered', async () => {
  await verify()
  const { id } = token.row
  await revokeToken(world, testPermit('token.revoke', world.run.id, id), { tokenId: id })
  expect(await refused()).toBe(`It was revoked at ${world.clock.now()}.`)
})

test('a token ends with its task, and its holder hears when', async () => {
  const { taskId } = token.row
  const permit = testPermit('task.close', world.run.id, taskId)
  await closeTask(world, permit, { taskId, because: 'done' })
  expect(await refused()).toBe(`Its task ended at ${world.clock.now()}.`)
})

test('a token of a paused app is refused, and good again after', async () => {
  const paused = await changeApp(world, world.app, { state: 'paused', pausedBecause: 'owner' })
  expect(await refused()).toBe('Its app is paused.')
  await changeApp(world, paused, { state: 'active', pausedBecause: null })
  await verify()
})

test.each(['app', 'identity', 'person', 'everything'] as const)(
  'a hold on its %s refuses a token, and lifting it lets it in again',
  async scope => {
    const abouts = { app: world.app.id, identity: world.run.id, person: world.app.ownerId }
    const about = scope === 'everything' ? everything : abouts[scope]
    const id = newId('hold')
    const set = testPermit('hold.set', world.first.id, id)
    const hold = await setHold(world, set, { id, scope, about: about, reason: 'a look' })
    expect(await refused()).toBe('It is on hold.')
    await liftHold(world, testPermit('hold.lift', world.first.id, hold.id), { holdId: hold.id })
    await verify()
  },
)

test('a token whose row was never committed is refused, however well it is signed', async () => {
  const claims = { ...pieces().claims, jti: newId('token') }
  expect(await refused(signToken(world.signer(), claims))).toBe('It does not stand.')
  const other = { ...pieces().claims, client_id: newId('identity') }
  expect(await refused(signToken(world.signer(), other))).toBe('It does not stand.')
})

test('a key that was withdrawn takes its tokens with it, within the second', async () => {
  let keys = world.tokenJwks()
  const tokenKeys = makeTokenKeys({ clock: world.clock, tokenJwks: () => keys })
  const verifying = { ...world.verifying, tokenKeys, verified: new Map() }
  await verifyTaskToken(verifying, token.accessToken, apiAudience)
  keys = { keys: [] }
  world.clock.advance(limits.tokenKeysReadMs)
  await expect(verifyTaskToken(verifying, token.accessToken, apiAudience)).rejects.toMatchObject({
    code: 'token-refused',
  })
})

test('a person’s token is no task token, though issuer, key and type are the same', async () => {
  expect(await refused(await personToken(world, world.app.ownerId))).toMatch(/not accepted/)
})

test('a CI token is no task token', async () => {
  expect(await refused(await ciToken(world))).toMatch(/not accepted/)
})

test.each([
  ['another issuer', { iss: 'https://evil.example' }],
  ['a list of audiences', { aud: [apiAudience] }],
  ['no subject', { sub: undefined }],
  ['a subject that is not one of ours', { sub: 'spiffe://example.com/app/../run' }],
  ['no task', { txn: undefined }],
  ['a task that is no id', { txn: 'everything' }],
  ['no id', { jti: undefined }],
  ['an end that is no number', { exp: '9e99' }],
  ['no end', { exp: undefined }],
])('a token with %s is refused, though our key has signed it', async (_what, more) => {
  const claims = { ...pieces().claims, ...more }
  expect(await refused(signToken(world.signer(), claims))).toBe('This token is not accepted here.')
})

test.each([
  { alg: 'none', typ: 'at+jwt', kid: 'own' },
  { alg: 'None', typ: 'at+jwt', kid: 'own' },
  { alg: 'HS256', typ: 'at+jwt', kid: 'own' },
  { alg: 'ES256', typ: 'JWT', kid: 'own' },
  { alg: 'ES256', kid: 'own' },
  { alg: 'ES256', typ: 'at+jwt', kid: '../own' },
  { alg: 'ES256', typ: 'at+jwt' },
  { alg: 'ES256', typ: 'at+jwt', kid: 'own', crit: ['exp'] },
  { alg: 'ES256', typ: 'at+jwt', kid: 'own', b64: false },
  { kid: 'own', alg: 'ES256', typ: 'at+jwt' },
])('a header %j is not one of ours, even over a good signature', async header => {
  const { body } = pieces()
  const text = `${part(header)}.${body}`
  const { privateKey } = world.signer()
  const good = sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' })
  for (const signature of ['', 'AAAA', base64url(good)])
    expect(await refused(`${text}.${signature}`)).toMatch(/not accepted/)
})

test('our public key is no secret to sign with, and an embedded key is no key', async () => {
  const { header, body } = pieces()
  const [jwk] = world.tokenJwks().keys
  const publicKey = createPublicKey({ key: { ...jwk }, format: 'jwk' })
  const pem = publicKey.export({ type: 'spki', format: 'pem' })
  const mac = createHmac('sha256', pem).update(`${header}.${body}`).digest('base64url')
  expect(await refused(`${header}.${body}.${mac}`)).toMatch(/not accepted/)
  const thief = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const own = thief.publicKey.export({ format: 'jwk' })
  const forged = await new SignJWT(pieces().claims)
    .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: 'own', jwk: own })
    .sign(thief.privateKey)
  expect(await refused(forged)).toMatch(/not accepted/)
  const same = signToken({ kid: 'own', alg: 'ES256', privateKey: thief.privateKey }, {})
  expect(await refused(same)).toMatch(/not accepted/)
})

test('a token has one spelling', async () => {
  const { header, body, signature } = pieces()
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const last = alphabet.indexOf(signature.at(-1) ?? '')
  for (const other of [
    `${signature.slice(0, -1)}${alphabet[last ^ 1]}`,
    `${signature}=`,
    ` ${signature}`,
    `${signature}\n`,
    signature.replaceAll('_', '/').replaceAll('-', '+').padEnd(88, '='),
    `${signature}.`,
    '',
    base64url(Buffer.alloc(64)),
    base64url(Buffer.alloc(63)),
  ])
    expect(await refused(`${header}.${body}.${other}`)).toMatch(/not accepted/)
  for (const text of ['', '.', '..', '.'.repeat(1 << 20), 'a', `x${token.accessToken}`])
    expect(await refused(text)).toMatch(/not accepted/)
})

test('a body that was changed is not what was signed', async () => {
  const { header, signature, claims } = pieces()
  const wider = part({ ...claims, scope: 'refresh' })
  expect(await refused(`${header}.${wider}.${signature}`)).toMatch(/not accepted/)
})

test('what is remembered of signatures is bounded', async () => {
  const { verified } = world.verifying
  verified.clear()
  for (let i = 0; i < limits.verifiedTokens; i++) verified.set(String(i), {} as never)
  await verify()
  expect(verified.size).toBe(limits.verifiedTokens)
  expect(verified.has('0')).toBe(false)
})

const holder = () => ({ kind: 'identity', id: world.run.id, taskId: token.row.taskId }) as const
const look = (
  text = token.accessToken,
  asker: Parameters<typeof introspect>[1]['asker'] = holder(),
) => introspect(world.verifying, { token: text, asker })

test('its holder may look at a token, and so may who keeps the platform', async () => {
  expect(look()).toMatchObject({
    active: true,
    iss: ourIssuer,
    sub: world.run.spiffeId,
    txn: token.row.taskId,
    scope: 'board',
    token_type: 'Bearer',
  })
  expect(look(undefined, { kind: 'person', id: world.first.id })).toMatchObject({ active: true })
})

test('to anybody else a token is not active', async () => {
  const { identityOf, someApp } = await import('../../../test/support/attested.ts')
  const other = await identityOf(world, await someApp(world, 'other'))
  const stranger = await (await import('../../../test/support/world.ts')).person(world, 'Eve')
  for (const asker of [
    { kind: 'identity', id: other.id },
    { kind: 'identity', id: newId('identity') },
    { kind: 'person', id: stranger },
  ] as const)
    expect(look(undefined, asker)).toEqual({ active: false })
})

test('what is over is not active, and says nothing of why', async () => {
  const { id } = token.row
  await revokeToken(world, testPermit('token.revoke', world.run.id, id), { tokenId: id })
  expect(look()).toEqual({ active: false })
  const late = await issued(world, await ciToken(world))
  world.clock.set(late.row.expiresAt)
  expect(look(late.accessToken)).toEqual({ active: false })
})

test('what is no task token is somebody else’s to answer', async () => {
  expect(look('anything')).toBeUndefined()
  expect(look(await personToken(world, world.app.ownerId))).toBeUndefined()
})

// The last one: it can not be undone.
test('a token ends with its identity', async () => {
  const permit = testPermit('identity.revoke', world.app.ownerId, world.run.id)
  await revokeIdentity(world, permit, { identityId: world.run.id })
  expect(await refused()).toBe('Its identity was revoked.')
})
