import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { limits } from '../../core/base/limits.ts'
import { isProblem } from '../../core/base/problem.ts'
import { fetchJson, isPublic, publicLookup } from './fetch.ts'

const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

test.each([
  '127.0.0.1',
  '10.1.2.3',
  '100.64.0.1',
  '169.254.169.254',
  '172.31.255.255',
  '192.168.0.1',
  '198.19.0.1',
  '224.0.0.1',
  '255.255.255.255',
  '0.0.0.0',
  '::',
  '::1',
  '::ffff:169.254.169.254',
  '64:ff9b::a9fe:a9fe',
  'fe80::1',
  'fd00:ec2::254',
  'ff02::1',
  '2001:db8::1',
  '2002:7f00:1::',
  'not an address',
])('%s is not a public address', address => {
  expect(isPublic(address)).toBe(false)
})

test.each(['140.82.112.3', '172.32.0.1', '100.128.0.1', '2606:50c0:8000::154'])(
  '%s is a public address',
  address => {
    expect(isPublic(address)).toBe(true)
  },
)

test('a name that leads inside is refused when it is resolved, also in the mapped form', async () => {
  const error = await new Promise(resolve => {
    publicLookup('localhost', { all: true }, failure => resolve(failure))
  })
  expect(isProblem(error, 'address-refused')).toBe(true)
})

test('the lookup of a call hands on all it checked, or the first', async () => {
  const ask = (all: boolean) =>
    new Promise(resolve => {
      publicLookup('140.82.112.3', { all }, (_failure, address) => resolve(address))
    })
  expect(await ask(true)).toEqual([{ address: '140.82.112.3', family: 4 }])
  expect(await ask(false)).toBe('140.82.112.3')
})

test('a document of an allowed origin is read', async () => {
  const origin = await serve((_request, response) => response.end('{"keys":[]}'))
  expect(await fetchJson(`${origin}/keys`, new Set([origin]))).toEqual({ keys: [] })
})

test('a redirect is not followed', async () => {
  let inner = 0
  const origin = await serve((request, response) => {
    if (request.url === '/inner') inner++
    response.writeHead(302, { location: '/inner' }).end()
  })
  await expect(fetchJson(`${origin}/keys`, new Set([origin]))).rejects.toMatchObject({
    code: 'issuer-unavailable',
  })
  expect(inner).toBe(0)
})

test.each<[string, RequestListener]>([
  [
    'that is too large',
    (_, response) => response.end(`["${'a'.repeat(limits.issuerResponseBytes)}"]`),
  ],
  ['that is not JSON', (_, response) => response.end('<html>')],
  ['that is not UTF-8', (_, response) => response.end(Buffer.from([0x22, 0xff, 0x22]))],
  ['with an error', (_, response) => response.writeHead(500).end('{}')],
  ['that names `__proto__`', (_, response) => response.end('{"__proto__":{}}')],
  ['that breaks off', (_, response) => response.writeHead(200).write('{') && response.destroy()],
])('an answer %s is an issuer that does not answer', async (_what, listener) => {
  const origin = await serve(listener)
  await expect(fetchJson(origin, new Set([origin]))).rejects.toMatchObject({
    code: 'issuer-unavailable',
  })
})

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
