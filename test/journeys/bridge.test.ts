/**
 * MCP between the revisions, through a real door: a client of each, the SDK's own, and a server that
 * speaks only the other. Beside what is bridged stands what is refused, and what can not be.
 */
import {
  Client,
  type ClientOptions,
  StreamableHTTPClientTransport,
} from '@modelcontextprotocol/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Revision, startReference } from '../conformance/mcp/reference.ts'
import { type Door, throughGateway } from '../conformance/mcp.ts'
import { type Company, startCompany } from './company.ts'

type Negotiation = NonNullable<NonNullable<ClientOptions['versionNegotiation']>['mode']>

let company: Company
const open: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  company = await startCompany()
}, 120_000)
afterAll(async () => {
  for (const close of open.reverse()) await close()
  await company?.stop()
})

/** A door to what listens at `url`, as long as the tests run. One tool writes, and is not granted. */
function hold(url: string, name: string): Promise<Door> {
  const tools = { '*': 'read', test_image_content: 'write' }
  return new Promise((given, broke) => {
    const done = Promise.withResolvers<void>()
    const held = throughGateway(company, { url, name, tools }, door => {
      given(door)
      return done.promise
    })
    held.catch(broke)
    open.push(() => {
      done.resolve()
      return held
    })
  })
}

async function client(door: Door, mode: Negotiation): Promise<Client> {
  const asked = new Client({ name: 'a-test', version: '1' }, { versionNegotiation: { mode } })
  const requestInit = { headers: { authorization: `Bearer ${door.word}` } }
  await asked.connect(new StreamableHTTPClientTransport(new URL(door.url), { requestInit }))
  open.push(() => asked.close())
  return asked
}

async function post(door: Door, body: object, headers: Record<string, string> = {}) {
  const answer = await fetch(door.url, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${door.word}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, ...body }),
  })
  const text = await answer.text()
  // oxlint-disable-next-line typescript/no-explicit-any -- a test reads whatever the wire says
  const read: any = text === '' ? null : JSON.parse(text)
  return { status: answer.status, headers: answer.headers, body: read }
}

const pairs: [string, Revision, Negotiation][] = [
  ['a client of 2025-11-25 at a server of 2026-07-28', '2026-07-28', 'legacy'],
  ['a client of 2026-07-28 at a server of 2025-11-25', '2025-11-25', { pin: '2026-07-28' }],
]

describe.each(pairs)('%s', (_, revision, mode) => {
  let door: Door
  let asked: Client
  beforeAll(async () => {
    const reference = await startReference(revision)
    open.push(() => reference.close())
    door = await hold(reference.url, `bridge-${revision}`)
    asked = await client(door, mode)
  }, 60_000)

  test('is told what the server says of itself, and of what it can do what is done here', () => {
    expect(asked.getNegotiatedProtocolVersion()).toBe(
      revision === '2026-07-28' ? '2025-11-25' : '2026-07-28',
    )
    expect(asked.getServerVersion()?.name).toBe('leasehold-reference')
    const can = { tools: {}, prompts: {}, resources: {}, completions: {} }
    expect(asked.getServerCapabilities()).toEqual(mode === 'legacy' ? { ...can, logging: {} } : can)
  })

  test('lists what it may call and calls it; what it may not call is neither shown nor asked', async () => {
    const { tools } = await asked.listTools()
    const names = tools.map(({ name }) => name)
    expect(names).toContain('test_simple_text')
    expect(names).not.toContain('test_image_content')
    const said = await asked.callTool({ name: 'test_simple_text', arguments: {} })
    expect(said.content).toEqual([{ type: 'text', text: 'words, and nothing else' }])
    const denied = await asked.callTool({ name: 'test_image_content', arguments: {} })
    expect(denied).toMatchObject({ isError: true, structuredContent: { denied: true } })
  })

  test('is told of a tool that fails, and of one that there is not', async () => {
    const failed = await asked.callTool({ name: 'test_error_handling', arguments: {} })
    expect(failed).toMatchObject({ isError: true })
    expect(JSON.stringify(failed.content)).toContain('this tool fails, as it says')
    await expect(asked.callTool({ name: 'no_such_tool' })).rejects.toMatchObject({ code: -32602 })
  })

  test('reads resources and prompts, and completes an argument', async () => {
    const { resources } = await asked.listResources()
    expect(resources.map(({ uri }) => uri)).toContain('test://static-text')
    const { resourceTemplates } = await asked.listResourceTemplates()
    expect(resourceTemplates).toHaveLength(1)
    const { contents } = await asked.readResource({ uri: 'test://static-text' })
    expect(contents).toMatchObject([{ text: 'words that stay' }])
    await expect(asked.readResource({ uri: 'test://none' })).rejects.toMatchObject({ code: -32602 })
    const { prompts } = await asked.listPrompts()
    expect(prompts.length).toBeGreaterThan(3)
    const name = 'test_prompt_with_arguments'
    const prompt = await asked.getPrompt({ name, arguments: { arg1: 'tea', arg2: 'milk' } })
    expect(prompt.messages).toMatchObject([{ content: { text: 'First tea, then milk.' } }])
    const ref = { type: 'ref/prompt' as const, name }
    const { completion } = await asked.complete({ ref, argument: { name: 'arg1', value: 'te' } })
    expect(completion.values).toEqual(['tea', 'test', 'text'])
  })

  test('hears how far a call is, and nothing where it did not ask', async () => {
    const steps: number[] = []
    const name = 'test_tool_with_progress'
    const onprogress = ({ progress }: { progress: number }) => steps.push(progress)
    const said = await asked.callTool({ name, arguments: {} }, { onprogress })
    expect(said.content).toEqual([{ type: 'text', text: 'went all the way' }])
    expect(steps).toEqual([0, 50, 100])
    await asked.callTool({ name, arguments: {} })
    expect(steps).toHaveLength(3)
  })

  test('is told plainly that a server which asks back can not ask it', async () => {
    const tool =
      revision === '2025-11-25' ? 'test_elicitation' : 'test_input_required_result_request_state'
    const said = await asked.callTool({ name: tool, arguments: { message: 'who?' } })
    expect(said).toMatchObject({ isError: true, structuredContent: { code: 'asks-back' } })
    expect(JSON.stringify(said.content)).toContain('This server asks the client something')
    // What is asked beside it goes on.
    await asked.callTool({ name: 'test_simple_text', arguments: {} })
  })

  test('two at once have each their own answer and progress', async () => {
    const other = await client(door, mode)
    const ask = async (one: Client) => {
      const steps: number[] = []
      const onprogress = ({ progress }: { progress: number }) => steps.push(progress)
      await one.callTool({ name: 'test_tool_with_progress', arguments: {} }, { onprogress })
      return steps
    }
    const both = await Promise.all([ask(asked), ask(other), ask(asked)])
    expect(both).toEqual(Array.from({ length: 3 }, () => [0, 50, 100]))
  })
})

describe('the session a client of 2025-11-25 has with us', () => {
  const initialize = {
    method: 'initialize',
    params: {
      protocolVersion: '2025-06-18',
      capabilities: {},
      clientInfo: { name: 'a-test', version: '1' },
    },
  }
  let doors: Door[]
  beforeAll(async () => {
    const reference = await startReference('2026-07-28')
    open.push(() => reference.close())
    doors = [await hold(reference.url, 'session-one'), await hold(reference.url, 'session-two')]
  }, 60_000)
  const [one, two] = [() => doors[0] as Door, () => doors[1] as Door]
  const begin = async (door: Door) => {
    const { body, headers } = await post(door, initialize)
    expect(body.result.protocolVersion).toBe('2025-06-18')
    return { 'mcp-session-id': headers.get('mcp-session-id') ?? '' }
  }

  test('is of one run: another is told that there is none', async () => {
    const session = await begin(one())
    expect((await post(one(), { method: 'ping' }, session)).body.result).toEqual({})
    for (const method of ['ping', 'tools/list']) {
      const { status, body } = await post(two(), { method }, session)
      expect([status, body.error.code]).toEqual([404, -32001])
    }
  })

  test('has no stream of its own, and is not ended: it is a name', async () => {
    const headers = { authorization: `Bearer ${one().word}`, ...(await begin(one())) }
    for (const method of ['GET', 'DELETE'])
      expect((await fetch(one().url, { method, headers })).status).toBe(405)
  })

  test('keeps the level of log lines, and shows none before it was set', async () => {
    const asked = await client(one(), 'legacy')
    const lines: unknown[] = []
    asked.setNotificationHandler('notifications/message', ({ params }) => void lines.push(params))
    const call = { name: 'test_logging_tool', arguments: {} }
    await asked.callTool(call)
    expect(lines).toEqual([])
    await asked.setLoggingLevel('info')
    await asked.callTool(call)
    expect(lines).toMatchObject([{ level: 'info', data: 'a line' }])
  })

  test('says in headers, too, what a server wants repeated there', async () => {
    const asked = await client(one(), 'legacy')
    const said = await asked.callTool({ name: 'test_custom_header', arguments: { region: 'eu' } })
    expect(said.content).toEqual([{ type: 'text', text: 'in eu' }])
  })

  test('has nothing of the other revision, whatever was asked', async () => {
    const session = await begin(one())
    const { body } = await post(one(), { method: 'tools/list' }, session)
    expect(Object.keys(body.result)).not.toContain('ttlMs')
    expect(Object.keys(body.result)).not.toContain('resultType')
    for (const method of ['server/discover', 'subscriptions/listen', 'resources/subscribe']) {
      const params = { uri: 'test://watched-resource' }
      const answer = await post(one(), { method, params }, session)
      expect([answer.status, answer.body.error.code]).toEqual([200, -32601])
    }
  })
})

describe('a client of 2026-07-28', () => {
  let door: Door
  let end: () => Promise<void>
  beforeAll(async () => {
    const reference = await startReference('2025-11-25')
    end = reference.close
    door = await hold(reference.url, 'requests')
  }, 60_000)
  const meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: 'a-test', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
  }
  const ask = (method: string, params: object = {}, headers: Record<string, string> = {}) =>
    post(
      door,
      { method, params: { _meta: meta, ...params } },
      { 'mcp-protocol-version': '2026-07-28', 'mcp-method': method, ...headers },
    )

  test('is answered as its revision says', async () => {
    const listed = await ask('tools/list')
    expect(listed.headers.get('mcp-session-id')).toBeNull()
    const kept = { resultType: 'complete', ttlMs: 0, cacheScope: 'private' }
    expect(listed.body.result).toMatchObject(kept)
    // Nobody asked how far it is: no stream of that, but the answer alone.
    const name = 'test_tool_with_progress'
    const called = await ask('tools/call', { name }, { 'mcp-name': name })
    expect(called.body.result.resultType).toBe('complete')
    const { body } = await ask('server/discover')
    expect(body.result).toMatchObject({ ...kept, supportedVersions: ['2026-07-28'] })
  })

  test('is refused where it says too little, two things, or what nobody speaks', async () => {
    const version = 'io.modelcontextprotocol/protocolVersion'
    const { [version]: _, ...less } = meta
    const far = { _meta: { ...meta, [version]: '2099-01-01' } }
    const refusals = [
      await ask('tools/list', { _meta: less }),
      await ask('tools/list', far, { 'mcp-protocol-version': '2099-01-01' }),
      await ask('tools/list', far),
      await ask('tools/list', {}, { 'mcp-method': 'tools/call' }),
      await ask('tools/call', { name: 'test_simple_text' }),
      await ask('ping'),
      await ask('resources/subscribe', { uri: 'test://watched-resource' }),
    ]
    expect(refusals.map(({ status, body }) => [status, body.error.code])).toEqual([
      [400, -32602],
      [400, -32022],
      [400, -32020],
      [400, -32020],
      [400, -32020],
      [404, -32601],
      [404, -32601],
    ])
    expect(refusals[1]?.body.error.data.supported).toEqual(['2026-07-28'])
  })

  test('is told when the server is gone', async () => {
    const name = 'test_simple_text'
    expect((await ask('tools/call', { name }, { 'mcp-name': name })).status).toBe(200)
    await end()
    const { status, body } = await ask('resources/list')
    expect([status, body.code]).toEqual([503, 'target-unavailable'])
  })
})
