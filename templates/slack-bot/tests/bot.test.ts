// The bot at a pretend Slack on this machine: it answers who writes to it, once, and nobody else; a no does not end it.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const word = 'word-of-this-run'
const main = fileURLToPath(new URL('../src/bot.ts', import.meta.url))
const messages: { ts: string; user: string; text: string; bot_id?: string }[] = []
const posted: Record<string, string>[] = []
let isDenied = false
let app: ChildProcess | undefined
let seen = ''

const slack = createServer(async (request, response) => {
  let text = ''
  for await (const part of request) text += String(part)
  const given = Object.fromEntries(new URLSearchParams(text))
  const method = (request.url ?? '').replace('/api/', '')
  const send = (status: number, body: object) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  if (request.headers.authorization !== `Bearer ${word}`)
    return send(200, { ok: false, error: 'invalid_auth' })
  if (method === 'auth.test') return send(200, { ok: true, user_id: 'U0BOT' })
  const channels = [
    { id: 'C1', is_member: true },
    { id: 'C2', is_member: false },
  ]
  if (method === 'conversations.list') return send(200, { ok: true, channels })
  const isNew = ({ ts }: { ts: string }) => Number(ts) > Number(given['oldest'])
  if (method === 'conversations.history')
    return send(200, { ok: true, messages: messages.filter(isNew).toReversed() })
  if (isDenied)
    return send(403, { code: 'denied', detail: 'rule not-agreed: nobody agreed to it.' })
  posted.push(given)
  return send(200, { ok: true })
})

before(async () => {
  await once(slack.listen(0, '127.0.0.1'), 'listening')
})
after(() => {
  slack.closeAllConnections()
  slack.close()
})
afterEach(() => app?.kill('SIGKILL'))
beforeEach(() => {
  messages.length = 0
  posted.length = 0
  isDenied = false
  seen = ''
})

function start(env: Record<string, string>): ChildProcess {
  app = spawn(process.execPath, [main], {
    env: { BOT_EVERY_MS: '30', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  app.stdout?.on('data', chunk => (seen += String(chunk)))
  return app
}
function door(key = word): Record<string, string> {
  const { port } = slack.address() as AddressInfo
  return { SLACK_API_URL: `http://127.0.0.1:${port}/api/`, SLACK_BOT_TOKEN: key }
}
async function until(look: () => boolean): Promise<void> {
  for (let i = 0; i < 400; i++)
    if (look()) return
    else await wait(25)
  throw new Error(`it never came: ${seen}`)
}
const write = (user: string, text: string, more = {}) =>
  messages.push({ ts: (Date.now() / 1000 + 1 + messages.length).toFixed(6), user, text, ...more })

test('who writes to it is answered once, in the thread, and nobody else', async () => {
  start(door())
  await until(() => seen.includes('● Slack: in 1 channels'))
  write('U1', 'not for it')
  write('U0BOT', '<@U0BOT> itself')
  write('U2', '<@U0BOT> another bot', { bot_id: 'B9' })
  write('U1', '<@U0BOT> what is new?')
  await until(() => posted.length > 0)
  await wait(150)
  assert.deepEqual(posted, [
    { channel: 'C1', thread_ts: messages[3]?.ts, text: 'You asked: what is new?' },
  ])
})

test('a no is told as it was said, and does not end the bot', async () => {
  start(door())
  await until(() => seen.includes('● Slack'))
  isDenied = true
  write('U1', '<@U0BOT> hello')
  await until(() => seen.includes('✕ chat.postMessage: rule not-agreed'))
  isDenied = false
  write('U1', '<@U0BOT> again')
  await until(() => posted.length === 1)
})

test('a word that is over ends it, and says why', async () => {
  const child = start(door('another'))
  assert.deepEqual(await once(child, 'exit'), [1, null])
  assert.match(seen, /✕ auth\.test: invalid_auth/)
})

test('without access it answers a pretend channel and sends nothing, until it is ended', async () => {
  const child = start({})
  await until(() => seen.includes('bot: You asked: what is new?'))
  assert.match(seen, /▲ synthetic channel/)
  assert.equal(posted.length, 0)
  child.kill('SIGTERM')
  assert.deepEqual(await once(child, 'exit'), [0, null])
})
