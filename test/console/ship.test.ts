/**
 * A shipped app in real browsers, each a person of their own: who it is shared with sees it and the bar,
 * somebody else is told whom to ask, and nobody has to load a page anew to learn that it is paused or over.
 */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { AxeBuilder } from '@axe-core/playwright'
import type { BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Cli } from '../../cli/src/cli.ts'
import { answerFor } from '../../cli/src/make/ship/answer.ts'
import { type Parts, startParts } from '../../demo/parts.ts'
import { startSession } from '../../src/life/sign-in/session.ts'
import { hasBrowser, type Opened, openConsole } from './open.ts'

let opened: Opened
let parts: Parts
let app: Server
const over = new AbortController()
const slug = 'stuck-deals'
const at = () => `http://${slug}.apps.${new URL(parts.issuer).host}/`
const people = new Map<string, { context: BrowserContext; page: Page }>()

beforeAll(async () => {
  if (!hasBrowser) return
  opened = await openConsole(() => startParts({ kept: false, port: 0 }, () => {}))
  parts = opened.parts
  const body = { slug, purpose: 'board of stuck deals', backup: 'tom@acme.example', days: 5 }
  await parts.maya.client.post('/v1/apps', body)
  app = createServer((_, res) => {
    res.setHeader('content-type', 'text/html')
    // As our own template says it: no script but by its nonce.
    res.setHeader(
      'content-security-policy',
      "default-src 'none'; script-src 'nonce-abc'; base-uri 'none'",
    )
    res.end('<!doctype html><html lang="en"><title>Deals</title><main><h1>Stuck deals</h1></main>')
  }).listen(0, '127.0.0.1')
  await once(app, 'listening')
  const { port } = app.address() as AddressInfo
  const server = { url: new URL(parts.address), demo: { token: parts.maya.token } }
  const told = () => {}
  void answerFor({ server } as unknown as Cli, { slug, port, signal: over.signal, told })
  for (const name of ['maya', 'tom', 'sam'] as const) people.set(name, await windowOf(name))
}, 120_000)
afterAll(async () => {
  over.abort()
  app?.close()
  await opened?.stop()
})

/** Signed in at the server, as a browser is that was there this morning. */
async function windowOf(name: 'maya' | 'tom' | 'sam') {
  const { world } = parts.running
  const [row] = await world.store.query<{ id: never }>('select id from person where name like $1', [
    `${name.charAt(0).toUpperCase()}${name.slice(1)}%`,
  ])
  if (row === undefined) throw new Error(`nobody is called ${name}`)
  const { secret } = await startSession(world.store, row.id, world.clock.now())
  const context = await opened.browser.newContext({ viewport: { width: 900, height: 500 } })
  context.setDefaultTimeout(15_000)
  await context.addCookies([{ name: 'lh_session', value: secret, url: parts.issuer }])
  return { context, page: await context.newPage() }
}

function pageOf(name: string): Page {
  const known = people.get(name)
  if (known === undefined) throw new Error(`there is no window of ${name}`)
  return known.page
}

const heading = (page: Page, text: RegExp) => page.getByRole('heading', { name: text }).waitFor()
const barOf = (page: Page) => page.getByRole('note', { name: 'About this app' })
const change = (path: string, body: object = {}) =>
  parts.maya.client.post<{ planHash: string }>(`/v1/apps/${slug}/${path}`, body)

test.skipIf(!hasBrowser)('two people open it in two browsers, each named in its bar', async () => {
  await change('share', { people: ['tom@acme.example'] })
  for (const [name, called] of [
    ['maya', 'Maya'],
    ['tom', 'Tom'],
  ] as const) {
    const page = pageOf(name)
    await page.goto(at())
    await heading(page, /Stuck deals/)
    expect(page.url()).toBe(at())
    await barOf(page).waitFor()
    const says = await barOf(page).innerText()
    expect(says).toContain(`you are ${called}`)
    expect(says).toMatch(/stuck-deals · Maya .* · ends /)
  }
})

test.skipIf(!hasBrowser)('a third is refused, and told whom to ask', async () => {
  const page = pageOf('sam')
  await page.goto(at())
  await heading(page, /is not shared with you/)
  expect(await page.locator('main').innerText()).toMatch(/Ask Maya .*maya@acme\.example.* to share/)
  const { violations } = await new AxeBuilder({ page }).analyze()
  expect(violations).toEqual([])
})

test.skipIf(!hasBrowser)(
  'a pause takes open pages away, and a page comes back after it',
  async () => {
    await change('pause', { reason: 'a number is wrong' })
    for (const name of ['maya', 'tom']) await heading(pageOf(name), /is paused/)
    await change('resume')
    for (const name of ['maya', 'tom']) {
      await heading(pageOf(name), /Stuck deals/)
      expect(await pageOf(name).title()).toBe('Deals')
    }
  },
)

test.skipIf(!hasBrowser)(
  'after the end both are told whose it was, and that nothing is left',
  async () => {
    const { planHash } = await change('end')
    await change('end', { planHash })
    for (const name of ['maya', 'tom']) {
      const page = pageOf(name)
      await heading(page, /has ended/)
      await expect
        .poll(async () => {
          await page.goto(at())
          return page.locator('main').innerText()
        })
        .toContain('nothing is left')
      expect(await page.locator('main').innerText()).toMatch(/It was of Maya/)
    }
    const { violations } = await new AxeBuilder({ page: pageOf('tom') }).analyze()
    expect(violations).toEqual([])
  },
)
