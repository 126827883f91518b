/**
 * A call that waits for a person, at an MCP server and an API behind the gateway; and orders to stop one
 * tool, one task, one issuer.
 */
import { randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { openTunnel } from '../../cli/src/tunnel.ts'
import { appTable } from '../../src/core/app/rows.ts'
import { systemId } from '../../src/core/base/ids.ts'
import { entryKind } from '../../src/core/ledger/kind.ts'
import { recorded } from '../../src/core/ledger/record.ts'
import { taskTable } from '../../src/core/task/rows.ts'
import { startWebTarget, type WebTarget } from '../fakes/web-target.ts'
import {
  attest,
  type Company,
  claimsOf,
  expectStatus,
  startCompany,
  taskByHand,
} from './company.ts'

let company: Company
let web: WebTarget
const closing: (() => unknown)[] = []
const testGraduated = entryKind('test.graduate', 'made an app managed for a test')

beforeAll(async () => {
  company = await startCompany()
  web = await startWebTarget(randomBytes(20).toString('base64url'))
  const sam = company.as('sam')
  const credential = { header: 'authorization', value: `Bearer ${web.key}` }
  const [tool] = web.tools
  for (const [slug, connector, url, object] of [
    [
      'tracker',
      'mcp',
      `${web.url}/mcp`,
      { tools: { [String(tool?.name)]: 'destroy', '*': 'read' } },
    ],
    ['api', 'http', web.url, {}],
    ['mail', 'http', web.url, { rules: [{ ask: 'POST /v1/post', action: 'share-outside' }] }],
  ] as const) {
    const target = { slug, connector, config: { url, credential }, production: false }
    await expectStatus(201, sam('POST', '/v1/targets', target))
    const dataClass = slug === 'mail' ? 'internal' : 'customer'
    const owned = { dataClass, dataOwner: 'tom@acme.example', columns: [] }
    await expectStatus(201, sam('POST', '/v1/resources', { slug, target: slug, object, ...owned }))
  }
  const made = { slug: 'janitor', purpose: 'clears up', backup: 'tom@acme.example', days: 5 }
  await expectStatus(201, sam('POST', '/v1/apps', { ...made, dataClasses: ['customer'] }))
  await manage('janitor')
  const need = (name: string) => `      - resource: ${name}\n        actions: [read, destroy]\n`
  const yaml = `app: janitor\npurposes:\n  look:\n    says: Clears up\n    needs:\n${need('tracker')}${need('api')}      - resource: mail\n        actions: [share-outside]\n`
  await expectStatus(200, sam('PUT', '/v1/apps/janitor/manifest', { yaml }))
  const byHand = { role: 'run', preset: 'person', claims: { as: ['owner'] }, reason: 'by hand' }
  await expectStatus(201, sam('POST', '/v1/apps/janitor/trust', byHand))
  const ci = { role: 'run', preset: 'github', issuer: company.github.issuer, reason: 'our CI' }
  await agree(sam('POST', '/v1/apps/janitor/trust', { ...ci, claims: claimsOf('janitor') }))
  for (const resource of ['tracker', 'api', 'mail']) {
    const actions = resource === 'mail' ? ['share-outside'] : ['read', 'destroy']
    const ask = { app: 'janitor', resource, actions, reason: 'to clear up' }
    await agree(sam('POST', '/v1/requests', { ...ask, unattended: true }))
  }
}, 120_000)
afterAll(async () => {
  await company?.stop()
  await web?.close()
})
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
  web.seen.length = 0
})

/** As graduating will. */
async function manage(slug: string): Promise<void> {
  const { world } = company.running
  const before = world.replica.all(appTable).find(app => app.slug === slug)
  if (before === undefined) throw new Error('there is no such app')
  await recorded(world, async scope => {
    const [row] = await scope.tx.query<never>(
      `select ${appTable.select} from app where id = $1 for update`,
      [before.id],
    )
    await scope.save(
      appTable,
      row as never,
      { ...(row as unknown as object), stage: 'managed' } as never,
    )
    scope.entry({ kind: testGraduated, by: systemId('genesis') })
  })
  await world.settle()
}

// oxlint-disable-next-line typescript/no-explicit-any -- a test reads whatever the wire says
type Any = any

async function agree(asked: Promise<{ status: number; body: Any }>, says = 'yes') {
  const { status, body } = await asked
  if (status !== 201 && status !== 200) throw new Error(JSON.stringify(body))
  const answer = { says, bodyHash: body.bodyHash }
  await expectStatus(200, company.as('tom')('POST', `/v1/requests/${body.id}/answer`, answer))
  await company.running.world.settle()
}

async function tunnelTo(resource: string, token?: string, actions = ['read', 'destroy']) {
  const run = crypto.randomUUID()
  const task = token ?? (await taskByHand(company, { identity: 'janitor/run', run }))
  const work = company.as({ task })
  const asked = { resource, actions }
  const { lease, handle } = (await expectStatus(201, work('POST', '/v1/leases', asked))).body
  const server = new URL(company.running.address)
  const path = `/v1/leases/${lease.id}/tunnel`
  const opened = await openTunnel({ server, path, token: async () => task }, () => {})
  closing.push(() => opened.close())
  const call = (at: string, init: { method?: string; body?: string; headers?: object } = {}) =>
    fetch(`http://127.0.0.1:${opened.port}${at}`, {
      ...init,
      headers: { authorization: `Bearer ${handle.word}`, ...init.headers },
    })
  const claims = JSON.parse(Buffer.from(task.split('.')[1] ?? '', 'base64url').toString())
  return { call, taskId: claims.txn as string }
}

async function agent(token?: string) {
  const { call, taskId } = await tunnelTo('tracker', token)
  let session = ''
  const ask = async (method: string, params: object = {}): Promise<Any> => {
    const accept = 'application/json, text/event-stream'
    const answer = await call('/mcp', {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept,
        ...(session !== '' && { 'mcp-session-id': session }),
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    })
    session ||= answer.headers.get('mcp-session-id') ?? ''
    return answer.json()
  }
  const clientInfo = { name: 'test', version: '1' }
  await ask('initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo })
  const [tool] = web.tools
  const name = String(tool?.name)
  return {
    taskId,
    list: async () => (await ask('tools/list')).result.tools.map((each: Any) => each.name),
    tool: async (args: object) => (await ask('tools/call', { name, arguments: args })).result,
    other: async () =>
      (await ask('tools/call', { name: web.tools[1]?.name, arguments: {} })).result,
  }
}

const calls = () => web.seen.filter(({ body }) => body.includes('tools/call')).length
const waitingRequests = async () => {
  await company.running.world.settle()
  const { body } = await company.as('tom')('GET', '/v1/requests?state=open')
  return body.items.filter(({ kind }: Any) => kind === 'call') as Any[]
}

describe('a call that destroys', () => {
  test('waits for a yes to exactly it, is made once, and then waits again', async () => {
    const { tool, list } = await agent()
    expect(await list()).toContain(web.tools[0]?.name)
    const first = await tool({ page: 'p1' })
    expect(first).toMatchObject({
      isError: true,
      structuredContent: { denied: true, code: 'approval-needed' },
    })
    expect(first.content[0].text).toMatch(/^Not yet: This waits for a person: R-\w{5}, until /)
    expect(first.content[0].text).toContain('ask exactly the same again')
    expect(calls()).toBe(0)
    // Asked again it is the same request, and its card says what would be done.
    await tool({ page: 'p1' })
    const [request, ...others] = await waitingRequests()
    expect(others).toEqual([])
    expect(request).toMatchObject({ kind: 'call', app: 'janitor', approvers: ['tom'] })
    expect(request.gives.join('\n')).toContain('"page": "p1"')
    // Not the agent's own person: Tom answers for customer data. And no workload.
    const yes = { says: 'yes', bodyHash: request.bodyHash }
    const path = `/v1/requests/${request.id}/answer`
    expect((await company.as('sam')('POST', path, yes)).status).toBe(403)
    await agree(Promise.resolve({ status: 200, body: request }))
    // Another page is another call.
    expect(await tool({ page: 'p2' })).toMatchObject({
      structuredContent: { code: 'approval-needed' },
    })
    expect(calls()).toBe(0)
    expect(await tool({ page: 'p1' })).not.toMatchObject({ isError: true })
    expect(calls()).toBe(1)
    expect(await tool({ page: 'p1' })).toMatchObject({
      structuredContent: { code: 'approval-needed' },
    })
    expect(calls()).toBe(1)
    for (const each of await waitingRequests())
      await agree(Promise.resolve({ status: 200, body: each }), 'no')
  })

  test('agreed to and made twice at once is made once', async () => {
    const one = await agent()
    await one.tool({ page: 'p3' })
    for (const each of await waitingRequests())
      await agree(Promise.resolve({ status: 200, body: each }))
    const both = await Promise.all([one.tool({ page: 'p3' }), one.tool({ page: 'p3' })])
    expect(both.filter(({ isError }) => isError !== true)).toHaveLength(1)
    expect(calls()).toBe(1)
    for (const each of await waitingRequests())
      await agree(Promise.resolve({ status: 200, body: each }), 'no')
  })

  test('of one task is not another’s', async () => {
    const [one, two] = [await agent(), await agent()]
    await one.tool({ page: 'p4' })
    for (const each of await waitingRequests())
      await agree(Promise.resolve({ status: 200, body: each }))
    expect(await two.tool({ page: 'p4' })).toMatchObject({
      structuredContent: { code: 'approval-needed' },
    })
    expect(calls()).toBe(0)
    for (const each of await waitingRequests())
      await agree(Promise.resolve({ status: 200, body: each }), 'no')
  })

  test('cannot flood the person, nor show them more than can be read', async () => {
    const { tool } = await agent()
    for (let i = 0; i < 5; i++) await tool({ page: `f${i}` })
    expect((await tool({ page: 'f5' })).content[0].text).toContain('wait for a person already')
    expect(await waitingRequests()).toHaveLength(5)
    for (const each of await waitingRequests())
      await agree(Promise.resolve({ status: 200, body: each }), 'no')
    expect((await tool({ page: 'x'.repeat(20_000) })).content[0].text).toContain('longer than')
    expect(await waitingRequests()).toEqual([])
  })

  test('through an API waits with its path and body', async () => {
    const { call } = await tunnelTo('api')
    const remove = () => call('/v1/things/7?force=1', { method: 'DELETE', body: '{"why":"old"}' })
    const refused = await remove()
    expect(refused.status).toBe(403)
    expect(await refused.json()).toMatchObject({ code: 'approval-needed' })
    const [request] = await waitingRequests()
    expect(request.body.said).toEqual({ path: '/v1/things/7?force=1', body: '{"why":"old"}' })
    await agree(Promise.resolve({ status: 200, body: request }))
    expect((await remove()).status).toBe(200)
    const sent = web.seen.filter(({ method }) => method === 'DELETE')
    expect(sent).toMatchObject([{ path: '/v1/things/7?force=1', body: '{"why":"old"}' }])
    expect((await call('/v1/things')).status).toBe(200)
  })
})

describe('customer data that was read, and then a post outside', () => {
  const post = async (token: string) => {
    const { call } = await tunnelTo('mail', token, ['share-outside'])
    return call('/v1/post', { method: 'POST', body: '{"text":"hello"}' })
  }
  const read = async (token: string) => {
    const { call } = await tunnelTo('api', token, ['read'])
    expect((await call('/v1/things')).status).toBe(200)
  }
  const posted = () => web.seen.filter(({ path }) => path === '/v1/post').length

  test('in one task is denied, and the denial names the entry that gave it the data', async () => {
    const token = await attest(company, 'janitor')
    await read(token)
    await expect(post(token)).rejects.toThrow(/"rule":"nothing-outside-after-sensitive"/)
    const told = await post(token).then(() => '', String)
    expect(told).toMatch(/"fact":"data the task has had","is":"customer"/)
    expect(posted()).toBe(0)
    const [, position] = /"from":"log entry #(\d+)"/.exec(told) ?? []
    const entry = await company.as('sam')('GET', `/v1/log/${position}`)
    expect(entry.body).toMatchObject({ kind: 'lease.intend' })
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
    expect(JSON.stringify(entry.body.subjects)).toContain(claims.txn)
  })

  test('with both doors open before: the second is closed, and why it was names the entry', async () => {
    const token = await attest(company, 'janitor')
    const { call } = await tunnelTo('mail', token, ['share-outside'])
    await read(token)
    const refused = await call('/v1/post', { method: 'POST', body: '{"text":"hello"}' })
    expect(refused.status).toBe(403)
    const { detail, next } = (await refused.json()) as { detail: string; next: string }
    expect(detail).toContain('nothing-outside-after-sensitive')
    expect(posted()).toBe(0)
    const [, decision] = /why (D-\w+)/.exec(next) ?? []
    const why = await vi.waitFor(() =>
      expectStatus(200, company.as('sam')('GET', `/v1/decisions/${decision}`)),
    )
    expect(why.body.denial.because).toContainEqual(
      expect.objectContaining({
        is: 'customer, internal',
        from: expect.stringMatching(/^log entry #\d+$/),
      }),
    )
  })

  test('in two tasks is permitted, and both are recorded', async () => {
    await read(await attest(company, 'janitor'))
    expect((await post(await attest(company, 'janitor'))).status).toBe(200)
    expect(posted()).toBe(1)
    await vi.waitFor(async () => {
      const rows = await company.running.world.store.query<{ record: string; allowed: boolean }>(
        'select record, allowed from decision_kept',
      )
      const asked = rows
        .filter(({ allowed }) => allowed)
        .map(({ record }) => JSON.parse(record).asked)
      expect(asked).toContain('POST /v1/post')
      expect(asked).toContain('GET /v1/things')
    })
  })
})

describe('an order to stop', () => {
  const hold = async (scope: string, about: string) => {
    const sam = company.as('sam')
    const set = { scope, about, reason: 'It looks wrong.' }
    const { body } = await expectStatus(201, sam('POST', '/v1/holds', set))
    await company.running.world.settle()
    return () => expectStatus(200, sam('POST', `/v1/holds/${body.id}/lift`))
  }

  test('one tool stops that tool, at once and everywhere, and no other', async () => {
    const { other, list } = await agent()
    const name = String(web.tools[1]?.name)
    expect(await other()).not.toMatchObject({ isError: true })
    const lift = await hold('tool', `tracker/${name}`)
    expect(await other()).toMatchObject({ isError: true })
    expect(await list()).not.toContain(name)
    expect(await list()).toContain(web.tools[0]?.name)
    await lift()
    expect(await other()).not.toMatchObject({ isError: true })
  })

  test('one task cuts what it has open, and leaves another of the same app', async () => {
    const [one, two] = [await agent(), await agent()]
    const lift = await hold('task', one.taskId)
    expect(await one.other().catch(() => undefined)).toBeUndefined()
    expect(await two.other()).not.toMatchObject({ isError: true })
    await lift()
  })

  test('one issuer stops all it vouched for, and nothing new comes in by it', async () => {
    const token = await attest(company, 'janitor')
    const [vouched, byHand] = [await agent(token), await agent()]
    expect(await vouched.other()).not.toMatchObject({ isError: true })
    const lift = await hold('issuer', company.github.issuer)
    await expect(attest(company, 'janitor')).rejects.toThrow(/hold|stop/i)
    expect(await vouched.other().catch(() => undefined)).toBeUndefined()
    expect(await byHand.other()).not.toMatchObject({ isError: true })
    // Ending what it has is never blocked by it.
    const { taskId } = vouched
    await expectStatus(200, company.as('sam')('POST', `/v1/tasks/${taskId}/close`))
    await vi.waitFor(() =>
      expect(company.running.world.replica.get(taskTable, taskId)).toBeUndefined(),
    )
    await lift()
    await attest(company, 'janitor')
  })
})
