/** The console as somebody who has never seen it uses it: by mouse, by keys, in both themes, on a phone. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { AxeBuilder } from '@axe-core/playwright'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasBrowser, type Opened, openConsole, type Window } from './open.ts'

const onPages = hasBrowser ? describe : describe.skip
let opened: Opened
let sam: Window

beforeAll(async () => {
  if (!hasBrowser) return
  opened = await openConsole()
  sam = await opened.window()
  const team = { purpose: 'a board for the day', backup: 'tom@acme.example', days: 5 }
  for (const slug of ['day-one', 'day-two'])
    await opened.parts.maya.client.post('/v1/apps', { ...team, slug, day: 'show-day' })
}, 120_000)
afterAll(() => opened?.stop())

const pages = [
  '/',
  '/apps',
  '/apps/churn-radar',
  '/apps/churn-radar/end',
  '/apps/ghost-invoices/end',
  '/requests',
  '/leases',
  '/leases?as=table',
  '/log',
  '/log/12',
  '/trace/deal-desk',
  '/ends',
  '/days',
  '/days/show-day',
  '/days/show-day?as=table',
  '/found',
  '/holds',
  '/policy',
  '/connect',
]

const criteria = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

const colours = ['color-contrast', 'link-in-text-block']
// biome-ignore format: a list of names
const layout = [
  'target-size', 'scrollable-region-focusable', 'aria-required-children', 'aria-required-parent',
  'aria-hidden-focus', 'label-content-name-mismatch', 'region',
]

onPages('a stranger', () => {
  test('sees at once what needs them, the gravest first', async () => {
    const { page, go } = sam
    await go('/')
    const needs = page.locator('.needs > li')
    await needs.first().waitFor()
    const said = await needs.allInnerTexts()
    expect(said.length).toBeGreaterThanOrEqual(3)
    const place = (word: RegExp) => said.findIndex(text => word.test(text))
    expect(place(/night-import/)).toBeGreaterThanOrEqual(0)
    expect(place(/night-import/)).toBeLessThan(place(/forecast may READ crm\.deals/))
    const numbers = await page.locator('.number strong').allInnerTexts()
    expect(numbers).not.toContain('…')
    const { items } = await opened.parts.sam.client.get<{ items: { state: string }[] }>('/v1/apps')
    const living = items.filter(({ state }) => state !== 'ended')
    expect(numbers[0]).toBe(String(living.length))
  })

  test('finds out why something was denied, in two clicks from the list of apps', async () => {
    const { page, go } = sam
    await go('/apps')
    await page.getByRole('link', { name: 'churn-radar' }).click()
    const no = page.getByRole('region', { name: 'Last “no”' })
    await no.getByRole('link', { name: /^D-/ }).click()
    await page.getByRole('heading', { level: 1, name: /D-\w+/ }).waitFor()
    const text = await page.locator('main').innerText()
    expect(text).toContain('customer-data-write')
    expect(text).toContain('Prototypes may not change customer data.')
    expect(text).toContain('crm.sandbox-contacts')
  })

  test('approves what they read, and only then is it agreed', async () => {
    const { page, go } = sam
    await go('/requests')
    await page
      .getByRole('table', { name: 'Requests that wait for you' })
      .getByRole('link', { name: /^R-/ })
      .first()
      .click()
    await page.getByText('The worst that can come of it').waitFor()
    const card = await page.locator('main').innerText()
    expect(card).toContain('12 of 40 columns')
    await page.getByRole('button', { name: 'Approve…' }).click()
    const dialog = page.getByRole('dialog')
    const answered = page.waitForResponse(response => response.url().endsWith('/answer'))
    await dialog.getByRole('button', { name: 'Yes, approve' }).click()
    const sent = (await answered).request().postDataJSON() as { bodyHash: string }
    expect(card).toContain(sent.bodyHash)
    await page.getByRole('heading', { level: 1, name: /agreed/ }).waitFor()
  })

  test('ends an app by keys alone, and sees each thing verified gone', async () => {
    const { page, go } = sam
    await go('/')
    await page.keyboard.press('Control+k')
    await page.keyboard.type('pricing-probe')
    await page.getByRole('option', { name: /^End pricing-probe/ }).waitFor()
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    await page.getByText('Nothing is done yet').waitFor()
    const button = page.getByRole('button', { name: 'End…' })
    await button.focus()
    await page.keyboard.press('Enter')
    const send = page.getByRole('dialog').getByRole('button', { name: 'End pricing-probe' })
    expect(await send.isDisabled()).toBe(true)
    await page.getByLabel('Type pricing-probe').focus()
    await page.keyboard.type('pricing-prob')
    expect(await send.isDisabled()).toBe(true)
    await page.keyboard.type('e')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: /Ended, with proof/ }).waitFor()
    const states = await page.locator('td[data-name="State"]').allInnerTexts()
    expect(states.length).toBeGreaterThan(3)
    expect(new Set(states)).toEqual(new Set(['● verified gone']))
    const download = page.waitForEvent('download')
    await page.getByRole('link', { name: 'Download the certificate' }).click()
    expect((await download).suggestedFilename()).toBe('pricing-probe.end.json')
  })

  test('is told the server’s own words where it says no, and nothing looks done', async () => {
    const { page, go } = sam
    await go('/apps/forecast')
    await page.getByRole('button', { name: 'Hand over…' }).click()
    await page.getByLabel('To whom?').fill('nobody@acme.example')
    await page.getByRole('dialog').getByRole('button', { name: 'Hand over' }).click()
    const alert = page.getByRole('dialog').getByRole('alert')
    await alert.waitFor()
    expect(await alert.innerText()).toContain('nobody who has signed in here')
    expect(await alert.innerText()).toContain('Next:')
    expect(await page.getByRole('dialog').innerText()).not.toContain('done')
    await page.keyboard.press('Escape')
  })

  test('goes by keys: g and a letter, a filter, the list of keys', async () => {
    const { page, go } = sam
    await go('/')
    await page.keyboard.press('g')
    await page.keyboard.press('a')
    await page.getByRole('heading', { level: 1, name: 'Apps' }).waitFor()
    await page.keyboard.press('/')
    await page.keyboard.type('churn')
    await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1)
    await page.locator('h1').click()
    await page.keyboard.press('?')
    await page.getByRole('dialog', { name: 'Keys' }).waitFor()
    await page.keyboard.press('Escape')
    await page.keyboard.press('j')
    const focused = await page.evaluate(() => document.activeElement?.tagName)
    expect(focused).toBe('A')
  })
})

onPages('the command bar', () => {
  test('opens what an id stands for, and says when it stands for nothing', async () => {
    const { page, go } = sam
    await go('/')
    const { items } = await opened.parts.sam.client.get<{ items: { shortId: string }[] }>(
      '/v1/leases?app=deal-desk',
    )
    await page.keyboard.press('Control+k')
    await page.keyboard.type('L-ZZZZZ')
    await page.getByText('There is no such lease.').waitFor()
    await page.getByLabel('Name or id').fill(items[0]?.shortId.toLowerCase() ?? '')
    await page.getByRole('option', { name: /lease$/ }).waitFor()
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: /^Trace of L-/ }).waitFor()
    await page.getByRole('button', { name: 'Show as table' }).click()
    const rows = await page.getByRole('table', { name: 'Hops' }).getByRole('row').count()
    expect(rows).toBeGreaterThan(5)
  })
})

onPages('the log', () => {
  const bars = () => sam.page.getByRole('group', { name: 'Entries by when they came' })

  test('shows when its entries came, each bar with its name and its row of the table', async () => {
    const { page, go } = sam
    await go('/log')
    await bars().getByRole('link').first().waitFor()
    const { items } = await opened.parts.sam.client.get<{
      items: { entries: number; denied: number }[]
    }>('/v1/log/counts')
    const names = await bars()
      .getByRole('link')
      .evaluateAll(all => all.map(each => each.getAttribute('aria-label') ?? ''))
    expect(names).toHaveLength(items.length)
    const drawn = names.map(name => Number(/(\d+) denied$/.exec(name)?.[1]))
    expect(drawn).toEqual(items.map(({ denied }) => denied))
    expect(drawn.some(denied => denied > 0)).toBe(true)
    await page.getByText('The same as a table').click()
    const table = page.getByRole('table', { name: 'Entries by when they came' })
    expect(await table.locator('tbody tr').count()).toBe(items.length)
  })

  test('narrows to what came then, from its beginning, by mouse and by keys, and back', async () => {
    const { page, go } = sam
    await go('/log?kind=decision.deny')
    const link = bars().getByRole('link').first()
    await link.waitFor()
    await link.focus()
    await page.keyboard.press('Enter')
    const chosen = page.getByRole('button', { name: /as it happened/ })
    await chosen.waitFor()
    const [, from = ''] = /#(\d+) to #\d+/.exec(await chosen.innerText()) ?? []
    // The address holds it: who is sent it sees the same.
    await page.reload()
    await chosen.waitFor()
    const numbers = page.locator('.entry-number')
    expect(await numbers.first().innerText()).toBe(`#${from}`)
    expect(new Set(await page.locator('.entry-kind').allInnerTexts())).toEqual(
      new Set(['decision.deny']),
    )
    await chosen.click()
    await chosen.waitFor({ state: 'detached' })
    await bars()
      .getByRole('link')
      .last()
      .click({ position: { x: 4, y: 4 } })
    await chosen.waitFor()
  })
})

onPages('the ways of an app', () => {
  test('lead from its owner to what it reaches, as its leases and grants say, in at most 500 marks', async () => {
    const { page, go } = sam
    // Living: deal-desk itself has ended, and reaches nothing.
    await go('/apps/deal-desk')
    expect(await page.getByRole('group', { name: /^Ways of/ }).count()).toBe(0)
    await go('/apps/churn-radar')
    const ways = page.getByRole('group', { name: 'Ways of churn-radar' })
    const { owner, leases, grants } = await opened.parts.sam.client.get<{
      owner: { name: string }
      leases: { state: string; shortId: string; resource: string }[]
      grants: { state: string; resource: string }[]
    }>('/v1/apps/churn-radar')
    const names = await ways
      .getByRole('link')
      .evaluateAll(all => all.map(each => each.getAttribute('aria-label') ?? ''))
    const held = leases.filter(({ state }) => state !== 'gone')
    const reached = [...held, ...grants.filter(({ state }) => state === 'live')]
    expect(held.length).toBeGreaterThan(0)
    expect(names).toContain(`Owner ${owner.name}`)
    for (const { shortId } of held) expect(names).toContain(`Credential ${shortId}`)
    for (const { resource } of reached) expect(names).toContain(`Resource ${resource}`)
    expect(await ways.locator('polyline, rect, text').count()).toBeLessThanOrEqual(500)
    await page
      .getByRole('region', { name: /^Owner → App/ })
      .getByText('The same as')
      .click()
    const rows = page.getByRole('table', { name: 'Ways of churn-radar' }).locator('tbody tr')
    expect(await rows.count()).toBe(await ways.locator('polyline').count())
  })

  test('part where it may reach two things, and what nothing holds yet has no credential', async () => {
    const { maya, tom } = opened.parts
    const app = { purpose: 'reaches two', backup: 'tom@acme.example', days: 5, slug: 'two-ways' }
    await maya.client.post('/v1/apps', app)
    for (const resource of ['crm.deals', 'crm.sandbox-contacts']) {
      const ask = { app: app.slug, resource, actions: ['read'], reason: 'both' }
      const { id, bodyHash } = await maya.client.post<{ id: string; bodyHash: string }>(
        '/v1/requests',
        ask,
      )
      await tom.client.post(`/v1/requests/${id}/answer`, { says: 'yes', bodyHash })
    }
    const { page, go } = sam
    await go('/apps/two-ways')
    const ways = page.getByRole('group', { name: 'Ways of two-ways' })
    const bright = () => ways.locator('polyline.on').count()
    await ways.getByRole('link', { name: 'App two-ways' }).focus()
    const all = await ways.locator('polyline').count()
    expect([all % 2, await bright()]).toEqual([0, all])
    await ways.getByRole('link', { name: 'Resource crm.deals' }).focus()
    expect(await bright()).toBe(all / 2)
    expect(await ways.getByRole('link', { name: /^Credential/ }).count()).toBe(0)
  })

  test('stand out by keys where they go through what has the focus, and lead on', async () => {
    const { page, go } = sam
    await go('/apps/churn-radar')
    const ways = page.getByRole('group', { name: 'Ways of churn-radar' })
    const bright = () => ways.locator('polyline.on').count()
    const all = await ways.locator('polyline').count()
    expect(await bright()).toBe(0)
    await ways.getByRole('link', { name: /^Owner / }).focus()
    expect(await bright()).toBe(all)
    const credential = ways.getByRole('link', { name: /^Credential L-/ }).first()
    await page.keyboard.press('Tab')
    await page.keyboard.press('Tab')
    await credential.focus()
    expect(await bright()).toBe(1)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: /^Trace of L-/ }).waitFor()
  })
})

onPages('somebody without a role', () => {
  test('sees their own, and no page asks what would be denied and kept in the log', async () => {
    const context = await opened.browser.newContext()
    const page = await context.newPage()
    const refused: string[] = []
    page.on('response', response => {
      if (response.status() >= 400) refused.push(`${response.status()} ${response.url()}`)
    })
    await page.goto(`${opened.parts.issuer}/sign-in/company?login_hint=maya`)
    await page.getByRole('heading', { name: 'Needs you' }).waitFor()
    for (const path of ['/apps', '/requests', '/leases', '/log', '/ends', '/found', '/holds']) {
      await page.goto(`${opened.parts.issuer}${path}`)
      await page.locator('main h1').waitFor()
      await page.locator('.loading').first().waitFor({ state: 'detached' })
    }
    await page.goto(`${opened.parts.issuer}/log`)
    await page.getByRole('link', { name: 'hr-faq' }).click()
    await page.getByText('paused the app').waitFor()
    await context.close()
    expect(refused).toEqual([])
  })
})

onPages('a build day', () => {
  const tiles = () => sam.page.locator('.wall > li')

  test('is a wall of its teams, with what blocks each, and the same as a table', async () => {
    const { page, go } = sam
    await go('/days')
    await page.getByRole('link', { name: 'show-day' }).click()
    await tiles().nth(1).waitFor()
    expect(await tiles().first().innerText()).toMatch(
      /day-one\s+◌ idle\s+no lease yet\s+0 live leases/,
    )
    await page.getByText('Nobody is stuck').waitFor()
    await page.getByRole('button', { name: 'Show as table' }).click()
    const rows = page.getByRole('table', { name: 'Teams' }).locator('tbody tr')
    expect(await rows.count()).toBe(2)
    expect(await rows.first().innerText()).toMatch(/day-one/)
  })

  test('puts first who is stuck, as it happens, and leads to what it waits for', async () => {
    const { page, go } = sam
    await go('/days/show-day')
    const ask = { app: 'day-two', resource: 'crm.deals', actions: ['read'], reason: 'the board' }
    await opened.parts.maya.client.post('/v1/requests', ask)
    await page.getByText('1 team stuck').waitFor()
    const first = tiles().first()
    expect(await first.innerText()).toMatch(/day-two\s+▲ waits\s+waits for Tom Reyes/)
    await page.keyboard.press('j')
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('day-two')
    await first.locator('.tile-says').click()
    await page.getByRole('heading', { level: 1, name: /^R-/ }).waitFor()
  })

  test('is held whole by one order of who may, and every team reads why', async () => {
    const { page, go } = sam
    await go('/days/show-day')
    await page.getByRole('button', { name: 'Hold the whole day…' }).click()
    await page.getByLabel('Why?').fill('something posts to #general')
    await page.getByRole('dialog').getByRole('button', { name: 'Stop every team' }).click()
    await page.getByText('2 teams stuck').waitFor()
    for (const text of await tiles().allInnerTexts())
      expect(text).toMatch(/■ held\s+on hold: something posts to #general/)
    const order = { scope: 'day', about: 'show-day', reason: 'mine' }
    const refused = opened.parts.maya.client.post('/v1/holds', order)
    await expect(refused).rejects.toMatchObject({ status: 403 })
    await page.getByRole('button', { name: 'Lift…' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Lift' }).click()
    await page.getByText('1 team stuck').waitFor()
    await page.getByRole('button', { name: 'Hold the whole day…' }).waitFor()
  })

  test('shows no button to who may not hold it', async () => {
    const context = await opened.browser.newContext()
    const page = await context.newPage()
    await page.goto(`${opened.parts.issuer}/sign-in/company?login_hint=maya`)
    await page.goto(`${opened.parts.issuer}/days/show-day`)
    await page.locator('.wall > li').nth(1).waitFor()
    expect(await page.getByRole('button', { name: 'Hold the whole day…' }).count()).toBe(0)
    await context.close()
  })
})

onPages('two people at one thing', () => {
  test('the second sees what the first answered, and has no button that would be too late', async () => {
    const { maya, sam: samHere } = opened.parts
    const app = { purpose: 'seen by two', backup: 'tom@acme.example', days: 5 }
    await maya.client.post('/v1/apps', { ...app, slug: 'seen-by-two' })
    const claims = { repository_id: '77', repository_owner_id: '4711', environment: 'two' }
    const trust = { role: 'run', preset: 'github', issuer: opened.parts.github.issuer, claims }
    const more = { job_workflow_ref: 'acme/two/.github/workflows/run.yml@refs/heads/main' }
    const asked = await maya.client.post<{ id: string; shortId: string; bodyHash: string }>(
      '/v1/apps/seen-by-two/trust',
      { ...trust, claims: { ...claims, ...more }, reason: 'our CI' },
    )
    const { page, go } = sam
    await go(`/requests/${asked.shortId}`)
    await page.getByRole('button', { name: 'Approve…' }).click()
    const tom = await windowOfTom()
    await tom.page.goto(`${opened.parts.issuer}/requests/${asked.shortId}`)
    await tom.page.getByRole('button', { name: 'Deny…' }).click()
    await tom.page.getByRole('dialog').getByRole('button', { name: 'No' }).click()
    await tom.page.getByRole('heading', { level: 1, name: /denied/ }).waitFor()
    await page.getByText(/While you looked: Tom Reyes said no/).waitFor()
    expect(await page.getByRole('button', { name: 'Approve…' }).count()).toBe(0)
    expect(await page.getByRole('dialog').count()).toBe(0)
    // Who did it is told of it once, by what they did.
    expect(await tom.page.getByText('While you looked').count()).toBe(0)
    const late = { says: 'yes', bodyHash: asked.bodyHash }
    const answer = samHere.client.post(`/v1/requests/${asked.id}/answer`, late)
    await expect(answer).rejects.toMatchObject({ status: 403 })
    await tom.context.close()
  })

  test('an app one of them pauses is paused for the other, who reads by whom', async () => {
    const { page, go } = sam
    await go('/apps/seen-by-two')
    const tom = await windowOfTom()
    await tom.page.goto(`${opened.parts.issuer}/apps/seen-by-two`)
    await tom.page.getByRole('button', { name: 'Pause…' }).click()
    await tom.page.getByLabel('Why?').fill('not today')
    await tom.page.getByRole('dialog').getByRole('button', { name: 'Pause' }).click()
    await page.getByText(/While you looked: Tom Reyes paused the app/).waitFor()
    await page.getByRole('heading', { level: 1, name: /paused/ }).waitFor()
    await page.getByRole('button', { name: 'Resume…' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Resume' }).click()
    await tom.page.getByText(/While you looked: Sam Okafor resumed the app/).waitFor()
    expect(await page.getByText('Sam Okafor resumed').count()).toBe(0)
    await tom.context.close()
  })
})

async function windowOfTom() {
  const context = await opened.browser.newContext({ reducedMotion: 'reduce' })
  const page = await context.newPage()
  await page.goto(`${opened.parts.issuer}/sign-in/company?login_hint=tom`)
  await page.getByRole('heading', { name: 'Home', exact: true }).waitFor()
  return { context, page }
}

onPages('an auditor', () => {
  interface Row {
    readonly app: string
    readonly proof: string
    readonly certificateHash: string | null
    readonly certificateEntry: number | null
    readonly isSealed: boolean | null
  }
  /** What the page saves, for the days that were typed. */
  async function saved(page: Page, as: 'CSV' | 'JSON', from?: string): Promise<string> {
    await page.goto(`${opened.parts.issuer}/ends`)
    const panel = page.getByRole('region', { name: 'For an audit' })
    if (from !== undefined)
      for (const label of ['From', 'to']) await panel.getByLabel(label, { exact: true }).fill(from)
    const download = page.waitForEvent('download')
    await panel.getByRole('button', { name: `Save as ${as}` }).click()
    return readFile(await (await download).path(), 'utf8')
  }

  test('takes every app that ended along, each with the hash that its entry of the log has', async () => {
    const { client } = opened.parts.sam
    const { person } = await opened.parts.tom.client.get<{ person: { id: string } }>('/v1/me')
    await client.put(`/v1/people/${person.id}/roles`, { roles: ['auditor'] })
    const tom = await windowOfTom()
    const { apps } = JSON.parse(await saved(tom.page, 'JSON')) as { apps: Row[] }
    const all = await client.get<{ items: { slug: string; state: string }[] }>('/v1/apps')
    const over = all.items.filter(({ state }) => ['ended', 'ending'].includes(state))
    expect(over.length).toBeGreaterThan(1)
    expect(apps.map(({ app }) => app).sort()).toEqual(over.map(({ slug }) => slug).sort())
    for (const { app, proof, ...seal } of apps) {
      if (proof !== 'verified-gone') continue
      const file = await client.get<{ payload: string }>(`/v1/apps/${app}/certificate`)
      const hash = createHash('sha256').update(Buffer.from(file.payload, 'base64')).digest('hex')
      const entry = await client.get<{ kind: string; facts: { certificateHash: string } }>(
        `/v1/log/${seal.certificateEntry}`,
      )
      expect(entry.kind).toBe('offboard.certify')
      expect([app, seal.certificateHash, seal.isSealed]).toEqual([app, hash, true])
      expect(entry.facts.certificateHash).toBe(hash)
    }
    expect(apps.filter(({ proof }) => proof !== 'verified-gone').length).toBeGreaterThan(0)
    const csv = await saved(tom.page, 'CSV')
    expect(csv.trim().split('\r\n')).toHaveLength(apps.length + 1)
    for (const { certificateHash } of apps) expect(csv).toContain(certificateHash ?? '""')
    await tom.context.close()
  }, 60_000)

  test('finds none in days when none ended, and what is not proven all the same', async () => {
    const text = await saved(sam.page, 'JSON', '2020-01-01')
    const { apps } = JSON.parse(text) as { apps: Row[] }
    expect(apps.every(({ proof }) => proof !== 'verified-gone')).toBe(true)
  })

  test('is who may: without a role there is no such panel, and the log says no', async () => {
    const context = await opened.browser.newContext()
    const page = await context.newPage()
    await page.goto(`${opened.parts.issuer}/sign-in/company?login_hint=maya`)
    await page.goto(`${opened.parts.issuer}/ends`)
    await page.getByRole('region', { name: 'Ended apps' }).waitFor()
    expect(await page.getByRole('region', { name: 'For an audit' }).count()).toBe(0)
    await context.close()
    const asked = opened.parts.maya.client.get('/v1/log?kind=app.finish')
    await expect(asked).rejects.toMatchObject({ status: 403 })
  })
})

onPages('what others wrote', () => {
  test('is text: the name of an account that would be markup', async () => {
    const { page, go } = sam
    await go('/found')
    await page.getByText('<b>intern</b>').first().waitFor()
    expect(await page.locator('main b').count()).toBe(0)
  })
})

onPages('every page', () => {
  test('keeps nobody out: axe finds nothing in light, in dark and on a phone', async () => {
    const { page, context, go, complaints } = await opened.window({ colorScheme: 'light' })
    const found: string[] = []
    const look = async (where: string, rules?: string[]) => {
      const axe = new AxeBuilder({ page }).setLegacyMode()
      const { violations } = await (rules ? axe.withRules(rules) : axe.withTags(criteria)).analyze()
      for (const { id, nodes } of violations)
        found.push(`${where}: ${id}: ${nodes[0]?.html.slice(0, 120)}`)
    }
    for (const path of pages) {
      await page.setViewportSize({ width: 1280, height: 860 })
      await page.emulateMedia({ colorScheme: 'light' })
      await go(path)
      await look(`${path} light`)
      await page.emulateMedia({ colorScheme: 'dark' })
      // The document is the same: what is looked at again is what colours and widths can change.
      await look(`${path} dark`, colours)
      await page.setViewportSize({ width: 360, height: 780 })
      await look(`${path} 360`, [...colours, ...layout])
    }
    await go('/apps/churn-radar/end')
    await page.getByRole('button', { name: 'End…' }).click()
    await look('the dialog of an end')
    await page.keyboard.press('Escape')
    await page.keyboard.press('Control+k')
    await page.getByRole('option').first().waitFor()
    await look('the command bar')
    await page.keyboard.press('Escape')
    await page.keyboard.press('?')
    await look('the list of keys')
    await context.close()
    expect(found).toEqual([])
    expect(complaints).toEqual([])
  }, 300_000)

  test('fits a width of 320 without scrolling sideways', async () => {
    const { page, context, go } = await opened.window({ viewport: { width: 320, height: 640 } })
    const wide: string[] = []
    for (const path of pages) {
      await go(path)
      const over = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      )
      if (over > 0) wide.push(`${path}: ${over}`)
    }
    await context.close()
    expect(wide).toEqual([])
  }, 60_000)
})

onPages('the door', () => {
  test('lets no inline script, no foreign script and no markup from text through', async () => {
    const { page, go } = sam
    const response = await page.goto(`${opened.parts.issuer}/apps`)
    const policy = response?.headers()['content-security-policy'] ?? ''
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("script-src 'self'")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).not.toMatch(/unsafe|https?:|\*|data:/)
    await go('/apps')
    const isRun = await page.evaluate(() => {
      const script = document.createElement('script')
      try {
        script.text = 'window.ran = true'
        document.body.append(script)
      } catch {
        return 'refused'
      }
      return 'ran' in window ? 'ran' : 'refused'
    })
    expect(isRun).toBe('refused')
  })

  test('shows the sign-in page to who is not signed in, and then the page they asked for', async () => {
    const context = await opened.browser.newContext()
    const page = await context.newPage()
    await page.goto(`${opened.parts.issuer}/apps/churn-radar`)
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    await page.getByLabel('Sign-in link').fill(await opened.parts.running.signInLink())
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('heading', { level: 1, name: /churn-radar/ }).waitFor()
    expect(new URL(page.url()).pathname).toBe('/apps/churn-radar')
    await context.close()
  })

  test('is small: the first load is at most 160 kB', async () => {
    const context = await opened.browser.newContext()
    const page = await context.newPage()
    const sizes = new Map<string, number>()
    page.on('response', response => {
      if (!response.url().includes('/assets/')) return
      sizes.set(response.url(), Number(response.headers()['content-length']))
    })
    await page.goto(await opened.parts.running.signInLink())
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('heading', { name: /Home/ }).waitFor()
    await context.close()
    const bytes = [...sizes.values()].reduce((sum, size) => sum + size, 0)
    expect(bytes).toBeGreaterThan(50_000)
    expect(bytes).toBeLessThan(160_000)
  })
})
