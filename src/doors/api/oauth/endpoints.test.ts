/** Requests at the OAuth endpoints that must be refused, and how. Each changes nothing. */
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type OauthServer, startOauthServer } from '../../../../test/support/oauth.ts'
import { Problem } from '../../../core/base/problem.ts'
import type { OauthAnswer } from './answer.ts'
import type { Form } from './request.ts'

const exchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange'
const formType = 'application/x-www-form-urlencoded'

let server: OauthServer
let port: number
const exchanged: Form[] = []
let exchange: (form: Form) => OauthAnswer = () => ({ status: 200, body: { ok: true } })

beforeAll(async () => {
  server = await startOauthServer({
    workloads: {
      exchange: async form => {
        exchanged.push(form)
        return exchange(form)
      },
      introspect: async form =>
        form.get('token') === 'a-task-token' ? { status: 200, body: { active: true } } : undefined,
      revoke: async form =>
        form.get('token') === 'a-task-token' ? { status: 200, body: {} } : undefined,
    },
  })
  port = Number(new URL(server.origin).port)
})
afterAll(() => server.stop())
beforeEach(() => {
  exchanged.length = 0
  exchange = () => ({ status: 200, body: { ok: true } })
})

interface Sent {
  method?: string
  path?: string
  headers?: Record<string, string | string[]>
  body?: string
}

interface Got {
  status: number
  headers: Record<string, string | string[] | undefined>
  text: string
}

/** Sends exactly these headers; `fetch` would not let us lie. */
function send({
  method = 'POST',
  path = '/oauth/token',
  headers = {},
  body = '',
}: Sent): Promise<Got> {
  return new Promise((resolve, reject) => {
    const req = httpRequest({
      host: '127.0.0.1',
      port,
      method,
      path,
      headers: { host: `localhost:${port}`, ...headers },
    })
    req.on('error', reject)
    req.on('response', res => {
      let text = ''
      res.setEncoding('utf8').on('data', (part: string) => {
        text += part
      })
      res.on('end', () => resolve({ status: res.statusCode ?? 0, headers: res.headers, text }))
    })
    req.end(body)
  })
}

function post(body: string, headers: Sent['headers'] = {}, path = '/oauth/token'): Promise<Got> {
  return send({ path, body, headers: { 'content-type': formType, ...headers } })
}

const goodForm = `grant_type=${encodeURIComponent(exchangeGrant)}&subject_token=x`

function errorOf(got: Got): string {
  return (JSON.parse(got.text) as { error: string }).error
}

describe('the token endpoint', () => {
  test('gives token exchange to us and everything else to the authorization server', async () => {
    expect((await post(goodForm)).status).toBe(200)
    expect(exchanged).toHaveLength(1)
    const other = await post('grant_type=client_credentials&client_id=leasehold-cli')
    expect(other.status).toBe(400)
    expect(errorOf(other)).toBe('unsupported_grant_type')
    expect(exchanged).toHaveLength(1)
  })

  test('answers errors as RFC 6749 wants them, and is never stored', async () => {
    exchange = () => {
      throw new Problem('not-attested', { detail: 'It says “owner 9001”.', next: 'Ask "Tom".' })
    }
    const got = await post(goodForm)
    expect(got.status).toBe(400)
    expect(got.headers['content-type']).toBe('application/json')
    expect(got.headers['cache-control']).toBe('no-store')
    expect(JSON.parse(got.text)).toEqual({
      error: 'invalid_grant',
      error_description: "It says ?owner 9001?. Ask 'Tom'.",
    })
  })

  test('says nothing of what broke inside', async () => {
    exchange = () => {
      throw new Error('password=hunter2 at db.internal')
    }
    const got = await post(goodForm)
    expect(got.status).toBe(500)
    expect(got.text).not.toMatch(/hunter2|db\.internal|node_modules/)
    expect(server.warnings.join()).toContain('db.internal')
  })

  test('takes forms only: a body without a type, or of another one, is refused', async () => {
    const types = [
      undefined,
      '',
      'text/plain',
      'application/json',
      'multipart/form-data; boundary=x',
      `${formType}; charset=utf-16`,
      `${formType}, application/json`,
    ]
    for (const type of types) {
      const headers = type === undefined ? {} : { 'content-type': type }
      const got = await send({ body: goodForm, headers })
      expect(got.status).toBe(415)
      expect(errorOf(got)).toBe('invalid_request')
    }
    expect((await post(goodForm, { 'content-type': `${formType}; charset=UTF-8` })).status).toBe(
      200,
    )
    expect((await post(goodForm, { 'content-encoding': 'gzip' })).status).toBe(415)
    expect(exchanged).toHaveLength(1)
  })

  test('refuses a parameter that occurs twice, in any spelling', async () => {
    for (const twice of [
      `${goodForm}&subject_token=y`,
      `${goodForm}&subject%5Ftoken=y`,
      `${goodForm}&grant_type=refresh_token`,
    ]) {
      const got = await post(twice)
      expect(got.status).toBe(400)
      expect(errorOf(got)).toBe('invalid_request')
    }
    const query = await send({
      path: '/oauth/token?client_id=a&client_id=b',
      body: goodForm,
      headers: { 'content-type': formType },
    })
    expect(query.status).toBe(400)
    expect(exchanged).toHaveLength(0)
  })

  test('refuses what does not decode to plain text', async () => {
    for (const bad of ['a=%', 'a=%zz', 'a=%ff', 'a=%00', 'a=%0d%0aSet-Cookie:x', 'a=ä', 'a=%C0%80'])
      expect((await post(`${goodForm}&${bad}`)).status).toBe(400)
    expect((await post(Array.from({ length: 41 }, (_, i) => `p${i}=1`).join('&'))).status).toBe(400)
    expect(exchanged).toHaveLength(0)
  })

  test('refuses a body beyond 64 kB, announced or not, and stays up', async () => {
    const big = `${goodForm}&x=${'y'.repeat(70_000)}`
    expect((await post(big)).status).toBe(413)
    expect((await post(big, { 'transfer-encoding': 'chunked' })).status).toBe(413)
    expect((await post(goodForm)).status).toBe(200)
  })

  test('takes POST only, and says so', async () => {
    for (const method of ['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
      const got = await send({ method, headers: { 'content-type': formType } })
      expect(got.status).toBe(405)
      expect(got.headers['allow']).toBe('POST')
    }
  })
})

describe('every route', () => {
  test('answers under our host names only', async () => {
    const bad = [
      'evil.example',
      `evil.example:${port}`,
      'localhost',
      `localhost:${port + 1}`,
      `LOCALHOST:${port}`,
      `localhost.:${port}`,
      `0.0.0.0:${port}`,
      `[::1]:${port}`,
      `[::ffff:127.0.0.1]:${port}`,
      `2130706433:${port}`,
      `localhost:${port}@evil.example`,
    ]
    for (const host of bad)
      for (const path of ['/oauth/token', '/', '/.well-known/openid-configuration', '/v1/apps']) {
        const got = await send({
          method: path === '/oauth/token' ? 'POST' : 'GET',
          path,
          headers: { host },
        })
        expect([got.status, host]).toEqual([400, host])
      }
    expect(
      (await send({ method: 'GET', path: '/', headers: { host: `127.0.0.1:${port}` } })).status,
    ).toBe(308)
  })

  test('refuses in the words of whoever would have answered', async () => {
    const headers = { host: 'evil.example' }
    const typeOf = async (path: string) =>
      (await send({ method: 'GET', path, headers })).headers['content-type']
    expect(await typeOf('/v1/apps')).toBe('application/problem+json')
    expect(await typeOf('/oauth/jwks')).toBe('application/json')
    expect(await typeOf('/')).toBe('text/html; charset=utf-8')
  })

  test('refuses two Host headers, and a request for another server', async () => {
    for (const start of [
      `GET / HTTP/1.1\r\nHost: localhost:${port}\r\nHost: evil.example\r\n`,
      `GET http://evil.example/ HTTP/1.1\r\nHost: localhost:${port}\r\n`,
      'GET / HTTP/1.0\r\n',
      'GET / HTTP/1.1\r\nHost:\r\n',
    ])
      expect(await raw(`${start}Connection: close\r\n\r\n`)).toMatch(/^HTTP\/1\.1 400 /)
  })

  test('refuses pages of other sites', async () => {
    const bad = [
      'https://evil.example',
      'null',
      `https://localhost:${port}`,
      'http://localhost',
      `http://localhost:${port}.evil.example`,
    ]
    for (const origin of bad) {
      expect((await post(goodForm, { origin })).status).toBe(400)
      expect((await send({ method: 'GET', path: '/', headers: { origin } })).status).toBe(400)
    }
    expect(exchanged).toHaveLength(0)
    const got = await post(goodForm, { origin: server.origin })
    expect(got.status).toBe(200)
    expect(got.headers['access-control-allow-origin']).toBeUndefined()
  })

  test('believes no header about where a request came from', async () => {
    const lies = {
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'https',
      'x-forwarded-for': '203.0.113.9',
      forwarded: 'for=203.0.113.9;host=evil.example;proto=https',
      'x-original-url': '/oauth/token',
      'x-rewrite-url': '/oauth/token',
      'x-http-method-override': 'POST',
    }
    const got = await send({
      method: 'GET',
      path: '/.well-known/openid-configuration',
      headers: lies,
    })
    expect(got.status).toBe(200)
    expect(got.text).not.toMatch(/evil|https:/)
    const device = await post('client_id=leasehold-cli', lies, '/oauth/device')
    expect(device.text).toContain(`"verification_uri":"${server.origin}/d"`)
  })

  test('is found by its exact path, never by one that looks like it', async () => {
    const paths = [
      '//oauth/token',
      '/oauth//token',
      '/oauth/token/',
      '/oauth/./token',
      '/oauth/%74oken',
      '/oauth%2ftoken',
      '/oauth/token;x=1',
      '/OAUTH/token',
    ]
    for (const path of paths)
      expect(
        (await send({ path, body: goodForm, headers: { 'content-type': formType } })).status,
      ).toBe(404)
    expect(exchanged).toHaveLength(0)
  })

  test('carries the headers that keep it out of frames, caches and other sites', async () => {
    for (const path of ['/', '/sign-in', '/d', '/oauth/jwks', '/nowhere']) {
      const { headers } = await send({ method: 'GET', path })
      expect(headers['content-security-policy']).toContain("default-src 'none'")
      expect(headers['content-security-policy']).toContain("frame-ancestors 'none'")
      expect(headers['content-security-policy']).not.toMatch(/unsafe|script-src|http/)
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'same-origin',
        'cross-origin-opener-policy': 'same-origin',
      })
    }
    expect((await send({ method: 'GET', path: '/' })).headers['cache-control']).toBe('no-store')
  })
})

describe('clients that come by a browser', () => {
  test('there are none: no redirect address is accepted, with or without PKCE', async () => {
    for (const query of [
      'client_id=leasehold-cli&response_type=code&redirect_uri=https://evil.example/cb',
      'client_id=leasehold-cli&response_type=code&redirect_uri=http://localhost:1/cb&code_challenge=x&code_challenge_method=plain',
      `client_id=leasehold-cli&response_type=code&redirect_uri=${server.origin}/sign-in/callback&code_challenge=${'x'.repeat(43)}&code_challenge_method=S256`,
      'client_id=leasehold-cli&response_type=token&redirect_uri=https://evil.example/cb',
      'client_id=nobody&response_type=code&redirect_uri=https://evil.example/cb',
    ]) {
      const got = await send({ method: 'GET', path: `/oauth/authorize?${query}` })
      expect(got.status).toBe(400)
      expect(got.headers['location']).toBeUndefined()
      expect(got.headers['set-cookie']).toBeUndefined()
    }
  })

  test('a code can not be exchanged by anybody', async () => {
    const got = await post(
      'client_id=leasehold-cli&grant_type=authorization_code&code=x&redirect_uri=https://evil.example/cb',
    )
    expect(got.status).toBe(400)
  })

  test('endpoints nobody needs are not there', async () => {
    for (const path of [
      '/oauth/register',
      '/reg',
      '/me',
      '/oauth/userinfo',
      '/session/end',
      '/request',
      '/token',
      '/auth',
      '/device',
      '/interaction/x',
    ])
      for (const method of ['GET', 'POST']) expect((await send({ method, path })).status).toBe(404)
  })
})

describe('introspection and revocation', () => {
  test('answer for task tokens by us, for devices by the authorization server', async () => {
    const ours = await post('token=a-task-token', {}, '/oauth/introspect')
    expect(JSON.parse(ours.text)).toEqual({ active: true })
    expect((await post('token=a-task-token', {}, '/oauth/revoke')).status).toBe(200)
    const anonymous = await post('token=some-refresh-token', {}, '/oauth/introspect')
    expect(errorOf(anonymous)).toBe('invalid_request')
    const unknown = await post('client_id=leasehold-cli&token=unknown', {}, '/oauth/introspect')
    expect(JSON.parse(unknown.text)).toEqual({ active: false })
  })

  test('a revocation that could not be stored is not answered with success', async () => {
    const broken = { ...server.world.store, query: () => Promise.reject(new Error('disk full')) }
    const other = await startOauthServer()
    const { store } = other.world
    const query = store.query.bind(store)
    Object.assign(store, { query: broken.query })
    const got = await fetch(`${other.origin}/oauth/revoke`, {
      method: 'POST',
      body: new URLSearchParams({ client_id: 'leasehold-cli', token: 'x'.repeat(43) }),
    })
    Object.assign(store, { query })
    expect(got.status).toBeGreaterThanOrEqual(500)
    expect(await got.text()).not.toContain('disk full')
    await other.stop()
  })
})

describe('the room for waiting devices', () => {
  test('is bounded, so that guessing a code stays hopeless', async () => {
    const full = await startOauthServer()
    await full.world.store.query(
      `insert into oidc_state (kind, id, payload, user_code, expires_at)
       select 'DeviceCode', 'x' || n, '{}', 'u' || n, now() + interval '1 hour' from generate_series(1, 1000) n`,
    )
    const ask = () =>
      fetch(`${full.origin}/oauth/device`, {
        method: 'POST',
        body: new URLSearchParams({ client_id: 'leasehold-cli' }),
      })
    expect((await ask()).status).toBe(429)
    await full.world.store.query(`delete from oidc_state where id = 'x1'`)
    expect((await ask()).status).toBe(200)
    await full.stop()
  })
})

function raw(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    let got = ''
    socket.setEncoding('utf8').on('data', part => {
      got += part
    })
    socket.on('close', () => resolve(got)).on('error', reject)
  })
}
