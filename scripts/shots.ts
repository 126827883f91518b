// Takes the pictures of docs/console: every page of the console in light and dark and some on a phone, as the
// real browser shows the pretend company, and the demo's day and afternoon where what is looked at is theirs.
// Names stay; ids and times differ from run to run. Run `node scripts/console.ts` before;
// `node scripts/shots.ts NAME…` takes those named alone.
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Page } from 'playwright-core'
import { makeCompany } from '../demo/company/run.ts'
import { type Opened, openConsole, type Window } from '../test/console/open.ts'

interface Shot {
  readonly name: string
  readonly path: string
  /** Of the demo's day; else of the pretend company. */
  readonly isDay?: true
  /** What somebody does before the picture. */
  readonly act?: (page: Page) => Promise<void>
}

const shots: readonly Shot[] = [
  { name: 'home', path: '/' },
  { name: 'apps', path: '/apps' },
  { name: 'app', path: '/apps/churn-radar' },
  { name: 'ways', path: '/apps/deal-desk', act: openWays },
  { name: 'end-plan', path: '/apps/churn-radar/end', act: openEnd },
  { name: 'end-proof', path: '/apps/deal-desk/end', isDay: true },
  { name: 'end-not-green', path: '/apps/ghost-invoices/end', isDay: true },
  { name: 'requests', path: '/requests' },
  { name: 'request', path: '/requests', act: openRequest },
  { name: 'answer', path: '/requests', isDay: true, act: openAnswer },
  { name: 'leases', path: '/leases' },
  { name: 'day', path: '/days/claude-day', isDay: true, act: openDay },
  { name: 'log', path: '/log' },
  { name: 'trace', path: '/trace/deal-desk', isDay: true },
  { name: 'decision', path: '/apps/churn-radar', isDay: true, act: openDecision },
  { name: 'ends', path: '/ends' },
  { name: 'found', path: '/found' },
  { name: 'holds', path: '/holds', isDay: true },
  { name: 'policy', path: '/policy', isDay: true },
  { name: 'connect', path: '/connect' },
  { name: 'bar', path: '/', act: openBar },
]

/** On a phone: what somebody answers on the way. */
const phone = ['home', 'request', 'answer', 'app', 'end-proof']
const folder = join(dirname(import.meta.dirname), 'docs', 'console')
const mostBytes = 150_000

await takeAll(process.argv.slice(2))

async function takeAll(named: readonly string[]): Promise<void> {
  mkdirSync(folder, { recursive: true })
  if (named.length === 0)
    for (const name of readdirSync(folder)) if (name.endsWith('.png')) rmSync(join(folder, name))
  const chosen = shots.filter(({ name }) => named.length === 0 || named.includes(name))
  const seed = { seed: 7, now: null, port: 0, isKept: false }
  await takeOf(
    () => openConsole(async () => (await makeCompany(seed, () => {})).company.parts),
    chosen.filter(({ isDay }) => !isDay),
  )
  await takeOf(
    async () => {
      const opened = await openConsole()
      await makeDay(opened)
      return opened
    },
    chosen.filter(({ isDay }) => isDay),
  )
}

async function takeOf(
  open: () => Promise<Pick<Opened, 'window' | 'stop'>>,
  some: readonly Shot[],
): Promise<void> {
  if (some.length === 0) return
  const opened = await open()
  try {
    const viewport = { width: 1100, height: 700 }
    for (const colorScheme of ['light', 'dark'] as const) {
      const wide = await opened.window({ colorScheme, viewport })
      for (const shot of some) await take(wide, shot, `${shot.name}-${colorScheme}`)
      await wide.context.close()
    }
    const small = await opened.window({ viewport: { width: 360, height: 720 } })
    for (const shot of some.filter(({ name }) => phone.includes(name)))
      await take(small, shot, `${shot.name}-phone`)
    await small.context.close()
  } finally {
    await opened.stop()
  }
}

async function take({ page, go }: Window, { path, act }: Shot, name: string): Promise<void> {
  await go(path)
  await act?.(page)
  await page.waitForTimeout(300)
  const file = join(folder, `${name}.png`)
  await page.screenshot({ path: file, animations: 'disabled' })
  const { size } = statSync(file)
  if (size > mostBytes) throw new Error(`${name} has ${size} bytes`)
  console.log(`${name}  ${Math.round(size / 1000)} kB`)
}

/** Four teams, of which one waits for somebody. */
async function makeDay({ parts: { maya } }: Opened): Promise<void> {
  const team = { backup: 'tom@acme.example', days: 2, day: 'claude-day' }
  for (const slug of ['team-board', 'team-quotes', 'team-renewals', 'team-triage'])
    await maya.client.post('/v1/apps', { ...team, slug, purpose: `what ${slug} shows` })
  const ask = { app: 'team-quotes', resource: 'crm.deals', actions: ['read'] }
  await maya.client.post('/v1/requests', { ...ask, reason: 'the open quotes' })
}

async function openDay(page: Page): Promise<void> {
  await page.locator('.wall > li').nth(3).waitFor()
}

async function openEnd(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'End…' }).click()
  await page.getByLabel(/^Type/).fill('churn-ra')
}

async function openRequest(page: Page): Promise<void> {
  await page.getByRole('link', { name: /^R-/ }).first().click()
  await page.getByText('The worst that can come of it').waitFor()
}

/** What a message leads to. */
async function openAnswer(page: Page): Promise<void> {
  const waiting = page.getByRole('table', { name: 'Requests that wait for you' })
  const path = await waiting.getByRole('link', { name: /^R-/ }).first().getAttribute('href')
  await page.goto(new URL(path?.replace('requests', 'a') ?? '/', page.url()).href)
  await page.getByText('The worst that can come of it').waitFor()
}

async function openWays(page: Page): Promise<void> {
  const credential = page.getByRole('link', { name: /^Credential L-/ }).first()
  await credential.focus()
  await page.getByRole('region', { name: /^Owner → App/ }).evaluate(panel => panel.scrollIntoView())
}

async function openDecision(page: Page): Promise<void> {
  await page.locator('#last-no').getByRole('link').first().click()
  await page.getByText('The record, as it is in the log').waitFor()
}

async function openBar(page: Page): Promise<void> {
  await page.keyboard.press('Control+k')
  await page.keyboard.type('churn')
  await page.getByRole('option').first().waitFor()
}
