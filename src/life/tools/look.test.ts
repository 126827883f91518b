import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { afterEach, expect, test } from 'vitest'
import { startReference } from '../../../test/conformance/mcp/reference.ts'
import { lookAtTools } from './look.ts'

let close = async () => {}
afterEach(() => close())

const upstream = (url: string) => ({
  url: new URL(url),
  credential: async () => ({}),
  fetch: (at: string | URL, init?: RequestInit) => fetch(at, init),
  speaks: 'mcp' as const,
  classOf: () => 'read' as const,
})

test('what a server says of itself and its tools is seen in either revision', async () => {
  for (const revision of ['2025-11-25', '2026-07-28'] as const) {
    const reference = await startReference(revision)
    close = reference.close
    const look = await lookAtTools(upstream(reference.url))
    expect(look.revision).toBe(revision)
    expect(look.says.serverInfo).toMatchObject({ name: 'leasehold-reference' })
    expect(look.tools.has('test_simple_text')).toBe(true)
    await reference.close()
  }
  close = async () => {}
})

test('an answer that has no end is not read to its end', async () => {
  let sent = 0
  function* noEnd() {
    for (; sent < 200; sent++) yield Buffer.alloc(1024 * 1024, ' ')
  }
  const server = createServer((_, res) => {
    res.writeHead(200, { 'content-type': 'application/json' })
    Readable.from(noEnd()).pipe(res)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  close = async () => {
    server.closeAllConnections()
    server.close()
  }
  const { port } = server.address() as AddressInfo
  const looked = lookAtTools(upstream(`http://127.0.0.1:${port}/mcp`))
  await expect(looked).rejects.toMatchObject({ code: 'target-unavailable' })
  expect(sent).toBeLessThan(200)
})
