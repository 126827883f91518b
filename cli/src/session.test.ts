import { existsSync } from 'node:fs'
import { readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { newKeys, rootPrint, tableOf } from '../../test/support/signed-log.ts'
import { newHome, now, run, type World } from './test/host.ts'
import { type Asked, problem, type Stub, startStub } from './test/stub.ts'
import * as views from './test/views.ts'

const keys = newKeys()
let stub: Stub
let other: Stub
let world: World

const profileFile = () =>
  join(world.home, '.config/leasehold/servers', `${stub.url.replace(/[^a-z0-9.-]+/g, '_')}.json`)
const profile = async () =>
  JSON.parse(await readFile(profileFile(), 'utf8')) as Record<string, unknown>
const tokens = (name: string, expires = 300) => ({
  access_token: `access-${name}`,
  refresh_token: `refresh-${name}`,
  expires_in: expires,
})
const calls = (path: string) => stub.asked.filter(each => each.path === path)
const form = (asked: Asked | undefined) => Object.fromEntries(new URLSearchParams(asked?.body))

beforeAll(async () => {
  stub = await startStub()
  other = await startStub()
})
afterAll(async () => Promise.all([stub.stop(), other.stop()]))
beforeEach(() => {
  for (const one of [stub, other]) {
    one.asked.length = 0
    for (const key of Object.keys(one.answers)) delete one.answers[key]
  }
  const issuer = stub.url.replace('127.0.0.1', 'localhost')
  Object.assign(stub.answers, {
    'GET /v1/installation': { issuer },
    'GET /v1/keys': tableOf(keys),
    'GET /.well-known/openid-configuration': {
      issuer,
      token_endpoint: `${issuer}/oauth/token`,
      device_authorization_endpoint: `${issuer}/oauth/device`,
      revocation_endpoint: `${issuer}/oauth/revoke`,
    },
    'POST /oauth/device': {
      device_code: 'device-code',
      user_code: 'KXQ7-RMPD',
      verification_uri: `${issuer}/d`,
      verification_uri_complete: `${issuer}/d?user_code=KXQ7-RMPD`,
      expires_in: 600,
      interval: 5,
    },
    'POST /oauth/token': tokens('1'),
    'POST /oauth/revoke': {},
    'GET /v1/me': ({ token }: Asked) =>
      token?.startsWith('access-')
        ? { body: views.me }
        : { status: 401, body: problem('not-signed-in', 401, 'Say who you are.') },
  })
  world = { home: newHome(), server: stub.url, tty: true, at: Date.now() }
  return () => rm(world.home, { recursive: true })
})

async function signIn(): Promise<void> {
  expect(await run(world, 'login')).toMatchObject({ code: 0 })
  stub.asked.length = 0
}

describe('signing in', () => {
  test('shows the page and the code, waits for a yes, and shows whose key was pinned', async () => {
    const answers = ['authorization_pending', 'slow_down', 'authorization_pending']
    stub.answers['POST /oauth/token'] = () => {
      const error = answers.shift()
      return error ? { status: 400, body: { error } } : { body: tokens('1') }
    }
    const { code, out, err } = await run(world, 'login')
    expect(code).toBe(0)
    expect(err).toContain('/d?user_code=KXQ7-RMPD  and check that it says  KXQ7-RMPD')
    expect(out).toContain('Maya Ortiz · signed in')
    expect(out).toContain(rootPrint(keys))
    expect(out).toContain('new here: compare it')
    expect(form(calls('/oauth/token').at(-1))).toMatchObject({
      client_id: 'leasehold-cli',
      grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
      device_code: 'device-code',
    })
    expect(await run(world, 'whoami')).toMatchObject({ code: 0 })
    expect((await run(world, 'login')).out).toContain('the one you know')
  })

  test.each([['access_denied'], ['expired_token']])('answered with %s ends it', async error => {
    stub.answers['POST /oauth/token'] = () => ({ status: 400, body: { error } })
    const { code, err } = await run(world, 'login')
    expect(code).toBe(1)
    expect(err).toContain(error)
  })

  test('keeps tokens in a file of the person alone, and says them nowhere', async () => {
    const { seen } = await run(world, 'login')
    expect(seen).not.toMatch(/access-|refresh-|device-code/)
    expect((await stat(profileFile())).mode & 0o777).toBe(0o600)
    expect((await stat(dirname(profileFile()))).mode & 0o777).toBe(0o700)
    expect(await profile()).toMatchObject({ session: { accessToken: 'access-1' } })
    expect(stub.asked.map(each => each.path).join()).not.toContain('access-')
  })

  test('is not begun at another server than the one that was named', async () => {
    stub.answers['GET /v1/installation'] = { issuer: other.url }
    const { code, err } = await run(world, 'login')
    expect(code).toBe(1)
    expect(err).toContain('sign in at another server')
    expect(other.asked).toEqual([])
  })

  test('does not send anyone to a page of somebody else', async () => {
    stub.answers['POST /oauth/device'] = { verification_uri: 'https://evil.example/d', interval: 5 }
    expect((await run(world, 'login')).err).toContain('not its own')
  })

  test('calls endpoints at its own server only, whatever discovery names', async () => {
    stub.answers['GET /.well-known/openid-configuration'] = {
      token_endpoint: `${other.url}/oauth/token`,
      device_authorization_endpoint: `${other.url}/oauth/device`,
    }
    expect(await run(world, 'login')).toMatchObject({ code: 0 })
    expect(other.asked).toEqual([])
  })
})

describe('the root key', () => {
  test('that changed is refused, and a person who was told the new one may take it', async () => {
    await signIn()
    const made = newKeys()
    stub.answers['GET /v1/keys'] = tableOf(made)
    const refused = await run(world, 'login')
    expect(refused).toMatchObject({ code: 1 })
    expect(refused.err).toContain('LH-KEY-14')
    expect(calls('/oauth/device')).toEqual([])
    const wrong = await run(world, 'login', '--root', rootPrint(newKeys()))
    expect(wrong).toMatchObject({ code: 1 })
    expect(await run(world, 'login', '--root', rootPrint(made))).toMatchObject({ code: 0 })
    expect(await profile()).toMatchObject({ rootFingerprint: rootPrint(made) })
  })

  test('does not excuse an older key table than was seen before', async () => {
    stub.answers['GET /v1/keys'] = tableOf(keys, 'active', 5)
    await signIn()
    stub.answers['GET /v1/keys'] = tableOf(keys, 'active', 4)
    expect((await run(world, 'login')).err).toContain('key table 4, and showed 5 before')
  })

  test('stays known when the person signs out', async () => {
    await signIn()
    expect(await run(world, 'logout')).toMatchObject({ code: 0 })
    expect(form(calls('/oauth/revoke')[0])).toMatchObject({ token: 'refresh-1' })
    expect(await profile()).toEqual({
      url: stub.url,
      rootFingerprint: rootPrint(keys),
      tableSerial: 1,
    })
    expect(await run(world, 'whoami')).toMatchObject({ code: 77 })
  })
})

describe('a token', () => {
  test('is renewed silently before it ends, and its refresh token is used once', async () => {
    stub.answers['POST /oauth/token'] = tokens('1', 10)
    await signIn()
    stub.answers['POST /oauth/token'] = tokens('2')
    const ran = await Promise.all([1, 2, 3, 4].map(async () => run(world, 'whoami')))
    expect(ran.map(({ code }) => code)).toEqual([0, 0, 0, 0])
    expect(calls('/oauth/token').map(form)).toEqual([
      { client_id: 'leasehold-cli', grant_type: 'refresh_token', refresh_token: 'refresh-1' },
    ])
    expect(await profile()).toMatchObject({ session: { refreshToken: 'refresh-2' } })
  })

  test('that is refused early is renewed, once', async () => {
    await signIn()
    const good = stub.answers['GET /v1/me'] as (asked: Asked) => object
    stub.answers['GET /v1/me'] = (asked: Asked) =>
      asked.token === 'access-1'
        ? { status: 401, body: problem('token-refused', 401, 'It ended.') }
        : good(asked)
    stub.answers['POST /oauth/token'] = tokens('2')
    expect(await run(world, 'whoami')).toMatchObject({ code: 0 })
    expect(calls('/oauth/token')).toHaveLength(1)
  })

  test('that can not be renewed any more means signing in again', async () => {
    stub.answers['POST /oauth/token'] = tokens('1', 10)
    await signIn()
    stub.answers['POST /oauth/token'] = () => ({ status: 400, body: { error: 'invalid_grant' } })
    const { code, err } = await run(world, 'whoami')
    expect(code).toBe(77)
    expect(err).toContain('LH-AUTH-01')
    expect(await profile()).not.toHaveProperty('session.accessToken')
  })

  test('survives a server that breaks while it is renewed', async () => {
    stub.answers['POST /oauth/token'] = tokens('1', 10)
    await signIn()
    stub.answers['POST /oauth/token'] = () => ({
      status: 503,
      body: { error: 'temporarily_unavailable' },
    })
    expect(await run(world, 'whoami')).toMatchObject({ code: 69 })
    expect(await profile()).toMatchObject({ session: { refreshToken: 'refresh-1' } })
  })

  test('is sent to the server of its profile, and to no other', async () => {
    await signIn()
    stub.answers['GET /v1/me'] = () => ({
      status: 302,
      headers: { location: `${other.url}/v1/me` },
      body: '',
    })
    const { code, err } = await run(world, 'whoami')
    expect(code).toBe(69)
    expect(err).toContain('LH-NET-12')
    other.answers['GET /v1/things/x'] = { type: 'app', id: 'x', path: `${stub.url}/v1/me` }
    await run({ ...world, server: other.url }, 'show', 'x')
    expect(other.asked.map(({ token }) => token)).toEqual([undefined])
    stub.answers['GET /v1/things/x'] = { type: 'app', id: 'x', path: `${other.url}/v1/me` }
    expect((await run(world, 'show', 'x')).err).toContain('LH-NET-12')
    expect(other.asked).toHaveLength(1)
  })

  test('goes to no server over plain http but this machine', async () => {
    for (const server of [
      'http://leasehold.example.com',
      'ftp://127.0.0.1',
      'x',
      `${stub.url}/a`,
    ]) {
      const { code, err } = await run(world, 'whoami', '--server', server)
      expect(code).toBe(2)
      expect(err).toContain('is no server')
    }
  })
})

describe('a file', () => {
  test('that others may read is closed before it is used', async () => {
    await signIn()
    const { chmod } = await import('node:fs/promises')
    await chmod(profileFile(), 0o644)
    await run(world, 'whoami')
    expect((await stat(profileFile())).mode & 0o777).toBe(0o600)
  })

  test('that is a link, or damaged, is refused and never taken for a first time', async () => {
    await signIn()
    await writeFile(profileFile(), '{')
    const damaged = await run(world, 'login')
    expect(damaged).toMatchObject({ code: 1 })
    expect(damaged.err).toContain('is damaged')
    await rm(profileFile())
    await writeFile(join(world.home, 'elsewhere.json'), '{}')
    await symlink(join(world.home, 'elsewhere.json'), profileFile())
    expect((await run(world, 'whoami')).err).toContain('can not be used')
  })

  test("left locked by a command that died does not stop the next one's renewal", async () => {
    stub.answers['POST /oauth/token'] = tokens('1', 10)
    await signIn()
    const lock = `${profileFile()}.lock`
    await writeFile(lock, '')
    const { utimes } = await import('node:fs/promises')
    await utimes(lock, new Date(now / 2), new Date(now / 2))
    stub.answers['POST /oauth/token'] = tokens('2')
    expect(await run(world, 'whoami')).toMatchObject({ code: 0 })
    expect(existsSync(lock)).toBe(false)
  })
})
