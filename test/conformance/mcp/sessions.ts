/**
 * Revision 2025-11-25 as it is with state: a session per client, a stream the server may send on,
 * and a record of what was sent, so that who lost a stream can have the rest of it.
 * In memory and for one test run. Not a pattern for a server that many use.
 */
import { randomUUID } from 'node:crypto'
import {
  type EventStore,
  type JSONRPCMessage,
  McpServer,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server'
import { addAskingTools } from './asking-tools.ts'
import { addContentTools, text } from './content-tools.ts'
import { addPrompts } from './prompts.ts'
import { addResources, WATCHED } from './resources.ts'

const REVISION = '2025-11-25'
const MAX_SESSIONS = 500
const MAX_EVENTS = 1000
/** How soon a client that was sent away comes back. */
const RETRY_MS = 50
const HEADER = 'mcp-session-id'

export type Handler = {
  fetch: (request: Request) => Promise<Response>
  close: () => Promise<void>
}

export function serveSessions(): Handler {
  const open = new Map<string, { transport: Transport; server: McpServer }>()
  return {
    fetch: async request => {
      const id = request.headers.get(HEADER)
      const found = id === null ? undefined : open.get(id)
      if (found !== undefined) return found.transport.handleRequest(request)
      if (id !== null) return refuse(404, 'no such session')
      if (open.size >= MAX_SESSIONS) return refuse(503, 'too many sessions')
      const server = makeServer()
      const transport = new WebStandardStreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        eventStore: keepEvents(),
        retryInterval: RETRY_MS,
        onsessioninitialized: opened => void open.set(opened, { transport, server }),
        onsessionclosed: closed => void open.delete(closed),
      })
      await server.connect(transport)
      const answer = await transport.handleRequest(request)
      // What was not an `initialize` has been refused, and opened nothing.
      if (transport.sessionId === undefined) await server.close()
      return answer
    },
    close: async () => {
      const servers = [...open.values()].map(({ server }) => server)
      open.clear()
      await Promise.all(servers.map(server => server.close()))
    },
  }
}

type Transport = WebStandardStreamableHTTPServerTransport

function makeServer(): McpServer {
  const server = new McpServer(
    { name: 'leasehold-reference', version: '1.0.0' },
    {
      capabilities: { logging: {}, resources: { subscribe: true, listChanged: true } },
      supportedProtocolVersions: [REVISION],
    },
  )
  addContentTools(server)
  addAskingTools(server)
  addResources(server)
  addPrompts(server)
  addSubscriptions(server)
  return server
}

/** A subscription is of one session. The tool makes the watched resource change, for who watches. */
function addSubscriptions(server: McpServer): void {
  const watched = new Set<string>()
  server.server.setRequestHandler('resources/subscribe', ({ params }) => {
    watched.add(params.uri)
    return {}
  })
  server.server.setRequestHandler('resources/unsubscribe', ({ params }) => {
    watched.delete(params.uri)
    return {}
  })
  server.registerTool(
    'test_trigger_resource_change',
    { description: 'Tells who watches that the watched resource has changed' },
    async () => {
      if (watched.has(WATCHED)) await server.server.sendResourceUpdated({ uri: WATCHED })
      return text('told')
    },
  )
}

function keepEvents(): EventStore {
  const kept: { id: string; streamId: string; message: JSONRPCMessage }[] = []
  let last = 0
  return {
    storeEvent: (streamId, message) => {
      last += 1
      kept.push({ id: `${last}`, streamId, message })
      if (kept.length > MAX_EVENTS) kept.shift()
      return Promise.resolve(`${last}`)
    },
    replayEventsAfter: async (lastEventId, { send }) => {
      const from = kept.findIndex(({ id }) => id === lastEventId)
      const streamId = kept[from]?.streamId
      if (streamId === undefined) throw new Error(`nothing is kept of event ${lastEventId}`)
      for (const event of kept.slice(from + 1)) {
        // The event that opens a stream is kept as an empty message: there is nothing to repeat.
        if (event.streamId === streamId && 'jsonrpc' in event.message) {
          await send(event.id, event.message)
        }
      }
      return streamId
    },
  }
}

function refuse(status: number, message: string): Response {
  return Response.json({ jsonrpc: '2.0', id: null, error: { code: -32001, message } }, { status })
}
