// Takes the pictures of docs/console: every page of the console in light and dark and some on a phone, as the
// real browser shows the pretend company, and the demo's day and afternoon where what is looked at is theirs.
// Names stay; ids and times differ from run to run. Run `node scripts/console.ts` before; with the name of a
// folder the pictures go there.
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
  { name: 'end-plan', path: '/apps/churn-radar/end', act: openEnd },
  { name: 'end-proof', path: '/apps/deal-desk/end', isDay: true },
  { name: 'end-not-green', path: '/apps/ghost-invoices/end', isDay: true },
  { name: 'requests', path: '/requests' },
  { name: 'request', path: '/requests', act: openRequest },
  { name: 'leases', path: '/leases' },
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
const phone = ['home', 'request', 'app', 'end-proof']
const folder = process.argv[2] ?? join(dirname(import.meta.dirname), 'docs', 'console')
const mostBytes = 150_000

await takeAll()

async function takeAll(): Promise<void> {
  mkdirSync(folder, { recursive: true })
  for (const name of readdirSync(folder)) if (name.endsWith('.png')) rmSync(join(folder, name))
  const seed = { seed: 7, now: null, port: 0, isKept: false }
  await takeOf(
    () => openConsole(async () => (await makeCompany(seed, () => {})).company.parts),
    shots.filter(({ isDay }) => !isDay),
  )
  await takeOf(
    () => openConsole(),
    shots.filter(({ isDay }) => isDay),
  )
}

async function takeOf(
  open: () => Promise<Pick<Opened, 'window' | 'stop'>>,
  some: readonly Shot[],
): Promise<void> {
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

async function openEnd(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'End…' }).click()
  await page.getByLabel(/^Type/).fill('churn-ra')
}

async function openRequest(page: Page): Promise<void> {
  await page.getByRole('link', { name: /^R-/ }).first().click()
  await page.getByText('The worst that can come of it').waitFor()
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
