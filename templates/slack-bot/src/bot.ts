/**
 * The bot: looks every few seconds for what was written to it since it was started, and answers in the thread. Before
 * somebody agreed it answers a pretend channel, on this screen, and always says which.
 */
import { readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { readApp } from './app.ts'
import { replyTo } from './reply.ts'
import { connect, type Message, Refused, type Slack } from './slack.ts'

const everyMs = Number(process.env['BOT_EVERY_MS'] ?? 5000)
const app = readApp(process.env)
const over = new AbortController()
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => over.abort())

const slack = connect(process.env)
if (slack === undefined) await pretend()
else await listen(slack)

async function listen(at: Slack): Promise<void> {
  const me = await trying(() => at.me())
  const channels = (await trying(() => at.channels())) ?? []
  if (me === undefined) return void (process.exitCode = 1)
  say(`● Slack: in ${channels.length} channels. Write <@${me}> to it, and it answers.`)
  if (channels.length === 0) say('▲ It was invited nowhere yet: /invite it to a channel.')
  const seen = new Map(channels.map(id => [id, (Date.now() / 1000).toFixed(6)]))
  while (!over.signal.aborted) {
    for (const [channel, ts] of seen) {
      const messages = (await trying(() => at.since(channel, ts))) ?? []
      seen.set(channel, messages.at(-1)?.ts ?? ts)
      for (const message of messages.filter(each => isFor(me, each)))
        await trying(() => answer(at, channel, message))
    }
    await pause(everyMs)
  }
}

/** Never what a bot wrote, itself least of all. */
function isFor(me: string, { text, user, isBot }: Message): boolean {
  return !isBot && user !== me && text.includes(`<@${me}>`)
}

async function answer(at: Slack, channel: string, { ts, text }: Message): Promise<void> {
  const said = replyTo(text, app.says)
  if (said === undefined) return
  await at.post(channel, ts, said)
  say(`✓ answered in ${channel}`)
}

/** A no is told and nothing ends by it: the next look may be let. */
async function trying<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    const isNo = error instanceof Refused
    say(`✕ ${isNo ? error.message : 'the door did not answer'}${isNo ? '   leasehold why' : ''}`)
    await pause(isNo ? error.waitSeconds * 1000 : 1000)
    return undefined
  }
}

async function pretend(): Promise<void> {
  const file = new URL('../synthetic/channel.json', import.meta.url)
  const { resource, messages } = JSON.parse(readFileSync(file, 'utf8')) as {
    resource: string
    messages: { user: string; text: string }[]
  }
  say(`▲ synthetic channel, nothing is sent to ${resource}: ${app.waits}`)
  for (const { user, text } of messages) {
    say(`  ${user}: ${text}`)
    if (text.includes('<@U0BOT>')) say(`  bot: ${replyTo(text, app.says) ?? '(nothing)'}`)
  }
  // Until `leasehold dev` starts it anew, or somebody ends it.
  while (!over.signal.aborted) await pause(60_000)
}

async function pause(ms: number): Promise<void> {
  await wait(ms, undefined, { signal: over.signal }).catch(() => {})
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
