/**
 * A pretend Slack on loopback, as somebody who posts messages sees it. It holds each message to what Slack documents
 * of its size and form; what differs is in `breaches`, which a test expects to be empty.
 *
 * Sources: docs.slack.dev/reference/block-kit/blocks (at most 50 blocks; text of a section 1 to 3000; at most 10
 * elements in a context), docs.slack.dev/messaging/formatting-message-text (`<…>` is a link, a mention or a command),
 * and the arguments of each method as Slack's own description of its API lists them (`slackapi/slack-api-specs`),
 * read from LEASEHOLD_VENDOR_API where that is there.
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { slackContract } from '../support/slack-contract.ts'

interface TextObject {
  readonly type: string
  readonly text: string
  readonly verbatim?: boolean
}
interface Block {
  readonly type: string
  readonly text?: TextObject
  readonly elements?: readonly TextObject[]
}
export interface ChatMessage {
  readonly channel: string
  readonly ts: string
  text: string
  blocks: readonly Block[]
  edits: number
}

export interface SlackChat {
  readonly url: string
  readonly token: string
  /** Users by e-mail address. */
  readonly users: Record<string, string>
  readonly messages: ChatMessage[]
  readonly breaches: string[]
  /** Said to the next calls instead; a number is an HTTP status. */
  fault: string | number | null
  /** What is there, for a user or in a channel, as people read it. */
  read(place: string): string[]
  close(): Promise<void>
}

/** From the description, as of its last commit; `token` travels in a header. */
const known: Readonly<Record<string, readonly string[]>> = {
  'chat.postMessage': ['channel', 'text', 'blocks', 'unfurl_links', 'unfurl_media'],
  'chat.update': ['channel', 'ts', 'text', 'blocks'],
  'users.lookupByEmail': ['email'],
}

export async function startSlackChat(home: string): Promise<SlackChat> {
  const server = createServer((req, res) => void serve(chat, home, req, res))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const chat: SlackChat = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token: `xoxb-${randomBytes(6).toString('hex')}-${randomBytes(12).toString('hex')}`,
    users: {},
    messages: [],
    breaches: [],
    fault: null,
    read: place =>
      chat.messages
        .filter(({ channel }) => channel === place || channel === `D${place.slice(1)}`)
        .map(({ blocks }) => shown(blocks[0]?.text?.text ?? '')),
    async close() {
      server.closeAllConnections()
      await new Promise(done => server.close(done))
    },
  }
  return chat
}

/** As a person sees it: links by their words, signs as they are. */
function shown(mrkdwn: string): string {
  const links = mrkdwn.replaceAll(/<[^>|]*\|([^>]*)>/g, '$1')
  return links.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')
}

async function serve(chat: SlackChat, home: string, req: IncomingMessage, res: ServerResponse) {
  const body = await text(req)
  const method = (req.url ?? '').replace('/api/', '')
  const send = (status: number, said: object) => {
    res.writeHead(status, { 'content-type': 'application/json; charset=utf-8' })
    res.end(JSON.stringify(said))
  }
  if (typeof chat.fault === 'number') return send(chat.fault, {})
  if (req.headers.authorization !== `Bearer ${chat.token}`)
    return send(200, { ok: false, error: 'invalid_auth' })
  if (chat.fault !== null) return send(200, { ok: false, error: chat.fault })
  const isForm = req.headers['content-type']?.startsWith('application/x-www-form-urlencoded')
  const given = (isForm ? Object.fromEntries(new URLSearchParams(body)) : JSON.parse(body)) as Given
  chat.breaches.push(...judge(method, given, home))
  return send(200, answer(chat, method, given))
}

type Given = Readonly<Record<string, string>> & { blocks?: readonly Block[] }

function answer(chat: SlackChat, method: string, given: Given): object {
  const { channel = '', text: words = '', blocks = [], ts, email = '' } = given
  const no = (error: string) => ({ ok: false, error })
  if (method === 'users.lookupByEmail') {
    const id = chat.users[email]
    return id === undefined ? no('users_not_found') : { ok: true, user: { id, deleted: false } }
  }
  if (method === 'chat.postMessage') {
    const isUser = Object.values(chat.users).includes(channel)
    if (!isUser && !channel.startsWith('C')) return no('channel_not_found')
    // Told to a user, it is in a conversation with an id of its own, which alone can be updated.
    const place = isUser ? `D${channel.slice(1)}` : channel
    const at = `17000000${String(chat.messages.length).padStart(2, '0')}.000100`
    chat.messages.push({ channel: place, ts: at, text: words, blocks, edits: 0 })
    return { ok: true, channel: place, ts: at }
  }
  const held = chat.messages.find(each => each.channel === channel && each.ts === ts)
  if (method !== 'chat.update') return no('unknown_method')
  if (held === undefined) return no('message_not_found')
  Object.assign(held, { text: words, blocks, edits: held.edits + 1 })
  return { ok: true, channel, ts }
}

function judge(method: string, given: Given, home: string): string[] {
  const breaches: string[] = []
  for (const name of Object.keys(given))
    if (known[method]?.includes(name) !== true) breaches.push(`${method} has no argument ${name}`)
  // As a query, which is how the description has it: blocks are JSON in one argument.
  const entries = Object.entries(given).map(([name, value]) => [
    name,
    typeof value === 'object' ? JSON.stringify(value) : value,
  ])
  const asked = { method: 'GET', path: `/${method}?${new URLSearchParams(entries).toString()}` }
  breaches.push(...(slackContract()?.judgeRequest(asked, undefined) ?? []))
  if (method === 'users.lookupByEmail') return breaches
  const { text: words = '', blocks = [] } = given
  if (words.length === 0 || words.length > 4000) breaches.push('text is empty, or too long')
  if (blocks.length > 50) breaches.push('more than 50 blocks')
  for (const { type, text: own, elements = [] } of blocks) {
    if (type === 'section') {
      if (own === undefined || own.text === '' || own.text.length > 3000)
        breaches.push('a section has no text, or more than 3000')
    } else if (type !== 'context') breaches.push(`a block ${type}`)
    else if (elements.length === 0 || elements.length > 10) breaches.push('elements of a context')
    for (const each of [own, ...elements].filter(one => one !== undefined)) {
      if (each.type !== 'mrkdwn') breaches.push(`a text ${each.type}`)
      if (each.verbatim !== true) breaches.push('addresses in a text would become links')
      breaches.push(...strayIn(each.text, home))
    }
  }
  return [...breaches, ...strayIn(words, home)]
}

/** Everything in `<…>` does something: only links to our own pages may. */
function strayIn(mrkdwn: string, home: string): string[] {
  const commands = mrkdwn.match(/<[^>]*>?/g) ?? []
  return commands.filter(each => !each.startsWith(`<${home}/`)).map(each => `it says ${each}`)
}
