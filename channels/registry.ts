/** The ways that are known, and those that the file of channels names. `main.ts` takes them from here. */
import { resolve } from 'node:path'
import { z } from 'zod'
import type { Carrier } from '../src/life/notify/notice.ts'
import { makeCarrier } from './common/carrier.ts'
import { readFile } from './common/file.ts'
import { emailChannel, emailShape } from './email/email.ts'
import { slackChannel, slackShape } from './slack/slack.ts'
import { webhookChannel, webhookShape } from './webhook/webhook.ts'

const shape = z.discriminatedUnion('type', [webhookShape, slackShape, emailShape], {
  error: 'is `webhook`, `slack` or `email`',
})

/** `path` null: nobody is told. `home`: the address of our pages. Problem `bad-configuration` names the line. */
export function openChannels(path: string | null, home: string): Carrier {
  if (path === null) return makeCarrier([], home)
  const { channels, secret } = readFile(resolve(path), shape)
  const opened = channels.map(each => {
    switch (each.type) {
      case 'webhook':
        return webhookChannel(each, { secret, home })
      case 'slack':
        return slackChannel(each, { secret })
      case 'email':
        return emailChannel(each, { secret })
    }
  })
  return makeCarrier(opened, home)
}
