/** A passkey in a real browser, whose authenticator is Chromium's own: added, and then the only way to say yes. */
import type { CDPSession } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { addAuthenticator, hasBrowser, type Opened, openConsole, type Window } from './open.ts'

let opened: Opened
let sam: Window
let device: CDPSession
let authenticatorId: string

beforeAll(async () => {
  if (!hasBrowser) return
  opened = await openConsole()
  sam = await opened.window()
  const added = await addAuthenticator(sam)
  device = added.device
  authenticatorId = added.authenticatorId
}, 120_000)
afterAll(() => opened?.stop())

/** The first that waits for Sam, opened, and the dialog of its yes. */
async function beginYes() {
  const { page, go } = sam
  await go('/requests')
  const waiting = page.getByRole('table', { name: 'Requests that wait for you' })
  await waiting.getByRole('link', { name: /^R-/ }).first().click()
  await page.getByRole('button', { name: 'Approve…' }).click()
  return page.getByRole('dialog')
}

test.skipIf(!hasBrowser)('is added on its page, once', async () => {
  const { page, go } = sam
  await go('/passkeys')
  expect(await page.locator('main').innerText()).toContain('None yet')
  await page.getByRole('button', { name: 'Add a passkey…' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Add a passkey' }).click()
  await page.getByRole('table', { name: 'Your passkeys' }).waitFor()
  const { credentials } = await device.send('WebAuthn.getCredentials', { authenticatorId })
  expect(credentials).toHaveLength(1)
})

test.skipIf(!hasBrowser)(
  'nobody can say yes with the token of the command line any more',
  async () => {
    const { client } = opened.parts.sam
    const { items } = await client.get<{
      items: { id: string; bodyHash: string; state: string }[]
    }>('/v1/requests?state=open')
    expect(items.length).toBeGreaterThan(0)
    for (const { id, bodyHash } of items)
      await expect(
        client.post(`/v1/requests/${id}/answer`, { says: 'yes', bodyHash }),
      ).rejects.toThrow(/given with it, in a browser/)
    await expect(client.post('/v1/passkeys/offer')).rejects.toThrow(/added in a browser/)
  },
)

test.skipIf(!hasBrowser)('a device that does not know its person gives no yes', async () => {
  await device.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false })
  const dialog = await beginYes()
  await dialog.getByRole('button', { name: 'Yes, approve' }).click()
  const alert = dialog.getByRole('alert')
  await alert.waitFor()
  expect(await alert.innerText()).toContain('nothing was said')
  await sam.page.keyboard.press('Escape')
  await device.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: true })
})

test.skipIf(!hasBrowser)('what was read is agreed to with it, and the log names it', async () => {
  const { page } = sam
  const dialog = await beginYes()
  const answered = page.waitForResponse(response => response.url().endsWith('/answer'))
  await dialog.getByRole('button', { name: 'Yes, approve' }).click()
  expect((await answered).status()).toBe(200)
  await page.getByRole('heading', { level: 1, name: /agreed/ }).waitFor()
  const { client } = opened.parts.sam
  const { items: keys } = await client.get<{ items: { id: string }[] }>('/v1/passkeys')
  const newest = await client.get<object>('/v1/log?kind=request.answer&limit=1')
  expect(JSON.stringify(newest)).toContain(`"provenBy":"${keys[0]?.id}"`)
})
