/**
 * Slack, through the door that `leasehold dev` and `run` open on this machine: its Web API, asked by a word that is good
 * for this run alone. The token of the bot is not here. Socket Mode would need a token of its own here, and Slack's events
 * an address that all the world can reach: so the bot asks for what is new. Methods: docs.slack.dev/reference/methods.
 */
export interface Slack {
  /** Of the bot itself: what people write to mean it is `<@…>`. */
  me(): Promise<string>
  /** Ids of the channels it was invited to, the first few. */
  channels(): Promise<string[]>
  /** After that instant, the oldest first. */
  since(channel: string, ts: string): Promise<Message[]>
  post(channel: string, thread: string, text: string): Promise<void>
}
export type Message = { ts: string; user: string; text: string; isBot: boolean }

/** What Slack, or the rules in front of it, said no with. */
export class Refused extends Error {
  /** When to come back, where it said so. */
  readonly waitSeconds: number

  constructor(says: string, waitSeconds = 0) {
    super(says)
    this.waitSeconds = waitSeconds
  }
}

const mostChannels = 5
const waitMs = 10_000

type Json = Readonly<Record<string, unknown>>

/** Undefined where no door was opened for this command. */
export function connect(env: NodeJS.ProcessEnv): Slack | undefined {
  const [base = '', word = ''] = [env['SLACK_API_URL'], env['SLACK_BOT_TOKEN']]
  if (base === '' || word === '') return undefined
  const call = async (method: string, given: Record<string, string> = {}): Promise<Json> => {
    const response = await fetch(new URL(method, base), {
      method: 'POST',
      headers: { authorization: `Bearer ${word}` },
      body: new URLSearchParams(given),
      redirect: 'error',
      signal: AbortSignal.timeout(waitMs),
    })
    const body = objectOf(await response.json().catch(() => null))
    // Slack says most of its errors with HTTP 200; the gateway says its own with 403.
    if (response.ok && body['ok'] === true) return body
    const wait = Number(response.headers.get('retry-after') ?? 0)
    const says = String(body['error'] ?? body['detail'] ?? `it answered with ${response.status}`)
    throw new Refused(`${method}: ${says}`, wait)
  }
  return {
    me: async () => String((await call('auth.test'))['user_id']),
    async channels() {
      const types = 'public_channel,private_channel'
      const said = await call('conversations.list', {
        types,
        exclude_archived: 'true',
        limit: '200',
      })
      const mine = listOf(said['channels']).filter(each => each['is_member'] === true)
      return mine.slice(0, mostChannels).map(each => String(each['id']))
    },
    async since(channel, ts) {
      const said = await call('conversations.history', { channel, oldest: ts, limit: '50' })
      return listOf(said['messages']).map(messageOf).toReversed()
    },
    async post(channel, thread, text) {
      await call('chat.postMessage', { channel, thread_ts: thread, text: plain(text) })
    },
  }
}

function messageOf(row: Json): Message {
  const isBot = row['bot_id'] !== undefined || row['subtype'] !== undefined
  return { ts: String(row['ts']), user: String(row['user']), text: String(row['text']), isBot }
}

/** ATTACKER: what somebody wrote comes back in an answer. Nobody is called by it, and no link is made. */
export function plain(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').slice(0, 3000)
}

const objectOf = (value: unknown): Json =>
  typeof value === 'object' && value !== null ? (value as Json) : {}
const listOf = (value: unknown): Json[] => (Array.isArray(value) ? value.map(objectOf) : [])
