/** The API behind the bench `http-gateway`: a small JSON answer, 1 MiB in pieces without a length, one without end. */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { serveBench } from './child.ts'

export interface UpstreamSays {
  readonly url: string
}

const piece = Buffer.alloc(64 * 1024, 'x')
const pieces = 16
const small = JSON.stringify({
  items: Array.from({ length: 5 }, (_, id) => ({ id, name: 'deal' })),
})

/** A piece every few milliseconds, until nobody listens. */
function drip(res: ServerResponse): void {
  res.writeHead(200, { 'content-type': 'text/event-stream' })
  const clock = setInterval(() => res.write('data: more\n\n'), dripMs)
  res.once('close', () => clearInterval(clock))
}

const dripMs = 2

if (import.meta.main) {
  const server = createServer((req, res) => {
    if (req.url === '/v1/endless') return drip(res)
    if (req.url !== '/v1/large') {
      const length = Buffer.byteLength(small)
      res.writeHead(200, { 'content-type': 'application/json', 'content-length': length })
      return void res.end(small)
    }
    res.writeHead(200, { 'content-type': 'application/octet-stream' })
    Readable.from(Array.from({ length: pieces }, () => piece)).pipe(res)
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  serveBench({ url: `http://127.0.0.1:${port}` } satisfies UpstreamSays)
}
