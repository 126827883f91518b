/** The client against a server that misbehaves; what arrived there is looked at. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { beforeEach, describe, expect, test } from 'vitest'
import { isProblem } from '../../src/core/base/problem.ts'
import { type Ask, bounds, type RestRequest, restClient } from './client.ts'

type Answerer = (req: IncomingMessage, res: ServerResponse) => void
let ask: Ask
let url: string
let seen: string[]
let answers: Answerer[]
const word = 'a-word-nobody-may-see'
const request: RestRequest = { method: 'GET', path: '/things', headers: { authorization: word } }
const soon = () => AbortSignal.timeout(5_000)

const json =
  (status: number, body: unknown, headers: Record<string, string> = {}): Answerer =>
  (_, res) =>
    void res
      .writeHead(status, { 'content-type': 'application/json', ...headers })
      .end(JSON.stringify(body))

beforeEach(async () => {
  seen = []
  answers = []
  const server = createServer((req, res) => {
    seen.push(`${req.method} ${req.url}`)
    const answer = answers.shift() ?? json(200, { ok: true })
    answer(req, res)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api`
  ask = restClient('Things', new URL(url))
  return () => {
    server.closeAllConnections()
    server.close()
  }
})

/** The code and the whole text of what was thrown. */
async function fault(more: Partial<RestRequest> = {}, signal = soon()) {
  const thrown: unknown = await ask({ ...request, ...more }, signal).catch((e: unknown) => e)
  if (!isProblem(thrown)) throw new Error(`no Problem: ${String(thrown)}`)
  const { code, detail, next, log } = thrown
  expect(JSON.stringify({ detail, next, log })).not.toMatch(new RegExp(`${word}|127\\.0|secret`))
  return code
}

describe('a request', () => {
  test('is answered with its status and its JSON, and nothing where there is none', async () => {
    const { next, ...said } = await ask(request, soon())
    expect({ ...said, next: next() }).toEqual({ status: 200, body: { ok: true }, next: null })
    answers.push((_, res) => void res.writeHead(204).end())
    expect(await ask(request, soon())).toMatchObject({ status: 204, body: null })
    answers.push((_, res) => void res.writeHead(200, { 'content-type': 'text/html' }).end('<p>'))
    expect(await ask(request, soon())).toMatchObject({ status: 200, body: null })
    expect(seen[0]).toBe('GET /api/things')
  })

  test('may be a form: its type is named, and nothing of it is in the address', async () => {
    let sent = ''
    answers.push((req, res) => {
      req.on('data', part => (sent += String(part)))
      req.on('end', () => json(200, { type: req.headers['content-type'] })(req, res))
    })
    const form = { client_secret: 'a&b c' }
    const { body } = await ask({ ...request, method: 'POST', form }, soon())
    expect(body).toMatchObject({ type: 'application/x-www-form-urlencoded;charset=UTF-8' })
    expect(sent).toBe('client_secret=a%26b+c')
    expect(seen).toEqual(['POST /api/things'])
  })

  test.each([
    [401, 'target-refused'],
    [403, 'target-refused'],
    [404, 'target-refused'],
    [422, 'target-refused'],
    [301, 'target-refused'],
    [500, 'target-unavailable'],
    [503, 'target-unavailable'],
  ])('answered with %i is %s, without a word of the answer', async (status, code) => {
    answers.push(json(status, { message: 'secret' }, { location: 'http://127.0.0.1/secret' }))
    expect(await fault()).toBe(code)
    expect(seen).toHaveLength(1)
  })

  test('is answered with what it said it takes', async () => {
    answers.push(json(401, {}))
    expect(await ask({ ...request, takes: [401] }, soon())).toMatchObject({ status: 401 })
  })

  test('is answered with 429 where it takes that, unless it is told when to come back', async () => {
    answers.push(json(429, {}))
    expect(await ask({ ...request, takes: [429] }, soon())).toMatchObject({ status: 429 })
    answers.push(json(429, {}, { 'retry-after': '0' }), json(200, {}))
    expect(await ask({ ...request, takes: [429] }, soon())).toMatchObject({ status: 200 })
  })

  test('has no answer where one is too large, no JSON, cut off, or late', async () => {
    const type = { 'content-type': 'application/json' }
    answers.push((_, res) => void res.writeHead(200, type).end('x'.repeat(bounds.answerBytes + 1)))
    expect(await fault()).toBe('target-unavailable')
    answers.push((_, res) => void res.writeHead(200, type).end('{"secret'))
    expect(await fault()).toBe('target-unavailable')
    answers.push(req => void req.socket.destroy())
    expect(await fault()).toBe('target-unavailable')
    answers.push(() => {})
    expect(await fault({}, AbortSignal.timeout(100))).toBe('target-unavailable')
  })

  test.each(['//evil.example/x', '/../admin', 'things', '@evil.example/', '/a/../../b'])(
    'for the path %s is not sent',
    async path => {
      expect(await fault({ path })).toBe('target-refused')
      expect(seen.filter(each => !each.startsWith('GET /api/'))).toEqual([])
    },
  )
})

describe('what is too much', () => {
  test.each([429, 403])('answered %i, is sent again when it said so', async status => {
    answers.push(json(status, {}, { 'retry-after': '0' }), json(status, {}, { 'retry-after': '0' }))
    expect(await ask(request, soon())).toMatchObject({ status: 200 })
    expect(seen).toHaveLength(3)
  })

  test('is not waited for beyond the bound, the tries, or the time of who asks', async () => {
    answers.push(json(429, {}, { 'retry-after': '3600' }))
    expect(await fault()).toBe('target-unavailable')
    answers.push(json(403, { message: 'You have exceeded a secondary rate limit.' }))
    expect(await fault()).toBe('target-unavailable')
    answers.push(json(403, {}, { 'x-ratelimit-remaining': '0' }))
    expect(await fault()).toBe('target-unavailable')
    expect(seen).toHaveLength(3)
    answers.push(json(429, {}, { 'retry-after': '5' }))
    expect(await fault({}, AbortSignal.timeout(100))).toBe('target-unavailable')
    for (let n = 0; n < bounds.tries; n++) answers.push(json(429, {}, { 'retry-after': '0' }))
    expect(await fault()).toBe('target-unavailable')
    expect(seen).toHaveLength(4 + bounds.tries)
  })
})

describe('a next page', () => {
  const link = (target: string) =>
    json(200, [], { link: `<${target}>; rel="next", <x>; rel="last"` })

  test('is a path below what was connected', async () => {
    answers.push(link(`${url}/things?page=2`))
    expect((await ask(request, soon())).next()).toBe('/things?page=2')
    answers.push(json(200, [], { link: `<${url}/things?page=1>; rel="prev"` }))
    expect((await ask(request, soon())).next()).toBe(null)
  })

  test.each(['http://evil.example/api/things', 'http://127.0.0.1:1/api/x', '/elsewhere', '//evil'])(
    'at %s is refused',
    async target => {
      answers.push(link(target))
      const { next } = await ask(request, soon())
      expect(next).toThrow(/^target-refused: (?!.*(evil|127))/)
    },
  )
})
