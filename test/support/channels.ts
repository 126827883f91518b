/** A file of channels, as an operator writes it, with the secrets beside it: each of them made here. */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type MailServer, startMailServer } from '../fakes/mail-server.ts'
import { type SlackChat, startSlackChat } from '../fakes/slack-chat.ts'
import { startWebhookReceiver, type WebhookReceiver } from '../fakes/webhook-receiver.ts'

export const newWebhookSecret = () => `whsec_${randomBytes(24).toString('base64')}`

/** Written into a new folder, each 0600. */
export async function channelFolder(files: Readonly<Record<string, string>>) {
  const folder = await mkdtemp(join(tmpdir(), 'leasehold-channels-'))
  for (const [name, text] of Object.entries(files))
    await writeFile(join(folder, name), text, { mode: 0o600 })
  return {
    file: join(folder, 'notify.yaml'),
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

export interface Outside {
  readonly file: string
  readonly hook: WebhookReceiver
  readonly slack: SlackChat
  readonly mail: MailServer
  readonly secret: string
  /** What must never be in a log. */
  readonly secrets: readonly string[]
  stop(): Promise<void>
}

/** A program, a Slack and a mail server, and the file that names them. `home`: the address of the pages. */
export async function startOutside(home: string): Promise<Outside> {
  const hook = await startWebhookReceiver()
  const slack = await startSlackChat(home)
  const mail = await startMailServer()
  const secret = newWebhookSecret()
  const password = randomBytes(12).toString('hex')
  const { file, remove } = await channelFolder({
    'ops.secret': secret,
    'slack.token': slack.token,
    'mail.credential': `robot:${password}\n`,
    'notify.yaml': `channels:
  - name: ops
    type: webhook
    address: ${hook.address}
    secret: ops.secret
  - name: acme-slack
    type: slack
    url: ${slack.url}
    token: slack.token
    channel: C0TEAM
    people:
      sue@acme.example: U0SUE
  - name: mail
    type: email
    server: ${mail.address}
    from: leasehold@acme.example
    credential: mail.credential
    kinds: [request.created, request.closed, app.ending, app.paused, app.ended, finding.raised]
`,
  })
  return {
    file,
    hook,
    slack,
    mail,
    secret,
    secrets: [secret, secret.slice(6), slack.token, password],
    stop: async () => {
      await Promise.all([hook.close(), slack.close(), mail.close()])
      await remove()
    },
  }
}
