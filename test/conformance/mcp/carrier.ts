/**
 * Stands before a server and adds headers to each request: the suite can be given no token, and what
 * it asks of a server that wants one must be asked all the same.
 *
 * Everything else passes as it is, both ways and at once, streams too. `Host` and `Origin` are the
 * server's where the client named the carrier, and left alone where it named somebody else: a check
 * that lies about them must reach the server. Loopback and plain HTTP, for tests.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

type Added = Readonly<Record<string, string>>

export async function startCarrier(
  to: string,
  added: Added,
): Promise<{ url: string; close: () => Promise<void> }> {
  const target = new URL(to)
  if (target.protocol !== 'http:') throw new Error(`${to}: only plain HTTP`)
  const server = createServer((asked, answer) => {
    const own = `127.0.0.1:${(server.address() as AddressInfo).port}`
    carry({ asked, answer, target, headers: { ...named(asked, own, target), ...added } })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}${target.pathname}`,
    close: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

function named({ headers }: IncomingMessage, own: string, target: URL) {
  const { host, origin } = headers
  return {
    ...headers,
    ...(host === own ? { host: target.host } : {}),
    ...(origin === `http://${own}` ? { origin: target.origin } : {}),
  }
}

function carry(passing: {
  asked: IncomingMessage
  answer: ServerResponse
  target: URL
  headers: NodeJS.Dict<string | string[]>
}): void {
  const { asked, answer, target, headers } = passing
  const { hostname, port } = target
  const { method, url: path } = asked
  const onward = request({ hostname, port, method, path, headers, agent: false }, said => {
    answer.writeHead(said.statusCode ?? 502, said.headers)
    answer.flushHeaders()
    said.pipe(answer)
    said.once('error', () => answer.destroy())
  })
  onward.once('error', () => {
    if (answer.headersSent) answer.destroy()
    else answer.writeHead(502).end()
  })
  answer.once('close', () => onward.destroy())
  asked.pipe(onward)
}
