/** A webhook: whose it is, that it is whole and now; and a receiver that misbehaves costs a time limit and no more. */
import { randomBytes } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { addMs, fromMs, type Instant, systemClock } from '../../src/core/base/time.ts'
import { startWebhookReceiver, type WebhookReceiver } from '../../test/fakes/webhook-receiver.ts'
import { kinds, type Message } from '../common/channel.ts'
import { webhookChannel } from './webhook.ts'

let receiver: WebhookReceiver
const bytes = randomBytes(24)
const secret = `whsec_${bytes.toString('base64')}`
const home = 'https://leasehold.acme.example'
beforeEach(async () => {
  receiver = await startWebhookReceiver()
  return () => receiver.close()
})
afterEach(() => {
  receiver.answers = 204
})

const message: Message = {
  id: 'rq_1.1',
  kind: 'request.created',
  about: 'rq_1',
  at: '2026-11-23T10:00:00.000Z' as Instant,
  thread: 'rq_1',
  facts: { state: 'open' },
  title: 'Maya asks',
  text: 'Maya “asks” – für data',
  step: 'Read it',
  link: `${home}/a/rq_1`,
  to: undefined,
  instead: null,
}
const open = (now = () => systemClock.now()) =>
  webhookChannel(
    { name: 'ops', type: 'webhook', kinds: [...kinds], address: receiver.address, secret: 'file' },
    { secret: () => secret, home, clock: { now } },
  )
const soon = () => AbortSignal.timeout(2_000)

test('is taken by the specification’s own verifier, and not when a byte of it is another', async () => {
  expect(await open().tell(message, soon())).toBe(message.id)
  const [{ body, headers } = { body: '', headers: {} }] = receiver.received
  const verifier = new Webhook(secret)
  expect(verifier.verify(body, headers)).toMatchObject({ id: message.id, data: { state: 'open' } })
  expect(() => verifier.verify(body.replace('open', 'shut'), headers)).toThrow('No matching')
  expect(() => verifier.verify(body, { ...headers, 'webhook-id': 'rq_1.2' })).toThrow('No matching')
  expect(() =>
    new Webhook(`whsec_${randomBytes(24).toString('base64')}`).verify(body, headers),
  ).toThrow('No matching')
})

test('is of the moment it is sent: one that was kept back is refused as old', async () => {
  const old = open(() => addMs(fromMs(Date.now()), -10 * 60_000))
  await old.tell(message, soon())
  const [{ body, headers } = { body: '', headers: {} }] = receiver.received
  expect(() => new Webhook(secret).verify(body, headers)).toThrow('too old')
})

test.each([300, 301, 307, 308, 400, 404, 410, 500, 503])(
  '%i is no yes, and leads nowhere',
  async status => {
    receiver.answers = status
    await expect(open().tell(message, soon())).rejects.toThrow(`It answered ${status}.`)
    expect(receiver.received).toHaveLength(1)
  },
)

test('a receiver that never answers costs the time limit, and one that is away is said to be', async () => {
  receiver.answers = 'never'
  await expect(open().tell(message, AbortSignal.timeout(200))).rejects.toThrow('in time')
  const away = open()
  await receiver.close()
  await expect(away.tell(message, soon())).rejects.toThrow(/^It can not be reached\.$/)
  receiver = await startWebhookReceiver()
})

test('of an answer without end nothing is read', async () => {
  receiver.answers = 'endlessly'
  expect(await open().tell(message, soon())).toBe(message.id)
})
