/**
 * A person at the console: the real server with the demo's day and afternoon, and a real Chromium. Other
 * platforms than Linux bring their own browser, named by `LEASEHOLD_CHROMIUM`.
 */
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { playAfternoon } from '../../demo/afternoon.ts'
import { type Parts, startParts } from '../../demo/parts.ts'
import { playStory } from '../../demo/story.ts'

/** The browser from the registry is for Linux on x64 alone. */
export const hasBrowser =
  (process.platform === 'linux' && process.arch === 'x64') ||
  process.env['LEASEHOLD_CHROMIUM'] !== undefined

/** What a window needs of what is looked at. */
type Shown = Pick<Parts, 'issuer' | 'running' | 'stop'>

export interface Opened<P extends Shown = Parts> {
  readonly parts: P
  readonly browser: Browser
  /** A signed-in window; what its pages complained about is in `complaints`. */
  readonly window: (options?: Parameters<Browser['newContext']>[0]) => Promise<Window>
  readonly stop: () => Promise<void>
}

export interface Window {
  readonly context: BrowserContext
  readonly page: Page
  readonly complaints: string[]
  /** Opens an address of the console and waits until it has read what it shows. */
  readonly go: (path: string) => Promise<void>
}

/** The day and its afternoon, or what `start` starts. */
export function openConsole(): Promise<Opened>
export function openConsole<P extends Shown>(start: () => Promise<P>): Promise<Opened<P>>
export async function openConsole(start: () => Promise<Shown> = startDay): Promise<Opened<Shown>> {
  buildConsole()
  const temp = await mkdtemp(join(tmpdir(), 'leasehold-browser-'))
  const before = process.env['TMPDIR']
  const [parts, browser] = await Promise.all([start(), launch(temp)])
  return {
    parts,
    browser,
    window: options => openWindow(parts.running, browser, options),
    stop: async () => {
      await browser.close()
      await parts.stop()
      await rm(temp, { recursive: true, force: true })
      if (before === undefined) delete process.env['TMPDIR']
      else process.env['TMPDIR'] = before
    },
  }
}

/** What is looked at is what stands here now, whoever started us. */
export function buildConsole(): void {
  const script = join(import.meta.dirname, '../../scripts/console.ts')
  execFileSync(process.execPath, [script, '--stale'])
}

async function startDay(): Promise<Parts> {
  const parts = await startParts({ kept: false, port: 0 }, () => {})
  await playStory(parts, () => {})
  await playAfternoon(parts)
  return parts
}

/** The one from the registry unpacks into the temporary folder and takes whatever lies there: give it an own. */
export async function launch(temp: string): Promise<Browser> {
  const named = process.env['LEASEHOLD_CHROMIUM']
  if (named !== undefined) return chromium.launch({ executablePath: named })
  process.env['TMPDIR'] = temp
  const { default: packed, inflate } = await import('@sparticuz/chromium')
  const executablePath = await packed.executablePath()
  // What it needs of a system lies beside it: a machine with Node alone has no NSS.
  const bin = join(dirname(fileURLToPath(import.meta.resolve('@sparticuz/chromium'))), '../bin')
  const libraries = join(await inflate(join(bin, 'al2023.tar.br')), 'lib')
  const env = { ...process.env, LD_LIBRARY_PATH: libraries }
  // Its own arguments switch the same-origin policy off, and run everything in one process that dies as one.
  return chromium.launch({ executablePath, env, args: ['--no-sandbox', '--disable-dev-shm-usage'] })
}

/** A device that knows its person, as a phone does: Chromium's own. */
export async function addAuthenticator({ context, page }: Pick<Window, 'context' | 'page'>) {
  const device = await context.newCDPSession(page)
  await device.send('WebAuthn.enable')
  const { authenticatorId } = await device.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  })
  return { device, authenticatorId }
}

export async function openWindow(
  running: Pick<Parts['running'], 'issuer' | 'signInLink'>,
  browser: Browser,
  options: Parameters<Browser['newContext']>[0] = {},
): Promise<Window> {
  const viewport = { width: 1280, height: 860 }
  // A colour on its way to another is neither: what is measured stands still.
  const context = await browser.newContext({ viewport, reducedMotion: 'reduce', ...options })
  context.setDefaultTimeout(15_000)
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('pageerror', thrown => complaints.push(thrown.message))
  page.on('console', said => {
    if (said.type() === 'error') complaints.push(said.text())
  })
  await page.goto(await running.signInLink())
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('heading', { name: /Home/ }).waitFor()
  const go = async (path: string) => {
    await page.goto(`${running.issuer}${path}`)
    await page.locator('main h1').waitFor()
    await page.locator('.loading').first().waitFor({ state: 'detached' })
  }
  return { context, page, complaints, go }
}
