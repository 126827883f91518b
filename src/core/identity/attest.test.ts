import {
  createHmac,
  createPublicKey,
  createSign,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { githubClaims } from '../../../test/fakes/github-issuer.ts'
import {
  type AttestedWorld,
  attestedWorld,
  attestIn,
  audience,
  changeApp,
  ciToken,
  githubRule,
  identityOf,
  ourIssuer,
  personToken,
  someApp,
  trusting,
} from '../../../test/support/attested.ts'
import { testPermit } from '../../../test/support/permit.ts'
import { leaves } from '../../../test/support/world.ts'
import type { AppRow } from '../app/rows.ts'
import { base64url } from '../base/hash.ts'
import { newId } from '../base/ids.ts'
import { limits } from '../base/limits.ts'
import { addMs, fromMs, toSeconds } from '../base/time.ts'
import type { Attested } from './attest.ts'
import { revokeIdentity } from './identities.ts'
import { makeIssuerKeys } from './jwks.ts'
import { type AttestRefusal, isRefusal } from './refusal.ts'
import type { IdentityRow } from './rows.ts'
import { removeTrustRule } from './trust.ts'

let world: AttestedWorld
let app: AppRow
let run: IdentityRow
async function begin() {
  world = await attestedWorld()
  app = await someApp(world)
  run = await identityOf(world, app)
  await trusting(world, run.id)
}
async function end() {
  await world.github.stop()
  await world.store.close()
}

async function attested(token: string, identity?: string): Promise<Attested> {
  const answer = await attestIn(world, token, identity)
  if (isRefusal(answer)) throw new Error(answer.says)
  return answer
}
async function refused(token: string, identity?: string): Promise<AttestRefusal> {
  const answer = await attestIn(world, token, identity)
  if (!isRefusal(answer)) throw new Error('it was attested')
  return answer
}

describe('a run of the bound workflow', () => {
  beforeAll(begin)
  afterAll(end)

  test('is the identity its rule says, named or not', async () => {
    for (const name of [undefined, run.spiffeId, 'deal-desk/run']) {
      const answer = await attested(await ciToken(world), name)
      expect(answer.identity.id).toBe(run.id)
      expect(answer.person).toBeNull()
      expect(answer.assertion).toMatchObject({ issuer: world.github.issuer, replay: 'once' })
      expect(answer.provenance.facts).toMatchObject({ run: '7300000041' })
    }
  })

  test('of a fork with the same name is refused, and hears which claim failed', async () => {
    const fork = await ciToken(world, { repository_owner_id: '9001', repository_id: '2002' })
    expect((await refused(fork, 'deal-desk/run')).says).toBe(
      'its token says repository_owner_id 9001, the trust rule says 4711',
    )
  })

  test('can not be another identity than its rules say', async () => {
    await identityOf(world, app, 'publish')
    for (const name of ['deal-desk/publish', 'nobody/run', '../deal-desk/run', ''])
      expect(await refused(await ciToken(world), name)).toMatchObject({
        refused: 'claims',
        claim: 'iss',
        issuer: world.github.issuer,
      })
  })

  test('is refused at the millisecond its token ends, and not before', async () => {
    const start = world.clock.now()
    const exp = toSeconds(start) + 300
    const token = await ciToken(world)
    world.clock.set(fromMs(exp * 1000 - 1))
    expect((await attested(token)).assertion.expiresAt).toBe(fromMs(exp * 1000))
    world.clock.set(fromMs(exp * 1000))
    expect(await refused(token)).toMatchObject({ refused: 'time', claim: 'exp' })
  })

  test('is refused where its issuer’s clock is too far ahead', async () => {
    const iat = toSeconds(world.clock.now()) + limits.issuerSkewSeconds
    await attested(await ciToken(world, { iat, nbf: iat, exp: iat + 300 }))
    const over = { iat: iat + 1, nbf: iat, exp: iat + 300 }
    expect(await refused(await ciToken(world, over))).toMatchObject({ claim: 'iat' })
    const later = { iat, nbf: iat + 1, exp: iat + 300 }
    expect(await refused(await ciToken(world, later))).toMatchObject({ claim: 'nbf' })
  })

  test('is refused where its token lives longer than we remember it', async () => {
    const iat = toSeconds(world.clock.now())
    await attested(await ciToken(world, { iat, exp: iat + limits.assertionSeconds.once }))
    const longer = await ciToken(world, { iat, exp: iat + limits.assertionSeconds.once + 1 })
    expect(await refused(longer)).toMatchObject({ refused: 'time', claim: 'exp' })
  })
})

describe('a run, where something changes', () => {
  beforeEach(begin)
  afterEach(end)

  test('hears nothing of a rule it did not name', async () => {
    const stranger = await ciToken(world, { repository_owner_id: '9001', environment: 'x' })
    const answer = await refused(stranger)
    expect(JSON.stringify(answer)).not.toMatch(/4711|crm|deal-desk/)
    const other = await identityOf(world, await someApp(world, 'other'))
    await trusting(world, other.id, { ...githubRule, repository_id: '5555' })
    const named = await refused(await ciToken(world, { repository_id: '3' }), 'other/run')
    expect(JSON.stringify(named)).not.toMatch(/1001/)
  })

  test('hears of the nearest rule of the identity it named', async () => {
    await trusting(world, run.id, { ...githubRule, repository_id: '77', environment: 'far' })
    const answer = await refused(
      await ciToken(world, { environment: 'production' }),
      'deal-desk/run',
    )
    expect(answer).toMatchObject({ claim: 'environment', is: 'production', needs: 'crm' })
  })

  test('that fits two identities has to say which', async () => {
    const build = await identityOf(world, app, 'build')
    await trusting(world, build.id)
    expect(await refused(await ciToken(world))).toMatchObject({ refused: 'identity' })
    expect((await attested(await ciToken(world), 'deal-desk/build')).identity.id).toBe(build.id)
  })

  test('is refused once its rule is removed or its identity revoked', async () => {
    const other = await trusting(world, run.id, { ...githubRule, environment: 'other' })
    const permit = testPermit('trust.remove', app.ownerId, other.id)
    await removeTrustRule(world, permit, { ruleId: other.id })
    const token = await ciToken(world, { environment: 'other' })
    expect((await refused(token, 'deal-desk/run')).needs).toBe('crm')
    expect((await attested(await ciToken(world))).identity.id).toBe(run.id)
    await revokeIdentity(world, testPermit('identity.revoke', app.ownerId, run.id), {
      identityId: run.id,
    })
    expect((await refused(await ciToken(world), 'deal-desk/run')).claim).toBe('iss')
    expect((await refused(await ciToken(world))).claim).toBe('repository_id')
  })

  test('is refused after its key is gone from the issuer, within the bound', async () => {
    await attested(await ciToken(world))
    const old = await world.github.rotate('old')
    await world.github.rotate('new')
    world.clock.advance(limits.jwksRefetchMs)
    const claims = githubClaims(audience, toSeconds(addMs(world.clock.now(), limits.jwksFreshMs)))
    const token = await world.github.issue(claims, { kid: old })
    world.clock.advance(limits.jwksFreshMs)
    expect((await attested(token)).identity.id).toBe(run.id)
    world.github.removeKey(old)
    world.clock.advance(limits.jwksFreshMs)
    const later = githubClaims(audience, toSeconds(world.clock.now()))
    const again = await world.github.issue(later, { kid: old })
    expect((await refused(again)).refused).toBe('key')
  })

  test('is no refusal while its issuer is down and unknown: nobody can say', async () => {
    world.github.behave('down')
    await expect(ciToken(world).then(token => attestIn(world, token))).rejects.toMatchObject({
      code: 'issuer-unavailable',
    })
  })
})

describe('a token is refused', () => {
  beforeAll(begin)
  afterAll(end)

  test.each([
    ['iss', ['https://a', 'https://b']],
    ['iss', { a: 1 }],
    ['iss', 7],
    ['iss', undefined],
    ['iss', ''],
    ['sub', ['a']],
    ['sub', null],
    ['sub', undefined],
    ['aud', [audience, 'https://other.example']],
    ['aud', { 0: audience }],
    ['aud', undefined],
    ['exp', '9e99'],
    ['exp', 253_402_300_800],
    ['exp', -1],
    ['exp', 1.5],
    ['exp', null],
    ['exp', undefined],
    ['iat', undefined],
    ['iat', 'now'],
    ['nbf', 'now'],
    ['jti', undefined],
    ['jti', ''],
    ['jti', ['a']],
    ['jti', 'x'.repeat(limits.claimChars + 1)],
  ])('when %s is %j', async (claim, value) => {
    const token = await ciToken(world, { [claim]: value })
    expect(await refused(token)).toMatchObject({ refused: 'malformed', claim })
  })

  test.each([
    ['another audience', { aud: 'https://github.com/acme' }, 'audience'],
    ['our audience and a slash', { aud: `${audience}/` }, 'audience'],
    ['our audience in other letters', { aud: audience.toUpperCase() }, 'audience'],
    ['an issuer with user info', { iss: 'http://127.0.0.1@evil.example' }, 'issuer'],
    ['an issuer nobody registered', { iss: 'https://evil.example' }, 'issuer'],
    ['the name of an object’s own member', { iss: '__proto__' }, 'issuer'],
  ])('with %s', async (_what, more, reason) => {
    expect((await refused(await ciToken(world, more))).refused).toBe(reason)
  })

  test('when its issuer only looks like one that is registered', async () => {
    const { issuer } = world.github
    const port = new URL(issuer).port
    for (const iss of [
      `${issuer}/`,
      `${issuer}.evil.example`,
      `${issuer}@evil.example`,
      `${issuer}:80`,
      issuer.toUpperCase(),
      ` ${issuer}`,
      `${issuer}/../`,
      `http://127.0.0.1.:${port}`,
      `http://127.0.0.1:${port}0`,
      `http://localhost:${port}`,
      `http://2130706433:${port}`,
      `http://[::ffff:127.0.0.1]:${port}`,
    ]) {
      const calls = world.github.calls()
      expect((await refused(await ciToken(world, { iss }))).refused).toBe('issuer')
      expect(world.github.calls()).toBe(calls)
    }
  })

  test('when it is not three parts, without reading a megabyte of dots', async () => {
    const started = performance.now()
    for (const token of ['', 'a', 'a.b', 'a.b.', '.b.c', 'a..c', 'a.b.c.d', '.'.repeat(1 << 20)])
      expect((await refused(token)).refused).toBe('malformed')
    expect(performance.now() - started).toBeLessThan(100)
  })

  test('when it is longer than any token, whatever it holds', async () => {
    const token = await ciToken(world, { padding: 'x'.repeat(limits.foreignTokenBytes) })
    expect(await refused(token)).toMatchObject({ claim: 'token' })
  })

  test('when its JSON has doubles, names of machinery, depth or half characters', async () => {
    const head = part({ alg: 'RS256', kid: 'a' })
    const deep = `${'['.repeat(100)}${']'.repeat(100)}`
    const fine = `"iss":"a","sub":"b","aud":"c","jti":"d","iat":1,"exp":2`
    for (const body of [
      `{${fine},"iss":"b"}`,
      `{${fine},"__proto__":{}}`,
      `{${fine},"a":${deep}}`,
      `{${fine},"a":9007199254740993}`,
      `{${fine},"a":"\\ud800"}`,
      '[]',
      'null',
      '"text"',
    ]) {
      const token = `${head}.${Buffer.from(body).toString('base64url')}.AAAA`
      expect(await refused(token)).toMatchObject({ refused: 'malformed', claim: 'claims' })
    }
    const broken = `${head}.${Buffer.from([0x7b, 0xff, 0x7d]).toString('base64url')}.AAAA`
    expect((await refused(broken)).refused).toBe('malformed')
  })

  test('when its signature is of another text, and nothing else is wrong', async () => {
    const [head, , signature] = (await ciToken(world)).split('.')
    const claims = { ...githubClaims(audience, toSeconds(world.clock.now())) }
    const swapped = [head, part({ ...claims, iss: world.github.issuer }), signature].join('.')
    expect((await refused(swapped)).refused).toBe('signature')
  })

  test('when another issuer signed it, also with the same key id', async () => {
    const { startGithubIssuer } = await import('../../../test/fakes/github-issuer.ts')
    const stranger = await startGithubIssuer()
    try {
      await world.github.rotate('same')
      await stranger.rotate('same')
      world.clock.advance(limits.jwksRefetchMs)
      const claims = githubClaims(audience, toSeconds(world.clock.now()))
      const token = await stranger.issue({ ...claims, iss: world.github.issuer })
      expect((await refused(token)).refused).toBe('signature')
      expect((await refused(await stranger.issue(claims))).refused).toBe('issuer')
    } finally {
      await stranger.stop()
    }
  })
})

describe('a forged header is refused', () => {
  const thief = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const header = { typ: 'JWT', alg: 'RS256' }
  let claims: object
  let kid: string
  beforeAll(async () => {
    await begin()
    kid = await world.github.rotate('known')
    await attested(await ciToken(world))
    const iat = toSeconds(world.clock.now())
    claims = { ...githubClaims(audience, iat), iss: world.github.issuer }
  })
  afterAll(end)

  test.each([
    'none',
    'None',
    'NONE',
    'nOnE',
    '',
    'HS256',
    'HS512',
    'RS512',
    'PS256',
    'EdDSA',
    null,
  ])('with the algorithm %j', async alg => {
    const calls = world.github.calls()
    for (const signature of ['', 'AAAA']) {
      const token = `${part({ ...header, alg, kid })}.${part(claims)}.${signature}`
      expect((await refused(token)).refused).toBe('malformed')
    }
    expect(world.github.calls()).toBe(calls)
  })

  test('when our public key is used as a shared secret, in any spelling', async () => {
    const jwks = (await (await fetch(`${world.github.issuer}/jwks`)).json()) as {
      keys: { kid: string }[]
    }
    const jwk = jwks.keys.find(key => key.kid === kid)
    const publicKey = createPublicKey({ key: jwk as never, format: 'jwk' })
    const pem = publicKey.export({ type: 'spki', format: 'pem' })
    for (const secret of [
      pem,
      pem.trim(),
      `\ufeff${pem}`,
      pem.replaceAll('\n', '\r\n'),
      publicKey.export({ type: 'spki', format: 'der' }),
      JSON.stringify(jwk),
    ]) {
      const text = `${part({ ...header, alg: 'HS256', kid })}.${part(claims)}`
      const mac = createHmac('sha256', secret).update(text).digest('base64url')
      expect((await refused(`${text}.${mac}`)).refused).toBe('malformed')
    }
  })

  test.each([
    ['jwk', thief.publicKey.export({ format: 'jwk' })],
    ['jku', 'http://127.0.0.1:1/keys'],
    ['x5u', 'http://127.0.0.1:1/cert'],
    ['x5c', ['MIIB']],
    ['crit', ['exp']],
    ['crit', []],
    ['b64', false],
    ['zip', 'DEF'],
    ['enc', 'A256GCM'],
  ])('when it brings its own key or rules: %s', async (name, value) => {
    const calls = world.github.calls()
    const token = signed({ ...header, kid, [name]: value }, claims, thief.privateKey)
    expect(await refused(token)).toMatchObject({ refused: 'malformed', claim: name })
    expect(world.github.calls()).toBe(calls)
  })

  test.each([
    ['a path', '../../dev/null', 'key'],
    ['SQL', "x' or '1'='1", 'key'],
    ['machinery', '__proto__', 'key'],
    ['a member of every object', 'constructor', 'key'],
    ['an address', 'http://127.0.0.1:1/', 'key'],
    ['nothing', undefined, 'malformed'],
    ['a number', 7, 'malformed'],
    ['a list', ['a'], 'malformed'],
    ['far too much', 'a'.repeat(5_000), 'malformed'],
  ])('when its kid is %s', async (_what, name, reason) => {
    const token = signed({ ...header, kid: name }, claims, thief.privateKey)
    expect((await refused(token)).refused).toBe(reason)
  })

  test('when a stranger signs under a known kid', async () => {
    expect((await refused(signed({ ...header, kid }, claims, thief.privateKey))).refused).toBe(
      'signature',
    )
  })

  test.each(['at+jwt', 'dpop+jwt', 'secevent+jwt', 'oauth-id-jag+jwt'])(
    'when its type is %s',
    async typ => {
      const token = signed({ ...header, typ, kid }, claims, thief.privateKey)
      expect(await refused(token)).toMatchObject({ claim: 'typ' })
    },
  )
})

describe('an ES256 signature', () => {
  const own = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const issuer = 'https://issuer.example'
  beforeAll(async () => {
    await begin()
    const jwk = { ...own.publicKey.export({ format: 'jwk' }), kid: 'curve', alg: 'ES256' }
    const fetch = async (address: string) =>
      (address.endsWith('/jwks')
        ? { keys: [jwk] }
        : { issuer, jwks_uri: `${issuer}/jwks` }) as never
    const registry = { issuers: new Set([issuer]), allowedOrigins: new Set<string>() }
    world = { ...world, issuerKeys: makeIssuerKeys({ clock: world.clock, fetch }, registry) }
    await trusting({ ...world, github: { ...world.github, issuer } }, run.id)
  })
  afterAll(end)

  const text = (alg = 'ES256') => {
    const claims = { ...githubClaims(audience, toSeconds(world.clock.now())), iss: issuer }
    return `${part({ alg, typ: 'JWT', kid: 'curve' })}.${part(claims)}`
  }
  const sign = (of: string, dsaEncoding: 'ieee-p1363' | 'der' = 'ieee-p1363') =>
    createSign('sha256').update(of).sign({ key: own.privateKey, dsaEncoding })

  test('of the issuer’s key is accepted', async () => {
    const signed = text()
    expect((await attested(`${signed}.${base64url(sign(signed))}`)).identity.id).toBe(run.id)
  })

  test('that is nothing, half, in another encoding or of another text is refused', async () => {
    const signed = text()
    const good = sign(signed)
    const order = 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551'
    for (const bad of [
      Buffer.alloc(64),
      Buffer.alloc(63, 1),
      Buffer.from(order + order, 'hex'),
      Buffer.concat([good.subarray(0, 32), Buffer.alloc(32)]),
      Buffer.concat([Buffer.alloc(32), good.subarray(32)]),
      good.subarray(0, 63),
      Buffer.concat([good, Buffer.alloc(1)]),
      sign(signed, 'der'),
      sign(text()),
    ])
      expect((await refused(`${signed}.${base64url(bad)}`)).refused).toBe('signature')
  })

  test('is no RS256 signature, though the key has the name', async () => {
    const signed = text('RS256')
    expect((await refused(`${signed}.${base64url(sign(signed))}`)).refused).toBe('key')
  })

  test('has two forms, and both are one assertion', async () => {
    const signed = text()
    const good = sign(signed)
    const order = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551')
    const other = (order - BigInt(`0x${good.subarray(32).toString('hex')}`)).toString(16)
    const twin = Buffer.concat([good.subarray(0, 32), Buffer.from(other.padStart(64, '0'), 'hex')])
    const [first, second] = [good, twin].map(each => `${signed}.${base64url(each)}`)
    expect((await attested(second ?? '')).assertion).toEqual(
      (await attested(first ?? '')).assertion,
    )
  })
})

describe('the name an assertion is remembered by', () => {
  beforeAll(begin)
  afterAll(end)

  test('is the same for every spelling of one token', async () => {
    const token = await ciToken(world)
    const { hash } = (await attested(token)).assertion
    // RS256: 256 bytes are 342 characters, so the last one has four bits nobody reads.
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const last = alphabet.indexOf(token.at(-1) ?? '')
    const spelled = `${token.slice(0, -1)}${alphabet[last ^ 1]}`
    expect(spelled).not.toBe(token)
    expect((await attested(spelled)).assertion.hash).toBe(hash)
  })

  test('is another for another token of the same run', async () => {
    const first = (await attested(await ciToken(world))).assertion.hash
    expect((await attested(await ciToken(world))).assertion.hash).not.toBe(first)
  })
})

describe('a signed-in person', () => {
  beforeAll(async () => {
    await begin()
    await trusting(world, run.id, { as: ['owner'] }, 'person')
  })
  afterAll(end)

  test('who owns the app is its identity, attended', async () => {
    const token = await personToken(world, app.ownerId)
    const answer = await attested(token, 'deal-desk/run')
    expect(answer.identity.id).toBe(run.id)
    expect(answer.person).toBe(app.ownerId)
    expect(answer.assertion.replay).toBe('many')
  })

  test('says which identity it is for', async () => {
    expect(await refused(await personToken(world, app.ownerId))).toMatchObject({
      refused: 'identity',
    })
  })

  test.each([
    ['a task token’s subject', { sub: 'spiffe://example.com/app/deal-desk/run' }, 'signature'],
    ['a person nobody knows', { sub: newId('person') }, 'signature'],
    ['another audience', { aud: 'http://localhost:4400' }, 'signature'],
    ['a sign-in that ended', { sid: 'x' }, 'signature'],
    ['no id', { jti: undefined }, 'malformed'],
    ['the issuer’s name and a slash', { iss: `${ourIssuer}/` }, 'issuer'],
  ])('with %s is refused', async (_what, more, reason) => {
    const token = await personToken(world, app.ownerId, more)
    expect((await refused(token, 'deal-desk/run')).refused).toBe(reason)
  })

  test('can not be made up by a CI issuer, nor the other way round', async () => {
    const posing = await ciToken(world, { iss: ourIssuer, aud: audience })
    expect((await refused(posing, 'deal-desk/run')).refused).toBe('signature')
    const own = await personToken(world, app.ownerId, { iss: world.github.issuer, aud: audience })
    expect((await refused(own, 'deal-desk/run')).claim).toBe('typ')
  })

  // The last ones: they can not be undone.
  test('who is not the owner is refused, and so is one who was', async () => {
    const backup = await personToken(world, app.backupId)
    expect((await refused(backup, 'deal-desk/run')).refused).toBe('claims')
    const owner = await personToken(world, app.ownerId)
    await changeApp(world, app, { ownerId: app.backupId, backupId: app.ownerId })
    expect((await refused(owner, 'deal-desk/run')).refused).toBe('claims')
    await attested(await personToken(world, app.backupId), 'deal-desk/run')
  })

  test('who left is refused at once', async () => {
    const token = await personToken(world, app.ownerId)
    await leaves(world, app.ownerId)
    expect((await refused(token, 'deal-desk/run')).refused).toBe('signature')
  })
})

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function signed(header: object, claims: object, key: KeyObject): string {
  const text = `${part(header)}.${part(claims)}`
  return `${text}.${createSign('sha256').update(text).sign(key, 'base64url')}`
}
