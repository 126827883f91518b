/** E-mail: its form, who gets none, and that nothing is sent in the clear beyond this machine. */
import { createServer } from 'node:net'
import { beforeEach, expect, test } from 'vitest'
import type { Instant } from '../../src/core/base/time.ts'
import { type MailServer, startMailServer } from '../../test/fakes/mail-server.ts'
import { kinds, type Message } from '../common/channel.ts'
import { emailChannel } from './email.ts'

let mail: MailServer
beforeEach(async () => {
  mail = await startMailServer()
  return () => mail.close()
})

const open = (server = mail.address, held = 'robot:s3cret-of-mail') =>
  emailChannel(
    {
      name: 'mail',
      type: 'email',
      kinds: [...kinds],
      server,
      from: 'leasehold@acme.example',
      credential: 'file',
    },
    { secret: () => held },
  )
const message = (email: string | null, over: Partial<Message> = {}): Message => ({
  id: 'ap_1.2026-11-30T10:00:00.000Z.24h',
  kind: 'app.ending',
  about: 'ap_1',
  at: '2026-11-23T10:00:00.000Z' as Instant,
  thread: 'ap_1.ends',
  facts: {},
  title: 'desk ends in 24 hours',
  text: 'desk ends in 24 hours.',
  step: 'Extend it',
  link: 'https://leasehold.acme.example/apps/desk',
  to: { id: 'pe_1', name: 'Eve', email, state: 'living' },
  instead: null,
  ...over,
})
const soon = () => AbortSignal.timeout(5_000)

test('says what, where and in which thread, under an id that is the same each time', async () => {
  const eve = message('eve@acme.example')
  expect(await open().tell(eve, soon())).toBe(eve.id)
  await open().tell(eve, soon())
  const [first, second] = mail.mails
  expect(first).toMatchObject({ from: 'leasehold@acme.example', to: ['eve@acme.example'] })
  expect(first?.headers).toMatchObject({
    subject: 'desk ends in 24 hours',
    from: 'Leasehold <leasehold@acme.example>',
    'auto-submitted': 'auto-generated',
    'message-id': '<ap_1.2026-11-30T10-00-00.000Z.24h@acme.example>',
    references: '<ap_1.ends@acme.example>',
  })
  expect(second?.headers['message-id']).toBe(first?.headers['message-id'])
  expect(first?.raw).toContain('https://leasehold.acme.example/apps/desk')
  expect(mail.signedIn[0]).toBe('\0robot\0s3cret-of-mail')
})

test.each([
  null,
  'two@a.example, three@a.example',
  'a@b.example\r\nBcc: c@d.example',
  '<a@b.example>',
  'local',
])('to the address %j nothing is sent', async email => {
  expect(await open().tell(message(email), soon())).toBeNull()
  expect(await open().tell(message('x', { to: undefined }), soon())).toBeNull()
  expect(mail.mails).toEqual([])
})

test('a no of the server is told by its number, without the address or the password', async () => {
  mail.answers = 550
  const failed = open().tell(message('eve@acme.example'), soon())
  await expect(failed).rejects.toThrow(/^It did not take the mail \(.*550\)\.$/)
  await expect(failed).rejects.not.toThrow(/eve|s3cret/)
})

test('a server that says nothing costs the time limit', async () => {
  const mute = createServer(() => {}).listen(0, '127.0.0.1')
  await new Promise(done => mute.once('listening', done))
  const { port } = mute.address() as { port: number }
  const failed = open(`smtp://127.0.0.1:${port}`).tell(
    message('eve@acme.example'),
    AbortSignal.timeout(300),
  )
  await expect(failed).rejects.toThrow('It did not answer in time.')
  mute.close()
})

test('a server elsewhere that offers no TLS, or none that is its own, gets neither password nor mail', async () => {
  // Another spelling of this machine, which is not taken for it.
  const port = new URL(mail.address).port
  for (const scheme of ['smtp', 'smtps']) {
    const failed = open(`${scheme}://[::ffff:127.0.0.1]:${port}`).tell(
      message('eve@acme.example'),
      AbortSignal.timeout(2_000),
    )
    await expect(failed).rejects.toThrow(/^It did not/)
  }
  expect([mail.mails, mail.signedIn]).toEqual([[], []])
})
