/** `npm start`: everything from nothing, the story told once, then a server that stays up. */
import { existsSync } from 'node:fs'
import { access, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isProblem } from '../src/core/base/problem.ts'
import { product } from '../src/core/base/product.ts'
import { playAfternoon } from './afternoon.ts'
import { keepStolen, startControl } from './control.ts'
import { type Parts, startParts } from './parts.ts'
import { playStory } from './story.ts'
import { type Teller, teller } from './tell.ts'

const renewMs = 3 * 60_000

async function start(): Promise<void> {
  const out = teller(process.stdout)
  out.line()
  out.line(`  ${product.name}    Every app gets an owner, a purpose and an end. The end is proven.`)
  out.line()
  const port = Number(process.env.LEASEHOLD_PORT ?? '4400')
  const parts = await startParts({ kept: true, port }, out.part)
  out.line()
  try {
    await stayUp(parts, out)
  } finally {
    await parts.stop()
  }
}

async function stayUp(parts: Parts, out: Teller): Promise<void> {
  if (parts.isFirst) await tellStory(parts, out)
  else out.line('  The day you saw before is still here; nothing was played again.')
  const control = await startControl(parts)
  const hint = parts.file('.leasehold/demo.json')
  const writeHint = () => writeFile(hint, JSON.stringify(hintOf(parts, control)), { mode: 0o600 })
  await writeHint()
  // What could not be renewed now is renewed the next time.
  const timer = setInterval(() => void renew(parts, writeHint).catch(() => {}), renewMs)
  await sayReady(parts, out)
  await untilStopped()
  clearInterval(timer)
  out.line('\n  Stopping; everything is kept.')
  await rm(hint, { force: true })
  await control.stop()
}

async function tellStory(parts: Parts, out: Teller): Promise<void> {
  out.line(
    '  THE LIFE OF ONE APP           people are invented; the database, keys and proofs are real',
  )
  out.line()
  const told = await playStory(parts, out.tell)
  await keepStolen(parts, told.stolen)
  if (existsSync(join(import.meta.dirname, '../console/dist/index.html'))) {
    // For the pages: without them nobody could look at it, and what the story counts stays its own.
    await playAfternoon(parts).then(
      () =>
        out.line(
          '\n  In the afternoon more apps wait, are refused, lose an owner: see the console.',
        ),
      (thrown: Error) => out.line(`\n  The afternoon broke off: ${thrown.message}`),
    )
  }
  await parts.keep()
  out.line()
}

async function renew(parts: Parts, write: () => Promise<void>): Promise<void> {
  parts.sam = await parts.sam.renew()
  await write()
}

function hintOf(parts: Parts, control: { url: string; word: string }) {
  return {
    url: parts.address,
    issuer: parts.issuer,
    token: parts.sam.token,
    rootFingerprint: parts.running.world.keys.table().rootFingerprint,
    controlUrl: control.url,
    controlWord: control.word,
  }
}

async function sayReady(parts: Parts, out: Teller): Promise<void> {
  const cli = product.cloneCommand
  const has = await access(parts.file('demo/deal-desk.end.json')).then(
    () => true,
    () => false,
  )
  out.line(`  READY   console  ${await parts.running.signInLink()}`)
  out.line('                   (this link signs you in, once, within 15 minutes)')
  out.line(`          API      ${parts.address}`)
  out.line()
  if (has) {
    out.line('  Open a second terminal in this folder and try to prove us wrong:')
    for (const [command, says] of [
      ['demo thief', 'use what was stolen'],
      ['verify demo/deal-desk.end.json', 'check the certificate, without this server'],
      ['trace deal-desk', 'from commit to row'],
      ['policy try demo/stricter.cedar', 'the same day under another rule'],
      ['demo liar', 'a database that lies about deleting'],
    ])
      out.line(`    ${`${cli} ${command}`.padEnd(43)}${says}`)
  }
  out.line(
    '  A whole company at work, 84 people and 47 apps, in about a minute: npm run demo -- company',
  )
  out.line('  Stop: Ctrl-C (keeps everything). Start again: npm start.')
}

function untilStopped(): Promise<void> {
  return new Promise(done => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => done())
  })
}

await start().catch((thrown: unknown) => {
  if (isProblem(thrown))
    process.stderr.write(
      `\n  ✕ ${thrown.detail}${thrown.next === undefined ? '' : `\n    ${thrown.next}`}\n`,
    )
  else
    process.stderr.write(
      `\n  ✕ ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}\n`,
    )
  process.exitCode = 1
})
