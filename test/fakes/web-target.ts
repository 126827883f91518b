/**
 * A system over HTTP in memory: an API that answers with what it was asked, and an MCP server
 * (2025-11-25, with sessions) whose tools a test may change. Keeps what arrived.
 */
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

interface Answer {
  readonly status: number
  readonly headers?: Record<string, string>
  readonly body?: string
  /** It has no end. */
  readonly isOpen?: true
}

export interface WebTarget {
  readonly url: string
  readonly key: string
  readonly seen: { method: string; path: string; headers: IncomingHttpHeaders; body: string }[]
  tools: { name: string; [said: string]: unknown }[]
  /** Answers the next request so, whatever it is. */
  next: Answer | undefined
  close(): Promise<void>
}

const denied: Answer = { status: 401 }
const schema = { type: 'object' }

export async function startWebTarget(key: string): Promise<WebTarget> {
  const server = createServer((req, res) => {
    void read(req).then(body => {
      const { method = '', url: path = '', headers } = req
      target.seen.push({ method, path, headers, body })
      const answer =
        target.next ?? (path === '/mcp' ? speak(target, req, body) : echo(method, path))
      target.next = undefined
      const isKnown = headers.authorization === `Bearer ${key}`
      const { status, headers: given = {}, body: text = '' } = isKnown ? answer : denied
      res.writeHead(status, { 'content-type': 'application/json', ...given })
      if (answer.isOpen === true) res.write(text)
      else res.end(text)
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const target: WebTarget = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    key,
    seen: [],
    tools: [
      {
        name: 'search',
        description: 'Finds',
        inputSchema: schema,
        annotations: { readOnlyHint: true },
      },
      {
        name: 'create',
        description: 'Makes',
        inputSchema: schema,
        annotations: { destructiveHint: false },
      },
      { name: 'odd', description: 'Says nothing of itself', inputSchema: schema },
    ],
    next: undefined,
    async close() {
      server.closeAllConnections()
      await new Promise(done => server.close(done))
    },
  }
  return target
}

function echo(method: string, path: string): Answer {
  return {
    status: 200,
    headers: { 'set-cookie': 'theirs=1' },
    body: JSON.stringify({ method, path }),
  }
}

function speak({ tools }: WebTarget, { method, headers }: IncomingMessage, body: string): Answer {
  if (method !== 'POST') return { status: 405 }
  const { id, method: asked, params } = JSON.parse(body)
  const result = (given: unknown, more: Record<string, string> = {}) => ({
    status: 200,
    headers: more,
    body: JSON.stringify({ jsonrpc: '2.0', id, result: given }),
  })
  if (asked === 'initialize') {
    const serverInfo = { name: 'tracker', version: '1' }
    const begun = { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo }
    return result(begun, { 'mcp-session-id': 'upstream-session' })
  }
  if (id === undefined) return { status: 202 }
  if (headers['mcp-session-id'] !== 'upstream-session') return { status: 400 }
  if (asked === 'tools/list') return result({ tools })
  if (asked === 'tools/call' && params.arguments?.wait === true)
    return {
      status: 200,
      headers: { 'content-type': 'text/event-stream' },
      body: ': soon\n\n',
      isOpen: true,
    }
  if (asked === 'tools/call')
    return result({ content: [{ type: 'text', text: `did ${params.name}` }] })
  const error = { code: -32601, message: 'no such method' }
  return { status: 200, body: JSON.stringify({ jsonrpc: '2.0', id, error }) }
}

async function read(req: IncomingMessage): Promise<string> {
  let body = ''
  for await (const part of req) body += String(part)
  return body
}
