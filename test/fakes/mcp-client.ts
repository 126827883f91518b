/**
 * What an MCP client needs beside itself, on loopback: the place where its client-id metadata document
 * is, and the address where it gets its answer. Keeps what arrived.
 */
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface McpClientFake {
  readonly origin: string
  /** Address of the document: the client's id. */
  readonly id: string
  readonly redirectUri: string
  /** What the document at `id` says beside the id; a test may change it. */
  document: Record<string, unknown>
  /** Addresses that were asked for, with their queries. */
  readonly seen: string[]
  close(): Promise<void>
}

export async function startMcpClient(): Promise<McpClientFake> {
  const server = createServer((req, res) => {
    const { url = '' } = req
    fake.seen.push(url)
    const isDocument = url === '/client.json'
    const type = isDocument ? 'application/json' : 'text/html'
    const body = isDocument ? JSON.stringify({ client_id: fake.id, ...fake.document }) : 'Done.'
    res.writeHead(200, { 'content-type': type }).end(body)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const fake: McpClientFake = {
    origin,
    id: `${origin}/client.json`,
    redirectUri: `${origin}/callback`,
    document: clientDocument,
    seen: [],
    async close() {
      server.closeAllConnections()
      await new Promise(done => server.close(done))
    },
  }
  return fake
}

/** As a client publishes it that runs on a person's machine, on a port it finds out later. */
export const clientDocument = {
  client_name: 'Test <b>client</b>',
  redirect_uris: ['http://127.0.0.1/callback', 'https://client.example/callback'],
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  token_endpoint_auth_method: 'none',
}

/** RFC 7636: what is shown at first, and what proves at last that it is the same client. */
export function newPkce(): { verifier: string; challenge: string } {
  const verifier = randomBytes(32).toString('base64url')
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') }
}
