/**
 * The console in a real browser, on a company with a great many of everything: how long until a page shows its
 * first row, until a filter has its answer, until 10,000 leases are drawn, and how many entries of the log a
 * window shows as they come, at how many frames. Server, database and browser share the machine.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { entryKind } from '../src/core/ledger/kind.ts'
import { recorded } from '../src/core/ledger/record.ts'
import type { Running } from '../src/main.ts'
import { buildConsole, launch, openWindow, type Window } from '../test/console/open.ts'
import { recordingTarget } from '../test/fakes/recording-target.ts'
import { peopleOf, startEmpty } from './furnish.ts'
import { makeMany } from './many.ts'
import { againstGoal, type Row, round3 } from './row.ts'

const counts = { apps: 1_000, leases: 10_000, things: 1_000 }
const entries = 2_000
const loads = 5
const liveSeconds = 5
const liveBatch = 25
/** A page shows its first row within a second, on this machine. */
const goalMs = 1_000

const written = entryKind('bench.console', 'wrote an entry for a page to show')

/** Run in the page: from the press to the frame after the one that has the picture. */
const drawing = `(async () => {
  const frame = () => new Promise(done => requestAnimationFrame(done))
  const startedMs = performance.now()
  const buttons = [...document.querySelectorAll('button')]
  buttons.find(({ textContent }) => textContent === 'Show as picture').click()
  while (document.querySelector('.timeline rect') === null) await frame()
  await frame()
  return performance.now() - startedMs
})()`

/** Run in the page: how long each frame took. */
const framesFor = (ms: number) => `(async () => {
  const all = []
  const startedMs = performance.now()
  for (let last = startedMs; last - startedMs < ${ms}; last = performance.now()) {
    await new Promise(done => requestAnimationFrame(done))
    all.push(performance.now() - last)
  }
  return all
})()`

/** Each page, and what is its first row. */
const pages = [
  ['/apps', 'main tbody tr'],
  ['/leases?as=table', 'main tbody tr'],
  ['/leases?range=Week', '.timeline rect'],
  ['/found', 'main tbody tr'],
  ['/log', '.entry'],
  ['/ends', 'main .empty, main tbody tr'],
] as const

export async function benchConsole(progress: (text: string) => void): Promise<Row> {
  buildConsole()
  const temp = await mkdtemp(join(tmpdir(), 'leasehold-console-'))
  const { connector } = recordingTarget()
  const [server, browser] = await Promise.all([startEmpty([connector]), launch(temp)])
  try {
    const { running } = server
    await makeMany(running, { connector, config: {}, object: {}, columns: ['id'] }, counts)
    await write(running, entries)
    await running.world.settle()
    progress(
      `${counts.apps} apps, ${counts.leases} leases, ${counts.things} things, ${entries} entries`,
    )
    const window = await openWindow(running, browser)
    const first = await measureFirst(window, progress)
    const filterMs = await measureFilter(window)
    progress(`filter ${filterMs} ms`)
    const timeline = await measureTimeline(window)
    progress(`timeline of ${timeline.bars} bars ${timeline.drawMs} ms`)
    const live = await measureLive(window, running)
    progress(`live ${live.entriesASecond} entries a second, ${live.framesASecond} frames`)
    const all = first.map(({ ms }) => ms).sort((a, b) => a - b)
    const ours = all[Math.ceil(all.length * 0.95) - 1] ?? Number.NaN
    const figures = { ours, goal: goalMs, unit: 'ms to first row, p95', all }
    return againstGoal('console', figures, { ...counts, entries, loads, filterMs, timeline, live })
  } finally {
    await browser.close()
    await server.stop()
    await rm(temp, { recursive: true, force: true })
  }
}

async function write({ world }: Running, count: number): Promise<void> {
  const [by] = peopleOf(world)
  const one = (n: number) =>
    recorded(world, async scope => {
      scope.entry({ kind: written, by, subjects: [], facts: { n } })
    })
  for (let n = 0; n < count; n += liveBatch)
    await Promise.all(Array.from({ length: Math.min(liveBatch, count - n) }, (_, i) => one(n + i)))
}

/** The clock is the page's own: from the start of its loading to the frame that has the row. */
async function measureFirst({ page, go }: Window, progress: (text: string) => void) {
  const all: { path: string; ms: number }[] = []
  for (const [path, row] of pages) {
    const own: number[] = []
    for (let load = 0; load < loads; load++) {
      await go('/holds')
      await page.goto(new URL(path, page.url()).href, { waitUntil: 'commit' })
      await page.locator(row).first().waitFor()
      own.push(await page.evaluate(() => performance.now()))
    }
    progress(`${path} ${own.map(ms => Math.round(ms)).join(' ')} ms`)
    all.push(...own.map(ms => ({ path, ms: round3(ms) })))
  }
  return all
}

/** From the press to the first row of the answer, which is another one than before. */
async function measureFilter({ page, go }: Window): Promise<number> {
  await go('/log')
  await page.locator('.entry').first().waitFor()
  await page.getByLabel('Kind').fill('bench.furnish')
  const startedMs = performance.now()
  await page.getByRole('button', { name: 'Filter' }).click()
  await page.locator('.entry').getByText('made an app for a bench').waitFor()
  return round3(performance.now() - startedMs)
}

/** Reads all pages, then has the picture drawn anew from the table. */
async function measureTimeline({ page, go }: Window) {
  await go('/leases?range=Week')
  const further = page.getByRole('button', { name: 'Look further' })
  const readMs = performance.now()
  for (let rows = 200; rows < counts.leases; rows += 200) {
    await further.click()
    await page
      .getByText(`of the newest ${(rows + 200).toLocaleString('en')}`)
      .or(noMore(page))
      .first()
      .waitFor()
  }
  const readS = round3((performance.now() - readMs) / 1_000)
  await page.getByRole('button', { name: 'Show as table' }).click()
  await page.getByRole('button', { name: 'Show as picture' }).waitFor()
  const drawMs = await page.evaluate<number>(drawing)
  const bars = await page.locator('.timeline rect').count()
  return { bars, drawMs: round3(drawMs), readS }
}

const noMore = (page: Page) => page.getByRole('heading', { name: 'No one holds access right now' })

/** As many as the server takes, while the page is looked at; over when it shows the last of them. */
async function measureLive({ page, go }: Window, running: Running) {
  await go('/log')
  await page.locator('.pill').getByText('live').waitFor()
  const frames = page.evaluate<number[]>(framesFor(liveSeconds * 1_000))
  const startedMs = performance.now()
  let count = 0
  for (; performance.now() - startedMs < liveSeconds * 1_000; count += liveBatch)
    await write(running, liveBatch)
  const wroteS = (performance.now() - startedMs) / 1_000
  await running.world.settle()
  const newest = running.world.follower.position - 1
  await page.locator('.entry').getByText(`#${newest}`, { exact: true }).waitFor()
  const shownAfterMs = performance.now() - startedMs - wroteS * 1_000
  const all = await frames
  return {
    entriesASecond: Math.round(count / wroteS),
    framesASecond: round3(all.length / liveSeconds),
    worstFrameMs: Math.round(Math.max(...all)),
    lastShownAfterMs: Math.round(shownAfterMs),
  }
}
