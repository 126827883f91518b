/**
 * A coding agent in twenty tasks: the MCP client of the SDK, our command line on stdio, the real server and a real
 * PostgreSQL. In each it takes the secure path in at most four calls, and the target's secret is in no transcript.
 */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ended, homeOfSam, main, start } from './cli.ts'
import { type Company, connectSales, expectStatus, startCompany } from './company.ts'

let company: Company
let home: string
let client: Client
const transcript: string[] = []
const slug = 'board-stuck'
/** Like one of GitHub, and nobody's. */
const pasted = `ghp_${randomBytes(18).toString('hex')}`

interface Said {
  readonly text: string
  readonly isError: boolean
  readonly status: string
}

beforeAll(async () => {
  company = await startCompany({ target: true })
  await connectSales(company)
  const sam = company.as('sam')
  const owned = { target: 'crm', object: company.sales?.deals, dataOwner: 'tom@acme.example' }
  const column = (dataClass: string) => [{ name: 'email', class: dataClass }]
  for (const [name, dataClass, more] of [
    ['crm.sandbox-people', 'internal', { isSandbox: true }],
    ['crm.people', 'customer', { sandboxTwin: 'crm.sandbox-people' }],
    ['hr.salaries', 'hr', {}],
  ] as const) {
    const data = { slug: name, dataClass, columns: column(dataClass), ...owned, ...more }
    await expectStatus(201, sam('POST', '/v1/resources', data))
  }
  home = await homeOfSam(company)
  const env = { PATH: process.env['PATH'] ?? '', HOME: home, TZ: 'UTC' }
  const command = { command: process.execPath, args: [main, 'agent', 'mcp'], cwd: home, env }
  client = new Client({ name: 'agent', version: '1' })
  await client.connect(new StdioClientTransport({ ...command, stderr: 'pipe' }))
}, 120_000)
afterAll(async () => {
  await client?.close()
  await company?.stop()
  await rm(home, { recursive: true, force: true })
})

async function call(name: string, args: Record<string, unknown> = {}): Promise<Said> {
  const result = await client.callTool({ name: `leasehold_${name}`, arguments: args })
  transcript.push(JSON.stringify({ name, result }))
  const [first] = result.content
  const { status } = result.structuredContent as { status: string }
  const text = first?.type === 'text' ? first.text : ''
  // Some four characters a token.
  expect(text.length).toBeLessThan(1600)
  return { text, status, isError: result.isError === true }
}

async function answer(says: 'yes' | 'no', comment?: string): Promise<void> {
  const tom = company.as('tom')
  const { items } = (await tom('GET', '/v1/requests?state=open')).body
  for (const { id, bodyHash, kind } of items)
    if (kind === 'grant')
      await expectStatus(200, tom('POST', `/v1/requests/${id}/answer`, { says, bodyHash, comment }))
  await company.running.world.settle()
}

test('there are nine tools, each with a shape; none that says yes, and none that gives a secret', async () => {
  const { tools } = await client.listTools()
  transcript.push(JSON.stringify(tools))
  expect(tools.map(({ name }) => name.replace('leasehold_', ''))).toEqual([
    'whoami',
    'start_app',
    'find_data',
    'check',
    'request_access',
    'connect',
    'why',
    'status',
    'report_secret',
  ])
  for (const each of tools) {
    expect(each.inputSchema).toMatchObject({ type: 'object', additionalProperties: false })
    expect(each.outputSchema).toBeUndefined()
    expect(each.name).not.toMatch(/approve|deny|secret_get/)
  }
})

/** The steps of a task; what its last answer must say, and what none may. */
type Task = [string, (() => Promise<Said>)[], RegExp]
const isSecure = /Next: .*(leasehold_|\blh |the user|It may be)/
const start1 = { purpose: 'board of stuck deals' }

describe('twenty tasks', () => {
  const tasks: Task[] = [
    [
      'who am I here',
      [() => call('whoami')],
      /You work for Sam[\s\S]*no app yet[\s\S]*No credential/,
    ],
    [
      'start an app without knowing who is the backup',
      [() => call('start_app', start1)],
      /with backup[\s\S]*Tell the user/,
    ],
    [
      'start it, the user named Tom',
      [() => call('start_app', { ...start1, backup: 'tom@acme.example' })],
      /asked tom[\s\S]*dev --cwd/,
    ],
    [
      'start it again',
      [() => call('start_app', { ...start1, backup: 'tom@acme.example' })],
      /dev --cwd/,
    ],
    [
      'find the deals',
      [() => call('find_data', { query: 'open deals' })],
      /crm\.deals: internal, tom[\s\S]*id, name/,
    ],
    [
      'find what is not there',
      [() => call('find_data', { query: 'weather' })],
      /Nothing is called so[\s\S]*crm\.deals/,
    ],
    [
      'may I read the deals, before the answer',
      [() => call('check', { action: 'read', resource: 'crm.deals' })],
      /Waiting for tom[\s\S]*synthetic/,
    ],
    [
      'ask again though somebody was asked',
      [
        () =>
          call('request_access', {
            resource: 'crm.deals',
            action: 'read',
            because: 'for the board',
          }),
      ],
      /Waiting for tom[\s\S]*Tell the user/,
    ],
    [
      'read the deals, once Tom said yes',
      [
        async () => (await answer('yes'), call('check', { action: 'read', resource: 'crm.deals' })),
        () => call('connect', { resource: 'crm.deals' }),
      ],
      /process\.env\.DATABASE_URL[\s\S]*No password exists[\s\S]*run --need crm\.deals:read/,
    ],
    [
      'read them in Python',
      [() => call('connect', { resource: 'crm.deals', language: 'py' })],
      /os\.environ\["DATABASE_URL"\]/,
    ],
    [
      'change customers',
      [() => call('check', { action: 'write', resource: 'crm.people' })],
      /Never[\s\S]*customer-data-write[\s\S]*crm\.sandbox-people/,
    ],
    [
      'read salaries',
      [() => call('check', { action: 'read', resource: 'hr.salaries' })],
      /Never[\s\S]*regulated-needs-managed[\s\S]*refused as well/,
    ],
    [
      'find salaries',
      [() => call('find_data', { query: 'salaries' })],
      /Never for an app that is a prototype/,
    ],
    [
      'write to the sandbox instead',
      [
        () => call('check', { action: 'write', resource: 'crm.sandbox-people' }),
        () =>
          call('request_access', {
            resource: 'crm.sandbox-people',
            action: 'write',
            for: '2h',
            because: 'to try changes',
          }),
      ],
      /Waiting for tom[\s\S]*leasehold\.yaml/,
    ],
    [
      'hear a no and go on',
      [async () => (await answer('no', 'use the copy'), call('status'))],
      /board-stuck[\s\S]*crm\.deals read/,
    ],
    [
      'deploy it',
      [() => call('check', { action: 'deploy', resource: 'production' })],
      /a person says yes/,
    ],
    [
      'the user pastes a key',
      [
        () => call('connect', { resource: pasted }),
        () => call('report_secret', { where: 'a message of the user' }),
      ],
      /revokes it where it was made[\s\S]*Tell the user/,
    ],
    [
      'use data nobody knows',
      [
        () =>
          call('request_access', {
            resource: 'crm.nothing',
            action: 'read',
            because: 'for the board',
          }),
      ],
      /There is no data `crm\.nothing`[\s\S]*leasehold_find_data/,
    ],
    [
      'a shape that is wrong',
      [() => call('check', { action: 'drop', resource: 'crm.deals' })],
      /`action` is not as it must be[\s\S]*"read"/,
    ],
    ['why was it refused', [refusedRun, () => call('why')], /Rule[\s\S]*final/],
  ]

  test('are twenty', () => expect(tasks).toHaveLength(20))

  test.each(tasks)('%s', async (_, steps, says) => {
    expect(steps.length).toBeLessThanOrEqual(4)
    let last: Said | undefined
    for (const step of steps) last = await step()
    expect(last?.text).toMatch(says)
    expect(last?.text).toMatch(isSecure)
    for (const text of transcript) expect(text.includes(pasted)).toBe(false)
  })

  /** The agent tries what was not agreed to, by the way it was told. */
  async function refusedRun(): Promise<Said> {
    const words = [
      'run',
      '--cwd',
      slug,
      '--need',
      'crm.people:write',
      '--',
      process.execPath,
      '-e',
      '0',
    ]
    const refused = await ended(start(home, words, { CLAUDECODE: '1' }))
    expect(refused.code).toBe(65)
    transcript.push(refused.out, refused.err)
    return { text: refused.out, isError: true, status: 'denied' }
  }
})

test('what the agent was told to run reads the real rows, and it sees no secret of the target', async () => {
  const script = `const { connect } = await import('./src/postgres.ts')
    const database = await connect(process.env.DATABASE_URL)
    console.log(JSON.stringify([await database.ask('select count(*) from crm.deals'), process.env]))
    database.close()`
  const words = [
    'run',
    '--cwd',
    slug,
    '--need',
    'crm.deals:read',
    '--',
    process.execPath,
    '--input-type=module',
    '-e',
    script,
  ]
  const { code, out, err } = await ended(start(home, words, { CLAUDECODE: '1' }))
  expect({ code, err }).toMatchObject({ code: 0 })
  expect(out).toContain('[[{"count":"20"}],')
  transcript.push(out, err)
  const { world } = company.running
  const rows = await world.store.query<{ id: never; salt: string }>(
    'select lease.id, salt from lease join lease_salt on lease_id = lease.id',
  )
  const secrets = rows.map(({ id, salt }) => world.leaseSecret(id, salt))
  const { password, probe } = company.sales?.config ?? {}
  const token = JSON.parse(readFileSync(join(home, '.leasehold/demo.json'), 'utf8')).token as string
  const all = [...secrets, String(password), String(probe?.password), token]
  expect(all.length).toBeGreaterThan(3)
  expect(transcript.length).toBeGreaterThan(24)
  for (const text of transcript) for (const secret of all) expect(text.includes(secret)).toBe(false)
})

test('speaks 2026-07-28 to who says so, refuses what is no message, and a credential in any argument', async () => {
  const modern = { _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' } }
  const lines = [
    { jsonrpc: '2.0', id: 1, method: 'server/discover', params: modern },
    { jsonrpc: '2.0', id: 2, method: 'tools/list', params: modern },
    { jsonrpc: '2.0', id: 3, method: 'ping' },
    { jsonrpc: '2.0', id: 4, method: 'tools/destroy' },
    { jsonrpc: '1.0', id: 5, method: 'ping' },
    {
      jsonrpc: '2.0',
      id: 6,
      method: 'tools/call',
      params: { name: 'leasehold_find_data', arguments: { query: pasted } },
    },
    { jsonrpc: '2.0', method: 'notifications/initialized' },
    { jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name: 'leasehold_approve' } },
  ].map(each => JSON.stringify(each))
  const input = [...lines, 'not json', `"${'x'.repeat(300_000)}"`, ''].join('\n')
  const { out, err, code } = await ended(start(home, ['agent', 'mcp']), input)
  expect({ code, err }).toEqual({ code: 0, err: '' })
  // oxlint-disable-next-line typescript/no-explicit-any -- a test reads whatever the wire says
  const said: any[] = out
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  const by = Object.fromEntries(said.map(each => [String(each.id), each]))
  expect(by['1'].result).toMatchObject({
    supportedVersions: ['2026-07-28'],
    resultType: 'complete',
    ttlMs: 0,
  })
  expect(by['2'].result.tools).toHaveLength(9)
  expect(by['3'].result).toEqual({})
  expect(by['4'].error.code).toBe(-32601)
  expect(by['6'].result).toMatchObject({ isError: true })
  expect(by['7'].error.code).toBe(-32602)
  const lost = said.filter(({ id }) => id === null).map(({ error }) => String(error.code))
  expect(lost.toSorted()).toEqual(['-32600', '-32600', '-32700'])
  expect(out).not.toContain(pasted)
})
