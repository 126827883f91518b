/**
 * A workflow that somebody built in n8n: its export is adopted by the real command line at the real server, with a real
 * PostgreSQL and a pretend Slack. Its end takes the role away, says who takes the bot away, and names what nobody can see.
 */
import { randomBytes } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { bounds } from '../../src/life/discovery/bounds.ts'
import { bot, type FakeSlack, startFakeSlack } from '../fakes/slack.ts'
import { signInAs } from '../support/sales-database.ts'
import { ended, homeOfSam, start } from './cli.ts'
import { type Company, connectSales, expectStatus, startCompany } from './company.ts'

let company: Company
let slack: FakeSlack
let home: string
const password = randomBytes(24).toString('base64url')
/** Written into a node by somebody in a hurry. */
const pasted = `sk-proj-${randomBytes(30).toString('hex')}`

/** As n8n's own "Download" writes it, with less of what is of no matter here. */
const workflow = {
  name: 'Weekly pipeline report',
  nodes: [
    {
      name: 'Open deals',
      type: 'n8n-nodes-base.postgres',
      typeVersion: 2.6,
      position: [240, 0],
      parameters: { operation: 'executeQuery', query: 'select * from crm.deals' },
      credentials: { postgres: { id: '8ySWxtSO7gYK5uue', name: 'CRM (read only)' } },
    },
    {
      name: 'Post to #sales',
      type: 'n8n-nodes-base.slack',
      typeVersion: 2.3,
      position: [460, 0],
      parameters: { channelId: { __rl: true, mode: 'name', value: '#sales' } },
      credentials: { slackApi: { id: 'kQFkSQ7sjQ0osLNA', name: 'U0 n8n bot' } },
    },
    {
      name: 'Update companies',
      type: 'n8n-nodes-base.hubspot',
      typeVersion: 2.1,
      position: [680, 0],
      parameters: {},
      credentials: { hubspotOAuth2Api: { id: 'Zr1', name: 'HubSpot account' } },
    },
    {
      name: 'Summarise',
      type: 'n8n-nodes-base.httpRequest',
      typeVersion: 4.2,
      position: [900, 0],
      parameters: {
        headerParameters: { parameters: [{ name: 'Authorization', value: `Bearer ${pasted}` }] },
      },
    },
  ],
  connections: { 'Open deals': { main: [[{ node: 'Post to #sales', type: 'main', index: 0 }]] } },
  settings: { executionOrder: 'v1' },
}

const lh = (...words: string[]) => ended(start(home, words))
const flags = ['--owner', 'Sam', '--backup', 'tom@acme.example', '--days', '5', '--app', 'pipeline']
const idOf = (out: string, name: string) =>
  new RegExp(`^(U-\\w+)\t[^\n]*\t${name}\t`, 'm').exec(out)?.[1] ?? ''

beforeAll(async () => {
  company = await startCompany({ target: true })
  await connectSales(company)
  slack = await startFakeSlack(company.clock)
  slack.users.push(bot('U0_N8N_BOT', 'A0N8N'))
  const target = { slug: 'chat', connector: 'slack', config: slack.config, production: false }
  await expectStatus(201, company.as('sam')('POST', '/v1/targets', target))
  await company.sales?.ask(`create role n8n_reader login password '${password}';
    grant n8n_reader to leasehold with admin option;
    set role leasehold; grant select on crm.deals to n8n_reader; reset role`)
  await company.running.world.runNow('discovery')
  home = await homeOfSam(company)
  await writeFile(join(home, 'export.json'), JSON.stringify(workflow))
}, 120_000)
afterAll(async () => {
  await company?.stop()
  await slack?.close()
  await rm(home, { recursive: true, force: true })
})

const canSignIn = async () => {
  if (company.sales === undefined) throw new Error('there is a target')
  const session = await signInAs(company.sales, {
    principal: 'n8n_reader',
    secret: password,
  }).catch(() => null)
  await session?.end()
  return session !== null
}

test('without a terminal nothing is asked, guessed or done: all that is missing is named with its flag', async () => {
  const before = await company.size()
  const { code, err } = await lh('adopt', 'export.json')
  expect(code).toBe(64)
  expect(err).toMatch(
    /✓ U0 n8n bot {3}slackApi, in Post to #sales: U-\w+ u0_n8n_bot at chat, by its/,
  )
  expect(err).toMatch(
    /▲ CRM \(read only\) {3}postgres, in Open deals: may be U-.* n8n_reader at crm/,
  )
  expect(err).toMatch(/▲ HubSpot account .*: no connected system shows it/)
  expect(err).toContain('▲ Summarise: seems to hold a credential itself')
  for (const flag of [
    '--owner',
    '--backup',
    '--days 14',
    '--account "CRM (read only)=U-…',
    '--yes',
  ])
    expect(err).toContain(flag)
  expect(err).not.toContain(pasted.slice(0, 12))
  expect(await company.size()).toBe(before)
})

test('what was tied by its name alone waits for a yes', async () => {
  const reader = idOf((await lh('found', 'crm')).out, 'n8n_reader')
  const said = ['--account', `CRM (read only)=${reader}`, '--account', 'HubSpot account=none']
  const early = await lh('adopt', 'export.json', ...flags, ...said)
  expect(early).toMatchObject({ code: 64, err: expect.stringContaining('what its name says') })
  // Nor is an account of Slack tied to a role of PostgreSQL.
  const wrong = await lh(
    'adopt',
    'export.json',
    ...flags,
    ...said,
    '--account',
    `U0 n8n bot=${reader}`,
  )
  expect(wrong).toMatchObject({ code: 2, err: expect.stringContaining('is no thing of slack') })
  expect((await company.as('sam')('GET', '/v1/apps/pipeline')).status).toBe(404)
})

test('each account becomes the app’s; what no system shows is a need of its manifest', async () => {
  const reader = idOf((await lh('found', 'crm')).out, 'n8n_reader')
  const said = ['--account', `CRM (read only)=${reader}`, '--account', 'HubSpot account=none']
  const adopted = await lh('adopt', 'export.json', ...flags, ...said, '--yes')
  expect(adopted).toMatchObject({ code: 0 })
  expect(adopted.out).toMatch(
    /^CRM \(read only\)\tpostgres\tOpen deals\tn8n_reader\tcrm\t.*leased/m,
  )
  expect(adopted.out).toMatch(/^U0 n8n bot\tslackApi\tPost to #sales\tu0_n8n_bot\tchat\t.*leased/m)
  expect(adopted.out).toMatch(/^HubSpot account\thubspotOAuth2Api\t.*not looked at/m)
  const app = (await company.as('sam')('GET', '/v1/apps/pipeline')).body
  expect(app).toMatchObject({
    purpose: 'n8n: Weekly pipeline report',
    owner: { name: 'Sam' },
    backup: { name: 'tom' },
    origin: 'adopted',
  })
  // Said again, it is as it was.
  const size = await company.size()
  expect(await lh('adopt', 'export.json', ...flags, ...said)).toMatchObject({ code: 0 })
  expect(await company.size()).toBe(size)
  // Until its end everything works as before.
  expect(await canSignIn()).toBe(true)
}, 60_000)

test('nothing of what the workflow does, and nothing pasted into it, is at the server', async () => {
  const { store } = company.running.world
  const tables = await store.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables
     where schemaname not in ('pg_catalog', 'information_schema')
       and has_table_privilege(format('%I.%I', schemaname, tablename), 'select')`,
  )
  expect(tables.length).toBeGreaterThan(20)
  for (const { name } of tables) {
    const rows = await store.query<{ text: string }>(`select t::text as text from ${name} t`)
    for (const { text } of rows)
      for (const word of [pasted, '8ySWxtSO7gYK5uue', 'select * from crm.deals'])
        expect([name, text.includes(word)]).toEqual([name, false])
  }
}, 60_000)

test('its end revokes the role, says who takes the bot away, and the certificate has both', async () => {
  const over = await lh('end', 'pipeline', '--yes')
  expect(over).toMatchObject({ code: 1 })
  expect(over.err).toMatch(/● verified gone {3}n8n_reader/)
  expect(over.err).toMatch(/✕ still there {3}u0_n8n_bot {3}chat {3}a person deletes the account/)
  expect(await canSignIn()).toBe(false)
  const certificate = async () => {
    const file = (await company.as('sam')('GET', '/v1/apps/pipeline/certificate')).body
    return JSON.parse(Buffer.from(file.payload, 'base64').toString()).predicate
  }
  const things = ({ items }: { items: Record<string, string>[] }) =>
    items
      .filter(({ kind }) => kind === 'thing')
      .map(({ name, state }) => [name, state])
      .toSorted((a, b) => String(a[0]).localeCompare(String(b[0])))
  const first = await certificate()
  expect(first.state).toBe('not-green')
  expect(things(first)).toEqual([
    ['n8n_reader', 'verified-gone'],
    ['u0_n8n_bot', 'still-there'],
  ])
  // Nobody can say away what we still see.
  await writeFile(join(home, 'shot.png'), randomBytes(900))
  const says = ['--file', 'shot.png', '--says', 'Removed under Manage apps']
  const early = await lh('evidence', 'pipeline', 'u0_n8n_bot', ...says)
  expect(early).toMatchObject({ code: 1, err: expect.stringContaining('It is still there') })
  // What no connected system shows a person says, with a file, and it is never green.
  const account = 'n8n.hubspotoauth2api-hubspot-account'
  expect(first.items.at(-1)).toMatchObject({ kind: 'account', name: account, state: 'unreachable' })
  expect(over.err).toContain(account)
  // Said, and not all is green: exit code 1.
  const said = await lh('evidence', 'pipeline', account, ...says)
  expect(said).toMatchObject({ code: 1, out: expect.stringContaining('6 of 8 verified gone') })

  Object.assign(slack.users.find(({ id }) => id === 'U0_N8N_BOT') ?? {}, { deleted: true })
  company.clock.advance(bounds.lookEveryMs)
  await company.running.world.runNow('discovery')
  const again = async (state: string) =>
    vi.waitFor(
      async () => {
        company.clock.advance(3_600_000)
        await company.running.world.runNow('offboard')
        expect(things(await certificate())).toEqual([
          ['n8n_reader', 'verified-gone'],
          ['u0_n8n_bot', 'verified-gone'],
        ])
        expect((await certificate()).items.at(-1)).toMatchObject({ kind: 'account', state })
      },
      { timeout: 20_000, interval: 500 },
    )
  await again('manual-attested')
  const last = await certificate()
  expect(last.state).toBe('not-green')
  expect(last.items.at(-1)).toMatchObject({ name: account, system: account, paths: ['a person'] })
  expect(last.scope.systems).toContainEqual(expect.objectContaining({ name: account }))
  expect(last.scope.systems.filter(({ name }: { name: string }) => name === account)).toHaveLength(
    1,
  )
}, 90_000)
