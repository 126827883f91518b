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
  /** The bearer it lets in. */
  key: string
  /** Says of itself who issues that, as RFC 9728 has it; undefined: it asks for no OAuth. */
  says: { resource?: string; authorization_servers: string[] } | undefined
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
      const { next } = target
      target.next = undefined
      const isKnown = headers.authorization === `Bearer ${target.key}`
      const answer = isKnown
        ? (next ?? (path === '/mcp' ? speak(target, req, body) : echo(method, path)))
        : denied
      const {
        status,
        headers: given = {},
        body: text = '',
      } = isMetadata(path) ? tell(target) : answer
      res.writeHead(status, { 'content-type': 'application/json', ...given })
      if (answer.isOpen === true) res.write(text)
      else res.end(text)
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const target: WebTarget = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    key,
    says: undefined,
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

const isMetadata = (path: string) => path.startsWith('/.well-known/')

function tell({ url, says }: WebTarget): Answer {
  if (says === undefined) return { status: 404 }
  return { status: 200, body: JSON.stringify({ resource: `${url}/mcp`, ...says }) }
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
