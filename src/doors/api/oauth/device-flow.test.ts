/** The command line's sign-in from end to end, by a client that is not ours, over real HTTP. */
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import * as oidc from 'openid-client'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { openBrowser } from '../../../../test/support/browser.ts'
import {
  answerDevice,
  browserOf,
  type OauthServer,
  startOauthServer,
} from '../../../../test/support/oauth.ts'
import { testPermit } from '../../../../test/support/permit.ts'
import { leavePerson } from '../../../core/people/change.ts'
import { findPerson } from '../../../core/people/rows.ts'
import { verifyPersonToken } from '../../../life/sign-in/person-token.ts'

let server: OauthServer
let client: oidc.Configuration

beforeAll(async () => {
  server = await startOauthServer()
  client = await discover()
})
afterAll(() => server.stop())

function discover(clientId = 'leasehold-cli'): Promise<oidc.Configuration> {
  return oidc.discovery(new URL(server.origin), clientId, {}, oidc.None(), {
    execute: [oidc.allowInsecureRequests],
  })
}

async function signInDevice(sub = 'maya') {
  const asked = await oidc.initiateDeviceAuthorization(client, {})
  await answerDevice(await browserOf(server, sub), asked.verification_uri_complete ?? '')
  return oidc.pollDeviceAuthorizationGrant(client, { ...asked, interval: 0.05 })
}

function tokenForm(fields: Record<string, string>, headers: Record<string, string> = {}) {
  return fetch(`${server.origin}/oauth/token`, {
    method: 'POST',
    body: new URLSearchParams({ client_id: 'leasehold-cli', ...fields }),
    headers,
  })
}

interface Wire {
  access_token: string
  refresh_token: string
  user_code: string
  verification_uri_complete: string
  grant_types_supported: string[]
  keys: { kid: string }[]
}

function json(response: Response): Promise<Wire> {
  return response.json() as Promise<Wire>
}

const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'

describe('discovery', () => {
  test('one issuer answers at both well-known places with both hands in it', async () => {
    for (const name of ['openid-configuration', 'oauth-authorization-server']) {
      const response = await fetch(`${server.origin}/.well-known/${name}`)
      expect(response.status).toBe(200)
      const metadata = await json(response)
      expect(metadata).toMatchObject({
        issuer: server.origin,
        token_endpoint: `${server.origin}/oauth/token`,
        jwks_uri: `${server.origin}/oauth/jwks`,
        introspection_endpoint: `${server.origin}/oauth/introspect`,
        revocation_endpoint: `${server.origin}/oauth/revoke`,
        device_authorization_endpoint: `${server.origin}/oauth/device`,
        code_challenge_methods_supported: ['S256'],
        authorization_response_iss_parameter_supported: true,
        response_types_supported: ['code'],
      })
      expect(metadata.grant_types_supported).toContain(
        'urn:ietf:params:oauth:grant-type:token-exchange',
      )
      expect(metadata.grant_types_supported).toContain(deviceGrant)
      expect(metadata.grant_types_supported).not.toContain('implicit')
    }
  })
})

describe('device flow', () => {
  test('a person says yes and the device gets a token for our API, in their name', async () => {
    const tokens = await signInDevice()
    expect(tokens.expires_in).toBe(300)
    expect(decodeProtectedHeader(tokens.access_token)).toMatchObject({
      typ: 'at+jwt',
      alg: 'ES256',
    })
    const { payload } = await jwtVerify(
      tokens.access_token,
      createLocalJWKSet(server.keys.tokenJwks()),
      { issuer: server.origin, audience: `${server.origin}/v1`, typ: 'at+jwt' },
    )
    expect(payload).toMatchObject({ client_id: 'leasehold-cli', scope: 'api' })
    const known = await verifyPersonToken(server.world, tokens.access_token)
    expect(known).toMatchObject({
      personId: payload.sub,
      tokenId: payload.jti,
      clientId: 'leasehold-cli',
    })
    expect(payload.sub).toMatch(/^pe_/)
  })

  test('before the answer the device hears that it waits, and after a no that it was refused', async () => {
    const asked = await oidc.initiateDeviceAuthorization(client, {})
    const fields = { grant_type: deviceGrant, device_code: asked.device_code }
    const waiting = await tokenForm(fields)
    expect(waiting.status).toBe(400)
    expect(await waiting.json()).toMatchObject({ error: 'authorization_pending' })
    const page = await answerDevice(
      await browserOf(server, 'maya'),
      asked.verification_uri_complete ?? '',
      'no',
    )
    expect(page.text).toContain('The device was refused')
    expect(await (await tokenForm(fields)).json()).toMatchObject({ error: 'access_denied' })
  })

  test('a device code is redeemed once, also by 50 at the same moment', async () => {
    const asked = await oidc.initiateDeviceAuthorization(client, {})
    await answerDevice(await browserOf(server, 'maya'), asked.verification_uri_complete ?? '')
    const fields = { grant_type: deviceGrant, device_code: asked.device_code }
    const answers = await Promise.all(Array.from({ length: 50 }, () => tokenForm(fields)))
    const good = answers.filter(answer => answer.status === 200)
    const refused = answers.filter(answer => answer.status !== 200)
    expect(good.length).toBeLessThanOrEqual(1)
    expect(refused.length).toBeGreaterThanOrEqual(49)
    for (const answer of refused)
      expect(await answer.json()).toMatchObject({ error: 'invalid_grant' })
    // Used twice is used by somebody else: what came of it is over.
    for (const answer of good) {
      const { access_token } = await json(answer)
      await expect(verifyPersonToken(server.world, access_token)).rejects.toMatchObject({
        code: 'token-refused',
      })
    }
  })

  test('another client can not poll, and an unknown one can not ask', async () => {
    const asked = await oidc.initiateDeviceAuthorization(client, {})
    await answerDevice(await browserOf(server, 'maya'), asked.verification_uri_complete ?? '')
    const other = await tokenForm({
      client_id: 'somebody-else',
      grant_type: deviceGrant,
      device_code: asked.device_code,
    })
    expect(other.status).toBe(401)
    expect(await other.json()).toMatchObject({ error: 'invalid_client' })
    const ask = await fetch(`${server.origin}/oauth/device`, {
      method: 'POST',
      body: new URLSearchParams({ client_id: 'somebody-else' }),
    })
    expect(ask.status).toBe(401)
  })

  test('asks for our API or nothing: no other audience is served', async () => {
    for (const resource of ['https://elsewhere.example', server.origin, `${server.origin}/v1/`]) {
      const asked = await fetch(`${server.origin}/oauth/device`, {
        method: 'POST',
        body: new URLSearchParams({ client_id: 'leasehold-cli', resource }),
      })
      expect(asked.status).toBe(400)
      expect(await asked.json()).toMatchObject({ error: 'invalid_target' })
    }
  })

  test('the person sees who asks, from where, and the code, before saying yes', async () => {
    const asked = await fetch(`${server.origin}/oauth/device`, {
      method: 'POST',
      body: new URLSearchParams({ client_id: 'leasehold-cli' }),
      headers: {
        'user-agent': 'cli/1 <script>alert(1)</script>',
        'x-forwarded-for': '203.0.113.9',
      },
    }).then(json)
    const browser = await browserOf(server, 'tom')
    const page = await browser.get(asked.verification_uri_complete)
    expect(page.text).toContain(asked.user_code)
    expect(page.text).toContain('Tom Reyes')
    expect(page.text).toContain('leasehold-cli')
    expect(page.text).toContain('127.0.0.1')
    expect(page.text).toContain('cli/1 &lt;script&gt;')
    expect(page.text).not.toContain('<script')
    expect(page.text).not.toContain('203.0.113.9')
  })

  test('without a browser session a code shows nothing and can not be answered', async () => {
    const asked = await oidc.initiateDeviceAuthorization(client, {})
    const stranger = openBrowser()
    const page = await stranger.get(asked.verification_uri_complete ?? '')
    expect(page.url).toContain('/sign-in?to=')
    expect(page.text).not.toContain('It says it is')
    const posted = await stranger.post(`${server.origin}/d`, {
      user_code: asked.user_code,
      says: 'yes',
      csrf: 'x',
    })
    expect(posted.status).toBe(401)
    const tokens = await signInDevice()
    const withBearer = await fetch(`${server.origin}/d`, {
      method: 'POST',
      body: new URLSearchParams({ user_code: asked.user_code, says: 'yes' }),
      headers: { origin: server.origin, authorization: `Bearer ${tokens.access_token}` },
    })
    expect(withBearer.status).toBe(401)
  })

  test('an answer needs the form of this very session', async () => {
    const asked = await oidc.initiateDeviceAuthorization(client, {})
    const [maya, tom] = await Promise.all([browserOf(server, 'maya'), browserOf(server, 'tom')])
    const shown = await tom.get(asked.verification_uri_complete ?? '')
    const stolen = /name="csrf" value="([^"]+)"/.exec(shown.text)?.[1] ?? ''
    expect(stolen).not.toBe('')
    for (const csrf of [stolen, '', 'x'.repeat(43)]) {
      const page = await maya.post(`${server.origin}/d`, {
        csrf,
        user_code: asked.user_code,
        says: 'yes',
      })
      expect(page.status).toBe(400)
    }
    const fields = { grant_type: deviceGrant, device_code: asked.device_code }
    expect(await (await tokenForm(fields)).json()).toMatchObject({ error: 'authorization_pending' })
  })

  test('the first answer stands: a second person can not take the device over', async () => {
    const asked = await oidc.initiateDeviceAuthorization(client, {})
    const [maya, tom] = await Promise.all([browserOf(server, 'maya'), browserOf(server, 'tom')])
    const uri = asked.verification_uri_complete ?? ''
    const [mayas, toms] = await Promise.all([maya.get(uri), tom.get(uri)])
    const answers = await Promise.all([
      maya.submit(mayas, '/d', { says: 'yes' }),
      tom.submit(toms, '/d', { says: 'yes' }),
    ])
    expect(new Set(answers.map(page => page.status))).toEqual(new Set([200, 404]))
    const tokens = await oidc.pollDeviceAuthorizationGrant(client, { ...asked, interval: 0.05 })
    const { personId } = await verifyPersonToken(server.world, tokens.access_token)
    const winner = answers[0]?.status === 200 ? 'maya' : 'tom'
    expect(await findPerson(server.world.store, personId)).toMatchObject({ sub: winner })
  })

  test('a person has few tries at codes, and a good code does not reset them', async () => {
    const browser = await browserOf(server, 'ines')
    const statuses: number[] = []
    for (let i = 0; i < 12; i++) {
      const code = `BBBB-BBB${'BCDFGHJKLMNP'.charAt(i)}`
      statuses.push((await browser.get(`${server.origin}/d?user_code=${code}`)).status)
    }
    expect(statuses.slice(0, 10)).toEqual(Array(10).fill(404))
    expect(statuses.slice(10)).toEqual([429, 429])
    const other = await browserOf(server, 'maya')
    expect((await other.get(`${server.origin}/d?user_code=BBBB-BBBB`)).status).toBe(404)
  })
})

describe('refresh', () => {
  test('a refresh token is used once; using it again ends the whole family', async () => {
    const first = await signInDevice()
    const second = await oidc.refreshTokenGrant(client, first.refresh_token ?? '')
    expect(second.refresh_token).not.toBe(first.refresh_token)
    await verifyPersonToken(server.world, second.access_token)
    const reused = { grant_type: 'refresh_token', refresh_token: first.refresh_token ?? '' }
    expect(await (await tokenForm(reused)).json()).toMatchObject({ error: 'invalid_grant' })
    for (const token of [first.access_token, second.access_token])
      await expect(verifyPersonToken(server.world, token)).rejects.toMatchObject({
        code: 'token-refused',
      })
    const heir = { grant_type: 'refresh_token', refresh_token: second.refresh_token ?? '' }
    expect(await (await tokenForm(heir)).json()).toMatchObject({ error: 'invalid_grant' })
  })

  test('of 50 refreshes at the same moment at most one succeeds, and nothing of it lives', async () => {
    const { refresh_token } = await signInDevice()
    const fields = { grant_type: 'refresh_token', refresh_token: refresh_token ?? '' }
    const answers = await Promise.all(Array.from({ length: 50 }, () => tokenForm(fields)))
    const good = answers.filter(answer => answer.status === 200)
    expect(good.length).toBeLessThanOrEqual(1)
    for (const answer of good) {
      const tokens = await json(answer)
      await expect(verifyPersonToken(server.world, tokens.access_token)).rejects.toMatchObject({
        code: 'token-refused',
      })
      const next = await tokenForm({ ...fields, refresh_token: tokens.refresh_token })
      expect(next.status).toBe(400)
    }
  })

  test('signing out the device ends its tokens at once', async () => {
    const tokens = await signInDevice()
    await oidc.tokenRevocation(client, tokens.refresh_token ?? '')
    await expect(verifyPersonToken(server.world, tokens.access_token)).rejects.toMatchObject({
      code: 'token-refused',
    })
  })

  test('nothing that a device holds lies readable in the database', async () => {
    const asked = await oidc.initiateDeviceAuthorization(client, {})
    const tokens = await signInDevice()
    const rows = await server.world.store.query<{ all: string }>(
      `select (select string_agg(oidc_state::text, ' ') from oidc_state)
         || (select string_agg(browser_session::text, ' ') from browser_session) as all`,
    )
    expect(rows[0]?.all).toContain('leasehold-cli')
    for (const secret of [asked.device_code, tokens.refresh_token ?? '', tokens.access_token])
      expect(rows[0]?.all).not.toContain(secret)
  })

  test('who leaves is out at once: tokens, refresh, browser', async () => {
    const browser = await browserOf(server, 'lee')
    const tokens = await signInDevice('lee')
    const { personId } = await verifyPersonToken(server.world, tokens.access_token)
    await leavePerson(server.world, testPermit('person.leave', server.first.id, personId), {
      personId,
    })
    await expect(verifyPersonToken(server.world, tokens.access_token)).rejects.toMatchObject({
      code: 'token-refused',
    })
    const refresh = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token ?? '' }
    expect((await tokenForm(refresh)).status).toBe(400)
    expect((await browser.get(server.origin)).text).toContain('not signed in')
    const back = await openBrowser().get(`${server.origin}/sign-in/company?login_hint=lee`)
    expect(back.status).toBe(401)
    expect(back.text).toContain('has left')
  })
})

describe('key rotation', () => {
  test('new tokens carry the new key, old ones verify, refresh works across it', async () => {
    const before = await signInDevice()
    const oldKid = decodeProtectedHeader(before.access_token).kid
    await server.keys.rotate()
    const after = await oidc.refreshTokenGrant(client, before.refresh_token ?? '')
    const newKid = decodeProtectedHeader(after.access_token).kid
    expect(newKid).not.toBe(oldKid)
    await verifyPersonToken(server.world, before.access_token)
    await verifyPersonToken(server.world, after.access_token)
    const published = await json(await fetch(`${server.origin}/oauth/jwks`))
    expect(published.keys.map(key => key.kid)).toEqual(expect.arrayContaining([oldKid, newKid]))
    for (const key of published.keys) expect(key).not.toHaveProperty('d')
  })
})

test('the library prints nothing of its own: stdout is for results', async () => {
  const said = [
    vi.spyOn(console, 'log'),
    vi.spyOn(console, 'info'),
    vi.spyOn(console, 'warn'),
    vi.spyOn(console, 'error'),
  ]
  const fresh = await startOauthServer()
  const known = await oidc.discovery(new URL(fresh.origin), 'leasehold-cli', {}, oidc.None(), {
    execute: [oidc.allowInsecureRequests],
  })
  const asked = await oidc.initiateDeviceAuthorization(known, {})
  await answerDevice(await browserOf(fresh, 'maya'), asked.verification_uri_complete ?? '')
  const tokens = await oidc.pollDeviceAuthorizationGrant(known, { ...asked, interval: 0.05 })
  const next = await oidc.refreshTokenGrant(known, tokens.refresh_token ?? '')
  await oidc.tokenRevocation(known, next.refresh_token ?? '')
  await fetch(`${fresh.origin}/oauth/authorize?client_id=leasehold-cli&response_type=code`)
  await fresh.stop()
  for (const spy of said) expect(spy).not.toHaveBeenCalled()
  vi.restoreAllMocks()
})
