/** What a system can answer, and what is made of it: lists, absence, credentials, what is open. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import type { Json, JsonObject } from '../../src/core/base/json.ts'
import { isProblem } from '../../src/core/base/problem.ts'
import { addSeconds } from '../../src/core/base/time.ts'
import { judge } from '../../src/core/target/judge.ts'
import type { IssueOrder, Target, VerifyOrder } from '../../src/core/target/target.ts'
import { handClock } from '../../test/support/clock.ts'
import { declaredConnector } from './declared.ts'

const soon = () => AbortSignal.timeout(10_000)
const clock = handClock()
const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

type Change = Readonly<Record<string, Json | undefined>>
const newOrder = (): IssueOrder => ({
  principal: 'lh_ab12cd_deals_1',
  holder: 'lhg_ab12cd_1',
  owner: 'lho_ab12cd_1',
  object: {},
  actions: ['read'],
  columns: [],
  secret: 'derived-and-never-used',
  deadline: addSeconds(clock.now(), 10),
  endsAt: addSeconds(clock.now(), 900),
})
const look = (target: Target, order: VerifyOrder) => target.verifyGone(order, soon())

/** A system that answers by these; what none fits is 404. */
async function scripted(answers: Readonly<Record<string, (at: URL) => unknown>>) {
  const asked: string[] = []
  const server = createServer((req, res) => {
    const at = new URL(req.url ?? '', 'http://localhost')
    asked.push(`${req.method} ${req.url}`)
    const body = answers[`${req.method} ${at.pathname}`]?.(at)
    const {
      status = body === undefined ? 404 : 200,
      headers = {},
      ...rest
    } = (body ?? {}) as {
      status?: number
      headers?: Record<string, string>
    }
    res.writeHead(status, { 'content-type': 'application/json', ...headers })
    res.end(JSON.stringify(rest))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  closing.push(async () => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

const small: JsonObject = {
  system: 'Small',
  admin: { authorization: 'Bearer {credential}' },
  sent: { authorization: 'Bearer {secret}' },
  gives: ['read'],
  issue: {
    method: 'POST',
    path: '/keys',
    body: { name: '{principal}' },
    answer: { secret: '/key' },
  },
  list: {
    method: 'GET',
    path: '/keys',
    items: '/items',
    item: { id: '/id', name: '/name' },
    paging: 'none',
  },
  check: { method: 'GET', path: '/me', accepted: { status: [200] }, refused: { status: [401] } },
  end: [
    { method: 'DELETE', path: '/keys/{id}', absent: { status: [404], at: '/error', is: ['none'] } },
  ],
  sessions: 'none',
}
const credential = 'an-admin-credential'
const opened = (url: string, change: Change = {}) =>
  declaredConnector.open(
    declaredConnector.parseConfig({ file: { ...small, ...change } as Json, url, credential }),
    clock,
  )
const listing = (paging: Json): Change => ({ list: { ...(small['list'] as JsonObject), paging } })
const gone: VerifyOrder = { ...newOrder(), object: {}, principal: 'lh_x_last', acceptedPath: null }
const last = { id: 'k9', name: 'lh_x_last' }
const some = [{ id: 'k1', name: 'a' }]

describe('a list', () => {
  test.each([
    [
      'pages until one is empty',
      { page: { query: 'page', from: 1 } },
      (at: URL) => {
        const pages = [some, [last], []]
        return { items: pages[Number(at.searchParams.get('page')) - 1] ?? [] }
      },
    ],
    [
      'a cursor, though a page is empty',
      { cursor: { query: 'at', at: '/next' } },
      (at: URL) => {
        const page = at.searchParams.get('at')
        if (page === null) return { items: some, next: 'b&c=d#e' }
        return page === 'b&c=d#e' ? { items: [], next: 'c' } : { items: [last] }
      },
    ],
    [
      'the id of the last one',
      { cursor: { query: 'after', while: '/more' } },
      (at: URL) =>
        at.searchParams.get('after') === 'k1'
          ? { items: [last], more: false }
          : { items: some, more: true },
    ],
    [
      'links',
      'link',
      (at: URL) => {
        if (at.searchParams.get('p') === '2') return { items: [last] }
        return { items: some, headers: { link: '</keys?p=2>; rel="next"' } }
      },
    ],
  ] as const)('is read to its end by %s', async (_, paging, page) => {
    const { url } = await scripted({ 'GET /keys': page })
    expect((await look(opened(url, listing(paging)), gone)).listed).toBe('present')
    const absent = { ...gone, principal: 'lh_x_none' }
    expect((await look(opened(url, listing(paging)), absent)).listed).toBe('absent')
  })

  test.each([
    [
      'leads in a circle',
      { cursor: { query: 'at', at: '/next' } },
      () => ({ items: some, next: 'x' }),
    ],
    [
      'says not whether there is more',
      { cursor: { query: 'a', while: '/more' } },
      () => ({ items: some }),
    ],
    [
      'says that there is more, and not where',
      { cursor: { query: 'a', at: '/next', while: '/more' } },
      () => ({ items: some, more: true }),
    ],
    ['is none', 'none', () => ({ items: { '0': last } })],
    ['is elsewhere', 'none', () => ({ data: [] })],
    ['holds something without an id', 'none', () => ({ items: [{ name: 'a' }] })],
    ['holds an id nobody can show', 'none', () => ({ items: [{ id: 'a\u202eb', name: 'a' }] })],
    [
      'goes on at another system',
      'link',
      () => ({ items: [], headers: { link: '<https://evil.example.com/keys>; rel="next"' } }),
    ],
    [
      'goes on with something else there',
      'link',
      () => ({ items: [], headers: { link: '</admin?p=2>; rel="next"' } }),
    ],
    [
      'is moved',
      'none',
      () => ({ status: 302, headers: { location: 'https://evil.example.com/' } }),
    ],
    ['is not shown', 'none', () => ({ status: 403 })],
    ['is in trouble', 'none', () => ({ status: 503 })],
  ] as const)('that %s proves nothing', async (_, paging, page) => {
    const { url } = await scripted({ 'GET /keys': page })
    const evidence = await look(opened(url, listing(paging)), gone)
    expect(evidence.listed).toBe('unknown')
    expect(judge(evidence)).toBe('unreachable')
    expect(JSON.stringify(evidence)).not.toMatch(/evil|an-admin-credential|\u202e/)
  })

  test.each(['{id}', '/../../admin', 'x'.repeat(2_000)])(
    'takes no cursor like %j',
    async cursor => {
      const { url, asked } = await scripted({ 'GET /keys': () => ({ items: [] }) })
      const target = opened(url, listing('link'))
      await expect(target.inventory(cursor, soon())).rejects.toSatisfy(thrown => isProblem(thrown))
      expect(asked).toEqual([])
    },
  )
})

describe('an answer', () => {
  test.each([
    ['none', {}],
    ['a number', { key: 7 }],
    ['a line break in it', { key: 'kr_a\r\nx-admin: yes' }],
    ['one that reads as several parts', { key: '{"id":"k1"}' }],
    ['more than a header holds', { key: 'x'.repeat(9_000) }],
  ])('with %s for a credential is no lease', async (_, body) => {
    const answers = { 'GET /keys': () => ({ items: [] }), 'POST /keys': () => body }
    const target = opened((await scripted(answers)).url)
    const order = { ...newOrder(), object: {} }
    await expect(target.issue(order, soon())).rejects.toMatchObject({
      code: 'target-refused',
      detail: 'It made no credential of the form that its file says.',
    })
  })

  test('to an end is absence only as the file says it', async () => {
    const answers = (error: string) => ({
      'GET /keys': () => ({ items: [last] }),
      'DELETE /keys/k9': () => ({ status: 404, error }),
    })
    const order = { ...gone, secret: null }
    const known = opened((await scripted(answers('none'))).url)
    await expect(known.end(order, soon())).resolves.toBeUndefined()
    const strange = opened((await scripted(answers('no such route'))).url)
    await expect(strange.end(order, soon())).rejects.toMatchObject({ code: 'target-refused' })
  })
})

describe('what is open', () => {
  const sessions = { method: 'GET', path: '/open/{principal}', count: '/open' }
  const counted = async (open: unknown) => {
    const answers = { 'GET /keys': () => ({ items: [] }), 'GET /open/lh_x_last': () => ({ open }) }
    const target = opened((await scripted(answers)).url, { sessions })
    return look(target, gone)
  }

  test('is counted, a number or a list', async () => {
    expect((await counted(0)).sessions).toBe(0)
    expect((await counted([{}, {}])).sessions).toBe(2)
    expect(judge(await counted(1))).toBe('still-there')
  })

  test.each([undefined, 'none', -1, 1.5, null])('is unknown where it says %j', async open => {
    const { sessions: said, because } = await counted(open)
    expect(said).toBeNull()
    expect(because).toMatch(/can not be counted/)
  })
})

test('by a file that finds one by its name, no list is read', async () => {
  const keys = new Map<string, string>()
  const { url, asked } = await scripted({
    'POST /keys': () => {
      keys.set('lh_x_last', 'k9')
      return { key: 'a-key-of-a-lease' }
    },
    'GET /named/lh_x_last': () => (keys.size > 0 ? { id: 'k9' } : undefined),
    'DELETE /keys/k9': () => {
      keys.clear()
      return {}
    },
    'GET /me': () => ({ status: keys.size > 0 ? 200 : 401 }),
  })
  const find = { method: 'GET', path: '/named/{principal}', absent: { status: [404] }, id: '/id' }
  const target = opened(url, { find, list: undefined as never })
  const order = { ...newOrder(), principal: 'lh_x_last', object: {}, actions: ['read' as const] }
  const { secret = '', acceptedPath } = await target.issue(order, soon())
  const lease = { ...order, secret, acceptedPath }
  expect(judge(await look(target, lease))).toBe('still-there')
  await target.end(lease, soon())
  expect(await look(target, lease)).toMatchObject({ listed: 'absent', credential: 'refused' })
  expect(asked.some(each => each === 'GET /keys')).toBe(false)
})

test('another of its name is found by a list of names, though the one of its id is gone', async () => {
  const { url } = await scripted({ 'GET /keys': () => ({ items: [{ ...last, id: 'twin' }] }) })
  const find = { method: 'GET', path: '/keys/{id}', absent: { status: [404] } }
  const issue = { ...(small['issue'] as JsonObject), answer: { secret: '/key', id: '/id' } }
  const host = new URL(url).host
  const acceptedPath = `GET /me at ${host} as lh_x_last, id k9`
  const order = { ...gone, acceptedPath }
  expect((await look(opened(url, { find, issue }), order)).listed).toBe('present')
  const item = { id: '/id' }
  const nameless = { ...(small['list'] as JsonObject), item }
  const alone = opened(url, { find, issue, list: nameless, end: [ownEnd] })
  expect((await look(alone, order)).listed).toBe('absent')
})
const ownEnd = { method: 'POST', path: '/revoke', as: 'lease', absent: { status: [401] } }

test('what ends by the credential itself is asked with that, and with nothing where nobody knows it', async () => {
  const { url, asked } = await scripted({ 'POST /revoke': () => ({}) })
  const target = opened(url, { list: undefined as never, end: [ownEnd] })
  await target.end({ ...gone, secret: null }, soon())
  expect(asked).toEqual([])
  await target.end({ ...gone, secret: 'a-key-of-a-lease' }, soon())
  expect(asked).toEqual(['POST /revoke'])
  expect(judge(await look(target, { ...gone, secret: null }))).toBe('unreachable')
})

test('a credential that is neither taken nor refused is no lease, and may be asked for again', async () => {
  const keys: object[] = []
  const { url } = await scripted({
    'GET /keys': () => ({ items: keys }),
    'POST /keys': () => {
      keys.push({ ...last, name: 'lh_x_last' })
      return { key: 'a-key-of-a-lease' }
    },
    'GET /me': () => ({ status: 418 }),
    'DELETE /keys/k9': () => {
      keys.pop()
      return {}
    },
  })
  const order = { ...newOrder(), principal: 'lh_x_last', object: {} }
  await expect(opened(url).issue(order, soon())).rejects.toMatchObject({
    code: 'target-unavailable',
    detail: 'Small did not say that it accepts the credential (Small answered 418.).',
  })
  expect(keys).toEqual([])
})
