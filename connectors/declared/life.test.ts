/** What a file can leave out and a system can do wrong: nothing of it is ever called gone. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import type { Json, JsonObject } from '../../src/core/base/json.ts'
import { isProblem } from '../../src/core/base/problem.ts'
import { addSeconds, toSeconds } from '../../src/core/base/time.ts'
import { judge } from '../../src/core/target/judge.ts'
import type { IssueOrder, Target, VerifyOrder } from '../../src/core/target/target.ts'
import { type FakeKeyring, plantKey, startFakeKeyring } from '../../test/fakes/declared.ts'
import { handClock } from '../../test/support/clock.ts'
import { fileOf, keyringConfig } from '../../test/support/kit/declared.ts'
import { declaredConnector } from './declared.ts'

const soon = () => AbortSignal.timeout(10_000)
const clock = handClock()
let keyring: FakeKeyring
const closing: (() => Promise<unknown>)[] = []
beforeEach(async () => {
  keyring = await startFakeKeyring(clock)
})
afterEach(async () => {
  await keyring.close()
  for (const close of closing.splice(0)) await close()
})

type Change = Readonly<Record<string, Json | undefined>>
/** With other members than the file that ships; undefined takes one out. */
function open(change: Change = {}, more: object = {}): Target {
  const whole = { ...(parse(fileOf('keyring')) as JsonObject), ...change }
  const file = Object.fromEntries(Object.entries(whole).filter(([, value]) => value !== undefined))
  const config = { ...keyringConfig(keyring), file, ...more } as unknown as Json
  return declaredConnector.open(declaredConnector.parseConfig(config), clock)
}

let count = 0
function newOrder(): IssueOrder {
  return {
    principal: `lh_ab12cd_deals_${count++}`,
    holder: 'lhg_ab12cd_1',
    owner: 'lho_ab12cd_1',
    object: { project: 'deals' },
    actions: ['read'],
    columns: [],
    secret: 'derived-and-never-used',
    deadline: addSeconds(clock.now(), 10),
    endsAt: addSeconds(clock.now(), 900),
  }
}
async function issued(target: Target) {
  const order = newOrder()
  const { secret = '', acceptedPath } = await target.issue(order, soon())
  return { ...order, secret, acceptedPath }
}
const look = (target: Target, order: VerifyOrder) => target.verifyGone(order, soon())

describe('what the file does not declare', () => {
  const listless = { list: undefined, renew: undefined, hold: undefined, release: undefined }
  test.each([
    ['', 'verified-gone', {}, {}],
    ['no list', 'unreachable', { ...listless, end: [self] }, {}],
    ['no call that tries the credential', 'revoked-unverified', { check: undefined }, {}],
    ['no `probe` to compare with', 'revoked-unverified', {}, { probe: undefined }],
    ['nothing about `sessions`', 'revoked-unverified', { sessions: undefined }, {}],
  ] as const)('with %s an end is %s, and it says so', async (says, state, change, more) => {
    const target = open(change, more)
    const lease = await issued(target)
    // By hand: what is asked here is what a look makes of it.
    for (const key of keyring.living()) key.endedAt = clock.now()
    const evidence = await look(target, lease)
    expect(judge(evidence)).toBe(state)
    expect(evidence.because ?? '').toContain(says)
    const canary = await target.preflight(soon())
    if (canary.ok) expect(canary.steps.at(-1)?.detail ?? '').toContain(says)
  })

  test('each way that is there is told, and no other', () => {
    const both = open().describe().paths
    expect(both).toEqual([
      'what is listed there (GET /teams/{setting.team}/keys)',
      'the credential itself (GET /whoami)',
    ])
    expect(open({ check: undefined }).describe().paths).toEqual([both[0]])
    expect(open({ renew: undefined }).describe().canRenew).toBe(false)
    expect(open({ hold: undefined, release: undefined }).describe().canHold).toBe(false)
    const item = { id: '/key_id' }
    const list = { ...(parse(fileOf('keyring')).list as JsonObject), item }
    const nameless = { list, hold: undefined, release: undefined, renew: undefined, end: [self] }
    expect(open(nameless as unknown as Change).describe().isNameless).toBe(true)
  })
})
const self = { method: 'DELETE', path: '/teams/{setting.team}/keys/{principal}' }

describe('what is gone', () => {
  test('and is brought back by somebody is still there', async () => {
    const target = open()
    const lease = await issued(target)
    await target.end(lease, soon())
    expect(judge(await look(target, lease))).toBe('verified-gone')
    keyring.undelete(lease.principal)
    expect(judge(await look(target, lease))).toBe('still-there')
    await target.end(lease, soon())
    expect(judge(await look(target, lease))).toBe('verified-gone')
  })

  test('may stay in the list where the list says that it is over', async () => {
    keyring.keepsEnded = true
    const target = open()
    const lease = await issued(target)
    await target.end(lease, soon())
    expect(judge(await look(target, lease))).toBe('verified-gone')
    const { found } = await target.inventory(null, soon())
    expect(found).toEqual([])
  })

  test('is looked for on every page, by its name and by its own id', async () => {
    for (let i = 0; i < 120; i++) plantKey(keyring, `other_${i}`)
    const target = open()
    const lease = await issued(target)
    expect((await look(target, { ...lease, principal: 'lh_other' })).listed).toBe('absent')
    expect((await look(target, lease)).listed).toBe('present')
    const renamed = [...keyring.keys.values()].find(key => key.label === lease.principal)
    Object.assign(renamed ?? {}, { label: 'by hand' })
    expect((await look(target, lease)).listed).toBe('present')
  })

  test('is not said of one whose name only looks like ours', async () => {
    const target = open()
    const lease = await issued(target)
    plantKey(keyring, lease.principal.replace('a', 'а'))
    await target.end(lease, soon())
    expect(judge(await look(target, lease))).toBe('verified-gone')
    const { found } = await target.inventory(null, soon())
    expect(found.map(({ ours, kind }) => ({ ours, kind }))).toEqual([{ ours: false, kind: 'key' }])
  })

  test('a resource that does not fit its file any more stops no end, and no look', async () => {
    const lease = await issued(open())
    const target = open({ object: { project: 'word', region: 'word' } }, { canary: canaries })
    await expect(target.issue(newOrder(), soon())).rejects.toMatchObject({ code: 'invalid-field' })
    await target.end(lease, soon())
    expect(judge(await look(target, lease))).toBe('verified-gone')
  })
})
const canaries = { project: 'canary', region: 'eu' }

describe('a name', () => {
  test('that is there with another secret is not taken over', async () => {
    const target = open()
    const order = newOrder()
    plantKey(keyring, order.principal)
    await expect(target.issue(order, soon())).rejects.toThrow(/not brought back/)
    expect(keyring.keys.size).toBe(1)
  })

  test('that is there twice is ended twice, and is not prolonged', async () => {
    const target = open()
    const lease = await issued(target)
    const other = plantKey(keyring, lease.principal)
    await expect(target.renew(lease, soon())).rejects.toThrow(/more than one/)
    await target.end(lease, soon())
    expect(other.endedAt).not.toBeNull()
    expect(judge(await look(target, lease))).toBe('verified-gone')
  })
})

describe('a canary', () => {
  const failing = async (change: Change, more: object = {}) => {
    const { ok, steps } = await open(change, more).preflight(soon())
    expect(ok).toBe(false)
    expect(keyring.living()).toEqual([])
    return steps.at(-1)
  }
  const check = parse(fileOf('keyring')).check as JsonObject

  test('finds out a call that lets everybody in', async () => {
    const status = { status: [200, 401] }
    const step = await failing({
      check: { ...check, accepted: status, refused: { status: [403] } },
    })
    expect(step?.name).toBe('one that nobody made is refused')
  })

  test('finds out a call that says the same to both', async () => {
    const both = { status: [200, 401] }
    const step = await failing({ check: { ...check, accepted: both, refused: both } })
    expect(step?.detail).toMatch(/unclear/)
  })

  test('finds out a probe that is nobody’s', async () => {
    const step = await failing({}, { probe: 'kr_nobody_made_this_one' })
    expect(step?.name).toBe('one of nobody’s lease is accepted')
  })

  test('finds out a list that reads the wrong name', async () => {
    const list = parse(fileOf('keyring')).list as { item: JsonObject }
    const wrong = { ...list, item: { ...list.item, name: '/made_by/name' } }
    const { ok } = await open({ list: wrong as unknown as Json }).preflight(soon())
    expect(ok).toBe(false)
  })

  test('takes away those of a server that was killed, and nothing else', async () => {
    const old = `lh_canary_${toSeconds(clock.now()) - 301}_00ff`
    const young = `lh_canary_${toSeconds(clock.now()) - 5}_00ff`
    for (const name of [old, young, 'lh_ab12cd_canary_1', 'canary']) plantKey(keyring, name)
    expect((await open().preflight(soon())).ok).toBe(true)
    const left = keyring.living().map(({ label }) => label)
    expect(left).toEqual([young, 'lh_ab12cd_canary_1', 'canary'])
  })

  test('does not take a list in trouble for the end', async () => {
    const target = open({ check: undefined })
    const isEnded = () => keyring.asked.some(asked => asked.startsWith('DELETE '))
    const isList = (asked: string) => /^GET .*\/keys$/.test(asked)
    keyring.fault = asked => (isList(asked) && isEnded() ? { status: 503 } : undefined)
    const { ok, steps } = await target.preflight(soon())
    expect(ok).toBe(false)
    expect(steps.at(-1)).toMatchObject({ name: 'it is refused and gone', ok: false })
    keyring.fault = () => undefined
  })

  test('finds out an end that does nothing', async () => {
    keyring.ending = 'lies'
    const { ok, steps } = await open().preflight(soon())
    expect(ok).toBe(false)
    expect(steps.at(-1)).toMatchObject({ name: 'it is refused and gone', ok: false })
  })
})

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

test('no error, path or description of it holds a secret', async () => {
  const target = open()
  const lease = await issued(target)
  const said: unknown[] = [target.describe(), lease.acceptedPath, await look(target, lease)]
  keyring.adminMay = []
  for (const verb of ['renew', 'end'] as const)
    said.push(await target[verb](lease, soon()).catch((thrown: unknown) => thrown))
  keyring.fault = () => ({ status: 500 })
  said.push(await target.issue(newOrder(), soon()).catch((thrown: unknown) => thrown))
  const text = said
    .map(each =>
      isProblem(each)
        ? JSON.stringify([each.message, each.detail, each.next, each.log])
        : JSON.stringify(each),
    )
    .join()
  for (const secret of [lease.secret, keyring.adminToken, keyring.probe])
    expect(text).not.toContain(secret)
  expect(keyring.asked.join()).not.toContain(lease.secret)
})
