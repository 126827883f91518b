/**
 * An MCP server on this machine that needs data: started by an agent through `run`, as its configuration
 * names it. The agent is the SDK's own client over stdio; the server is the SDK's, the database is real.
 */
import { once } from 'node:events'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { homeOfSam, main, makeApp } from './cli.ts'
import { type Company, connectSales, startCompany } from './company.ts'

const from = (name: string) => JSON.stringify(import.meta.resolve(name))
const server = `import pg from ${from('pg')}
  import { McpServer } from ${from('@modelcontextprotocol/server')}
  import { StdioServerTransport } from ${from('@modelcontextprotocol/server/stdio')}
  const server = new McpServer({ name: 'deals', version: '1' })
  server.registerTool('count', { description: 'Counts deals' }, async () => {
    const client = new pg.Client({ connectionString: process.env.DATABASE_URL })
    await client.connect()
    const { rows } = await client.query('select count(*)::int as n from crm.deals')
    await client.end()
    return { content: [{ type: 'text', text: 'deals: ' + rows[0].n }] }
  })
  await server.connect(new StdioServerTransport())
`
let company: Company
let home: string

beforeAll(async () => {
  company = await startCompany({ target: true })
  await connectSales(company)
  await makeApp(company, 'desk', ['crm.deals:read'])
}, 120_000)
afterAll(() => company?.stop())
beforeEach(async () => {
  home = await homeOfSam(company)
  await writeFile(join(home, 'server.mjs'), server)
  return () => rm(home, { recursive: true })
})

/** As an agent's configuration says it: a command, and what stands behind it. */
async function connected(need: string) {
  const words = [main, 'run', '--as', 'desk', '--need', need, '--', process.execPath, 'server.mjs']
  const env = { PATH: process.env['PATH'] ?? '', HOME: home, TZ: 'UTC' }
  const command = {
    command: process.execPath,
    args: words,
    cwd: home,
    env,
    stderr: 'pipe' as const,
  }
  const transport = new StdioClientTransport(command)
  const client = new Client({ name: 'agent', version: '1' })
  const [strange, said]: [string[], string[]] = [[], []]
  // oxlint-disable-next-line unicorn/prefer-add-event-listener -- the client's own way
  client.onerror = error => void strange.push(error.message)
  const { stderr } = transport
  stderr?.on('data', chunk => said.push(String(chunk)))
  // What it says last comes after the client has left.
  const over = stderr && once(stderr, 'end')
  return { client, transport, strange, said, over }
}

describe('an MCP server under `run`', () => {
  test('answers with what its lease reads; stdout is its own, and its end is the end of the lease', async () => {
    const { client, transport, strange, said, over } = await connected('crm.deals:read')
    await client.connect(transport)
    const listed = await client.listTools()
    expect(listed.tools.map(({ name }) => name)).toEqual(['count'])
    const called = await client.callTool({ name: 'count', arguments: {} })
    expect(called.content).toEqual([{ type: 'text', text: 'deals: 20' }])
    const { pid } = transport
    await client.close()
    await over
    expect(strange).toEqual([])
    expect(said.join('')).toMatch(
      /● L-\w+ crm\.deals:read.*\n[^]*○ L-\w+ released .* verified gone/,
    )
    expect(() => process.kill(pid ?? 0, 0)).toThrow(/ESRCH/)
  })

  test('that may not have what it needs is not started, and why is said on stderr alone', async () => {
    const { client, transport, strange, said, over } = await connected('crm.deals:write')
    await expect(client.connect(transport)).rejects.toThrow(/closed/i)
    await over
    expect(strange).toEqual([])
    expect(said.join('')).toMatch(/✕ Denied: desk write crm\.deals/)
  })
})
