/** A server that dies over a telling: a process of its own, killed, and the one that comes after it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { signInLink } from '../../demo/people.ts'
import { readConfig } from '../../src/config.ts'
import { type Running, startServer } from '../../src/main.ts'
import { startWebhookReceiver, type WebhookReceiver } from '../fakes/webhook-receiver.ts'
import { channelFolder, newWebhookSecret } from '../support/channels.ts'
import { leapingClock } from '../support/clock.ts'
import { appBody } from './company.ts'

let hook: WebhookReceiver
let file: string
let home: string
const cleanups: (() => unknown)[] = []
const minute = 60_000

beforeAll(async () => {
  hook = await startWebhookReceiver()
  home = await mkdtemp(join(tmpdir(), 'leasehold-notify-'))
  const yaml = `channels:\n  - name: ops\n    type: webhook\n    address: ${hook.address}\n    secret: ops.secret\n`
  const folder = await channelFolder({ 'notify.yaml': yaml, 'ops.secret': newWebhookSecret() })
  file = folder.file
  cleanups.push(
    () => hook.close(),
    folder.remove,
    () => rm(home, { recursive: true, force: true }),
  )
})
afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup()
})

const env = () => ({ LEASEHOLD_HOME: home, LEASEHOLD_PORT: '0', LEASEHOLD_NOTIFY: file })

interface Child {
  readonly process: ChildProcess
  readonly post: (path: string, body: object) => Promise<number>
}

async function startChild(): Promise<Child> {
  const args = ['--max-semi-space-size=4', join(import.meta.dirname, '../chaos/server.ts')]
  const path = process.env['PATH'] ?? ''
  const child = spawn(process.execPath, args, { env: { PATH: path, ...env() } })
  cleanups.push(() => child.kill('SIGKILL'))
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  const { issuer, address, link } = JSON.parse(line) as Record<string, string>
  const { token } = await signInLink(issuer ?? '', address ?? '', link ?? '')
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const post = async (at: string, body: object) => {
    const init = { method: 'POST', headers, body: JSON.stringify(body) }
    return (await fetch(`${address}${at}`, init)).status
  }
  return { process: child, post }
}

async function kill({ process: child }: Child): Promise<void> {
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}

const ids = () => hook.received.map(({ event }) => event.id as string)

test('what was sent and not noted comes again under the same id, what was not sent comes, and neither twice', async () => {
  const child = await startChild()
  expect(await child.post('/v1/apps', { ...appBody, backup: undefined, slug: 'desk' })).toBe(201)
  const later = (days: number) => new Date(Date.now() + days * 24 * 60 * minute).toISOString()
  // The receiver has it, and the server dies before it hears so.
  hook.answers = 'never'
  expect(await child.post('/v1/apps/desk/extend', { endsAt: later(8) })).toBe(200)
  await vi.waitFor(() => expect(hook.received).toHaveLength(1), { timeout: 20_000 })
  // This one is in the log, and was taken up by nobody.
  expect(await child.post('/v1/apps/desk/extend', { endsAt: later(9) })).toBe(200)
  await kill(child)

  hook.answers = 204
  const [first] = ids()
  const clock = leapingClock()
  clock.advance(minute)
  const running: Running = await startServer(readConfig(env()), { clock, log: () => {} })
  cleanups.push(() => running.stop())
  const { world } = running
  await world.settle()
  await world.runNow('notify')
  await vi.waitFor(() => expect(ids()).toHaveLength(3))
  expect(ids()[1]).toBe(first)
  expect(ids()[2]).not.toBe(first)
  // All but the port of our pages, which the system chose anew.
  const [before, after] = hook.received.map(({ event }) => JSON.stringify(event))
  expect(after?.replaceAll(/localhost:\d+/g, '')).toBe(before?.replaceAll(/localhost:\d+/g, ''))
  clock.advance(30 * minute)
  await world.runNow('notify')
  expect(ids()).toHaveLength(3)
}, 120_000)
