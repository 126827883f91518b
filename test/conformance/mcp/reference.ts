/**
 * A Model Context Protocol server for tests: everything the conformance suite asks a server for, in
 * the one revision it was started with. The gateway is proven in front of it.
 *
 *   node test/conformance/mcp/reference.ts --revision 2025-11-25
 *
 * Protocol and transport are `@modelcontextprotocol/server`'s in both: revision 2026-07-28 by its
 * handler, one server a request; 2025-11-25 by its transport with sessions (sessions.ts). Its
 * stateless fallback would do for neither streams nor questions, and its first line (`/sdk`) is not
 * needed. Loopback only, no authentication: nothing here protects anything.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'
import { getRequestListener } from '@hono/node-server'
import {
  createMcpHandler,
  hostHeaderValidationResponse,
  localhostAllowedHostnames,
  localhostAllowedOrigins,
  type McpHttpHandler,
  McpServer,
  originValidationResponse,
} from '@modelcontextprotocol/server'
import { addContentTools } from './content-tools.ts'
import {
  addChangeTools,
  addInputRequiredTools,
  type Notify,
  states,
} from './input-required-tools.ts'
import { addInputRequiredPrompt, addPrompts } from './prompts.ts'
import { addResources } from './resources.ts'
import { type Handler, serveSessions } from './sessions.ts'

export const revisions = ['2025-11-25', '2026-07-28'] as const
export type Revision = (typeof revisions)[number]

export function isRevision(text: string | undefined): text is Revision {
  return revisions.some(revision => revision === text)
}

/** Listens on a port of 127.0.0.1 that was free. `close` ends streams that are open. */
export async function startReference(
  revision: Revision,
): Promise<{ url: string; close: () => Promise<void> }> {
  const handler = revision === '2025-11-25' ? serveSessions() : serveRequests()
  const listener = getRequestListener(request => guard(request, handler), {
    overrideGlobalObjects: false,
  })
  const http = createServer((request, response) => void listener(request, response))
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const { port } = http.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    close: async () => {
      await handler.close()
      const closed = once(http, 'close')
      http.close()
      http.closeAllConnections()
      await closed
    },
  }
}

/** ATTACKER: a page in a browser may name our port under a name of its own (DNS rebinding). */
async function guard(request: Request, handler: Handler): Promise<Response> {
  const refused =
    hostHeaderValidationResponse(request, localhostAllowedHostnames()) ??
    originValidationResponse(request, localhostAllowedOrigins())
  if (refused !== undefined) return refused
  if (new URL(request.url).pathname !== '/mcp') return new Response(null, { status: 404 })
  return handler.fetch(request)
}

/** Revision 2026-07-28: nothing is kept between two requests but the list of who listens. */
function serveRequests(): Handler {
  const handler: McpHttpHandler = createMcpHandler(() => makeServer(handler.notify), {
    legacy: 'reject',
  })
  return handler
}

function makeServer(notify: Notify): McpServer {
  const server = new McpServer(
    { name: 'leasehold-reference', version: '1.0.0' },
    {
      capabilities: { logging: {}, resources: { subscribe: true, listChanged: true } },
      requestState: { verify: (state, ctx) => states.verify(state, ctx) },
    },
  )
  addContentTools(server)
  addInputRequiredTools(server)
  addChangeTools(server, notify)
  addResources(server)
  addPrompts(server)
  addInputRequiredPrompt(server)
  return server
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { revision: { type: 'string' } } })
  if (!isRevision(values.revision)) {
    throw new Error(`say --revision with one of: ${revisions.join(', ')}`)
  }
  const { url, close } = await startReference(values.revision)
  process.once('SIGTERM', () => void close())
  console.log(url)
}
