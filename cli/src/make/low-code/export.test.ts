// What is read of an export: accounts and who uses them, in the shapes the products write, and nothing of their parameters.
import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { readExport } from './export.ts'

const pasted = `xoxb-${randomBytes(12).toString('hex')}`
const read = (file: unknown) => readExport(JSON.stringify(file))
const n8n = (name: string, ...nodes: object[]) => ({ name, nodes, connections: {} })
const node = (name: string, credentials: object, parameters: object = {}) => ({
  name,
  type: 'n8n-nodes-base.x',
  position: [0, 0],
  parameters,
  credentials,
})

test('n8n: each account once, by its id, with the nodes that use it', () => {
  const credentials = { postgres: { id: '8yS', name: 'Postgres account' } }
  const flow = n8n(
    'Orders',
    node('Read', credentials),
    node('Write', credentials),
    node('Tell', { slackApi: { id: 'kQF', name: 'Slack account' } }),
    node('Wait', {}),
  )
  expect(read(flow)).toEqual({
    product: 'n8n',
    name: 'Orders',
    accounts: [
      {
        label: 'Postgres account',
        kind: 'postgres',
        name: 'Postgres account',
        usedBy: ['Read', 'Write'],
      },
      { label: 'Slack account', kind: 'slackApi', name: 'Slack account', usedBy: ['Tell'] },
    ],
    written: [],
  })
})

test('n8n: a list of workflows, the answer of its API, and files from before accounts had ids', () => {
  const two = [
    n8n('A', node('Read', { mySql: 'old db' })),
    n8n('B', node('Read', { mySql: 'old db' })),
  ]
  const accounts = [
    { label: 'old db', kind: 'mySql', name: 'old db', usedBy: ['A: Read', 'B: Read'] },
  ]
  expect(read(two)).toMatchObject({ product: 'n8n', name: 'A', accounts })
  expect(read({ data: two, nextCursor: null })).toMatchObject({ accounts })
})

test('n8n: two accounts of one name are told apart, and are never one', () => {
  const flow = n8n(
    'A',
    node('Read', { postgres: { id: '1', name: 'db' } }),
    node('Other', { postgres: { id: '2', name: 'db' } }),
  )
  expect(read(flow).accounts.map(({ label }) => label)).toEqual(['db #1', 'db #2'])
})

test('n8n: the credentials themselves are no workflow, sealed or open', () => {
  const data = { accessToken: pasted }
  for (const each of [data, 'U2FsdGVkX1+sealed']) {
    const file = [{ id: '1', name: 'Slack account', type: 'slackApi', data: each }]
    expect(() => read(file)).toThrow('These are credentials of n8n')
  }
})

test('Make: a connection is what the blueprint says is one, in routes and error handlers as well', () => {
  const restore = (parameter: string, label: string, connection: string) => ({
    restore: { parameters: { [parameter]: { label, data: { scoped: 'true', connection } } } },
  })
  const step = (id: number, module: string, parameters: object, metadata: object = {}) => ({
    id,
    module,
    version: 1,
    parameters,
    mapper: {},
    metadata: { designer: { x: 0, y: 0 }, ...metadata },
  })
  const blueprint = {
    name: 'Lead to sales',
    flow: [
      step(1, 'gateway:CustomWebHook', { hook: 2857705, maxResults: 1 }),
      step(
        2,
        'postgres:StoredProcedure',
        { account: 13330461, spname: 'x' },
        restore('account', 'CRM (crm.acme.example:5432/crm)', 'postgres'),
      ),
      {
        ...step(3, 'builtin:BasicRouter', {}),
        routes: [
          {
            flow: [
              {
                ...step(
                  4,
                  'slack:CreateMessage',
                  { __IMTCONN__: 2417312 },
                  restore('__IMTCONN__', 'My Slack connection', 'slack3'),
                ),
                onerror: [step(5, 'google-email:ActionSendEmail', { __IMTCONN__: 77 })],
              },
            ],
          },
        ],
      },
    ],
    metadata: { version: 1, scenario: { roundtrips: 1 } },
  }
  const accounts = [
    {
      kind: 'postgres',
      name: 'CRM (crm.acme.example:5432/crm)',
      usedBy: ['postgres StoredProcedure 2'],
    },
    { kind: 'slack3', name: 'My Slack connection', usedBy: ['slack CreateMessage 4'] },
    { kind: 'google-email', name: 'connection 77', usedBy: ['google-email ActionSendEmail 5'] },
  ]
  expect(read(blueprint)).toMatchObject({ product: 'Make', name: 'Lead to sales', accounts })
  expect(read({ code: 'OK', response: { blueprint } })).toMatchObject({ accounts })
})

test('Zapier: an account has no name there, so it is called by its app and the beginning of its id', () => {
  const one = { paused: false, params: {}, meta: {}, root_id: null, title: null }
  const id = '2c4df3b359d79b4009371ee41381d0f622b94ee218a75fd9fe0d661ccf19f276'
  const nodes = {
    1: {
      ...one,
      id: 1,
      type_of: 'read',
      action: 'star_added',
      selected_api: 'SlackAPI',
      title: 'Saved',
      authentication_id: id,
    },
    2: {
      ...one,
      id: 2,
      type_of: 'write',
      action: 'branch',
      selected_api: 'BranchingAPI',
      authentication_id: null,
    },
    3: {
      ...one,
      id: 3,
      type_of: 'write',
      action: 'send',
      selected_api: 'SlackCLIAPI@1.37.5',
      authentication_id: 41,
    },
  }
  const file = { metadata: { version: 2 }, zaps: [{ id: 1, title: 'Keep what is starred', nodes }] }
  expect(read(file)).toMatchObject({
    product: 'Zapier',
    name: 'Keep what is starred',
    accounts: [
      { kind: 'Slack', name: 'Slack 2c4df3b3', usedBy: ['Slack Saved'] },
      { kind: 'Slack', name: 'Slack 41', usedBy: ['Slack send'] },
    ],
  })
})

test('a credential that was pasted into a node is told by the node alone', () => {
  const header = { headers: [{ name: 'authorization', value: `Bearer ${pasted}` }] }
  const said = read(
    n8n('A', node('Call', {}, header), node('Fine', {}, { url: 'https://x.example' })),
  )
  expect(said.written).toEqual(['Call'])
  expect(JSON.stringify(said)).not.toContain(pasted.slice(5, 15))
})

test('a name that reads like a credential is not shown, and one that is made to be seen as another neither', () => {
  const flow = n8n(
    `key ${pasted}`,
    node('Re\u202ead\n\u001b[2J', { slackApi: { id: '1', name: pasted } }),
    node('b'.repeat(5000), { 'x\u0007': { id: '2', name: '' } }),
  )
  const said = read(flow)
  expect(said.name).toBe('')
  expect(said.accounts[0]).toMatchObject({ name: 'account', usedBy: ['Re·ad··[2J'] })
  expect(said.accounts[1]).toMatchObject({ kind: 'x·' })
  expect(said.accounts[1]?.usedBy[0]).toHaveLength(100)
  expect(JSON.stringify(said)).not.toContain(pasted.slice(5, 15))
})

test.each([
  ['no JSON', 'not json', 'no export of n8n, Make or Zapier'],
  ['somebody else’s JSON', '{"hello":1}', 'no export of n8n, Make or Zapier'],
  ['nothing', '[]', 'no export of n8n, Make or Zapier'],
  ['a name of every object', '{"__proto__":{"zaps":[]},"flow":{}}', 'no export'],
  [
    'too many nodes',
    JSON.stringify(n8n('A', ...Array.from({ length: 10_001 }, () => ({ name: 'x' })))),
    'More than 10000 nodes',
  ],
  [
    'too many accounts',
    JSON.stringify(
      n8n(
        'A',
        ...Array.from({ length: 51 }, (_, i) => node('x', { a: { id: `${i}`, name: 'x' } })),
      ),
    ),
    'or 50 accounts',
  ],
  [
    'a scenario without end',
    JSON.stringify({ flow: Array.from({ length: 10_001 }, () => ({ module: 'a:b' })) }),
    'More than 10000 nodes',
  ],
])('refused with the next step: %s', (_, text, says) => {
  expect(() => readExport(text)).toThrow(says)
})

test('what is nested deeper than anybody builds, or too long to be looked through, ends in an answer', () => {
  const file = (inside: string) => `{"name":"A","nodes":[{"name":"Odd","parameters":${inside}}]}`
  const depth = 100_000
  expect(readExport(file('['.repeat(depth) + ']'.repeat(depth))).accounts).toEqual([])
  expect(readExport(file(JSON.stringify('a'.repeat(4_200_000)))).written).toEqual(['Odd'])
})
