/** The console lives: what happens elsewhere is seen without asking, and what was missed is caught up with. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Client } from '../../demo/client.ts'
import { signInLink } from '../../demo/people.ts'
import { readConfig } from '../../src/config.ts'
import { bounds } from '../../src/doors/api/bounds.ts'
import { type Running, startServer } from '../../src/main.ts'
import { ended, homeOfSam, start } from '../journeys/cli.ts'
import { leapingClock } from '../support/clock.ts'
import { buildConsole, hasBrowser, launch, openWindow, type Window } from './open.ts'

const onPages = hasBrowser ? describe : describe.skip
const clock = leapingClock()
let temp: string
let browser: Browser
let running: Running
let sam: Client
let home: string
let window: Window

async function startHere(port: number): Promise<Running> {
  return startServer(
    readConfig({
      LEASEHOLD_HOME: join(temp, 'server'),
      LEASEHOLD_PORT: String(port),
      LEASEHOLD_TRUST_DOMAIN: 'acme.example',
    }),
    { log: () => {}, firstPerson: 'Sam', clock },
  )
}

async function clientOfSam(): Promise<Client> {
  const { issuer, address } = running
  return (await signInLink(issuer, address, await running.signInLink())).client
}

beforeAll(async () => {
  if (!hasBrowser) return
  buildConsole()
  temp = await mkdtemp(join(tmpdir(), 'leasehold-live-'))
  ;[running, browser] = await Promise.all([startHere(0), launch(temp)])
  sam = await clientOfSam()
  home = await homeOfSam({ running })
  for (const slug of ['one', 'two', 'three'])
    await sam.post('/v1/apps', { slug, purpose: `the app called ${slug}`, days: 5 })
  window = await openWindow(here, browser)
}, 120_000)
afterAll(async () => {
  await browser?.close()
  await running?.stop()
  if (temp !== undefined) await rm(temp, { recursive: true, force: true })
  if (home !== undefined) await rm(home, { recursive: true, force: true })
})

/** Whichever server runs now. */
const here = {
  get issuer() {
    return running.issuer
  },
  signInLink: () => running.signInLink(),
}

const pill = () => window.page.locator('.pill')
const stateOf = (slug: string) =>
  window.page.getByRole('row').filter({ hasText: slug }).locator('td[data-name="State"]')
const says = (slug: string, word: string) =>
  stateOf(slug).getByText(word, { exact: false }).waitFor()

/** Set once; a page that was loaded again has lost it. */
const mark = () => window.page.evaluate(() => void Object.assign(globalThis, { marked: true }))
const isSamePage = () => window.page.evaluate(() => 'marked' in globalThis)

onPages('a window that is looked at', () => {
  test('asks nothing while nothing happens', async () => {
    const { page, go } = window
    await go('/apps')
    await pill().getByText('live').waitFor()
    await page.waitForTimeout(1_000)
    const asked: string[] = []
    page.on('request', request => asked.push(new URL(request.url()).pathname))
    // Longer than it would be before a list is asked for again without being told.
    await page.waitForTimeout(5_000)
    page.removeAllListeners('request')
    expect(asked).toEqual([])
  })

  test('shows an app that was paused at the command line within two seconds', async () => {
    const { go } = window
    await go('/apps')
    await pill().getByText('live').waitFor()
    await mark()
    await says('one', 'active')
    const { code, err } = await ended(start(home, ['pause', 'one', '--reason', 'too loud']))
    const from = performance.now()
    expect([code, err]).toEqual([0, expect.not.stringContaining('✕')])
    await says('one', 'paused')
    expect(performance.now() - from).toBeLessThan(2_000)
    expect(await isSamePage()).toBe(true)
  }, 30_000)

  test('says since when it is not connected, and catches up with what it missed', async () => {
    const { page, complaints } = window
    await window.go('/apps')
    await pill().getByText('live').waitFor()
    await mark()
    const port = Number(new URL(running.issuer).port)
    await running.stop()
    await pill()
      .getByText(/not connected since \d\d:\d\d:\d\d/)
      .waitFor()
    // What was read before is still there to read.
    await says('two', 'active')
    running = await startHere(port)
    sam = await clientOfSam()
    await sam.post('/v1/apps/two/pause', { reason: 'while it was away' })
    await pill().getByText('live').waitFor()
    await says('two', 'paused')
    expect(await isSamePage()).toBe(true)
    await page.getByRole('link', { name: 'Log', exact: true }).click()
    await page.getByText('paused the app').first().waitFor()
    // Refused connections are what the browser writes down itself.
    complaints.splice(0)
  }, 60_000)

  test('goes on after the network was lost, from where it was', async () => {
    const { context, page } = window
    await window.go('/apps')
    await pill().getByText('live').waitFor()
    await mark()
    const streams: string[] = []
    page.on('request', request => {
      if (request.url().includes('/v1/stream')) streams.push(request.url())
    })
    await context.setOffline(true)
    await pill().getByText('not connected since').waitFor()
    await sam.post('/v1/apps/three/pause', { reason: 'unseen' })
    const { size } = await sam.get<{ size: number }>('/v1/log?limit=1')
    await context.setOffline(false)
    await says('three', 'paused')
    await pill().getByText('live').waitFor()
    const after = Number(new URL(streams.at(-1) ?? '').searchParams.get('after'))
    expect(after).toBeGreaterThan(0)
    expect(after).toBeLessThan(size - 1)
    expect(await isSamePage()).toBe(true)
    window.complaints.splice(0)
  }, 30_000)

  test('is asked for again every few seconds where it may not be listened to', async () => {
    const other = await openWindow(here, browser)
    await other.page.route('**/v1/stream*', route => route.fulfill({ status: 429 }))
    await other.go('/apps')
    await other.page.locator('.pill').getByText('asking').waitFor()
    await sam.post('/v1/apps/one/resume')
    const row = other.page.getByRole('row').filter({ hasText: 'one' }).first()
    await row.getByText('active').waitFor()
    expect(await other.page.locator('.pill').innerText()).toContain('asking')
    await other.context.close()
  }, 30_000)

  test('whose session ended elsewhere is asked to sign in again', async () => {
    const other = await openWindow(here, browser)
    await other.page.locator('.pill').getByText('live').waitFor()
    const second = await other.context.newPage()
    await second.goto(`${running.issuer}/`)
    await second.locator('.person summary').click()
    await second.getByRole('button', { name: 'Sign out' }).click()
    await second.getByRole('heading', { name: 'Sign in' }).waitFor()
    // An entry wakes the stream, which looks first whose it is.
    clock.advance(bounds.streamCheckMs + 1)
    await sam.post('/v1/apps/one/pause', { reason: 'again' })
    await other.page.getByRole('heading', { name: 'Sign in' }).waitFor()
    expect(new URL(other.page.url()).pathname).toBe('/sign-in')
    await other.context.close()
  }, 30_000)
})
