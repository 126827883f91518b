/**
 * An MCP server of somebody else, behind the gateway, as a server on stdio: the agent is the SDK's own
 * client, what it starts is the real command line, in both revisions.
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startWebTarget, type WebTarget } from '../fakes/web-target.ts'
import { defineWeb, ended, homeOfSam, main, makeApp, start } from './cli.ts'
import { type Company, expectStatus, startCompany } from './company.ts'

let company: Company
let target: WebTarget
let home: string

beforeAll(async () => {
  company = await startCompany()
  target = await startWebTarget(randomBytes(20).toString('base64url'))
  const credential = { header: 'authorization', value: `Bearer ${target.key}` }
  const config = { url: `${target.url}/mcp`, credential }
  const tracker = { slug: 'tracker', connector: 'mcp', config, production: false }
  await expectStatus(201, company.as('sam')('POST', '/v1/targets', tracker))
  await defineWeb(company, 'tracker')
  await makeApp(company, 'desk', ['tracker:read'])
}, 120_000)
afterAll(async () => {
  await company?.stop()
  await target?.close()
})
beforeEach(async () => {
  target.seen.length = 0
  home = await homeOfSam(company)
  return () => rm(home, { recursive: true })
})

const words = ['mcp', 'tracker', '--as', 'desk']
const openTasks = async () => {
  const { items } = (await company.as('sam')('GET', '/v1/tasks?app=desk')).body
  return items.filter(({ state }: { state: string }) => state === 'open').length
}

async function agent() {
  const env = { PATH: process.env['PATH'] ?? '', HOME: home, TZ: 'UTC' }
  const command = { command: process.execPath, args: [main, ...words], cwd: home, env }
  const transport = new StdioClientTransport({ ...command, stderr: 'pipe' })
  const client = new Client({ name: 'agent', version: '1' })
  const strange: string[] = []
  // oxlint-disable-next-line unicorn/prefer-add-event-listener -- the client's own way
  client.onerror = error => void strange.push(error.message)
  return { client, transport, strange }
}

/** What came back, by its id, of messages that were all sent before the first answer. */
async function told(...sent: object[]) {
  const lines = sent.map(message => JSON.stringify({ jsonrpc: '2.0', ...message }))
  const { out, ...more } = await ended(start(home, words), `${lines.join('\n')}\n`)
  const said = out.split('\n').filter(line => line !== '')
  // oxlint-disable-next-line typescript/no-explicit-any -- a test reads whatever the wire says
  const messages: any[] = said.map(line => JSON.parse(line))
  return { ...more, said: messages }
}

const hello = {
  id: 0,
  method: 'initialize',
  params: {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'test', version: '1' },
  },
}

describe('an MCP server on stdio', () => {
  test('lists what may be called now, calls it, and ends with its agent', async () => {
    const { client, transport, strange } = await agent()
    await client.connect(transport)
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['search'])
    const called = await client.callTool({ name: 'search', arguments: {} })
    expect(called.content).toEqual([{ type: 'text', text: 'did search' }])
    const refused = await client.callTool({ name: 'create', arguments: {} })
    expect(refused).toMatchObject({ isError: true })
    expect(await openTasks()).toBe(1)
    await client.close()
    expect(strange).toEqual([])
    expect(await openTasks()).toBe(0)
    const keys = new Set(target.seen.map(({ headers }) => headers.authorization))
    expect([...keys]).toEqual([`Bearer ${target.key}`])
  })

  test.each(['SIGTERM', 'SIGHUP', 'SIGINT'] as const)(
    'that is ended by %s gives its task back first',
    async signal => {
      const child = start(home, words)
      const done = once(child, 'close')
      child.stdin?.write(`${JSON.stringify({ jsonrpc: '2.0', ...hello })}\n`)
      expect(String(await once(child.stdout as Readable, 'data'))).toContain('2025-11-25')
      expect(await openTasks()).toBe(1)
      child.kill(signal)
      expect(await done).toEqual([0, null])
      expect(await openTasks()).toBe(0)
    },
  )

  test('keeps its session, and answers many at once, each by its id', async () => {
    const ready = { method: 'notifications/initialized' }
    const call = (id: number) => ({ id, method: 'tools/call', params: { name: 'search' } })
    const { said, code } = await told(hello, ready, call(1), call(2), call(3))
    expect(code).toBe(0)
    expect(said[0]).toMatchObject({ id: 0, result: { protocolVersion: '2025-11-25' } })
    expect(said.map(({ id }) => Number(id)).toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3])
    for (const { id, result } of said.slice(1))
      expect([id, result.content[0].text]).toEqual([id, 'did search'])
  })

  test('speaks the other revision as well, with the headers that go with it', async () => {
    const meta = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': {},
    }
    const { said } = await told(
      { id: 'a', method: 'server/discover', params: { _meta: meta } },
      { id: 'b', method: 'tools/call', params: { name: 'search', arguments: {}, _meta: meta } },
    )
    const by = Object.fromEntries(said.map(each => [each.id, each.result]))
    expect(by.a).toMatchObject({ supportedVersions: ['2026-07-28'] })
    expect(by.b).toMatchObject({ resultType: 'complete', content: [{ text: 'did search' }] })
  })

  test('says what the gateway refuses as an error of the protocol, and what is no message on stderr', async () => {
    const lost = await told({ id: 1, method: 'tools/list' })
    expect(lost.said).toMatchObject([{ id: 1, error: { code: expect.any(Number) } }])
    const odd = await ended(start(home, words), 'not json\n')
    expect(odd).toMatchObject({ code: 0, out: '' })
    expect(odd.err).toContain('Leasehold: ')
  })

  test('of an app whose agent nobody may be tells the agent what a person must do', async () => {
    const child = start(home, words, { CLAUDECODE: '1' })
    const { out, err, code } = await ended(child, `${JSON.stringify(hello)}\n`)
    const { id, error } = JSON.parse(out) as { id: number; error: { message: string } }
    expect([id, code]).toEqual([0, 64])
    expect(error.message).toContain('Nobody may work as desk/agent yet')
    // As it is typed from there: a clone has `lh`, not the command that is installed.
    const next = 'lh trust add desk --role agent --preset person'
    for (const said of [error.message, err]) expect(said).toContain(next)
    expect(err).toContain('LH-HUMAN-09')
    expect(await openTasks()).toBe(0)
  })

  test('of an app that is paused tells the agent so, in its own protocol', async () => {
    const sam = company.as('sam')
    await expectStatus(200, sam('POST', '/v1/apps/desk/pause', { reason: 'odd' }))
    const { said, code, err } = await told(hello)
    await expectStatus(200, sam('POST', '/v1/apps/desk/resume'))
    await company.running.world.settle()
    expect(said).toMatchObject([{ id: 0, error: { code: -32000 } }])
    expect(said[0].error.message).toMatch(/^Leasehold: .*paused.* Next: \S*lh /i)
    expect(code).toBe(65)
    expect(err).toContain('paused')
  })
})
