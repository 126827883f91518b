/**
 * A program that is told all that happens: a CloudEvent (1.0, structured JSON) for each notice, signed as Standard
 * Webhooks has it (v1, HMAC-SHA256), so that the receiver knows whose it is, that it is whole, and that it is now.
 */
import { createHmac } from 'node:crypto'
import { z } from 'zod'
import { type Clock, systemClock, toSeconds } from '../../src/core/base/time.ts'
import type { Channel, Message } from '../common/channel.ts'
import { address, common, type ReadSecret, secretFile } from '../common/file.ts'
import { post } from '../common/post.ts'

export const webhookShape = z.strictObject({
  ...common,
  type: z.literal('webhook'),
  address,
  /** Holds `whsec_` and 24 to 64 bytes as base64. */
  secret: secretFile,
})

const secretForm = /^whsec_(?:[A-Za-z0-9+/]{4}){8,21}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

export interface WebhookWorld {
  readonly secret: ReadSecret
  /** The address of our pages: whose event it is. */
  readonly home: string
  readonly clock?: Pick<Clock, 'now'>
}

export function webhookChannel(
  given: z.infer<typeof webhookShape>,
  { secret, home, clock = systemClock }: WebhookWorld,
): Channel {
  const key = Buffer.from(secret(given.secret, secretForm).slice('whsec_'.length), 'base64')
  return {
    name: given.name,
    kinds: given.kinds,
    reaches: 'feed',
    updates: false,
    tell: async (message, signal) => {
      const body = JSON.stringify(eventOf(message, home))
      // Of this try: a receiver takes nothing that is old.
      const headers = signed(key, { id: message.id, at: toSeconds(clock.now()), body })
      const { status } = await post({ address: given.address, headers, body }, signal)
      if (status < 200 || status > 299) throw new Error(`It answered ${status}.`)
      return message.id
    },
  }
}

/** cloudevents.io, 1.0.2. `id` is the same each time it is sent. */
function eventOf({ id, kind, about, at, facts, text, link }: Message, source: string) {
  return {
    specversion: '1.0',
    id,
    source,
    type: `com.leasehold.${kind}`,
    subject: about,
    time: at,
    datacontenttype: 'application/json',
    data: { ...facts, says: text, link },
  }
}

/** standardwebhooks.com, "Signature scheme": over id, time and body, so that none of them can be another's. */
function signed(key: Buffer, { id, at, body }: { id: string; at: number; body: string }) {
  const signature = createHmac('sha256', key).update(`${id}.${at}.${body}`).digest('base64')
  return {
    'content-type': 'application/cloudevents+json; charset=utf-8',
    'webhook-id': id,
    'webhook-timestamp': `${at}`,
    'webhook-signature': `v1,${signature}`,
  }
}
