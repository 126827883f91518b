import { generateKeyPairSync } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { isProblem } from '../../src/core/base/problem.ts'
import { addSeconds, type Instant } from '../../src/core/base/time.ts'
import type { Upstream } from '../../src/core/target/target.ts'
import { lookAtTools } from '../../src/life/tools/look.ts'
import {
  type AuthorizationServer,
  startAuthorizationServer,
} from '../../test/fakes/authorization-server.ts'
import { startWebTarget, type WebTarget } from '../../test/fakes/web-target.ts'
import { mcpConnector } from './web.ts'

const clientSecret = 'a-secret-of-ours-0123456789'
const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const privateKeyPem = keys.privateKey.export({ format: 'pem', type: 'pkcs8' })
const publicKeyPem = keys.publicKey.export({ format: 'pem', type: 'spki' })

let target: WebTarget
let server: AuthorizationServer
let now: Instant

beforeEach(async () => {
  now = '2026-11-22T10:00:00.000Z' as Instant
  target = await startWebTarget('nobody has this one')
  server = await startAuthorizationServer({ id: 'us', secret: clientSecret }, token => {
    target.key = token
  })
  target.says = { authorization_servers: [server.issuer] }
  return async () => {
    await target.close()
    await server.close()
  }
})

const secretly = () => ({ issuer: server.issuer, clientId: 'us', clientSecret })

function open(oauth: Record<string, string> = secretly()): Upstream {
  const config = mcpConnector.parseConfig({ url: `${target.url}/mcp`, oauth })
  const { upstream } = mcpConnector.open(config, { now: () => now })
  if (upstream === undefined) throw new Error('an MCP server is an upstream')
  return upstream
}

const pass = (seconds: number) => void (now = addSeconds(now, seconds))

/** What a person, a log or a caller would see of it. */
async function refusalOf(upstream: Upstream): Promise<string> {
  const thrown: unknown = await upstream.credential().then(
    () => 'was given',
    (problem: unknown) => problem,
  )
  if (!isProblem(thrown, 'target-refused')) throw new Error(`no refusal: ${String(thrown)}`)
  expect(thrown.cause).toBeUndefined()
  const { code, detail, next, field, log, message, stack } = thrown
  return JSON.stringify({ code, detail, next, field, log, message, stack })
}

describe('a token of ours at a server that asks for OAuth', () => {
  test('is fetched once for many, for this target alone, by our secret', async () => {
    const upstream = open({ ...secretly(), scope: 'tools' })
    const given = await Promise.all([1, 2, 3].map(() => upstream.credential()))
    for (const each of given) expect(each).toEqual({ authorization: `Bearer ${target.key}` })
    const form = { grant_type: 'client_credentials', resource: `${target.url}/mcp`, scope: 'tools' }
    expect(server.asked.map(asked => asked.form)).toEqual([form])
    expect((await lookAtTools(upstream)).tools.size).toBe(3)
    expect(server.asked).toHaveLength(1)
  })

  test('is fetched by a signature where that is how we are known', async () => {
    await server.close()
    const known = { id: 'us', publicKeyPem }
    server = await startAuthorizationServer(known, token => (target.key = token))
    target.says = { authorization_servers: [server.issuer] }
    const client = { issuer: server.issuer, clientId: 'us' }
    const signed = { ...client, privateKeyPem, algorithm: 'ES256' }
    expect(await open(signed).credential()).toEqual({ authorization: `Bearer ${target.key}` })
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
    const foreign = other.export({ format: 'pem', type: 'pkcs8' })
    expect(await refusalOf(open({ ...signed, privateKeyPem: foreign }))).toContain('invalid_client')
  })

  test('is renewed before it ends, and not sooner', async () => {
    const upstream = open()
    const first = await upstream.credential()
    pass(539)
    expect(await upstream.credential()).toBe(first)
    pass(1)
    expect(await upstream.credential()).not.toEqual(first)
    expect(server.asked).toHaveLength(2)
  })

  test('is held for an hour at most, and five minutes where the server says no end', async () => {
    for (const [expiresIn, seconds] of [
      [1e9, 3540],
      [undefined, 240],
    ] as const) {
      server.expiresIn = expiresIn as number
      const upstream = open()
      const first = await upstream.credential()
      pass(seconds - 1)
      expect(await upstream.credential()).toBe(first)
      pass(1)
      expect(await upstream.credential()).not.toBe(first)
    }
  })

  test('is fetched once more when it is refused, and then not again for a while', async () => {
    const upstream = open()
    await upstream.credential()
    target.key = 'revoked over there'
    expect((await lookAtTools(upstream)).tools.size).toBe(3)
    expect(server.asked).toHaveLength(2)
    target.key = 'and again'
    await expect(lookAtTools(upstream)).rejects.toThrow('target-refused: The target does not take')
    expect(server.asked).toHaveLength(2)
    pass(10)
    expect((await lookAtTools(upstream)).tools.size).toBe(3)
  })

  test('is asked for once in ten seconds where we are not known', async () => {
    const upstream = open({ ...secretly(), clientSecret: 'another' })
    const said = await refusalOf(upstream)
    expect(said).toContain('says `invalid_client`')
    await refusalOf(upstream)
    expect(server.asked).toHaveLength(1)
    pass(10)
    await refusalOf(upstream)
    expect(server.asked).toHaveLength(2)
  })
})

describe('our secret', () => {
  test('is in no text when a server answers with it', async () => {
    for (const body of [
      { error: clientSecret, error_description: clientSecret },
      { error: 'invalid_grant', error_description: clientSecret },
      clientSecret,
      { access_token: clientSecret },
      { access_token: `${clientSecret}\r\nx: y`, token_type: 'Bearer' },
      { access_token: clientSecret, token_type: 'DPoP' },
    ]) {
      server.next = { status: typeof body === 'object' && 'error' in body ? 400 : 200, body }
      expect(await refusalOf(open())).not.toContain(clientSecret)
    }
    expect(server.asked).toHaveLength(6)
  })

  test('is not sent to another server that is a good one by itself', async () => {
    const other = await startAuthorizationServer({ id: 'us', secret: clientSecret }, () => {})
    target.says = { authorization_servers: [other.issuer] }
    await refusalOf(open())
    await other.close()
    expect(other.looked).not.toEqual([])
    expect([...other.asked, ...server.asked]).toEqual([])
  })

  test.each([
    ['another issuer', () => (target.says = { authorization_servers: [`${target.url}/evil`] })],
    ['no issuer, but its own address', () => (target.says = { authorization_servers: [] })],
    ['nothing of itself', () => (target.says = undefined)],
    ['another resource', () => (target.says = { ...ours(), resource: 'https://crm.example/mcp' })],
    ['a page that runs', () => (target.says = { authorization_servers: ['javascript:alert(1)'] })],
    ['a file', () => (target.says = { authorization_servers: ['file:///etc/passwd'] })],
    [
      'metadata service',
      () => (target.says = { authorization_servers: ['http://169.254.169.254'] }),
    ],
  ])('is not sent where the target names %s', async (_, change) => {
    change()
    await refusalOf(open())
    expect(server.asked).toEqual([])
    expect(target.seen.filter(({ path }) => path === '/token')).toEqual([])
  })

  test.each([
    ['http elsewhere', 'http://tokens.example/token'],
    ['an address inside', 'https://10.0.0.1/token'],
    ['a file', 'file:///etc/token'],
    ['a page that runs', 'javascript:fetch(1)'],
    ['our own door with a name', 'http://us:word@127.0.0.1/token'],
  ])('is not sent to a token endpoint that is %s', async (_, endpoint) => {
    server.says = { token_endpoint: endpoint }
    expect(await refusalOf(open())).not.toContain(endpoint)
    expect(server.asked).toEqual([])
  })

  test('is not sent to a server that goes by another name, nor on by a redirect', async () => {
    server.says = { issuer: 'https://accounts.example' }
    await refusalOf(open())
    expect(server.asked).toEqual([])
    server.says = {}
    server.next = { status: 307, headers: { location: `${target.url}/token` } }
    await refusalOf(open())
    expect(target.seen.filter(({ path }) => path === '/token')).toEqual([])
  })
})

describe('what is connected', () => {
  test('is a client of one issuer, by a secret or by a key', () => {
    const parse = (more: object) => () =>
      mcpConnector.parseConfig({ url: 'https://mcp.example/mcp', ...more })
    const client = { issuer: 'https://id.example', clientId: 'us' }
    const key = { privateKeyPem, algorithm: 'ES256' }
    const good = parse({ oauth: { ...client, clientSecret } })()
    expect(mcpConnector.parseConfig(good)).toEqual(good)
    expect(parse({ oauth: { ...client, ...key } })).not.toThrow()
    for (const oauth of [
      client,
      { ...client, ...key, clientSecret },
      { ...client, ...key, algorithm: 'none' },
      { ...client, ...key, algorithm: 'HS256' },
      { ...client, ...key, privateKeyPem: clientSecret },
      { ...client, clientSecret, issuer: 'http://id.example' },
      { ...client, clientSecret, issuer: 'https://10.0.0.1' },
      { clientId: 'us', clientSecret },
    ])
      expect(parse({ oauth })).toThrow(/^invalid-field: `connect\.oauth[^]*$(?<!0123456789)/)
    const credential = { header: 'authorization', value: 'Bearer x' }
    expect(parse({ credential, oauth: { ...client, clientSecret } })).toThrow('`credential` or')
  })
})

const ours = () => ({ authorization_servers: [server.issuer] })

afterEach(() => {
  const texts = target.seen.flatMap(({ path, headers, body }) => [
    path,
    body,
    ...Object.values(headers),
  ])
  expect(texts.filter(text => String(text).includes(clientSecret))).toEqual([])
})
