/**
 * Slack and Notion for one task: the real command line and the real server, and pretend systems that keep
 * their own lists. The command has a word; what ends with its lease is told apart from what only a person
 * can end.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { type FakeNotion, startFakeNotion } from '../fakes/notion.ts'
import { type FakeSlack, startFakeSlack } from '../fakes/slack.ts'
import { homeOfSam, makeApp } from './cli.ts'
import { type Company, expectStatus, startCompany } from './company.ts'

const main = resolve(import.meta.dirname, '../../cli/src/main.ts')
let company: Company
let slack: FakeSlack
let notion: FakeNotion
let home: string

beforeAll(async () => {
  company = await startCompany()
  const { clock } = company
  slack = await startFakeSlack(clock)
  notion = await startFakeNotion(clock, 'internal')
  const sam = company.as('sam')
  const { token: ntn, probeToken, url } = notion.config
  const configs = {
    slack: slack.config,
    notion: { connection: 'internal', token: ntn, probeToken, url },
  }
  for (const [connector, config] of Object.entries(configs)) {
    const target = { slug: connector, connector, config, production: false }
    await expectStatus(201, sam('POST', '/v1/targets', target))
  }
  const resources = [
    { slug: 'chat', target: 'slack', object: {} },
    { slug: 'bot', target: 'slack', object: { app: true } },
    { slug: 'notes', target: 'notion', object: { connection: true } },
  ]
  const owned = { columns: [], dataClass: 'internal', dataOwner: 'tom@acme.example' }
  for (const named of resources)
    await expectStatus(201, sam('POST', '/v1/resources', { ...named, ...owned }))
  await makeApp(company, 'desk', ['chat:read', 'bot:read', 'notes:read'])
}, 120_000)
afterAll(async () => {
  await company?.stop()
  expect(slack.breaches).toEqual([])
  await slack?.close()
  await notion?.close()
})

beforeEach(async () => {
  home = await homeOfSam(company)
  return () => rm(home, { recursive: true })
})

/** What the command printed, one value a line. */
async function run(need: string, code: string): Promise<unknown[]> {
  const script = `const env = process.env
    const out = value => console.log(JSON.stringify(value))
    const ask = async (base, key, path, method = 'GET') => {
      const headers = { authorization: 'Bearer ' + env[key], 'notion-version': '2025-09-03' }
      const answer = await fetch(new URL(path, env[base]), { method, headers })
      return { status: answer.status, body: await answer.json() }
    }
    const slack = (path, method) => ask('SLACK_API_URL', 'SLACK_BOT_TOKEN', path, method)
    const notion = path => ask('NOTION_BASE_URL', 'NOTION_TOKEN', path)
    ${code}`
  const words = ['run', '--as', 'desk', '--need', need, '--']
  const args = [main, ...words, process.execPath, '--input-type=module', '-e', script]
  const env = { PATH: process.env['PATH'], HOME: home, TZ: 'UTC' }
  const child = spawn(process.execPath, args, { cwd: home, env })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', chunk => (stdout += String(chunk)))
  child.stderr.on('data', chunk => (stderr += String(chunk)))
  await once(child, 'close')
  const lines = stdout.split('\n').filter(line => line !== '')
  if (lines.length === 0) throw new Error(stderr)
  return lines.map(line => JSON.parse(line) as unknown)
}

const lastLease = async () => {
  const [row] = await company.running.world.store.query<Record<string, unknown>>(
    'select state, outcome, evidence from lease order by made_at desc limit 1',
  )
  return row
}

test('a task asks Slack by a word, and what nobody granted stays with us, whatever its method', async () => {
  const [read, revoked, word] = await run(
    'chat:read',
    `out(await slack('users.list'))
     out(await slack('auth.revoke'))
     out(env.SLACK_BOT_TOKEN)`,
  )
  expect(read).toMatchObject({ status: 200, body: { ok: true } })
  expect(revoked).toMatchObject({ status: 403, body: { code: 'denied' } })
  expect(slack.seen).not.toContain('GET /api/auth.revoke')
  expect(word).not.toContain('xox')
  expect(await lastLease()).toMatchObject({ state: 'gone', outcome: 'verified-gone' })
  expect(slack.isThere()).toBe(true)
})

test('a whole app of Slack is gone with the lease on it, by its token and by the list', async () => {
  const [read] = await run('bot:read', `out(await slack('users.list'))`)
  expect(read).toMatchObject({ status: 200, body: { ok: true } })
  expect(await lastLease()).toMatchObject({ state: 'gone', outcome: 'verified-gone' })
  expect(slack.isThere()).toBe(false)
})

test('an internal connection of Notion stays open with its lease, and says who deletes it', async () => {
  const [read, word] = await run(
    'notes:read',
    `out(await notion('/v1/users')); out(env.NOTION_TOKEN)`,
  )
  expect(read).toMatchObject({ status: 200, body: { object: 'list' } })
  expect(word).not.toContain('ntn_')
  const open = await lastLease()
  expect(open).toMatchObject({ state: 'ending' })
  expect(JSON.stringify(open?.['evidence'])).toContain('a named person attests')
  expect(notion.isThere()).toBe(true)
  // Deleted by a person: refused there now, and still not green by itself.
  notion.deleteByHand()
  const looked = async () => {
    company.clock.advance(60_000)
    const lease = await lastLease()
    expect(JSON.stringify(lease?.['evidence'])).toContain('Its token is refused now.')
    return lease
  }
  expect(await vi.waitFor(looked, 10_000)).toMatchObject({ state: 'ending' })
  expect((await lastLease())?.['outcome']).not.toBe('verified-gone')
})
