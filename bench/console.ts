/**
 * The console in a real browser, on a company with a great many of everything: how long the server takes for
 * what a page asks first, how long until the page shows its first row, until a filter has its answer, until
 * 10,000 leases are drawn, and how many entries of the log a window shows as they come, at how many frames.
 * Server, database and browser share the machine.
 *
 * `console` is small, on the embedded database; `console-large` is a large company's on PostgreSQL, which is
 * minutes in the making: `LEASEHOLD_BENCH_FOLDER` names a folder that keeps it for the next run.
 */
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Page } from 'playwright-core'
import { appTable } from '../src/core/app/rows.ts'
import { entryKind } from '../src/core/ledger/kind.ts'
import { recorded, subjectOf } from '../src/core/ledger/record.ts'
import type { Running } from '../src/main.ts'
import { buildConsole, launch, openWindow, type Window } from '../test/console/open.ts'
import { startPostgres } from '../test/fakes/postgres.ts'
import { recordingTarget } from '../test/fakes/recording-target.ts'
import { measureAnswer, measureFirstAnswers } from './console-server.ts'
import { furnish, peopleOf, startEmpty } from './furnish.ts'
import { makeLarge } from './large.ts'
import { makeMany } from './many.ts'
import { quantile } from './measure.ts'
import { againstGoal, type Row, round3 } from './row.ts'

/** `about`: an app whose entries are asked for; of the copies in a small company the server knows nothing. */
const small = { apps: 1_000, leases: 10_000, things: 1_000, entries: 2_000, about: 'bench-desk' }
const large = {
  apps: 10_000,
  leases: 100_000,
  things: 10_000,
  entries: 2_000_000,
  people: 500,
  waiting: 100,
  about: 'many-000001',
}
const loads = 5
const live = { seconds: 5, rate: 500, everyMs: 20 }
const liveBatch = 25
/** On this machine: a page shows its first row within a second; the server answers a page in less than a third. */
const goals = { firstRowMs: 1_000, firstAnswersMs: 300 }
const drawnBars = 10_000

/** What comes most, in a company at work: leases of one app being used. */
const used = entryKind('lease.use', 'said what it did with a credential')

/** Run in the page: from the press to the frame after the one that has the picture. */
const drawing = `(async () => {
  const frame = () => new Promise(done => requestAnimationFrame(done))
  const startedMs = performance.now()
  const buttons = [...document.querySelectorAll('button')]
  buttons.find(({ textContent }) => textContent === 'Show as picture').click()
  while (document.querySelector('.timeline [role=img]') === null) await frame()
  await frame()
  return performance.now() - startedMs
})()`

/** Run in the page: from the press to the frame after the one that shows other rows. */
const turning = `(async () => {
  const frame = () => new Promise(done => requestAnimationFrame(done))
  const startedMs = performance.now()
  const rowOf = () => document.querySelector('main tbody tr').textContent
  const before = rowOf()
  const buttons = [...document.querySelectorAll('button')]
  buttons.find(({ textContent }) => textContent === 'After →').click()
  while (rowOf() === before) await frame()
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
  ['/', 'main .needs li, main .empty'],
  ['/apps', 'main tbody tr'],
  ['/apps/many-000001', 'main h1'],
  ['/leases?as=table', 'main tbody tr'],
  ['/leases?range=Week', '.timeline [role=img]'],
  ['/found', 'main tbody tr'],
  ['/requests', 'main h1'],
  ['/log', '.entry'],
  ['/ends', 'main .empty, main tbody tr'],
] as const

type Progress = (text: string) => void
type Shown = Awaited<ReturnType<typeof startEmpty>>

export async function benchConsole(progress: Progress): Promise<Row> {
  const { connector } = recordingTarget()
  const server = await startEmpty([connector])
  const place = { connector, config: {}, object: {}, columns: ['id'] }
  await makeMany(server.running, place, small)
  for (let n = 0; n < small.entries; n += liveBatch) await write(server.running, liveBatch)
  return bench('console', server, small, progress)
}

export async function benchConsoleLarge(progress: Progress): Promise<Row> {
  const { connector } = recordingTarget()
  const kept = process.env['LEASEHOLD_BENCH_FOLDER']
  const folder = kept ?? (await mkdtemp(join(tmpdir(), 'leasehold-large-')))
  const home = join(folder, 'home')
  const isThere = existsSync(home)
  const database = await startPostgres({ folder: join(folder, 'postgres'), fsync: false })
  const start = () => startEmpty([connector], database.url(), undefined, home)
  try {
    if (!isThere) {
      const server = await start()
      await furnish(server.running, { connector, config: {}, object: {}, columns: ['id'] })
      await server.stop()
      await makeLarge(database.url(), large, progress)
    }
    return await bench('console-large', await start(), large, progress)
  } finally {
    await database.stop()
    if (kept === undefined) await rm(folder, { recursive: true, force: true })
  }
}

async function bench(name: string, server: Shown, counts: typeof small, progress: Progress) {
  buildConsole()
  const temp = await mkdtemp(join(tmpdir(), 'leasehold-console-'))
  const browser = await launch(temp)
  const { running } = server
  try {
    await running.world.settle()
    progress(`${JSON.stringify(counts)}, ${running.world.follower.position} entries in all`)
    const window = await openWindow(running, browser)
    const answers = await measureServer(window, running.issuer, progress)
    const first = await measureFirst(window, progress)
    const filter = await measureFilter(window, running.issuer, counts.about)
    progress(`filter ${JSON.stringify(filter)}`)
    const turnMs = await measureTurn(window)
    progress(`the next rows of a table ${turnMs} ms`)
    const timeline = await measureTimeline(window)
    progress(`timeline ${JSON.stringify(timeline)}`)
    const lived = await measureLive(window, running)
    progress(`live ${JSON.stringify(lived)}`)
    const all = first.map(({ ms }) => ms)
    const figures = { ours: round3(quantile(all, 0.95)), goal: goals.firstRowMs, all }
    const server = { goalMs: goals.firstAnswersMs, answers }
    const extra = { ...counts, loads, server, first, filter, turnMs, timeline, live: lived }
    return againstGoal(name, { ...figures, unit: 'ms to first row, p95' }, extra)
  } finally {
    await browser.close()
    await server.stop()
    await rm(temp, { recursive: true, force: true })
  }
}

function write({ world }: Running, count: number): Promise<unknown> {
  const [by] = peopleOf(world)
  const [app] = world.replica.by(appTable, 'slug', 'bench-desk')
  const subjects = app === undefined ? [] : [subjectOf(appTable, app)]
  const one = (rowCount: number) =>
    recorded(world, async scope => {
      scope.entry({ kind: used, by, subjects, facts: { rowCount, action: 'read' } })
    })
  return Promise.all(Array.from({ length: count }, (_, n) => one(n)))
}

async function measureServer(window: Window, issuer: string, progress: Progress) {
  const all = []
  for (const [path] of pages) {
    await window.go('/holds')
    const answers = await measureFirstAnswers(window, issuer, path)
    progress(`server ${JSON.stringify(answers)}`)
    all.push(answers)
  }
  return all
}

/** The clock is the page's own: from the start of its loading to the frame that has the row. */
async function measureFirst({ page, go }: Window, progress: Progress) {
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

/** From the press to the first row of the answer, which is another one than before; and the server's part. */
async function measureFilter(window: Window, issuer: string, about: string) {
  const { page, go } = window
  await go('/log')
  await page.locator('.entry').first().waitFor()
  await page.getByLabel('Kind').fill('bench.furnish')
  const startedMs = performance.now()
  await page.getByRole('button', { name: 'Filter' }).click()
  await page.locator('.entry').getByText('made an app for a bench').waitFor()
  const shownMs = round3(performance.now() - startedMs)
  const serverMs: Record<string, number> = {}
  for (const question of [...filters, `/v1/log?limit=100&subject=${about}`])
    serverMs[question] = await measureAnswer(window, issuer, question)
  return { shownMs, serverMs }
}

const filters = [
  '/v1/log?limit=100&kind=bench.furnish',
  '/v1/log?limit=100&kind=decision.deny',
  '/v1/apps?state=paused',
  '/v1/apps?template=web@1.0.0',
  '/v1/leases?app=many-000001',
  '/v1/leases?open=true',
  '/v1/leases?skip=9800',
]

async function measureTurn({ page, go }: Window): Promise<number> {
  const all: number[] = []
  for (let turn = 0; turn < loads; turn++) {
    await go('/apps')
    await page.locator('main tbody tr').first().waitFor()
    all.push(await page.evaluate<number>(turning))
  }
  return round3(quantile(all, 0.5))
}

/** Reads page after page, then has the picture drawn anew from the table. */
async function measureTimeline({ page, go }: Window) {
  await go('/leases?range=Week')
  const further = page.getByRole('button', { name: 'Look further' })
  const readMs = performance.now()
  for (let rows = 400; rows <= drawnBars; rows += 200) {
    await further.click()
    await page
      .getByText(`of the newest ${rows.toLocaleString('en')}`)
      .or(noMore(page))
      .first()
      .waitFor()
  }
  const readS = round3((performance.now() - readMs) / 1_000)
  const all: number[] = []
  for (let draw = 0; draw < loads; draw++) {
    await page.getByRole('button', { name: 'Show as table' }).click()
    await page.getByRole('button', { name: 'Show as picture' }).waitFor()
    await page.locator('main tbody tr').first().waitFor()
    all.push(await page.evaluate<number>(drawing))
  }
  return { bars: drawnBars, drawMs: round3(quantile(all, 0.5)), all: all.map(round3), readS }
}

const noMore = (page: Page) => page.getByRole('heading', { name: 'No one holds access right now' })

/** At a steady rate, while the page is looked at; over when it shows the last of them. */
async function measureLive({ page, go }: Window, running: Running) {
  await go('/log')
  await page.locator('.pill').getByText('live').waitFor()
  const frames = page.evaluate<number[]>(framesFor(live.seconds * 1_000))
  const startedMs = performance.now()
  const writes: Promise<unknown>[] = []
  const perTurn = (live.rate * live.everyMs) / 1_000
  let count = 0
  for (; count < live.rate * live.seconds; count += perTurn) {
    const dueMs = startedMs + (count * 1_000) / live.rate - performance.now()
    if (dueMs > 0) await wait(dueMs)
    writes.push(write(running, perTurn))
  }
  await Promise.all(writes)
  const wroteS = (performance.now() - startedMs) / 1_000
  await running.world.settle()
  const newest = running.world.follower.position - 1
  await page.locator('.entry').getByText(`#${newest}`, { exact: true }).waitFor()
  const shownAfterMs = performance.now() - startedMs - wroteS * 1_000
  const all = await frames
  return {
    entriesASecond: Math.round(count / wroteS),
    framesASecond: round3(all.length / live.seconds),
    worstFrameMs: Math.round(Math.max(...all)),
    lastShownAfterMs: Math.round(shownAfterMs),
  }
}
