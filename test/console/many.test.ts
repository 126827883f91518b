/** Lists beyond one page, as somebody goes through them: to their end, as text, each row once. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { peopleOf, startEmpty } from '../../bench/furnish.ts'
import { makeMany } from '../../bench/many.ts'
import { entryKind } from '../../src/core/ledger/kind.ts'
import { recorded } from '../../src/core/ledger/record.ts'
import { recordingTarget } from '../fakes/recording-target.ts'
import { buildConsole, hasBrowser, launch, openWindow, type Window } from './open.ts'

const onPages = hasBrowser ? describe : describe.skip
const counts = { apps: 449, leases: 450, things: 450 }
const written = entryKind('test.many', 'wrote one of many')
let temp: string
let browser: Browser
let server: Awaited<ReturnType<typeof startEmpty>>
let window: Window

beforeAll(async () => {
  if (!hasBrowser) return
  buildConsole()
  temp = await mkdtemp(join(tmpdir(), 'leasehold-many-'))
  const { connector } = recordingTarget()
  ;[server, browser] = await Promise.all([startEmpty([connector]), launch(temp)])
  const { running } = server
  await makeMany(running, { connector, config: {}, object: {}, columns: ['id'] }, counts)
  await write(250)
  window = await openWindow(running, browser)
}, 120_000)
afterAll(async () => {
  await browser?.close()
  await server?.stop()
  if (temp !== undefined) await rm(temp, { recursive: true, force: true })
})

async function write(count: number): Promise<void> {
  const { world } = server.running
  const [by] = peopleOf(world)
  for (let n = 0; n < count; n++)
    await recorded(world, async scope => {
      scope.entry({ kind: written, by, subjects: [], facts: { n } })
    })
  await world.settle()
}

/** Every row of a table, page by page, by what its first cell says. */
async function readTable(name: string): Promise<string[]> {
  const { page } = window
  const table = page.getByRole('table', { name, exact: true })
  const after = page.getByRole('button', { name: 'After →' })
  const place = page.getByRole('navigation', { name: `Pages of ${name}` })
  const read: string[] = []
  for (let nth = 1; ; nth++) {
    await place.getByText(new RegExp(`^${nth} of `)).waitFor()
    read.push(...(await table.locator('tbody tr td:first-child').allInnerTexts()))
    if (await after.isDisabled()) return read
    await after.click()
  }
}

/** Run in the page: where along the middle of a row something is drawn, in its own pixels. */
const inkOf = `(() => {
  const canvas = document.querySelector('.timeline canvas')
  const { data } = canvas.getContext('2d').getImageData(0, canvas.height / 2, canvas.width, 1)
  const drawn = Array.from({ length: canvas.width }, (_, x) => x).filter(x => data[4 * x + 3] > 0)
  return drawn.map(x => (x * canvas.clientWidth) / canvas.width)
})()`

onPages('a list of many', () => {
  test('is gone through to its end, each row once: apps', async () => {
    await window.go('/apps')
    const rows = await readTable('Apps')
    expect(rows).toHaveLength(counts.apps + 1)
    expect(new Set(rows).size).toBe(counts.apps + 1)
    // What somebody wrote is text, on the last page as on the first.
    expect(rows.at(-1)).toContain('<b>purpose')
    expect(await window.page.locator('main b').count()).toBe(0)
  }, 60_000)

  test('is gone through to its end, each row once: leases, and what was found', async () => {
    await window.go('/leases?as=table')
    expect(new Set(await readTable('Leases')).size).toBe(counts.leases)
    await window.go('/found')
    const things = await readTable('Things found')
    expect(new Set(things).size).toBe(counts.things)
    expect(things.at(-1)).toContain('<b>thing')
    expect(await window.page.locator('main b').count()).toBe(0)
  }, 60_000)

  test('says of how many it was filtered, and looks further when asked', async () => {
    const { page, go } = window
    await go('/apps?q=many-000449')
    await page.getByText('Looked at the first 200 apps; there are more.').waitFor()
    await page.getByText('No app fits the filter').waitFor()
    await page.getByRole('button', { name: 'Look further' }).click()
    await page.getByText('Looked at the first 400 apps').waitFor()
    await page.getByRole('button', { name: 'Look further' }).click()
    await page.getByRole('link', { name: 'many-000449' }).waitFor()
    expect(await page.getByText('Looked at the first').count()).toBe(0)
  }, 30_000)

  test('that was read far into stays as it is, says that it changed, and is read anew when asked', async () => {
    const { page, go } = window
    await go('/apps')
    for (let nth = 0; nth < 4; nth++) await page.getByRole('button', { name: 'After →' }).click()
    await page.getByText(/^5 of /).waitFor()
    expect(await page.getByText('It changed since it was read').count()).toBe(0)
    await write(1)
    await page.getByText('It changed since it was read').waitFor()
    expect(await page.getByText(/^5 of /).count()).toBe(1)
    await page.getByRole('button', { name: 'Read it anew' }).click()
    await page.getByText('It changed since it was read').waitFor({ state: 'detached' })
  }, 30_000)

  test('is drawn only as far as it is seen: the log, a page at a time', async () => {
    const { page, go } = window
    await go('/log')
    const log = page.getByRole('table', { name: 'Entries of the log' })
    await log.getByRole('row').first().waitFor()
    const seen = new Set<number>()
    while (!seen.has(0)) {
      const numbers = await log.locator('.entry-number').allInnerTexts()
      expect(numbers.length).toBeLessThan(60)
      for (const number of numbers) seen.add(Number(number.slice(1)))
      await log.evaluate(rows => rows.scrollBy(0, rows.clientHeight))
      await page.waitForTimeout(50)
    }
    const size = server.running.world.follower.position
    expect(seen.size).toBe(size)
    await write(1)
    await page.getByText('The log has grown since.').waitFor()
    await page.getByRole('button', { name: 'Show the newest' }).click()
    await log.getByText(`#${size}`, { exact: true }).waitFor()
  }, 60_000)

  test('is a picture of what was read, which says so and reads on', async () => {
    const { page, go, complaints } = window
    await go('/leases?range=Day')
    await page.getByText('0 leases may be alive now, of the newest 200').waitFor()
    const row = page.getByRole('img', { name: /^bench-desk: / })
    expect(await row.getAttribute('aria-label')).toContain('L-')
    await page.getByRole('button', { name: 'Look further' }).click()
    await page.getByText('of the newest 400').waitFor()
    await page.getByRole('img', { name: /^bench-desk: 400 leases; which they are/ }).waitFor()
    // Two hours of a day, a quarter of which is to come.
    const ink = await page.evaluate<readonly number[]>(inkOf)
    expect(ink.length).toBeGreaterThan(30)
    // What is under the pointer is said; where nothing is, nothing is said.
    await row.hover({ position: { x: ink[10] ?? 0, y: 14 } })
    expect(await row.getAttribute('title')).toMatch(/^L-.* verified gone/)
    await row.hover({ position: { x: 2, y: 14 } })
    expect(await row.getAttribute('title')).toBe('')
    expect(complaints).toEqual([])
  }, 30_000)
})
