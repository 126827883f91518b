/** Slack: where a message goes, that it stays within what Slack takes, and what it says when it says no. */
import { beforeEach, expect, test } from 'vitest'
import type { Instant } from '../../src/core/base/time.ts'
import { type SlackChat, startSlackChat } from '../../test/fakes/slack-chat.ts'
import { type Channel, kinds, type Message } from '../common/channel.ts'
import { slackChannel } from './slack.ts'

let slack: SlackChat
const home = 'https://leasehold.acme.example'
beforeEach(async () => {
  slack = await startSlackChat(home)
  slack.users['eve@acme.example'] = 'U0EVE'
  return async () => {
    expect(slack.breaches).toEqual([])
    await slack.close()
  }
})

const open = (over: object = {}): Channel => {
  const given = {
    name: 'acme',
    type: 'slack' as const,
    kinds: [...kinds],
    token: 'file',
    people: {},
  }
  return slackChannel(
    { ...given, url: slack.url, channel: 'C0TEAM', ...over },
    { secret: () => slack.token },
  )
}
const message = (over: Partial<Message> = {}): Message => ({
  id: 'fi_1.1',
  kind: 'finding.raised',
  about: 'fi_1',
  at: '2026-11-23T10:00:00.000Z' as Instant,
  thread: 'fi_1',
  facts: {},
  title: 'F-1 needs you',
  text: 'Something is odd.',
  step: 'See it',
  link: `${home}/findings/fi_1`,
  to: undefined,
  instead: null,
  ...over,
})
const eve = (email: string | null) => ({ id: 'pe_1', name: 'Eve', email, state: 'living' })
const tell = (one: Message, by = open()) => by.tell(one, AbortSignal.timeout(2_000))

test('a message for a person is in their own conversation, one for nobody in the channel', async () => {
  await tell(message({ to: eve('eve@acme.example') }))
  await tell(message())
  expect(slack.messages.map(({ channel }) => channel)).toEqual(['D0EVE', 'C0TEAM'])
})

test('who is named in the file is not looked up, whatever the letters of the address', async () => {
  slack.users['else@acme.example'] = 'U0TRUE'
  const named = open({ people: { 'Eve@acme.example': 'U0TRUE' } })
  await tell(message({ to: eve('eve@ACME.example') }), named)
  expect(slack.messages.map(({ channel }) => channel)).toEqual(['D0TRUE'])
})

test('who is not there, or has no address, is told nothing, and not in the channel either', async () => {
  expect(await tell(message({ to: eve('new@acme.example') }))).toBeNull()
  expect(await tell(message({ to: eve(null) }))).toBeNull()
  expect(slack.messages).toEqual([])
  const alone = open({ channel: undefined })
  expect(alone.reaches).toBe('people')
  expect(await tell(message(), alone)).toBeNull()
})

test('a message is said anew in place; one that somebody removed is not said again', async () => {
  const place = await tell(message())
  const after = message({ kind: 'finding.closed', text: 'It is right again.', instead: place })
  expect(await tell(after)).toBe(place)
  expect(slack.read('C0TEAM')).toEqual(['It is right again.\n*See it*'])
  slack.messages.length = 0
  expect(await tell(after)).toBeNull()
  expect(slack.messages).toEqual([])
})

test('the longest text, each sign of which takes five, is what Slack takes, and reads as it was', async () => {
  const text = '&'.repeat(500)
  const link = `${home}/findings/${'x'.repeat(200)}`
  await tell(message({ text, title: text, link }))
  expect(slack.read('C0TEAM')).toEqual([`${text}\n*See it*`])
})

test.each([
  ['invalid_auth', /Slack says `invalid_auth`/],
  ['channel_not_found', /Slack says `channel_not_found`/],
  ['it was xoxb-1234', /Slack says `no`/],
  [429, /Slack answered 429 to chat\.postMessage/],
  [500, /Slack answered 500/],
])('a no of Slack (%s) is told without what was sent', async (fault, says) => {
  slack.fault = fault
  const failed = tell(message())
  await expect(failed).rejects.toThrow(says)
  await expect(failed).rejects.not.toThrow(slack.token)
})
