/** The decision API over HTTP, on the world of a real server with its rules, log and spool. */
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  attest,
  type Company,
  connectSales,
  expectStatus,
  makeAppWithGrant,
  startCompany,
} from '../../../test/journeys/company.ts'
import { beth, morty, rick, summer, todoRules } from '../../../test/support/todo-rules.ts'
import { Problem } from '../../core/base/problem.ts'
import { readTaskToken, verifyTaskToken } from '../../core/token/verify.ts'
import { followAppRules } from '../../life/app-rules/ask.ts'
import { makeShadow } from '../../life/app-rules/shadow.ts'
import { checkBatches } from '../../life/records/check.ts'
import { openSpool, type Spool } from '../../life/records/spool.ts'
import { mountAuthzen } from './mount.ts'

let company: Company
let spool: Spool
let server: Server
let base: string
let token: string
const home = await mkdtemp(join(tmpdir(), 'leasehold-test-'))

beforeAll(async () => {
  company = await startCompany({ target: true })
  await connectSales(company)
  await makeAppWithGrant(company, 'todo')
  await makeAppWithGrant(company, 'other')
  await expectStatus(200, company.as('maya')('PUT', '/v1/apps/todo/rules', todoRules))
  const { world } = company.running
  await world.settle()
  token = await attest(company, 'todo')
  spool = openSpool({ ...world, onFault: fault => company.logged.push({ fault }) }, home)
  const mounted = mountAuthzen({
    ...world,
    spool,
    appRules: followAppRules(world.replica),
    // Every question to both engines: what differs is a finding, looked for at the end.
    shadow: makeShadow({ ...world, onFault: fault => company.logged.push({ fault }) }, 1),
    readTask: async each =>
      readTaskToken(world, each) === null ? null : verifyTaskToken(world, each, world.issuer),
    verifyPerson: async name => {
      if (!Object.hasOwn(company.ids, name))
        throw new Problem('token-refused', { detail: 'whose?' })
      return { personId: company.ids[name as 'sam'], boundTo: null }
    },
  })
  server = createServer((req, res) => {
    void mounted(req, res).then(isOurs => isOurs || res.writeHead(404).end())
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}, 120_000)
afterAll(async () => {
  server?.close()
  await spool?.stop()
  await company?.stop()
  await rm(home, { recursive: true, force: true })
})

interface Reply {
  readonly status: number
  readonly headers: Headers
  // oxlint-disable-next-line typescript/no-explicit-any -- a test reads whatever the wire says
  readonly body: any
}

async function post(
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Reply> {
  const answer = await fetch(base + path, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      ...headers,
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  return { status: answer.status, headers: answer.headers, body: await answer.json() }
}

const evaluation = '/apps/todo/access/v1/evaluation'
const evaluations = '/apps/todo/access/v1/evaluations'
const update = (user: string | undefined, owner?: string) => ({
  subject: { type: 'user', id: user },
  action: { name: 'can_update_todo' },
  resource: {
    type: 'todo',
    id: 't1',
    ...(owner === undefined ? {} : { properties: { ownerID: owner } }),
  },
})

describe('an app asks about its own users', () => {
  it('and is told by its own rules, each decision recorded and sealed', async () => {
    const yes = await post(evaluation, update(morty, 'morty@the-citadel.com'))
    expect(yes).toMatchObject({ status: 200, body: { decision: true } })
    expect(yes.body.context.reason_admin.rules).toEqual(['own-todos'])
    const no = await post(evaluation, update(morty, 'rick@the-citadel.com'))
    expect(no).toMatchObject({ status: 200, body: { decision: false } })
    await spool.settle()
    const { store } = company.running.world
    const rows = await store.query<{ allowed: boolean }>(
      `select allowed from decision_record where kind = 'app' order by at, nth`,
    )
    expect(rows.map(({ allowed }) => allowed)).toEqual([true, false])
    await company.running.world.settle()
    expect(await checkBatches(store)).toMatchObject({ faults: [] })
  })

  it('what the rules know of a user is not overruled by what is sent', async () => {
    const asked = { ...update(beth, 'beth@the-smiths.com') }
    const sent = { ...asked.subject, properties: { roles: ['admin', 'editor', 'evil_genius'] } }
    expect((await post(evaluation, { ...asked, subject: sent })).body.decision).toBe(false)
    // Its neighbour: of a user they do not know, what is sent is what there is.
    const unknown = { type: 'user', id: 'new', properties: { roles: ['evil_genius'] } }
    expect((await post(evaluation, { ...asked, subject: unknown })).body.decision).toBe(true)
  })

  it('an action or a type the rules do not know is a no, and so is a rule that errors', async () => {
    const rename = { ...update(rick), action: { name: 'can_rename' } }
    expect((await post(evaluation, rename)).body.decision).toBe(false)
    const robot = { ...update(rick), subject: { type: 'robot', id: 'r2' } }
    expect((await post(evaluation, robot)).body.decision).toBe(false)
    const odd = { type: 'user', id: 'new', properties: { roles: 'admin' } }
    const { body } = await post(evaluation, { ...update(rick), subject: odd })
    expect(body.decision).toBe(false)
    expect(body.context.reason_admin.errors).toHaveLength(1)
  })

  it('members the standard does not name are passed over', async () => {
    const asked = { ...update(rick), extra: 1, subject: { type: 'user', id: rick, more: [] } }
    expect((await post(evaluation, asked)).body.decision).toBe(true)
  })

  it('a decision by a rule marked durable is in the database when it is answered', async () => {
    const marked = { ...todoRules, policies: `@durable("")\n${todoRules.policies.trim()}` }
    await expectStatus(200, company.as('maya')('PUT', '/v1/apps/todo/rules', marked))
    await company.running.world.settle()
    const asked = { ...update(rick), action: { name: 'can_read_todos' } }
    const { body } = await post(evaluation, asked)
    const rows = await company.running.world.store.query(
      `select 1 from decision_record where record like '%' || $1 || '%' limit 1`,
      ['"everybody-reads"'],
    )
    expect(body.decision).toBe(true)
    expect(rows).toHaveLength(1)
  })
})

describe('who may ask', () => {
  it.each([
    ['nobody', { authorization: '' }, 401],
    ['a token that is none of ours', { authorization: 'Bearer nobody' }, 401],
    ['a person who may not read the log of this app', { authorization: 'Bearer eve' }, 404],
  ])('%s is refused', async (_who, headers, status) => {
    expect((await post(evaluation, update(rick), headers)).status).toBe(status)
  })

  it('a workload of another app is told that there is none; its owner may try', async () => {
    const other = await attest(company, 'other')
    const asked = update(rick)
    expect((await post(evaluation, asked, { authorization: `Bearer ${other}` })).status).toBe(404)
    const mine = await post(evaluation, asked, { authorization: 'Bearer maya' })
    expect(mine).toMatchObject({ status: 200, body: { decision: true } })
    const none = '/apps/other/access/v1/evaluation'
    expect(await post(none, asked, { authorization: `Bearer ${other}` })).toMatchObject({
      status: 409,
      body: { code: 'wrong-state' },
    })
  })
})

describe('a request that can not be read', () => {
  it.each([
    ['without a subject', { ...update(rick), subject: undefined }, 'subject'],
    ['without an id', { ...update(rick), resource: { type: 'todo' } }, 'resource.id'],
    ['with an action that is a text', { ...update(rick), action: 'read' }, 'action'],
    [
      'with a type that is too long',
      { ...update(rick), subject: { type: 'x'.repeat(300), id: 'a' } },
      'subject.type',
    ],
    [
      'with too many facts',
      {
        ...update(rick),
        context: Object.fromEntries(Array.from({ length: 51 }, (_, n) => [`f${n}`, n])),
      },
      'context',
    ],
  ])('%s is a 400 that names it', async (_what, body, field) => {
    expect(await post(evaluation, body)).toMatchObject({ status: 400, body: { field } })
  })

  it('is refused as what it is: no JSON, a key twice, another type, another method, too much', async () => {
    expect((await post(evaluation, '{')).status).toBe(400)
    expect((await post(evaluation, '{"subject":1,"subject":2}')).status).toBe(400)
    const text = { 'content-type': 'text/plain' }
    expect((await post(evaluation, update(rick), text)).status).toBe(400)
    const headers = { authorization: `Bearer ${token}` }
    const got = await fetch(base + evaluation, { headers })
    expect([got.status, got.headers.get('allow')]).toEqual([405, 'POST'])
    expect((await post(evaluation, `"${'x'.repeat(70_000)}"`)).status).toBe(413)
  })

  it('comes back under the name its caller gave it, where that is one', async () => {
    const named = await post(evaluation, update(rick), { 'x-request-id': 'req-1' })
    expect(named.headers.get('x-request-id')).toBe('req-1')
    const long = { 'x-request-id': 'x'.repeat(300) }
    expect((await post(evaluation, update(rick), long)).status).toBe(400)
  })
})

describe('many at once', () => {
  const [yes, no] = [
    { resource: { type: 'todo', id: 't1', properties: { ownerID: 'morty@the-citadel.com' } } },
    { resource: { type: 'todo', id: 't2', properties: { ownerID: 'rick@the-citadel.com' } } },
  ]
  const many = (evaluations_semantic: string | undefined, ...items: object[]) => ({
    subject: { type: 'user', id: morty },
    action: { name: 'can_update_todo' },
    evaluations: items,
    ...(evaluations_semantic === undefined ? {} : { options: { evaluations_semantic } }),
  })
  const decisions = async (semantic: string | undefined, ...items: object[]) =>
    (await post(evaluations, many(semantic, ...items))).body.evaluations.map(
      (each: { decision: boolean }) => each.decision,
    )

  it('all are decided, or up to the first no, or up to the first yes', async () => {
    expect(await decisions(undefined, yes, no, yes)).toEqual([true, false, true])
    expect(await decisions('execute_all', no, yes)).toEqual([false, true])
    expect(await decisions('deny_on_first_deny', yes, no, yes)).toEqual([true, false])
    expect(await decisions('permit_on_first_permit', no, yes, no)).toEqual([false, true])
    expect((await post(evaluations, many('sometimes', yes))).status).toBe(400)
  })

  it('what one says itself counts, and one that can not be read is its own fault', async () => {
    const rickAsks = { ...no, subject: { type: 'user', id: rick } }
    expect(await decisions(undefined, rickAsks, no)).toEqual([true, false])
    const { body } = await post(evaluations, many(undefined, { resource: 7 }, 7 as never, yes))
    const error = (field: string) => ({ status: 400, message: expect.stringContaining(field) })
    expect(body.evaluations).toMatchObject([
      { decision: false, context: { error: error('`resource`') } },
      { decision: false, context: { error: error('`evaluations`') } },
      { decision: true },
    ])
  })

  it('none is one, and too many are refused', async () => {
    const { evaluations: _, ...one } = many(undefined)
    expect((await post(evaluations, { ...one, ...yes })).body).toMatchObject({ decision: true })
    const lots = Array.from({ length: 101 }, () => yes)
    expect((await post(evaluations, many(undefined, ...lots))).status).toBe(400)
  })
})

const sorted = (...ids: (string | undefined)[]) => ids.map(id => id ?? '').toSorted()

describe('a search', () => {
  const search = async (what: string, body: object) =>
    (await post(`/apps/todo/access/v1/search/${what}`, body)).body
  const todo = { type: 'todo', id: 't1', properties: { ownerID: 'morty@the-citadel.com' } }

  it('finds who may, what, and which, and nobody else', async () => {
    const who = { subject: { type: 'user' }, action: { name: 'can_update_todo' }, resource: todo }
    expect((await search('subject', who)).results).toEqual(
      sorted(rick, morty).map(id => ({ type: 'user', id })),
    )
    const which = { subject: { type: 'user', id: beth }, resource: todo }
    expect((await search('action', which)).results).toEqual([{ name: 'can_read_todos' }])
    const readers = { subject: { type: 'user', id: beth }, action: { name: 'can_read_user' } }
    expect(
      (await search('resource', { ...readers, resource: { type: 'user' } })).results,
    ).toHaveLength(5)
    expect(await search('subject', { ...who, subject: { type: 'robot' } })).toEqual({
      results: [],
      page: { next_token: '' },
    })
  })

  it.each([
    ['no whole number of results', { page: { limit: 0.5 } }, 'page.limit'],
    ['none at all', { page: { limit: 0 } }, 'page.limit'],
    ['more than a name as its token', { page: { token: 'x'.repeat(300) } }, 'page.token'],
    ['a thing without its type', { subject: { id: 'a' } }, 'subject.type'],
  ])('that asks for %s is a 400 that names it', async (_what, more, field) => {
    const who = { subject: { type: 'user' }, action: { name: 'can_update_todo' }, resource: todo }
    expect(await search('subject', { ...who, ...more })).toMatchObject({ status: 400, field })
  })

  it('goes on where the page before ended', async () => {
    const who = { subject: { type: 'user' }, action: { name: 'can_create_todo' }, resource: todo }
    const first = await search('subject', { ...who, page: { limit: 2 } })
    const second = await search('subject', {
      ...who,
      page: { limit: 2, token: first.page.next_token },
    })
    const found = [...first.results, ...second.results].map((each: { id: string }) => each.id)
    expect(found).toEqual(sorted(rick, morty, summer))
    expect(second.page).toEqual({ next_token: '' })
  })
})

const denials = async () => {
  await company.running.world.settle()
  const [row] = await company.running.world.store.query<{ n: number }>(
    `select count(*)::int as n from ledger_entry where kind = 'decision.deny'`,
  )
  return row?.n ?? 0
}

describe('our own rules', () => {
  const own = '/access/v1/evaluation'
  const me = async () => (await company.as({ task: token })('GET', '/v1/me')).body.identity
  const use = (id: string, name: string) => ({
    subject: { type: 'identity', id },
    action: { name },
    resource: { type: 'resource', id: 'crm.deals' },
  })

  it('tell a workload what it may do now, as a lease would, and why not', async () => {
    const { id } = await me()
    expect((await post(own, use(id, 'read'))).body).toMatchObject({ decision: true })
    const { body } = await post(own, use(id, 'write'))
    expect(body.decision).toBe(false)
    expect(body.context.reason_user.en).toMatch(/\w/)
    expect(
      (
        await company.as({ task: token })('POST', '/v1/leases', {
          resource: 'crm.deals',
          actions: ['write'],
        })
      ).status,
    ).toBe(403)
  })

  it('tell it nothing of others, and a person without the role nothing at all', async () => {
    expect((await post(own, use('id_other', 'read'))).status).toBe(400)
    const asPerson = (name: string) => ({ authorization: `Bearer ${name}` })
    const { id } = await me()
    const before = await denials()
    expect((await post(own, use(id, 'read'), asPerson('eve'))).status).toBe(403)
    expect((await post(evaluation, update(rick), asPerson('eve'))).status).toBe(404)
    // Who asks and may not is in the log.
    expect(await denials()).toBe(before + 2)
    const about = { type: 'person', id: company.ids.maya }
    const app = (await company.as('maya')('GET', '/v1/apps/todo')).body.id
    const asked = {
      subject: about,
      action: { name: 'app.end' },
      resource: { type: 'app', id: app },
    }
    expect((await post(own, asked, asPerson('sam'))).body.decision).toBe(true)
    const eve = { ...asked, subject: { type: 'person', id: company.ids.eve } }
    expect((await post(own, eve, asPerson('sam'))).body.decision).toBe(false)
  })

  it('are played again from the record, byte for byte', async () => {
    await spool.settle()
    const { body } = await company.as('sam')('POST', '/v1/policy/try', { text: '' })
    expect(body.identical).toBe(body.decisions)
    const [{ n } = { n: 0 }] = await company.running.world.store.query<{ n: number }>(
      `select count(*)::int as n from decision_record where kind = 'own'`,
    )
    expect(n).toBeGreaterThan(3)
  })
})

it('the two engines differed on nothing that was asked here, and where they do it is a finding', async () => {
  const { world } = company.running
  const about = async () =>
    world.store.query<{ about: string }>(`select about from finding where kind = 'engine-differs'`)
  expect(await about()).toEqual([])
  const rules = followAppRules(world.replica)(
    (await company.as('maya')('GET', '/v1/apps/todo')).body.id,
  )
  if (rules === undefined) throw new Error('the app has rules')
  const cedar = Object.assign(Object.create(rules.cedar) as typeof rules.cedar, {
    ask: () => ({ allowed: false, rules: [], errors: [] }),
  })
  const question = { subject: { type: 'user', id: rick ?? '', properties: {} }, context: {} }
  const asked = {
    ...question,
    action: 'can_read_todos',
    resource: { ...question.subject, type: 'todo' },
  }
  makeShadow({ ...world, onFault: fault => company.logged.push({ fault }) }, 1)(
    { ...rules, cedar },
    asked,
    'dc_1',
  )
  await expect.poll(about).toEqual([{ about: rules.hash }])
})

it('what was kept is checked with the log', async () => {
  await spool.settle()
  await company.running.world.settle()
  const { body } = await company.as('sam')('POST', '/v1/log/check')
  expect(body).toMatchObject({ verified: true, faults: [] })
})

it('says where it is asked, as the standard has it', async () => {
  const { address, issuer } = company.running
  const read = async (path: string) => (await fetch(`${address}${path}`)).json()
  expect(await read('/.well-known/authzen-configuration')).toEqual({
    policy_decision_point: issuer,
    access_evaluation_endpoint: `${issuer}/access/v1/evaluation`,
    access_evaluations_endpoint: `${issuer}/access/v1/evaluations`,
  })
  expect(await read('/.well-known/authzen-configuration/apps/todo')).toMatchObject({
    policy_decision_point: `${issuer}/apps/todo`,
    search_subject_endpoint: `${issuer}/apps/todo/access/v1/search/subject`,
  })
})
