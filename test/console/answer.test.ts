/**
 * The page that a message leads to: one request, answered on a phone. By people of the pretend company, in a
 * real browser whose authenticator is Chromium's own.
 */
import { AxeBuilder } from '@axe-core/playwright'
import type { BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Parts, startParts } from '../../demo/parts.ts'
import { visitCompany } from '../../demo/people.ts'
import { type LeapingClock, leapingClock } from '../support/clock.ts'
import { addAuthenticator, hasBrowser, type Opened, openConsole } from './open.ts'

/** On a machine with a browser. */
const it = hasBrowser ? test : test.skip
const phone = { viewport: { width: 360, height: 740 }, reducedMotion: 'reduce' } as const
/** What is said of `crm.deals` is Tom's to answer; what Tom asks himself is Sam's. */
interface Asked {
  readonly id: string
  readonly shortId: string
  readonly bodyHash: string
}

let opened: Opened
let parts: Parts
let clock: LeapingClock
let tom: Phone

interface Phone {
  readonly context: BrowserContext
  readonly page: Page
  readonly complaints: string[]
  /** Opens the page of this request, and waits until it stands there. */
  readonly open: (of: Pick<Asked, 'id'>) => Promise<Page>
}

beforeAll(async () => {
  if (!hasBrowser) return
  clock = leapingClock()
  opened = await openConsole(() => startParts({ kept: false, port: 0, clock }, () => {}))
  parts = opened.parts
  const app = { purpose: 'the open deals on one page', backup: 'tom@acme.example', days: 20 }
  await parts.maya.client.post('/v1/apps', { ...app, slug: 'deal-desk' })
  const own = { purpose: 'what comes in', backup: 'maya@acme.example', days: 20 }
  await parts.tom.client.post('/v1/apps', { ...own, slug: 'forecast' })
  await visitCompany(parts.issuer, 'lee')
  tom = await phoneOf('tom')
}, 120_000)
afterAll(() => opened?.stop())

async function phoneOf(sub: string, options: object = {}): Promise<Phone> {
  const context = await opened.browser.newContext({ ...phone, ...options })
  context.setDefaultTimeout(20_000)
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('pageerror', thrown => complaints.push(thrown.message))
  page.on('console', said => {
    if (said.type() === 'error') complaints.push(said.text())
  })
  await page.goto(`${parts.issuer}/sign-in/company?login_hint=${sub}`)
  const open = async ({ id }: Pick<Asked, 'id'>) => {
    await page.goto(`${parts.issuer}/a/${id}`)
    await page.locator('article:not([hidden]), #problem:not([hidden])').first().waitFor()
    return page
  }
  return { context, page, complaints, open }
}

function ask(who: 'maya' | 'tom' = 'maya', reason = 'for the review on Friday'): Promise<Asked> {
  const app = who === 'maya' ? 'deal-desk' : 'forecast'
  const body = { app, resource: 'crm.deals', actions: ['read'], columns: ['id', 'stage'], reason }
  return parts[who].client.post<Asked>('/v1/requests', body)
}

const read = (id: string) =>
  parts.maya.client.get<{ state: string; answers: { says: string; comment: string | null }[] }>(
    `/v1/requests/${id}`,
  )
const yesOf = (page: Page) => page.getByRole('button', { name: /^Yes/ })

it('says who asks, for what, within what, why, and the worst that can come of it', async () => {
  const asked = await ask('maya', 'so that <b>nobody</b> “forgets” a deal')
  const page = await tom.open(asked)
  const text = await page.locator('main').innerText()
  expect(text).toContain(`${asked.shortId} · ▲ open`)
  expect(text).toContain('Maya Ortiz asks that deal-desk may READ crm.deals.')
  expect(text).toContain('“so that <b>nobody</b> “forgets” a deal”')
  expect(text).toMatch(/2 of 40 columns, hidden: /)
  expect(text).toMatch(/until \w{3},? \d/)
  expect(text).toContain('A stolen credential could read')
  expect(text).toContain('You never said yes for deal-desk before.')
  expect(text).toMatch(/over by itself\s+\w{3},? \d.* \(in \d+ d/)
  expect(text).toContain(asked.bodyHash)
  expect(text).toContain('Tom Reyes is signed in.')
  expect(await page.locator('main b').count()).toBe(0)
})

it('is small: everything that is sent for it is at most 40 kB, and none of it is the console', async () => {
  const asked = await ask()
  const context = await opened.browser.newContext({
    storageState: await tom.context.storageState(),
  })
  const page = await context.newPage()
  const network = await context.newCDPSession(page)
  await network.send('Network.enable')
  let bytes = 0
  const paths: string[] = []
  network.on('Network.loadingFinished', ({ encodedDataLength }) => {
    bytes += encodedDataLength
  })
  page.on('request', request => paths.push(new URL(request.url()).pathname))
  await page.goto(`${parts.issuer}/a/${asked.id}`)
  await page.getByText('said yes for').waitFor()
  await page.waitForLoadState('networkidle')
  await context.close()
  expect(paths.filter(path => path.endsWith('.js'))).toHaveLength(2)
  expect(paths.join(' ')).not.toMatch(/index-/)
  expect(bytes).toBeGreaterThan(8_000)
  expect(bytes).toBeLessThan(40_000)
})

it('a no says why in words of use to who asked, and then stands there with who said it', async () => {
  const asked = await ask()
  const page = await tom.open(asked)
  await page.getByText('No…', { exact: true }).click()
  const reasons = page.locator('details[open] button:visible')
  expect(await reasons.allInnerTexts()).toEqual([
    'Use the sandbox copy first',
    'Ask for less',
    'Ask for a shorter time',
    'Say what it is for',
  ])
  await page.getByRole('button', { name: 'Ask for less' }).click()
  await page.getByText('It was denied').waitFor()
  const text = await page.locator('main').innerText()
  expect(text).toMatch(/Tom Reyes said no, .*: “Ask for less: only the columns/)
  expect(text).toContain('can ask again')
  expect(await yesOf(page).isVisible()).toBe(false)
  expect(await read(asked.id)).toMatchObject({
    state: 'denied',
    answers: [{ says: 'no', comment: expect.stringMatching(/^Ask for less/) }],
  })
})

it('for what is no data the reasons are others, and who did not expect it says so', async () => {
  const claims = { repository_id: '7', repository_owner_id: '47', environment: 'run' }
  const more = { job_workflow_ref: 'acme/desk/.github/workflows/run.yml@refs/heads/main' }
  const trust = { role: 'run', preset: 'github', issuer: parts.github.issuer, reason: 'our CI' }
  const asked = await parts.maya.client.post<Asked>('/v1/apps/deal-desk/trust', {
    ...trust,
    claims: { ...claims, ...more },
  })
  const page = await tom.open(asked)
  await page.getByText('No…', { exact: true }).click()
  const reasons = page.locator('details[open] button:visible')
  expect((await reasons.allInnerTexts())[2]).toBe('Talk to me first')
  await page.getByText('Not expecting this?').click()
  await page.getByRole('button', { name: 'No, I did not expect this' }).click()
  await page.getByText('It was denied').waitFor()
  expect((await read(asked.id)).answers[0]?.comment).toMatch(/^I did not expect this/)
})

it('who has no passkey says yes by itself, is told so, and counts from then on', async () => {
  const asked = await ask()
  const page = await tom.open(asked)
  await page.getByText('You have no passkey').waitFor()
  expect(await yesOf(page).innerText()).toBe('Yes')
  // By keys alone: the first stop of the page is its yes.
  await page.locator('h1').focus()
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await page.getByText('It was agreed to').waitFor()
  expect((await read(asked.id)).state).toBe('agreed')
  expect(await page.evaluate(() => document.activeElement?.tagName)).toBe('H1')
  const again = await tom.open(await ask())
  await again.getByText('You said yes for deal-desk 1 time before.').waitFor()
})

it('who has a passkey says yes with it and in no other way, and the log names it', async () => {
  const { device, authenticatorId } = await addAuthenticator(tom)
  await tom.page.goto(`${parts.issuer}/passkeys`)
  await tom.page.getByRole('button', { name: 'Add a passkey…' }).click()
  await tom.page.getByRole('dialog').getByRole('button', { name: 'Add a passkey' }).click()
  await tom.page.getByRole('table', { name: 'Your passkeys' }).waitFor()
  const asked = await ask()
  const page = await tom.open(asked)
  expect(await yesOf(page).innerText()).toBe('Yes, with your passkey')
  expect(await page.getByText('You have no passkey').isVisible()).toBe(false)

  // A device that does not know its person gives no yes, and nothing looks done.
  await device.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false })
  await yesOf(page).click()
  await page.getByRole('alert').waitFor()
  expect(await page.getByRole('alert').innerText()).toContain('nothing was said')
  expect(await yesOf(page).isEnabled()).toBe(true)
  expect((await read(asked.id)).state).toBe('open')
  const bare = { says: 'yes', bodyHash: asked.bodyHash }
  const without = parts.tom.client.post(`/v1/requests/${asked.id}/answer`, bare)
  await expect(without).rejects.toThrow(/given with it, in a browser/)

  await device.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: true })
  await yesOf(page).click()
  await page.getByText('It was agreed to').waitFor()
  expect(await page.getByRole('alert').isVisible()).toBe(false)
  const { items } = await parts.tom.client.get<{ items: { id: string }[] }>('/v1/passkeys')
  const log = await parts.sam.client.get<object>('/v1/log?kind=request.answer&limit=1')
  expect(JSON.stringify(log)).toContain(`"provenBy":"${items[0]?.id}"`)
})

it('who is second is told so, and then reads who was first', async () => {
  const asked = await ask('tom')
  const sam = await opened.window(phone)
  await sam.page.goto(`${parts.issuer}/a/${asked.id}`)
  await yesOf(sam.page).waitFor()
  await parts.tom.client.post(`/v1/requests/${asked.id}/withdraw`)
  await yesOf(sam.page).click()
  await sam.page.getByText('Tom Reyes took it back').waitFor()
  expect(await sam.page.getByRole('alert').innerText()).toMatch(/too late, and was not taken/)
  expect(await yesOf(sam.page).isVisible()).toBe(false)
  await sam.context.close()
})

it('who asked, who does not answer, and who may not see it, each read what to do', async () => {
  const asked = await ask('tom')
  const own = await tom.open(asked)
  expect(await own.locator('main').innerText()).toMatch(/You asked this yourself\. .*Sam Okafor/)
  expect(await yesOf(own).isVisible()).toBe(false)
  const maya = await phoneOf('maya')
  const backup = await maya.open(asked)
  expect(await backup.locator('main').innerText()).toMatch(/not yours to answer\. .*Sam Okafor/)
  expect(await yesOf(backup).isVisible()).toBe(false)
  const lee = await phoneOf('lee')
  for (const id of [asked.id, 'R-ZZZZZ', 'nothing']) {
    const page = await lee.open({ id })
    expect(await page.getByRole('alert').innerText()).toMatch(/no such request/i)
    expect(await page.locator('main').innerText()).not.toContain('crm.deals')
  }
  for (const each of [maya, lee]) await each.context.close()
})

it('who is not signed in signs in, and comes back to it', async () => {
  const asked = await ask('tom')
  const context = await opened.browser.newContext(phone)
  const page = await context.newPage()
  await page.goto(`${parts.issuer}/a/${asked.id}`)
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  expect(await page.locator('body').innerText()).not.toContain('crm.deals')
  await page.getByLabel('Sign-in link').fill(await parts.running.signInLink())
  await page.getByRole('button', { name: 'Sign in' }).click()
  await yesOf(page).waitFor()
  expect(new URL(page.url()).pathname).toBe(`/a/${asked.id}`)
  // Their sign-in ends while they look: what they press is not sent, and they come back.
  await context.clearCookies()
  await yesOf(page).click()
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  expect((await parts.sam.client.get<{ state: string }>(`/v1/requests/${asked.id}`)).state).toBe(
    'open',
  )
  await context.close()
})

it('an address of another page is not let through under it, and its policy is the console’s', async () => {
  const asked = await ask('tom')
  const page = await tom.open(asked)
  const policyOf = async (path: string) =>
    (await page.goto(`${parts.issuer}${path}`))?.headers()['content-security-policy']
  const policy = await policyOf(`/a/${asked.id}`)
  expect(policy).toContain("require-trusted-types-for 'script'")
  expect(policy).toBe(await policyOf('/apps'))
  expect(tom.complaints.filter(said => !/40[34]/.test(said))).toEqual([])
})

it('keeps nobody out: axe in light, dark and at 320, buttons of 48, and no scrolling sideways', async () => {
  const asked = await ask()
  const found: string[] = []
  for (const colorScheme of ['light', 'dark'] as const) {
    const { page, context, open } = await phoneOf('tom', { colorScheme })
    for (const width of [1024, 360, 320]) {
      await page.setViewportSize({ width, height: 740 })
      await open(asked)
      for (const folded of await page.locator('summary').all()) await folded.click()
      const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
      const { violations } = await new AxeBuilder({ page }).setLegacyMode().withTags(tags).analyze()
      for (const { id, nodes } of violations)
        found.push(`${colorScheme} ${width} ${id}: ${nodes[0]?.html.slice(0, 120)}`)
      const { over, low } = await page.evaluate(() => ({
        over: document.documentElement.scrollWidth - document.documentElement.clientWidth,
        low: [...document.querySelectorAll('button, summary')]
          .map(each => each.getBoundingClientRect())
          .filter(({ width: w, height: h }) => w > 0 && h < 48).length,
      }))
      if (over > 0 || low > 0) found.push(`${colorScheme} ${width}: over ${over}, low ${low}`)
    }
    await context.close()
  }
  expect(found).toEqual([])
}, 120_000)

it('what nobody answered in time says so, and has no button', async () => {
  const asked = await ask('tom')
  clock.advance(40 * 86_400_000)
  await parts.running.world.runNow('apps')
  const sam = await opened.window(phone)
  await sam.page.goto(`${parts.issuer}/a/${asked.id}`)
  await sam.page.getByText('Nobody answered in time').waitFor()
  expect(await sam.page.locator('main').innerText()).toContain('Tom Reyes can ask again')
  expect(await yesOf(sam.page).isVisible()).toBe(false)
  await sam.context.close()
}, 90_000)
