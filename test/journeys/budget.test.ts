/**
 * What people agreed to as the most, held at the gateways: an API, an MCP server and a real PostgreSQL,
 * each behind a tunnel as `run` opens it.
 */
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { openTunnel } from '../../cli/src/tunnel.ts'
import { startWebTarget, type WebTarget } from '../fakes/web-target.ts'
import {
  attest,
  type Company,
  claimsOf,
  connectSales,
  expectStatus,
  startCompany,
  workByHand,
} from './company.ts'

let company: Company
let api: WebTarget
const closing: (() => unknown)[] = []

beforeAll(async () => {
  company = await startCompany({ target: true })
  await connectSales(company)
  api = await startWebTarget(randomBytes(20).toString('base64url'))
  const sam = company.as('sam')
  const credential = { header: 'authorization', value: `Bearer ${api.key}` }
  const prices = { 'small*': { input: 1, output: 4 } }
  for (const [slug, connector, url, object] of [
    ['api', 'http', api.url, { rules: [{ ask: 'POST /v1/ask', action: 'spend' }], prices }],
    ['tracker', 'mcp', `${api.url}/mcp`, {}],
  ] as const) {
    const target = { slug, connector, config: { url, credential }, production: false }
    await expectStatus(201, sam('POST', '/v1/targets', target))
    const owned = { dataClass: 'internal', dataOwner: 'tom@acme.example', columns: [] }
    const resource = { slug, target: slug, object, isSandbox: true, ...owned }
    await expectStatus(201, sam('POST', '/v1/resources', resource))
  }
  const made = { slug: 'frugal', purpose: 'asks a little', backup: 'tom@acme.example', days: 5 }
  await expectStatus(201, sam('POST', '/v1/apps', made))
  const needs = ['api', 'tracker', 'crm.deals'].map(
    name => `      - resource: ${name}\n        actions: [read, spend]\n`,
  )
  const yaml = `app: frugal\npurposes:\n  look:\n    says: Looks\n    needs:\n${needs.join('')}`
  await expectStatus(200, sam('PUT', '/v1/apps/frugal/manifest', { yaml }))
  const trust = { role: 'run', preset: 'github', issuer: company.github.issuer, reason: 'our CI' }
  await agree(sam('POST', '/v1/apps/frugal/trust', { ...trust, claims: claimsOf('frugal') }))
  const byHand = { role: 'run', preset: 'person', claims: { as: ['owner'] }, reason: 'by hand' }
  await expectStatus(201, sam('POST', '/v1/apps/frugal/trust', byHand))
}, 120_000)
afterAll(async () => {
  await company?.stop()
  await api?.close()
})
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
  api.seen.length = 0
})

async function agree(asked: Promise<{ status: number; body: { id: string; bodyHash: string } }>) {
  const { status, body } = await asked
  if (status !== 201) throw new Error(JSON.stringify(body))
  const answer = { says: 'yes', bodyHash: body.bodyHash }
  await expectStatus(200, company.as('tom')('POST', `/v1/requests/${body.id}/answer`, answer))
  await company.running.world.settle()
  return body.id
}

/** A grant with a budget, a task of its own, and a tunnel to what it may use. */
async function granted(resource: string, budget: object, actions = ['read']) {
  const ask = { app: 'frugal', resource, actions, reason: 'to look', unattended: true, budget }
  const sam = company.as('sam')
  const id = await agree(sam('POST', '/v1/requests', ask))
  const grant = `gr_${id.slice(3)}`
  const drop = () => expectStatus(200, sam('POST', `/v1/grants/${grant}/drop`))
  closing.push(drop)
  const task = await attest(company, 'frugal')
  const asked = company.as({ task })('POST', '/v1/leases', { resource, actions })
  const { lease, handle } = (await expectStatus(201, asked)).body
  const server = new URL(company.running.address)
  const path = `/v1/leases/${lease.id}/tunnel`
  const opened = await openTunnel({ server, path, token: async () => task }, () => {})
  closing.push(() => opened.close())
  const call = (
    at: string,
    init: Omit<RequestInit, 'headers'> & { headers?: Record<string, string> } = {},
  ) =>
    fetch(`http://127.0.0.1:${opened.port}${at}`, {
      ...init,
      headers: { authorization: `Bearer ${handle.word}`, ...init.headers },
    })
  return { call, user: handle.connect.user, word: handle.word, port: opened.port }
}

const refusals = async () => {
  await company.running.world.settle()
  return (await company.as('sam')('GET', '/v1/log?kind=budget.refuse&limit=200')).body.entries
    .length as number
}

describe('an API', () => {
  test('gets exactly as many calls as were agreed, and says what is left to do', async () => {
    const { call } = await granted('api', { per: 'task', calls: 12 })
    const before = await refusals()
    api.seen.length = 0
    const answers = await Promise.all(Array.from({ length: 20 }, () => call('/v1/things')))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(12)
    const refused = answers.filter(({ status }) => status === 403)
    expect(refused).toHaveLength(8)
    expect(await refused[0]?.json()).toMatchObject({
      code: 'over-budget',
      detail: 'What was agreed for `api` in one task is used up: 12 of 12 calls.',
      next: 'Go on in a new task, or ask for more: leasehold ask api',
    })
    expect(api.seen).toHaveLength(12)
    expect(await refusals()).toBe(before + 8)
  })

  test('gives no byte beyond what was agreed, and what it cut off is broken off', async () => {
    const { call } = await granted('api', { per: 'task', bytes: 5_000 })
    api.next = { status: 200, body: JSON.stringify({ text: 'x'.repeat(3_000) }) }
    expect(await (await call('/v1/things')).json()).toEqual({ text: 'x'.repeat(3_000) })
    api.next = { status: 200, body: JSON.stringify({ text: 'x'.repeat(3_000) }) }
    await expect(call('/v1/things').then(answer => answer.text())).rejects.toThrow('terminated')
  })

  test('may cost as much as was agreed, by what it says it used', async () => {
    const { call } = await granted('api', { per: 'task', spendCents: 20 }, ['read', 'spend'])
    const answer = (tokens: number) => ({
      status: 200,
      body: JSON.stringify({ model: 'small-1', usage: { input_tokens: tokens, output_tokens: 0 } }),
    })
    const ask = async (tokens: number) => {
      api.next = answer(tokens)
      const { status } = await call('/v1/ask', { method: 'POST', body: '{}' })
      return status
    }
    // 15 cents, then 5 more: the next is refused before it is asked.
    expect(await ask(150_000)).toBe(200)
    expect(await ask(50_000)).toBe(200)
    const { length } = api.seen
    expect(await ask(1)).toBe(403)
    expect(api.seen).toHaveLength(length)
    // What costs nothing goes on.
    api.next = undefined
    expect((await call('/v1/things')).status).toBe(200)
  })
})

test('a credential that nobody could count is not handed over', async () => {
  const ask = { resource: 'crm.deals', actions: ['read'], via: 'env' }
  await granted('crm.deals', { per: 'day', rows: 5 })
  const work = await workByHand(company, { identity: 'frugal/run', run: crypto.randomUUID() })
  const { body } = await expectStatus(422, work('POST', '/v1/leases', ask))
  expect(body).toMatchObject({ field: 'via', next: 'Ask without `via` env.' })
  await expectStatus(201, work('POST', '/v1/leases', { ...ask, via: 'proxy' }))
})

test('an agent at an MCP server is told in the answer of the tool', async () => {
  const { call } = await granted('tracker', { per: 'task', calls: 2 })
  let session = ''
  const ask = async (method: string, params: object = {}) => {
    const answer = await call('/mcp', {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...(session !== '' && { 'mcp-session-id': session }),
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    })
    session ||= answer.headers.get('mcp-session-id') ?? ''
    return (await answer.json()) as { result: Record<string, unknown> }
  }
  const clientInfo = { name: 'test', version: '1' }
  await ask('initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo })
  const [tool] = api.tools
  const search = () => ask('tools/call', { name: tool?.name, arguments: {} })
  for (const _ of [1, 2]) expect((await search()).result).not.toMatchObject({ isError: true })
  expect((await search()).result).toMatchObject({
    isError: true,
    content: [{ text: expect.stringMatching(/^Denied: What was agreed for `tracker`/) }],
    structuredContent: { code: 'over-budget' },
  })
})

describe('a database', () => {
  async function signIn({ port, user, word: password }: Awaited<ReturnType<typeof granted>>) {
    const client = new pg.Client({ host: '127.0.0.1', port, database: 'crm', user, password })
    client.on('error', () => {})
    closing.push(() => client.end().catch(() => {}))
    await client.connect()
    return client
  }
  const rows = (n: number) => `select id, name from crm.deals order by id limit ${n}`

  test('gives as many rows as were agreed, and then says so in its own words', async () => {
    const to = await granted('crm.deals', { per: 'task', rows: 25 })
    const client = await signIn(to)
    expect((await client.query(rows(20))).rowCount).toBe(20)
    expect((await client.query(rows(5))).rowCount).toBe(5)
    await expect(client.query(rows(1))).rejects.toMatchObject({
      code: '53400',
      message: expect.stringContaining('25 of 25 rows'),
    })
    // The session is over, and a new one of the same task gets nothing either.
    const again = await signIn(to)
    await expect(again.query(rows(1))).rejects.toMatchObject({ code: '53400' })
    await vi.waitFor(async () => {
      const ended = await company.as('sam')('GET', '/v1/log?kind=session.end&limit=20')
      expect(ended.body.entries.length).toBeGreaterThan(0)
    })
  })

  test('refuses one session more than were agreed', async () => {
    const to = await granted('crm.deals', { per: 'task', calls: 1 })
    await signIn(to)
    await expect(signIn(to)).rejects.toMatchObject({ code: '53400' })
  })
})
