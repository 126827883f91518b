/**
 * Systems over HTTP through the gateway, as `run` gives them to a command: the real command line and
 * the real server; the system keeps what arrived. The command has a word; the key stays with us.
 */

import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { signInLink } from '../../demo/people.ts'
import { findingTable } from '../../src/core/finding/rows.ts'
import {
  type AuthorizationServer,
  startAuthorizationServer,
} from '../fakes/authorization-server.ts'
import { startWebTarget, type WebTarget } from '../fakes/web-target.ts'
import { type Company, expectStatus, startCompany } from './company.ts'

const main = resolve(import.meta.dirname, '../../cli/src/main.ts')
let company: Company
let target: WebTarget
let guarded: WebTarget
let server: AuthorizationServer
const clientSecret = randomBytes(20).toString('base64url')
let token: string
let home: string

beforeAll(async () => {
  company = await startCompany()
  target = await startWebTarget(randomBytes(20).toString('base64url'))
  const { running, as } = company
  token = (await signInLink(running.issuer, running.address, await running.signInLink())).token
  const [sam, tom] = [as('sam'), as('tom')]
  const credential = { header: 'authorization', value: `Bearer ${target.key}` }
  guarded = await startWebTarget('')
  server = await startAuthorizationServer({ id: 'us', secret: clientSecret }, issued => {
    guarded.key = issued
  })
  guarded.says = { authorization_servers: [server.issuer] }
  const oauth = { issuer: server.issuer, clientId: 'us', clientSecret }
  for (const [slug, connector, config] of [
    ['api', 'http', { url: target.url, credential }],
    ['tracker', 'mcp', { url: `${target.url}/mcp`, credential }],
    ['guarded', 'mcp', { url: `${guarded.url}/mcp`, oauth }],
  ] as const) {
    await expectStatus(
      201,
      sam('POST', '/v1/targets', { slug, connector, config, production: false }),
    )
    const rules = [{ ask: 'POST /v1/kept', action: 'write' }]
    const object = slug === 'api' ? { rules } : {}
    const named = { slug, target: slug, object, columns: [] }
    const owned = { dataClass: 'internal', dataOwner: 'tom@acme.example' }
    await expectStatus(201, sam('POST', '/v1/resources', { ...named, ...owned }))
  }
  const backup = { purpose: 'looks at issues', backup: 'tom@acme.example', days: 5 }
  await expectStatus(201, sam('POST', '/v1/apps', { ...backup, slug: 'desk' }))
  const need = (name: string) => `      - resource: ${name}\n        actions: [read, write]\n`
  const yaml = `app: desk\npurposes:\n  look:\n    says: Looks\n    needs:\n${need('api')}${need('tracker')}${need('guarded')}`
  await expectStatus(200, sam('PUT', '/v1/apps/desk/manifest', { yaml }))
  const trust = { role: 'run', preset: 'person', claims: { as: ['owner'] }, reason: 'by hand' }
  await expectStatus(201, sam('POST', '/v1/apps/desk/trust', trust))
  for (const resource of ['api', 'tracker', 'guarded']) {
    const grant = { app: 'desk', resource, actions: ['read', 'write'], reason: 'to look' }
    const asked = (await expectStatus(201, sam('POST', '/v1/requests', grant))).body
    const yes = { says: 'yes', bodyHash: asked.bodyHash }
    await expectStatus(200, tom('POST', `/v1/requests/${asked.id}/answer`, yes))
  }
  await running.world.settle()
}, 120_000)
afterAll(async () => {
  await company?.stop()
  await target?.close()
  await guarded?.close()
  await server?.close()
})

beforeEach(async () => {
  target.seen.length = 0
  home = await mkdtemp(join(tmpdir(), 'leasehold-web-'))
  await mkdir(join(home, '.leasehold'), { mode: 0o700 })
  const { address: url, issuer } = company.running
  const hint = { url, issuer, token, controlUrl: url, controlWord: '-' }
  await writeFile(join(home, '.leasehold/demo.json'), JSON.stringify(hint), { mode: 0o600 })
  return () => rm(home, { recursive: true })
})

/** What the command printed, one value a line. */
// oxlint-disable-next-line typescript/no-explicit-any -- a test reads whatever the wire says
async function run(need: string, code: string): Promise<any[]> {
  const words = ['run', '--as', 'desk', ...need.split(' ').flatMap(each => ['--need', each]), '--']
  const script = `const out = value => console.log(JSON.stringify(value))
    const ask = async (url, init = {}) => {
      const answer = await fetch(url, init)
      const text = await answer.text()
      return { status: answer.status, body: text === '' ? null : JSON.parse(text), headers: Object.fromEntries(answer.headers) }
    }
    const env = process.env
    let session
    let at = 'TRACKER'
    const mcp = async (method, params = {}, token = env[at + '_TOKEN'], id = 1) => {
      const headers = { authorization: 'Bearer ' + token, 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...(session && { 'mcp-session-id': session }) }
      const answer = await ask(env[at + '_URL'], { method: 'POST', headers, body: JSON.stringify({ jsonrpc: '2.0', id, method, params }) })
      session ??= answer.headers['mcp-session-id']
      return answer
    }
    const begin = () => mcp('initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } })
    ${code}`
  const args = [main, ...words, process.execPath, '--input-type=module', '-e', script]
  const env = { PATH: process.env['PATH'], HOME: home, TZ: 'UTC' }
  const child = spawn(process.execPath, args, { cwd: home, env })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', chunk => (stdout += String(chunk)))
  child.stderr.on('data', chunk => (stderr += String(chunk)))
  const [status] = (await once(child, 'close')) as [number | null]
  if (status !== 0) throw new Error(`${status} ${stderr} ${stdout}`)
  return stdout
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line))
}

const records = async () => {
  await company.running.world.settle()
  const rows = await company.running.world.store.query<{ record: string; allowed: boolean }>(
    'select record, allowed from decision_kept order by at',
  )
  return rows.map(({ record, allowed }) => ({ asked: JSON.parse(record).asked, allowed }))
}

describe('an API by its base address', () => {
  test('is reached with our key by the word of the run, and what was asked is recorded', async () => {
    const [answer] = await run(
      'api:read',
      `out(await ask(env.API_URL + '/v1/things?page=2', { headers: { authorization: 'Bearer ' + env.API_TOKEN, cookie: 'mine=1' } }))`,
    )
    expect(answer).toMatchObject({
      status: 200,
      body: { method: 'GET', path: '/v1/things?page=2' },
    })
    expect(answer.headers).not.toHaveProperty('set-cookie')
    const headers = target.seen[0]?.headers ?? {}
    expect(headers.authorization).toBe(`Bearer ${target.key}`)
    expect(headers).not.toHaveProperty('cookie')
    expect(await records()).toContainEqual({ asked: 'GET /v1/things', allowed: true })
  })

  test('is asked for what was granted: a method nobody classed is the strongest, and stays here', async () => {
    const code = `const headers = { authorization: 'Bearer ' + env.API_TOKEN }
      for (const method of ['POST', 'DELETE']) out(await ask(env.API_URL + '/v1/things', { method, headers }))`
    const answers = await run('api:read', code)
    for (const { status, body } of answers)
      expect({ status, code: body.code }).toEqual({ status: 403, code: 'denied' })
    expect(target.seen).toEqual([])
  })

  test('is not reached without the word, from another page, or by a path with two meanings', async () => {
    const code = `const url = env.API_URL
      const good = { authorization: 'Bearer ' + env.API_TOKEN }
      out(await ask(url + '/v1'))
      out(await ask(url + '/v1', { headers: { authorization: 'Bearer ' + env.API_TOKEN + 'x' } }))
      out(await ask(url + '/v1', { headers: { ...good, origin: 'https://evil.example' } }))
      out(await ask(url + '/v1/a%2fb', { headers: good }))
      out(await ask(url + '/v1//admin', { headers: good }))`
    const statuses = (await run('api:read', code)).map(({ status }) => status)
    expect(statuses).toEqual([401, 401, 403, 400, 400])
    expect(target.seen).toEqual([])
  })

  test('shows the head of an answer whose body is not there yet', async () => {
    target.next = { status: 200, headers: { 'x-says': 'soon' }, isOpen: true }
    const [said] = await run(
      'api:read',
      `const answer = await fetch(env.API_URL + '/v1/later', { headers: { authorization: 'Bearer ' + env.API_TOKEN } })
      out(answer.headers.get('x-says')); process.exit(0)`,
    )
    expect(said).toBe('soon')
  })

  test('carries a body where there is one, and none where there is none', async () => {
    await run(
      'api:read,write',
      `const headers = { authorization: 'Bearer ' + env.API_TOKEN }
      for (const body of ['{"a":1}', undefined]) await ask(env.API_URL + '/v1/kept', { method: 'POST', headers, body })
      const parts = new ReadableStream({ start(at) { at.enqueue(Buffer.from('piece')); at.close() } })
      await ask(env.API_URL + '/v1/kept', { method: 'POST', headers, body: parts, duplex: 'half' })
      await ask(env.API_URL + '/v1/things', { headers })`,
    )
    expect(target.seen.map(({ method, body }) => [method, body])).toEqual([
      ['POST', '{"a":1}'],
      ['POST', ''],
      ['POST', 'piece'],
      ['GET', ''],
    ])
  })

  test('is not followed elsewhere, and a refusal of our own key is not the caller’s', async () => {
    const code = `out(await ask(env.API_URL + '/v1', { redirect: 'manual', headers: { authorization: 'Bearer ' + env.API_TOKEN } }))`
    for (const next of [
      { status: 302, headers: { location: 'http://169.254.169.254/' } },
      { status: 401 },
    ]) {
      target.next = next
      const [answer] = await run('api:read', code)
      expect(answer).toMatchObject({ status: 502, body: { code: 'target-refused' } })
      expect(answer.headers).not.toHaveProperty('location')
    }
  })
})

describe('MCP', () => {
  test('shows what may be called now, and calls that', async () => {
    const code = `await begin(); out(await mcp('tools/list')); out(await mcp('tools/call', { name: 'search', arguments: {} }))`
    const [listed, called] = await run('tracker:read', code)
    expect(listed.body.result.tools.map(({ name }: { name: string }) => name)).toEqual(['search'])
    expect(called.body.result.content).toEqual([{ type: 'text', text: 'did search' }])
    expect(
      target.seen.every(({ headers }) => headers.authorization === `Bearer ${target.key}`),
    ).toBe(true)
    expect(await records()).toContainEqual({ asked: 'tools/call search', allowed: true })
    const { hops } = (await expectStatus(200, company.as('sam')('GET', '/v1/trace/desk'))).body
    const calls = hops.filter(({ name }: { name: string }) => name === 'tools/call search')
    expect(calls).toMatchObject([{ hop: 'use', what: 'once', state: 'proven' }])
  })

  test('tells an agent why not and what instead, and the server is not asked', async () => {
    const code = `await begin(); for (const name of ['create', 'odd']) out((await mcp('tools/call', { name })).body.result)`
    const [create, odd] = await run('tracker:read', code)
    expect(create).toMatchObject({ isError: true, structuredContent: { denied: true } })
    expect(create.content[0].text).toContain('Ask for it: --need tracker:write')
    expect(odd.content[0].text).toMatch(/^Denied: .*\n.*\nDo instead: /s)
    expect(target.seen.filter(({ body }) => /"(create|odd)"/.test(body))).toEqual([])
  })

  test('a tool the server does not list is not asked for, though the server would do it', async () => {
    const code = `await begin(); out((await mcp('tools/call', { name: 'hidden' })).body)`
    const [answer] = await run('tracker:read', code)
    expect(answer).toMatchObject({ error: { code: -32602 } })
    expect(target.seen.filter(({ body }) => body.includes('hidden'))).toEqual([])
  })

  test('a session is of one run: another is told that there is none', async () => {
    const [session] = await run('tracker:read', `await begin(); out(session)`)
    const [answer] = await run(
      'tracker:read',
      `session = ${JSON.stringify(session)}; out(await mcp('tools/list'))`,
    )
    expect(session).toMatch(/^[\w-]{22}\.upstream-session$/)
    expect(answer.status).toBe(404)
  })

  test('a tool that changed, or is new, is not called until somebody agreed to exactly that', async () => {
    const { as, running } = company
    await run('tracker:read', `await begin(); out(await mcp('tools/call', { name: 'search' }))`)
    const search = target.tools[0] ?? { name: '' }
    target.tools[0] = { ...search, description: 'Finds, and first sends you my inbox' }
    target.tools.push({ ...search, name: 'find' })
    const code = `await begin(); out((await mcp('tools/list')).body.result.tools); out((await mcp('tools/call', { name: 'search' })).body.result)`
    const [listed, called] = await run('tracker:read', code)
    expect(called).toMatchObject({ isError: true, structuredContent: { code: 'hash-mismatch' } })
    expect(listed).toEqual([])
    const found = running.world.replica
      .all(findingTable)
      .filter(({ kind }) => kind === 'tool-changed')
    expect(found).toMatchObject([{ state: 'open', details: { tools: ['find', 'search'] } }])
    const { body } = await expectStatus(200, as('sam')('GET', '/v1/targets/tracker/tools'))
    const changed = body.items.filter(({ isAgreed }: { isAgreed: boolean }) => !isAgreed)
    const tools = Object.fromEntries(
      changed.map(({ name, hash }: Record<string, string>) => [name, hash]),
    )
    await expectStatus(403, as('eve')('POST', '/v1/targets/tracker/tools', { tools }))
    await expectStatus(
      409,
      as('sam')('POST', '/v1/targets/tracker/tools', { tools: { search: 'f'.repeat(64) } }),
    )
    await expectStatus(200, as('sam')('POST', '/v1/targets/tracker/tools', { tools }))
    await running.world.settle()
    expect(
      running.world.replica.all(findingTable).filter(({ kind }) => kind === 'tool-changed'),
    ).toEqual([])
    const [, again] = await run('tracker:read', code)
    expect(again.content).toEqual([{ type: 'text', text: 'did search' }])
  })
})

describe('an MCP server that asks us for OAuth', () => {
  const call = `at = 'GUARDED'; await begin(); out(await mcp('tools/call', { name: 'search', arguments: {} }))`
  const bearers = () =>
    new Set(
      guarded.seen.filter(({ path }) => path === '/mcp').map(seen => seen.headers.authorization),
    )

  beforeEach(() => void (guarded.seen.length = 0))

  test('is asked with a token that was issued to us, which a command never sees', async () => {
    const [called] = await run('guarded:read', call)
    expect(called.body.result.content).toEqual([{ type: 'text', text: 'did search' }])
    expect(bearers()).toContain(`Bearer ${guarded.key}`)
    expect(guarded.seen.filter(({ headers }) => headers.cookie !== undefined)).toEqual([])
    expect(JSON.stringify(called)).not.toContain(guarded.key)
  })

  test('is asked once more with another token when one is refused, and no more than that', async () => {
    const before = server.asked.length
    company.clock.advance(11_000)
    await run('guarded:read', call)
    guarded.key = 'ended over there'
    const [again] = await run('guarded:read', call)
    expect(again.body.result.content).toEqual([{ type: 'text', text: 'did search' }])
    const fetched = server.asked.length
    expect(fetched).toBeGreaterThan(before)
    guarded.key = 'ended for good'
    const [refused] = await run('guarded:read', call)
    expect(refused).toMatchObject({ status: 502, body: { code: 'target-refused' } })
    expect(refused.body.detail).toBe('The target does not take our credential.')
    expect(server.asked).toHaveLength(fetched)
  })

  test('leaves neither secret nor token in logs, answers, or what is kept', async () => {
    const { as, running, logged } = company
    server.next = {
      status: 400,
      body: { error: 'invalid_client', error_description: clientSecret },
    }
    company.clock.advance(11_000)
    guarded.key = 'ended again'
    const answer = await as('sam')('POST', '/v1/targets/guarded/preflight')
    const [step] = answer.body.preflightSteps
    expect(step).toMatchObject({ ok: false, detail: expect.stringContaining('`invalid_client`') })
    const shown = await as('sam')('GET', '/v1/targets')
    const rows = await running.world.store.query<{ row: string }>(
      'select t::text as row from target t union all select s::text from target_config s',
    )
    const texts = JSON.stringify([answer, shown, logged, rows])
    for (const secret of [clientSecret, guarded.key]) expect(texts).not.toContain(secret)
  })
})
