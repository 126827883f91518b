/**
 * An MCP client that is configured with nothing but a URL: it finds out where to sign in, a person lets it
 * act for one of their apps, and it calls what the agent of that app may. The protocol's own client, the
 * real server, a pretend MCP server behind it that keeps what arrived.
 */
import {
  Client,
  type OAuthClientProvider,
  type StoredOAuthTokens,
  StreamableHTTPClientTransport,
  UnauthorizedError,
} from '@modelcontextprotocol/client'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { leaseTable } from '../../src/core/lease/rows.ts'
import { taskTable } from '../../src/core/task/rows.ts'
import { bounds } from '../../src/doors/gateway/bounds.ts'
import { clientDocument, type McpClientFake, startMcpClient } from '../fakes/mcp-client.ts'
import type { WebTarget } from '../fakes/web-target.ts'
import type { Browser } from '../support/browser.ts'
import {
  agree,
  ask,
  atToken,
  codeIn,
  connectTracker,
  makeAgentApp,
  redeem,
  renew,
  signedIn,
  signInClient,
} from '../support/mcp-sign-in.ts'
import { attest, type Company, claimsOf, expectStatus, startCompany } from './company.ts'

let company: Company
let target: WebTarget
let client: McpClientFake
let url: string
let sam: Browser

beforeAll(async () => {
  client = await startMcpClient()
  company = await startCompany({ loopback: client.origin })
  target = await connectTracker(company)
  await makeAgentApp(company, { slug: 'desk', by: 'sam' })
  await makeAgentApp(company, { slug: 'theirs', by: 'maya' })
  await makeAgentApp(company, { slug: 'unsure', by: 'sam', trusted: false })
  url = `${company.running.issuer}/mcp/tracker`
  sam = await signedIn(company, 'sam')
}, 120_000)
afterAll(async () => {
  await company?.stop()
  await target?.close()
  await client?.close()
})
beforeEach(() => {
  target.seen.length = 0
  client.seen.length = 0
  client.document = clientDocument
})

const initialize = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'test', version: '1' },
  },
}

function post(
  token: string | undefined,
  body: object = initialize,
  to: { url?: string; headers?: Record<string, string> } = {},
): Promise<Response> {
  return fetch(to.url ?? url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...to.headers,
    },
    body: JSON.stringify(body),
  })
}

async function entries(kind: string): Promise<number> {
  const { world } = company.running
  await world.settle()
  const rows = await world.store.query<{ n: number }>(
    'select count(*)::int as n from ledger_entry where kind = $1',
    [kind],
  )
  return rows[0]?.n ?? -1
}

/** Sign-in as the protocol's client does it, the person in `browser` saying yes. */
function provider(browser: Browser): OAuthClientProvider & { answer?: URLSearchParams } {
  let [tokens, verifier]: [StoredOAuthTokens | undefined, string] = [undefined, '']
  return {
    redirectUrl: client.redirectUri,
    clientMetadata: { client_name: 'Test', redirect_uris: [client.redirectUri] },
    clientInformation: () => ({ client_id: client.id }),
    tokens: () => tokens,
    saveTokens: given => void (tokens = given),
    saveCodeVerifier: given => void (verifier = given),
    codeVerifier: () => verifier,
    state: () => 'state of the client',
    async redirectToAuthorization(to) {
      this.answer = new URL((await agree(browser, to.href)).url).searchParams
    },
  }
}

describe('a client with nothing but a URL', () => {
  test('signs in, lists, calls, and is told no, with nothing of its token going further', async () => {
    const authProvider = provider(sam)
    const connect = () => new StreamableHTTPClientTransport(new URL(url), { authProvider })
    const info = { name: 'test', version: '1' }
    const first = connect()
    await expect(new Client(info).connect(first)).rejects.toThrow(UnauthorizedError)
    await first.finishAuth(authProvider.answer ?? new URLSearchParams())
    const mcp = new Client(info)
    await mcp.connect(connect())
    const { tools } = await mcp.listTools()
    expect(tools.map(({ name }) => name)).toEqual(['search'])
    const called = await mcp.callTool({ name: 'search', arguments: {} })
    expect(called.content).toEqual([{ type: 'text', text: 'did search' }])
    const refused = await mcp.callTool({ name: 'create', arguments: {} })
    expect(refused).toMatchObject({ isError: true, structuredContent: { denied: true } })
    await mcp.close()
    const { access_token: token = '' } = (await authProvider.tokens()) ?? {}
    expect(token).not.toBe('')
    const arrived = JSON.stringify(target.seen)
    expect(arrived).toContain(target.key)
    for (const part of token.split('.')) expect(arrived).not.toContain(part)
    expect(target.seen.filter(({ body }) => body.includes('"create"'))).toEqual([])
  })

  test('works in one attended task, for the purpose, on behalf of the person, under one lease', async () => {
    const { world } = company.running
    const opened = await entries('session.open')
    const { access_token, refresh_token } = await signInClient(company, client, { browser: sam })
    await Promise.all([1, 2, 3].map(() => post(access_token)))
    const next = await renew(company, client, refresh_token)
    expect((await post(next.body.access_token)).status).toBe(200)
    const tasks = world.replica.all(taskTable)
    const [task] = tasks.sort((a, b) => (a.openedAt < b.openedAt ? 1 : -1))
    const { sam: onBehalfOf } = company.ids
    expect(task).toMatchObject({ purpose: 'look', autonomy: 'attended', onBehalfOf })
    const leases = world.replica.by(leaseTable, 'taskId', task?.id ?? '')
    expect(leases).toMatchObject([{ state: 'live', actions: ['read'] }])
    expect(await entries('session.open')).toBe(opened + 1)
  })

  test('gets a token for five minutes and this resource alone, told to nobody in between', async () => {
    const { url: to, verifier, resource } = ask(company, client)
    const back = await agree(sam, to)
    const params = new URL(back.url).searchParams
    expect([...params.keys()].sort()).toEqual(['code', 'iss', 'state'])
    expect(params.get('iss')).toBe(company.running.issuer)
    expect(params.get('state')).toBe('a state/&')
    const { status, headers, body } = await redeem(company, client, {
      code: codeIn(back),
      verifier,
      resource,
    })
    expect(status).toBe(200)
    expect(headers.get('cache-control')).toBe('no-store')
    expect(body).toMatchObject({ token_type: 'Bearer', scope: 'mcp', expires_in: 300 })
    const claims = JSON.parse(
      Buffer.from(body.access_token.split('.')[1] ?? '', 'base64url').toString(),
    )
    expect(claims).toMatchObject({ aud: resource, sub: company.ids.sam, client_id: client.id })
    expect(claims.exp - claims.iat).toBeLessThanOrEqual(300)
    const logged = JSON.stringify(company.logged)
    for (const secret of [codeIn(back), body.access_token, body.refresh_token])
      expect(logged).not.toContain(secret)
  })
})

describe('the direct door', () => {
  test('says where to sign in, and nothing about what is no MCP server', async () => {
    const { issuer } = company.running
    const where = `${issuer}/.well-known/oauth-protected-resource/mcp/tracker`
    expect(await (await fetch(where)).json()).toMatchObject({
      resource: url,
      authorization_servers: [issuer],
      bearer_methods_supported: ['header'],
      scopes_supported: ['mcp'],
    })
    const none = await post(undefined)
    expect(none.status).toBe(401)
    expect(none.headers.get('www-authenticate')).toBe(
      `Bearer resource_metadata="${where}", scope="mcp"`,
    )
    const bad = await post('x.y.z')
    expect(bad.status).toBe(401)
    expect(bad.headers.get('www-authenticate')).toContain('error="invalid_token"')
    const texts = []
    for (const name of ['api', 'nothing'])
      for (const place of ['/mcp', '/.well-known/oauth-protected-resource/mcp']) {
        const answer = await fetch(`${issuer}${place}/${name}`)
        texts.push(`${answer.status} ${await answer.text()}`)
      }
    expect(new Set(texts).size).toBe(1)
    expect(texts[0]).toMatch(/^404 /)
    expect(target.seen).toEqual([])
  })

  test('takes no token in the address, no foreign host, and no foreign page', async () => {
    const { access_token } = await signInClient(company, client, { browser: sam })
    const inUrl = { url: `${url}?access_token=${access_token}` }
    expect((await post(undefined, initialize, inUrl)).status).toBe(400)
    expect((await post(access_token, initialize, inUrl)).status).toBe(400)
    const origin = { headers: { origin: 'https://evil.example' } }
    expect((await post(access_token, initialize, origin)).status).toBe(400)
    const { address } = company.running
    const { hostname, port } = new URL(address)
    const { request } = await import('node:http')
    const status = await new Promise(done => {
      const headers = { host: 'evil.example', authorization: `Bearer ${access_token}` }
      request({ hostname, port, path: '/mcp/tracker', method: 'POST', headers }, res =>
        done(res.statusCode),
      ).end('{}')
    })
    expect(status).toBe(400)
    expect(target.seen).toEqual([])
    expect((await post(access_token)).status).toBe(200)
  })

  test('takes a token for exactly its own resource; the API takes none of these', async () => {
    const { issuer, world } = company.running
    const { access_token } = await signInClient(company, client, { browser: sam })
    expect((await post(access_token, initialize, { url: `${issuer}/mcp/other` })).status).toBe(401)
    const api = await fetch(`${issuer}/v1/apps`, {
      headers: { authorization: `Bearer ${access_token}` },
    })
    expect(api.status).toBe(401)
    await expect(world.verifyPerson(access_token)).rejects.toThrow('token-refused')
    const exchanged = await atToken(company, {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: access_token,
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      identity: 'desk/agent',
      scope: 'look',
    })
    expect(exchanged.body.error).toBe('invalid_grant')
    // The other way round: a person's token for the API opens no MCP server.
    const { signInLink } = await import('../../demo/people.ts')
    const { token } = await signInLink(
      issuer,
      company.running.address,
      await company.running.signInLink(),
    )
    expect((await post(token)).status).toBe(401)
  })

  test('takes the token of a task, for what that task may, and not after its task', async () => {
    const { issuer, address } = company.running
    await makeAgentApp(company, { slug: 'worker', by: 'sam', role: 'run' })
    const { signInLink } = await import('../../demo/people.ts')
    const person = await signInLink(issuer, address, await company.running.signInLink())
    const taskOf = async (app: string) =>
      atToken(company, {
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token: person.token,
        subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        identity: `${app}/run`,
        scope: 'look',
      })
    const { body } = await taskOf('worker')
    expect((await post(body.access_token)).status).toBe(200)
    // One that has no grant there is denied, and that is an entry.
    const denied = await post(body.access_token, initialize, { url: `${issuer}/mcp/other` })
    expect(denied.status).toBe(403)
    expect(await denied.json()).toMatchObject({ code: 'denied' })
    const close = company.as({ task: body.access_token })
    expect((await close('POST', `/v1/tasks/${body.task}/close`)).status).toBe(200)
    expect((await post(body.access_token)).status).toBe(401)
  })

  test('a session is of one sign-in: another is told that there is none', async () => {
    const [mine, yours] = [
      await signInClient(company, client, { browser: sam }),
      await signInClient(company, client, { browser: sam }),
    ]
    const session = (await post(mine.access_token)).headers.get('mcp-session-id') ?? ''
    expect(session).not.toBe('')
    const list = { jsonrpc: '2.0', id: 2, method: 'tools/list' }
    const withIt = { headers: { 'mcp-session-id': session } }
    expect((await post(yours.access_token, list, withIt)).status).toBe(404)
    expect((await post(mine.access_token, list, withIt)).status).toBe(200)
  })
})

describe('what a client may not ask', () => {
  test.each([
    ['no challenge', { code_challenge: undefined }],
    ['a plain challenge', { code_challenge_method: 'plain' }],
    ['no method, which means plain', { code_challenge_method: undefined }],
    ['an address it did not name', { redirect_uri: 'http://127.0.0.1:1/other' }],
    ['an address elsewhere', { redirect_uri: 'https://evil.example/callback' }],
    ['another host of this machine', { redirect_uri: 'http://localhost:1/callback' }],
    ['user info in the address', { redirect_uri: 'http://127.0.0.1:80@evil.example/callback' }],
    ['no resource', { resource: undefined }],
    ['a resource that is not here', { resource: 'http://localhost/mcp/nothing' }],
    ['a token in the answer', { response_type: 'token' }],
    ['the answer in a fragment', { response_mode: 'fragment' }],
    ['not to be seen', { prompt: 'none' }],
    ['what is said elsewhere', { request_uri: 'https://client.example/request' }],
    ['no address as its id', { client_id: 'leasehold-cli' }],
    ['an address inside', { client_id: 'http://169.254.169.254/client.json' }],
    ['another port of this machine', { client_id: 'http://127.0.0.1:9/client.json' }],
  ])('%s: is told here, and nothing is sent to the client', async (_name, change) => {
    const page = await sam.get(ask(company, client, change).url)
    expect([400, 422]).toContain(page.status)
    expect(page.text).not.toContain('value="yes"')
    expect(client.seen.filter(path => path.startsWith('/callback'))).toEqual([])
  })

  test('for the API, or for what is no MCP server: only for those that are served', async () => {
    const { issuer } = company.running
    for (const resource of [
      issuer,
      `${issuer}/mcp/api`,
      `${issuer}/mcp/tracker/`,
      `${issuer}/mcp/`,
    ])
      expect((await sam.get(ask(company, client, { resource }).url)).status).toBe(400)
  })

  test.each([
    ['that is for another address', { client_id: 'https://client.example/client.json' }],
    ['with a secret', { client_secret: 'x' }],
    ['of a client with a key', { token_endpoint_auth_method: 'private_key_jwt' }],
    ['that names nothing', { redirect_uris: [] }],
  ])('with a document %s', async (_name, change) => {
    client.document = { ...clientDocument, ...change }
    expect((await sam.get(ask(company, client).url)).status).toBe(400)
  })

  test('before a person has signed in: its document is not even read', async () => {
    const { openBrowser } = await import('../support/browser.ts')
    const page = await openBrowser().get(ask(company, client).url)
    expect(page.url).toContain('/sign-in?to=%2Foauth%2Fauthorize%3F')
    expect(client.seen).toEqual([])
  })
})

describe('the consent of a person', () => {
  test('shows who asks, in harmless words, and what can be chosen', async () => {
    const page = await sam.get(ask(company, client).url)
    expect(page.text).toContain('Test &lt;b&gt;client')
    expect(page.text).toContain(new URL(client.origin).host)
    expect(page.text).toContain('value="desk look"')
    expect(page.text).not.toContain('theirs')
    const policy = page.headers.get('content-security-policy') ?? ''
    expect(policy).toContain(`form-action 'self' ${client.origin}`)
    expect(policy).toContain("frame-ancestors 'none'")
  })

  test('is asked again each time, and a no is told with nothing in it', async () => {
    await signInClient(company, client, { browser: sam })
    const page = await sam.get(ask(company, client).url)
    expect(page.text).toContain('value="yes"')
    const back = await sam.submit(page, '/oauth/authorize', { says: 'no' })
    const params = new URL(back.url).searchParams
    expect(params.get('error')).toBe('access_denied')
    expect(params.has('code')).toBe(false)
    expect(params.get('iss')).toBe(company.running.issuer)
  })

  test('counts only from our own page, in this session, for what was shown', async () => {
    const { url: to } = ask(company, client)
    const page = await sam.get(to)
    const fields = { work: 'desk look', says: 'yes' }
    const forms = page.text.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)
    const held = Object.fromEntries([...forms].map(([, name, value]) => [name ?? '', value ?? '']))
    const form = { ...held, state: 'a state/&', ...fields }
    const at = `${company.running.issuer}/oauth/authorize`
    const elsewhere = { origin: 'https://evil.example' }
    expect((await sam.post(at, form, elsewhere)).status).toBe(400)
    expect((await sam.post(at, form, { origin: 'null' })).status).toBe(400)
    const { openBrowser } = await import('../support/browser.ts')
    expect((await openBrowser().post(at, form)).status).toBe(401)
    const another = await signedIn(company, 'sam')
    expect((await another.post(at, form)).status).toBe(400)
    const changes = [
      { client_id: 'https://client.example/other.json' },
      { redirect_uri: 'https://client.example/callback' },
      { resource: `${company.running.issuer}/mcp/other` },
      { code_challenge: 'A'.repeat(43) },
      { state: 'other' },
      { seal: 'x' },
      { csrf: 'x' },
    ]
    for (const change of changes)
      expect((await sam.post(at, { ...form, ...change })).status).toBe(400)
    expect(client.seen.filter(path => path.startsWith('/callback'))).toEqual([])
    expect(codeIn(await sam.post(at, form))).not.toBe('')
  })

  test.each(['theirs look', 'desk other', 'none look', ''])(
    'is for an app and purpose of theirs, and not for `%s`',
    async work => {
      expect((await agree(sam, ask(company, client).url, work)).status).toBe(400)
      expect(client.seen.filter(path => path.startsWith('/callback'))).toEqual([])
    },
  )

  test('leads nowhere while no rule trusts its people, and says what would', async () => {
    const work = 'unsure look'
    const tokens = await signInClient(company, client, { browser: sam, work })
    const denied = await post(tokens.access_token)
    expect(denied.status).toBe(403)
    expect(await denied.text()).toContain('--role agent --preset person')
    expect(target.seen).toEqual([])
  })
})

describe('a code and a refresh token', () => {
  test('are redeemed with the verifier, by the same client, to the same address, once', async () => {
    const { url: to, verifier, resource } = ask(company, client)
    const code = codeIn(await agree(sam, to))
    const good = { code, verifier, resource }
    const { error } = (await redeem(company, client, { code, resource })).body
    expect(error).toBe('invalid_grant')
    const wrong = { ...good, verifier: 'x'.repeat(43) }
    expect((await redeem(company, client, wrong)).body.error).toBe('invalid_grant')
    const other = { ...client, id: 'https://client.example/other.json' }
    expect((await redeem(company, other, good)).body.error).toBe('invalid_grant')
    const moved = { ...client, redirectUri: 'http://127.0.0.1:1/callback' }
    expect((await redeem(company, moved, good)).body.error).toBe('invalid_grant')
    const { body } = await redeem(company, client, good)
    expect((await post(body.access_token)).status).toBe(200)
    expect((await redeem(company, client, good)).body.error).toBe('invalid_grant')
    // Used twice: somebody else has it too, and all of it ends.
    expect((await post(body.access_token)).status).toBe(401)
    expect((await renew(company, client, body.refresh_token)).status).toBe(400)
  })

  test('is for the resource it was asked for', async () => {
    const { url: to, verifier } = ask(company, client)
    const code = codeIn(await agree(sam, to))
    const { issuer } = company.running
    for (const resource of [`${issuer}/mcp/other`, issuer])
      expect((await redeem(company, client, { code, verifier, resource })).status).toBe(400)
  })

  test('of many who redeem one code at once, one gets a token', async () => {
    const { url: to, verifier, resource } = ask(company, client)
    const good = { code: codeIn(await agree(sam, to)), verifier, resource }
    const all = await Promise.all([1, 2, 3, 4, 5].map(() => redeem(company, client, good)))
    expect(all.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(1)
  })

  test('a refresh token works once; used again the whole family ends', async () => {
    const first = await signInClient(company, client, { browser: sam })
    const second = (await renew(company, client, first.refresh_token)).body
    expect((await post(second.access_token)).status).toBe(200)
    expect((await renew(company, client, first.refresh_token)).body.error).toBe('invalid_grant')
    expect((await renew(company, client, second.refresh_token)).status).toBe(400)
    expect((await post(second.access_token)).status).toBe(401)
  })
})

describe('an end', () => {
  test('of the sign-in is the end at once: by the client, and by signing out', async () => {
    const { issuer } = company.running
    const revoked = await signInClient(company, client, { browser: sam })
    expect((await post(revoked.access_token)).status).toBe(200)
    const body = new URLSearchParams({ token: revoked.refresh_token, client_id: client.id })
    await fetch(`${issuer}/oauth/revoke`, { method: 'POST', body })
    expect((await post(revoked.access_token)).status).toBe(401)
    const browser = await signedIn(company, 'sam')
    const kept = await signInClient(company, client, { browser })
    expect((await post(kept.access_token)).status).toBe(200)
    await browser.submit(await browser.get(`${issuer}/account`), '/sign-out')
    expect((await post(kept.access_token)).status).toBe(401)
    expect((await renew(company, client, kept.refresh_token)).status).toBe(400)
  })

  test('of the sign-in cuts an answer that goes on, within a second', async () => {
    const tokens = await signInClient(company, client, { browser: sam })
    const begun = await post(tokens.access_token)
    const session = begun.headers.get('mcp-session-id') ?? ''
    const slow = { name: 'search', arguments: { wait: true } }
    const call = { jsonrpc: '2.0', id: 2, method: 'tools/call', params: slow }
    const headers = { 'mcp-session-id': session }
    const going = await post(tokens.access_token, call, { headers })
    expect(going.status).toBe(200)
    const read = going.text().then(
      () => 'ended',
      () => 'cut',
    )
    const body = new URLSearchParams({ token: tokens.refresh_token, client_id: client.id })
    await fetch(`${company.running.issuer}/oauth/revoke`, { method: 'POST', body })
    const late = new Promise(done => setTimeout(done, 1_500, 'late'))
    expect(await Promise.race([read, late])).toBe('cut')
  })

  test('of the person is the end of what they let do', async () => {
    await makeAgentApp(company, { slug: 'leaving', by: 'maya' })
    const browser = await signedIn(company, 'maya')
    const work = 'leaving look'
    const tokens = await signInClient(company, client, { browser, work })
    expect((await post(tokens.access_token)).status).toBe(200)
    const left = company.as('sam')('POST', `/v1/people/${company.ids.maya}/leave`)
    expect((await left).status).toBe(200)
    expect((await post(tokens.access_token)).status).toBe(401)
    expect((await renew(company, client, tokens.refresh_token)).status).toBe(400)
  })

  test('comes to a session when nobody asks any more; who asks again gets another', async () => {
    const tokens = await signInClient(company, client, { browser: sam })
    const before = { ...bounds }
    try {
      Object.assign(bounds, { directIdleMs: 100, signInTickMs: 50 })
      const opened = await entries('session.open')
      expect((await post(tokens.access_token)).status).toBe(200)
      // Those of the tests before end as well.
      await vi.waitFor(async () => expect(await entries('session.end')).toBe(opened + 1))
      expect((await post(tokens.access_token)).status).toBe(200)
      expect(await entries('session.open')).toBe(opened + 2)
    } finally {
      Object.assign(bounds, before)
    }
  })

  test('of the app, for a while: what is open is cut within a second, and nothing is renewed', async () => {
    await makeAgentApp(company, { slug: 'brief', by: 'sam' })
    const work = 'brief look'
    const tokens = await signInClient(company, client, { browser: sam, work })
    expect((await post(tokens.access_token)).status).toBe(200)
    const ended = await entries('session.end')
    const own = company.as('sam')
    const reason = { reason: 'to look at it' }
    expect((await own('POST', '/v1/apps/brief/pause', reason)).status).toBe(200)
    const since = performance.now()
    while ((await entries('session.end')) === ended && performance.now() - since < 1_000)
      await new Promise(done => setTimeout(done, 20))
    expect(await entries('session.end')).toBe(ended + 1)
    expect((await post(tokens.access_token)).status).toBe(409)
    expect((await renew(company, client, tokens.refresh_token)).status).toBe(400)
    expect((await own('POST', '/v1/apps/brief/resume', reason)).status).toBe(200)
    await company.running.world.settle()
    const again = await renew(company, client, tokens.refresh_token)
    expect(again.status).toBe(200)
    expect((await post(again.body.access_token)).status).toBe(200)
  })
})

test('what has an address for an id gets nothing in the ways of the command line', async () => {
  const { issuer } = company.running
  const body = new URLSearchParams({ client_id: client.id })
  expect((await fetch(`${issuer}/oauth/device`, { method: 'POST', body })).status).toBe(400)
  const { error } = (await renew(company, client, 'x'.repeat(43))).body
  expect(error).toBe('invalid_grant')
})

test('what is announced is what is there', async () => {
  for (const name of ['oauth-authorization-server', 'openid-configuration']) {
    const said = await (await fetch(`${company.running.issuer}/.well-known/${name}`)).json()
    expect(said).toMatchObject({
      issuer: company.running.issuer,
      code_challenge_methods_supported: ['S256'],
      client_id_metadata_document_supported: true,
      authorization_response_iss_parameter_supported: true,
      response_types_supported: ['code'],
      response_modes_supported: ['query'],
    })
    expect(said).not.toHaveProperty('registration_endpoint')
  }
})

// Last: the clock leaps.
test('a term that ends is followed by another in time, in the same session', async () => {
  const { world } = company.running
  await makeAgentApp(company, { slug: 'nightly', by: 'sam', role: 'run', unattended: true })
  const [own, tom] = [company.as('sam'), company.as('tom')]
  const trust = { role: 'run', preset: 'github', issuer: company.github.issuer, reason: 'CI' }
  const asked = await own('POST', '/v1/apps/nightly/trust', {
    ...trust,
    claims: claimsOf('nightly'),
  })
  const yes = { says: 'yes', bodyHash: asked.body.bodyHash }
  await expectStatus(200, tom('POST', `/v1/requests/${asked.body.id}/answer`, yes))
  await world.settle()
  const token = await attest(company, 'nightly')
  expect((await post(token)).status).toBe(200)
  const [lease] = world.replica.all(leaseTable).slice(-1)
  expect(lease).toMatchObject({ term: 1, state: 'live' })
  const opened = await entries('session.open')
  company.clock.advance(200_000)
  expect((await post(token)).status).toBe(200)
  expect(world.replica.get(leaseTable, lease?.id ?? '')).toMatchObject({ term: 2 })
  expect(await entries('session.open')).toBe(opened)
})
