/**
 * Slack: a message to each person concerned, and to a channel. It is said anew in place when what it is about
 * changed. Nothing is answered there: it leads to a page of ours, where who signed in answers, with a passkey.
 *
 * ATTACKER: who controls an address at Slack gets what is for the person with that address. So nothing in a message
 * is more than a sentence and a link, and the operator may name each person's user instead.
 */
import { z } from 'zod'
import { isObject, type Json, type JsonObject } from '../../src/core/base/json.ts'
import type { Person } from '../../src/life/notify/notice.ts'
import type { Channel, Message } from '../common/channel.ts'
import { address, common, type ReadSecret, secretFile } from '../common/file.ts'
import { post } from '../common/post.ts'
import { blocksOf } from './message.ts'

const user = z
  .string()
  .regex(/^[UW][A-Z0-9]{2,20}$/, { error: 'is the id of a user, as `U0123ABCD`' })

export const slackShape = z.strictObject({
  ...common,
  type: z.literal('slack'),
  /** Holds a bot's token, `xoxb-…`. */
  token: secretFile,
  /** Where all of it is said; left out: to the people concerned alone. */
  channel: z
    .string()
    .regex(/^[CG][A-Z0-9]{2,20}$/, { error: 'is the id of a channel, as `C0123ABCD`' })
    .optional(),
  /** Users by e-mail address; who is not named is looked up there. */
  people: z.record(z.string().max(254), user).default({}),
  url: address.default('https://slack.com'),
})
type Given = z.infer<typeof slackShape>

/** Nobody fetches our page for a picture of it: it is for who signs in. */
const alone = { unfurl_links: false, unfurl_media: false }

/** Slack's words for: that message is not to be said anew any more. */
const over = ['message_not_found', 'cant_update_message', 'edit_window_closed', 'channel_not_found']

export function slackChannel(given: Given, { secret }: { secret: ReadSecret }): Channel {
  const token = secret(given.token, /^xoxb-[A-Za-z0-9-]{10,500}$/)
  const ask = slackApi(given.url, token)
  return {
    name: given.name,
    kinds: given.kinds,
    reaches: given.channel === undefined ? 'people' : 'people-and-place',
    updates: true,
    tell: async (message, signal) => {
      if (message.instead !== null) return sayAnew(ask, message, signal)
      const channel = message.to ? await userOf(ask, given, message.to, signal) : given.channel
      if (channel === undefined) return null
      const said = await ask(
        'chat.postMessage',
        { channel, ...alone, ...blocksOf(message) },
        signal,
      )
      return placeOf(agreed(said))
    },
  }
}

type Ask = ReturnType<typeof slackApi>

async function sayAnew(ask: Ask, message: Message, signal: AbortSignal): Promise<string | null> {
  const [channel = '', ts = ''] = (message.instead ?? '').split(' ')
  const answer = await ask('chat.update', { channel, ts, ...blocksOf(message) }, signal)
  return over.includes(errorOf(answer)) ? null : placeOf(agreed(answer))
}

/** Undefined: they are not there, or not to be known by an address. */
async function userOf(ask: Ask, given: Given, { email }: Person, signal: AbortSignal) {
  if (email === null) return undefined
  const named = Object.entries(given.people).find(
    ([each]) => each.toLowerCase() === email.toLowerCase(),
  )
  if (named !== undefined) return named[1]
  const answer = await ask('users.lookupByEmail', { email }, signal)
  if (errorOf(answer) === 'users_not_found') return undefined
  const { user: found } = agreed(answer)
  const id = isObject(found) && found['deleted'] !== true ? found['id'] : undefined
  return user.safeParse(id).data
}

/** Where a message is, as `chat.update` wants it. */
function placeOf({ channel, ts }: JsonObject): string {
  if (
    typeof channel === 'string' &&
    typeof ts === 'string' &&
    /^[A-Z0-9]+ [\d.]+$/.test(`${channel} ${ts}`)
  )
    return `${channel} ${ts}`
  throw new Error('Slack does not say where the message is.')
}

/** The token goes in a header. A look-up is a form, since Slack takes no JSON for it. */
function slackApi(url: string, token: string) {
  return async (method: string, given: JsonObject, signal: AbortSignal): Promise<JsonObject> => {
    const isForm = method === 'users.lookupByEmail'
    const body = isForm
      ? new URLSearchParams(given as Record<string, string>).toString()
      : JSON.stringify(given)
    const type = isForm ? 'application/x-www-form-urlencoded' : 'application/json'
    const headers = { authorization: `Bearer ${token}`, 'content-type': `${type}; charset=utf-8` }
    const { status, said } = await post(
      { address: `${url}/api/${method}`, headers, body },
      signal,
      true,
    )
    if (isObject(said)) return said
    throw new Error(`Slack answered ${status} to ${method}.`)
  }
}

/** ATTACKER: an answer that repeats what it was sent. Only a word is ever shown. */
function errorOf({ ok, error }: JsonObject): string {
  if (ok === true) return ''
  return wordOf(error)
}

function wordOf(said: Json | undefined): string {
  return typeof said === 'string' && /^[a-z][a-z_]{1,60}$/.test(said) ? said : 'no'
}

/** Slack says most of its errors with HTTP 200: a yes is only what says `ok: true`. */
function agreed(answer: JsonObject): JsonObject {
  const error = errorOf(answer)
  if (error === '') return answer
  throw new Error(`Slack says \`${error}\`.`)
}
