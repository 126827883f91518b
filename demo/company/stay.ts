/** The company while it is up: links to come in by, the work that goes on, and what a second terminal asks for. */
import { rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { product } from '../../src/core/base/product.ts'
import { type Control, openControl } from '../control.ts'
import { type SignedIn, signInLink } from '../people.ts'
import type { Teller } from '../tell.ts'
import type { Company } from './act.ts'
import { startLive } from './live.ts'
import { banner } from './parts.ts'
import { storiesOf } from './stories.ts'

const clone = dirname(dirname(import.meta.dirname))
const renewMs = 3 * 60_000

/** Until somebody stops it. */
export async function stayUp(company: Company, out: Teller, seconds: number): Promise<void> {
  const { parts } = company
  const others = 'thief and liar are of the story that npm start tells.'
  const control = await openControl(storiesOf(company), others)
  const link = await parts.running.signInLink()
  const hint = await keepHint(company, control, await signInLink(parts.issuer, parts.address, link))
  const live = startLive(company)
  await sayReady(company, out, seconds)
  await new Promise<void>(done => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => done())
  })
  await live.stop()
  const { runs, denials, asks, answers, failed } = live.done
  const done = `${runs} runs, ${denials} denials, ${asks} asks, ${answers} answers; ${failed} failed`
  out.line(`\n  Since then: ${done}.`)
  if (failed > 0) out.line(`  The last of these: ${live.lastFault() ?? ''}`)
  out.line('  Stopping; nothing is kept.')
  await hint.stop()
  await control.stop()
}

/** What the command line of this clone reads: where we are, and who it is here. */
async function keepHint({ parts }: Company, control: Control, first: SignedIn) {
  const file = join(clone, '.leasehold', 'demo.json')
  const { issuer, address: url, running } = parts
  let sam = first
  const write = () => {
    const { rootFingerprint } = running.world.keys.table()
    const where = { url, issuer, controlUrl: control.url, controlWord: control.word }
    const text = JSON.stringify({ ...where, token: sam.token, rootFingerprint })
    return writeFile(file, text, { mode: 0o600 })
  }
  await write()
  const renew = async () => {
    sam = await sam.renew()
    await write()
  }
  // What could not be renewed now is renewed the next time.
  const timer = setInterval(() => void renew().catch(() => {}), renewMs)
  return {
    stop: async () => {
      clearInterval(timer)
      await rm(file, { force: true })
    },
  }
}

async function sayReady({ parts }: Company, out: Teller, seconds: number): Promise<void> {
  const { issuer, address, running } = parts
  const as = (sub: string) => `${issuer}/sign-in/company?login_hint=${sub}`
  out.line()
  out.line(`  ${banner}  Made in ${seconds} s, and it goes on working.`)
  out.line()
  out.line(`  READY   Sam, platform      ${await running.signInLink()}`)
  out.line('                             (this link signs you in, once, within 15 minutes)')
  out.line(`          Tom, owns data     ${as('tom')}`)
  out.line(`          Ines, auditor      ${as('ines')}`)
  out.line(`          Maya, builder      ${as('maya')}`)
  out.line(`          API                ${address}`)
  out.line()
  out.line('  In a second terminal in this folder, let something happen:')
  for (const [story, says] of [
    ['leak', 'a token of invoice-bot is in a public repository'],
    ['drift', 'somebody changes a credential at the database'],
    ['leave', 'an owner leaves the company'],
    ['ask', 'a builder asks for data, and somebody must answer'],
  ])
    out.line(`    ${`${product.cloneCommand} demo ${story}`.padEnd(20)}${says}`)
  out.line('  Stop: Ctrl-C. Each start makes it anew.')
}
