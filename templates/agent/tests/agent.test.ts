// The agent at a pretend MCP server on this machine: a session, answers in both forms, a refusal, a door that is closed.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../src/agent.ts', import.meta.url))
const columns = readFileSync(new URL('../synthetic/tools.json', import.meta.url), 'utf8')
const { resource } = JSON.parse(columns) as { resource: string }
const name = resource.toUpperCase().replace(/\W/g, '_')
const word = 'word-of-this-run'
const asked: string[] = []

const server = createServer(async (request, response) => {
  let text = ''
  for await (const part of request) text += String(part)
  const { id, method, params } = (text === '' ? {} : JSON.parse(text)) as {
    id?: number
    method?: string
    params?: { name?: string; cursor?: string }
  }
  asked.push(`${method ?? request.method} ${params?.name ?? params?.cursor ?? ''}`.trim())
  const send = (status: number, body: object, type = 'application/json') => {
    const told = JSON.stringify(body)
    response.writeHead(status, { 'content-type': type, 'mcp-session-id': 's1' })
    response.end(type === 'application/json' ? told : `: soon\n\nid: 1\ndata: ${told}\n\n`)
  }
  const result = (said: object, type?: string) =>
    send(200, { jsonrpc: '2.0', id, result: said }, type)
  if (request.headers.authorization !== `Bearer ${word}`)
    return send(403, { code: 'denied', detail: 'rule app-not-running: it is paused.' })
  if (method === 'initialize') return result({ protocolVersion: '2025-11-25', capabilities: {} })
  if (id === undefined) return void response.writeHead(202).end()
  if (request.headers['mcp-session-id'] !== 's1') return send(400, { detail: 'no session' })
  const reads = { annotations: { readOnlyHint: true }, inputSchema: { type: 'object' } }
  if (method === 'tools/list' && params?.cursor === undefined)
    return result({ tools: [{ name: 'search', ...reads }], nextCursor: 'more' })
  if (method === 'tools/list')
    return result({ tools: [{ name: 'secret', ...reads }, { name: 'close' }] })
  const isRefused = params?.name === 'secret'
  const content = [{ type: 'text', text: isRefused ? 'rule outside-purpose' : '3 found' }]
  return result({ content, isError: isRefused }, 'text/event-stream')
})
before(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening')
})
after(() => {
  server.closeAllConnections()
  server.close()
})

async function run(env: Record<string, string>): Promise<{ code: unknown; out: string }> {
  const child = spawn(process.execPath, [main], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  let out = ''
  child.stdout.on('data', chunk => (out += String(chunk)))
  const [code] = await once(child, 'close')
  return { code, out }
}
const door = (key: string) => ({
  [`${name}_URL`]: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
  [`${name}_TOKEN`]: key,
})

test('calls what it may read, each once, and reports a refusal as one', async () => {
  const { code, out } = await run(door(word))
  assert.equal(code, 0)
  assert.match(out, /● tools of/)
  assert.match(out, /may call search, secret, close/)
  assert.match(out, /✓ search {3}3 found\n✕ secret {3}rule outside-purpose/)
  assert.deepEqual(
    asked.filter(each => each.startsWith('tools/')),
    ['tools/list', 'tools/list more', 'tools/call search', 'tools/call secret'],
  )
})

test('a door that is closed is said in its words, and nothing synthetic stands in for it', async () => {
  const { code, out } = await run(door('another'))
  assert.equal(code, 1)
  assert.match(out, /✕ .*: rule app-not-running: it is paused\.\n {2}Next: leasehold why/)
  assert.doesNotMatch(out, /SAMPLE/)
})

test('without access the tools are pretend ones, and that is said', async () => {
  const { code, out } = await run({})
  assert.equal(code, 0)
  assert.match(out, /▲ synthetic tools/)
  assert.match(out, /✓ search {3}2 items: SAMPLE-1/)
})
