// What stands between the suite and a server must add a header, and nothing else.
import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { startCarrier } from './carrier.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

async function carried(answer: Answer) {
  const server = createServer(answer)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const carrier = await startCarrier(`http://127.0.0.1:${port}/mcp`, { authorization: 'Bearer x' })
  onTestFinished(async () => {
    await carrier.close()
    server.closeAllConnections()
    server.close()
  })
  return { url: carrier.url, port }
}

const echo: Answer = ({ headers, url, method }, response) =>
  response.writeHead(201, { 'mcp-session-id': 's' }).end(JSON.stringify({ headers, url, method }))

/** `fetch` does not let a caller name a host. */
async function ask(url: string, headers: Record<string, string>) {
  const asked = request(url, { method: 'POST', headers })
  asked.end('{}')
  const [said] = (await once(asked, 'response')) as [IncomingMessage]
  let text = ''
  for await (const chunk of said) text += chunk
  return { status: said.statusCode, headers: said.headers, body: JSON.parse(text) }
}

it('adds the header, and hands on path, method, status and headers', async () => {
  const { url, port } = await carried(echo)
  const own = new URL(url).origin
  const { status, headers, body } = await ask(url, { 'mcp-method': 'ping', origin: own })
  expect([status, headers['mcp-session-id']]).toEqual([201, 's'])
  expect(body).toMatchObject({ url: '/mcp', method: 'POST' })
  expect(body.headers).toMatchObject({
    authorization: 'Bearer x',
    'mcp-method': 'ping',
    host: `127.0.0.1:${port}`,
    origin: `http://127.0.0.1:${port}`,
  })
})

it('a host and an origin that are nobody’s reach the server as they are', async () => {
  const { url } = await carried(echo)
  const lie = { host: 'evil.example.com', origin: 'http://evil.example.com' }
  expect((await ask(url, lie)).body.headers).toMatchObject(lie)
})

it('what is streamed arrives while the stream is open, and a client that left is missed', async () => {
  const left = Promise.withResolvers<void>()
  const { url } = await carried((_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write('data: 1\n\n')
    response.once('close', () => left.resolve())
  })
  const leaving = new AbortController()
  const { body } = await fetch(url, { signal: leaving.signal })
  const first = await body?.getReader().read()
  expect(Buffer.from(first?.value ?? []).toString()).toBe('data: 1\n\n')
  leaving.abort()
  await left.promise
})

it('a server that is not there is a bad gateway', async () => {
  const carrier = await startCarrier('http://127.0.0.1:1/mcp', {})
  onTestFinished(() => carrier.close())
  expect((await fetch(carrier.url)).status).toBe(502)
})
