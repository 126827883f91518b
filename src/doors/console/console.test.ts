/** What the door of the console hands out, to whom, and under which policy. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, request, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { memoryStore } from '../../../test/support/store.ts'
import { systemClock } from '../../core/base/time.ts'
import { openConsole } from './console.ts'

let server: Server
let origin: string
const folder = mkdtempSync(join(tmpdir(), 'leasehold-console-'))

beforeAll(async () => {
  mkdirSync(join(folder, 'assets'))
  writeFileSync(join(folder, 'index.html'), '<!doctype html><title>Leasehold</title>')
  writeFileSync(join(folder, 'answer.html'), '<!doctype html><title>Answer</title>')
  writeFileSync(join(folder, 'made-of.txt'), 'not for anybody')
  writeFileSync(join(folder, 'assets', 'index-Ab12Cd34.js'), 'void 0')
  writeFileSync(join(folder, 'assets', 'theme.js'), 'void 1')
  const store = await memoryStore()
  server = createServer((req, res) => {
    void pages?.answer(req, res).then(isOurs => isOurs || res.writeHead(404).end('{}'))
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('a port')
  origin = `http://127.0.0.1:${address.port}`
  const pages = openConsole({ issuer: origin, store, clock: systemClock }, folder)
})
afterAll(() => {
  server.close()
  rmSync(folder, { recursive: true })
})

const ask = (path: string, init: RequestInit = {}) =>
  fetch(`${origin}${path}`, { redirect: 'manual', ...init })

/** As it stands: `fetch` would take the dots out before anything is sent. */
const statusOf = (path: string) =>
  new Promise<string>((done, fail) => {
    const { hostname, port } = new URL(origin)
    const sent = request({ hostname, port, path }, answer => {
      answer.resume()
      done(`${path} ${answer.statusCode}`)
    })
    sent.once('error', fail).end()
  })

test('a file whose name carries its hash is kept for good; another is asked for again', async () => {
  const hashed = await ask('/assets/index-Ab12Cd34.js')
  expect(hashed.headers.get('content-type')).toBe('text/javascript; charset=utf-8')
  expect(hashed.headers.get('cache-control')).toContain('immutable')
  expect(await hashed.text()).toBe('void 0')
  expect((await ask('/assets/theme.js')).headers.get('cache-control')).toBe('no-cache')
})

test('nothing but what was built below assets is handed out, however it is asked for', async () => {
  for (const path of [
    '/made-of.txt',
    '/index.html',
    '/answer.html',
    '/assets/../made-of.txt',
    '/assets/%2e%2e/made-of.txt',
    '/assets/..%2fmade-of.txt',
    '/assets//theme.js',
    '/assets/theme.js/',
    '/assets/',
    '/v1/nothing',
  ])
    expect(await statusOf(path)).toBe(`${path} 404`)
})

test('who is not signed in is sent to sign in, and back to the page they asked for', async () => {
  const sent = await ask('/apps/deal-desk?q=a%20b')
  expect(sent.status).toBe(303)
  expect(sent.headers.get('location')).toBe('/sign-in?to=%2Fapps%2Fdeal-desk%3Fq%3Da%2520b')
})

test('addresses that look like pages and are not stay the API’s to answer', async () => {
  for (const path of [
    '/apps//evil',
    '/apps/..',
    '/apps/../v1/me',
    '/appsx',
    '/a/../v1/me',
    '/a/b/c/d',
    '/apps/a/b/c',
    '/v1/apps',
  ])
    expect(await statusOf(path)).toBe(`${path} 404`)
  expect((await ask('/apps', { method: 'POST' })).status).toBe(404)
})

test('HEAD answers the head alone', async () => {
  const head = await ask('/assets/theme.js', { method: 'HEAD' })
  expect(head.status).toBe(200)
  expect(await head.text()).toBe('')
})

test('where it is not built there is no console', async () => {
  const gone = join(folder, 'nowhere')
  expect(
    openConsole({ issuer: origin, store: await memoryStore(), clock: systemClock }, gone),
  ).toBe(undefined)
})
