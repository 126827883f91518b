// The reference server by itself: what the suite takes for granted, and a gateway's tests lean on.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Revision, startReference } from './reference.ts'

type Running = Awaited<ReturnType<typeof startReference>>
const accept = 'application/json, text/event-stream'

/** A message, and what came back first: a JSON body, or the first event that holds one. */
async function post(url: string, body: object, headers: Record<string, string> = {}) {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept, ...headers },
    body: JSON.stringify({ jsonrpc: '2.0', ...body }),
  })
  const text = await answer.text()
  const json = /^(?:data: )?(\{.*\})$/m.exec(text)?.[1] ?? 'null'
  const lastEventId = [...text.matchAll(/^id: (.+)$/gm)].at(-1)?.[1] ?? ''
  return { status: answer.status, headers: answer.headers, body: JSON.parse(json), lastEventId }
}

function served(revision: Revision): { url: () => string } {
  let running: Running | undefined
  beforeAll(async () => {
    running = await startReference(revision)
  })
  afterAll(() => running?.close())
  return { url: () => running?.url ?? '' }
}

describe('2025-11-25', () => {
  const { url } = served('2025-11-25')
  const hello = {
    id: 1,
    method: 'initialize',
    params: {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'a-test', version: '0' },
    },
  }

  it('opens a session for each client, and knows no other', async () => {
    const { headers, body } = await post(url(), hello)
    const session = { 'mcp-session-id': headers.get('mcp-session-id') ?? '' }
    expect(body.result.protocolVersion).toBe('2025-11-25')
    await post(url(), { method: 'notifications/initialized' }, session)
    expect((await post(url(), { id: 2, method: 'ping' }, session)).body.result).toEqual({})
    expect((await post(url(), { id: 2, method: 'ping' })).status).toBe(400)
    const other = await post(url(), { id: 2, method: 'ping' }, { 'mcp-session-id': 'no-such' })
    expect(other.status).toBe(404)
    expect((await fetch(url(), { method: 'DELETE', headers: session })).status).toBe(200)
    expect((await post(url(), { id: 2, method: 'ping' }, session)).status).toBe(404)
  })

  it('a client that lost a stream gets the rest of it', async () => {
    const { headers } = await post(url(), hello)
    const session = {
      'mcp-session-id': headers.get('mcp-session-id') ?? '',
      'mcp-protocol-version': '2025-11-25',
    }
    const params = { name: 'test_reconnection', arguments: {} }
    const lost = await post(url(), { id: 7, method: 'tools/call', params }, session)
    expect(lost.body).toBeNull()
    const from = { accept, 'last-event-id': lost.lastEventId, ...session }
    // The answer to what was asked, and to nothing else: not the one to `initialize`.
    const rest = await fetch(url(), { headers: from })
    const first = await rest.body?.getReader().read()
    expect(Buffer.from(first?.value ?? []).toString()).toMatch(/"jsonrpc":"2.0","id":7\}/)
  })

  it('refuses a page that names it otherwise', async () => {
    const evil = { origin: 'http://evil.example.com' }
    expect((await post(url(), hello, evil)).status).toBe(403)
    expect((await post(url(), hello, { origin: new URL(url()).origin })).status).toBe(200)
  })
})

describe('2026-07-28', () => {
  const { url } = served('2026-07-28')
  const meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: 'a-test', version: '0' },
    'io.modelcontextprotocol/clientCapabilities': { elicitation: {} },
  }
  const call = (method: string, params: { name?: string } = {}, also = {}) =>
    post(
      url(),
      { id: 1, method, params: { ...params, _meta: meta } },
      {
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': method,
        ...(params.name === undefined ? {} : { 'mcp-name': params.name }),
        ...also,
      },
    )

  it('keeps nothing between two requests', async () => {
    const { status, headers, body } = await call('server/discover')
    expect(status).toBe(200)
    expect(body.result.supportedVersions).toEqual(['2026-07-28'])
    expect(headers.get('mcp-session-id')).toBeNull()
    expect((await call('initialize')).status).toBe(404)
  })

  it('says of a failed call, too, what kind of result it is', async () => {
    const { body } = await call('tools/call', { name: 'test_error_handling' })
    expect(body.result).toMatchObject({ resultType: 'complete', isError: true })
  })

  it('asks what the client can answer, and refuses where it can not', async () => {
    const name = 'test_input_required_result_elicitation'
    const { body } = await call('tools/call', { name })
    expect(body.result.resultType).toBe('input_required')
    const refused = await call('tools/call', { name: 'test_missing_capability' })
    expect([refused.status, refused.body.error.code]).toEqual([400, -32021])
  })

  it('refuses headers that say something else than the body', async () => {
    const { status, body } = await call('tools/list', {}, { 'mcp-method': 'tools/call' })
    expect([status, body.error.code]).toEqual([400, -32020])
  })
})
