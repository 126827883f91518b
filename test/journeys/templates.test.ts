/**
 * Apps that are no page over a table, as they are typed: a Slack bot, an agent with tools, a notebook. Chosen by the
 * sentence alone, started by `dev` on pretend data, switched to the real thing by a yes, by a word and never a key.
 */
import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type FakeSlack, startFakeSlack } from '../fakes/slack.ts'
import { startWebTarget, type WebTarget } from '../fakes/web-target.ts'
import { defineWeb, ended, homeOfSam, start } from './cli.ts'
import { type Company, connectSales, expectStatus, startCompany } from './company.ts'

let company: Company
let slack: FakeSlack
let web: WebTarget
let home: string
let app: ChildProcess | undefined
let seen = ''

beforeAll(async () => {
  company = await startCompany({ target: true })
  await connectSales(company)
  slack = await startFakeSlack(company.clock)
  web = await startWebTarget(randomBytes(20).toString('base64url'))
  const credential = { header: 'authorization', value: `Bearer ${web.key}` }
  const sam = company.as('sam')
  for (const [slug, connector, config] of [
    ['chat', 'slack', slack.config],
    ['tracker', 'mcp', { url: `${web.url}/mcp`, credential }],
  ] as const) {
    const target = { slug, connector, config, production: false }
    await expectStatus(201, sam('POST', '/v1/targets', target))
    await defineWeb(company, slug)
  }
  home = await homeOfSam(company)
}, 120_000)
afterAll(async () => {
  await company?.stop()
  await slack?.close()
  await web?.close()
  await rm(home, { recursive: true, force: true })
})
afterEach(async () => {
  // Asked first: killed, it could not take what it started along.
  const isOn = app?.exitCode === null && app.signalCode === null
  if (isOn && app?.kill('SIGINT')) await once(app, 'close')
  seen = ''
})

/** Made of the sentence, and started. */
async function begin(sentence: string, name: string, template: string): Promise<void> {
  const words = ['new', sentence, '--name', name, '--backup', 'tom@acme.example']
  const made = await ended(start(home, words))
  expect(made).toMatchObject({
    code: 0,
    out: expect.stringContaining(`template ${template} 1.0.1`),
  })
  dev(name)
}

function dev(name: string): void {
  app = start(home, ['dev', '--cwd', name], { PORT: '0', BOT_EVERY_MS: '100' })
  for (const stream of [app.stdout, app.stderr])
    stream?.on('data', chunk => (seen += String(chunk)))
}

async function agree(): Promise<string> {
  const tom = company.as('tom')
  const { items } = (await tom('GET', '/v1/requests?state=open')).body
  const { id, bodyHash, says } = items.find(({ kind }: { kind: string }) => kind === 'grant')
  await expectStatus(200, tom('POST', `/v1/requests/${id}/answer`, { says: 'yes', bodyHash }))
  return says
}

type Maybe<T> = T | undefined | false | ''

async function until<T>(look: () => Maybe<T> | Promise<Maybe<T>>): Promise<T> {
  for (const from = performance.now(); performance.now() - from < 30_000; await wait(50)) {
    const found = await look()
    if (found) return found
  }
  throw new Error(`it never came: ${seen}`)
}

test('a Slack bot answers a pretend channel, then whoever writes to it, and holds no token', async () => {
  await begin('a slack bot that says who owns a deal', 'who-bot', 'slack-bot')
  await until(() => seen.includes('bot: I am here for: a slack bot that says who owns a deal'))
  expect(seen).toContain('▲ synthetic channel, nothing is sent to chat')
  expect(slack.messages).toEqual([])
  expect(await agree()).toBe('Sam asks that who-bot may READ, WRITE chat')
  await until(() => seen.includes('● Slack: in 1 channels'))
  const asked = {
    channel: 'C0SALES00',
    user: 'U0MAYA',
    text: `<@${slack.app.user}> who owns deal 7?`,
  }
  slack.messages.push({ ...asked, ts: (Date.now() / 1000 + 1).toFixed(6) })
  const answer = await until(() => slack.messages[1])
  expect(answer).toMatchObject({ channel: 'C0SALES00', text: 'You asked: who owns deal 7?' })
  expect(answer['thread_ts']).toBe(slack.messages[0]?.['ts'])
  // Nothing but what was agreed to went there, and the token stayed with us.
  expect(
    slack.seen.filter(each => /revoke|uninstall|admin\.apps\.(?!approved|restricted)/.test(each)),
  ).toEqual([])
  for (const secret of [slack.config['botToken'], slack.config['adminToken']])
    expect(seen).not.toContain(secret)
  app?.kill('SIGINT')
  await until(() => /released after .* verified gone/.test(seen))
}, 90_000)

test('an agent works with pretend tools, then with those that it may call, and no others', async () => {
  await begin('agent that looks for open issues', 'look-agent', 'agent')
  await until(() => seen.includes('▲ synthetic tools'))
  await until(() => /✓ search {3}2 items: SAMPLE-1/.test(seen))
  await until(() => app?.exitCode === 0)
  await agree()
  seen = ''
  dev('look-agent')
  await until(() => app?.exitCode === 0)
  expect(seen).toContain('● tools of tracker')
  expect(seen).toMatch(/may call search\n/)
  expect(seen).toContain('✓ search   did search')
  expect(web.seen.filter(({ body }) => /"tools\/call"/.test(body))).toHaveLength(1)
  expect(seen).not.toContain(web.key)
}, 90_000)

test('a notebook runs its cells on synthetic rows, then on real ones, again when it is saved', async () => {
  await begin('explore stuck deals', 'stuck-notebook', 'notebook')
  const page = await until(() => /page +(http:\S+)/.exec(seen)?.[1])
  const read = async () => (await fetch(page)).text().catch(() => '')
  expect(await read()).toContain('▲ synthetic data')
  await agree()
  const text = await until(async () => {
    const now = await read().catch(() => '')
    return now.includes('● real data') && now
  })
  expect(text).toContain('20 rows with id, name')
  const file = join(home, 'stuck-notebook/notebook.md')
  const before = readFileSync(file, 'utf8')
  await writeFile(file, `${before}\n\`\`\`js\nshow(rows.map(row => row.name).at(-1))\n\`\`\`\n`)
  expect(
    await until(async () => /<pre class="shown">deal \d+<\/pre>/.exec(await read())?.[0]),
  ).toBeTruthy()
  // No row is in the folder by that.
  expect(readFileSync(file, 'utf8')).not.toMatch(/deal \d/)
}, 90_000)
