/** What runs in the clone: the server, the demo, and its two devices, the thief and the liar. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Answer, glyph, mark } from '../answer.ts'
import { accept, parse, request } from '../api.ts'
import type { Cli, Verb } from '../cli.ts'
import type { LiarAnswer, ThiefAnswer } from '../demo-control.ts'
import { exits, failed, usage } from '../problem.ts'
import { pad } from '../text.ts'
import { clockTime } from '../time.ts'
import { said } from './kit.ts'

const clone = resolve(import.meta.dirname, '..', '..', '..')

export const serve = starts('src/main.ts')
export const demo = starts('demo/start.ts')

/** Another process with its own output. The terminal signals both: it ends by itself, we wait. */
function starts(file: string): Verb {
  return async ({ host, options }) => {
    const path = resolve(clone, file)
    if (!existsSync(path)) throw usage(`There is no ${file} here.`, 'Run it in a clone.')
    process.umask(host.umask)
    const given = options.is('acceptLoss') ? ['--accept-loss'] : []
    // As the scripts of the clone start it: less memory, the same speed.
    const args = ['--max-semi-space-size=4', path, ...given]
    const child = spawn(process.execPath, args, { cwd: clone, stdio: 'inherit' })
    process.on('SIGINT', () => {}).on('SIGTERM', () => child.kill('SIGTERM'))
    const [code] = (await once(child, 'exit')) as [number | null]
    return { result: undefined, exit: code ?? exits.failed }
  }
}

export async function thief(cli: Cli): Promise<Answer> {
  const seen = (await control(cli, '/thief', {})) as ThiefAnswer
  const { lease, tries, aliveSeconds, certificate } = seen
  const lines = [
    `  The copy of ${lease}, taken while it was alive, used now:`,
    ...tries.map(each => `    ${pad(each.what, 15)} ${mark(!each.refused)} ${each.says}`),
    `  It was alive for ${aliveSeconds.toFixed(1)} s.   A leaked secret usually takes 27 days to remediate.`,
  ]
  return said(seen, [lines, `verify ${certificate}`, tries.every(({ refused }) => refused)])
}

export async function liar(cli: Cli): Promise<Answer> {
  const seen = (await control(cli, '/liar', { honest: cli.options.is('honest') })) as LiarAnswer
  const { app, green, of, certificate, nextTries } = seen
  const bad = (isGood: boolean) => (isGood ? '' : `${glyph.bad} `)
  const steps = seen.steps.map(({ what, ok, says }) => `    ${pad(what, 21)} ${bad(ok)}${says}`)
  const verify = `    leasehold verify ${certificate}`
  const mine = 'new "what it should do"'
  if (seen.state === 'verified-gone') {
    const head = `  ${app}: ${glyph.ok} ${green} of ${of} verified gone.  The certificate is green now:`
    return said(seen, [[...steps, head, verify], mine])
  }
  const tries = nextTries.map(each => clockTime(each).slice(0, 8)).join(', ')
  const counts = `${green} of ${of} verified gone.  ${of - green} still there.`
  const lines = [
    `  ${app} gets a lease at a pretend database that answers "dropped" and drops nothing.`,
    ...steps,
    `  ${app}: ${glyph.wait} ${counts}  The certificate is not green, and says so:`,
    `${verify}      exit 1`,
    `  Trying again at ${tries} …, until it is true. Owner and platform have been told.`,
    '  Now let it stop lying: leasehold demo liar --honest       (watch it turn green)',
    `  Your own app: leasehold ${mine}`,
  ]
  return { result: seen, lines }
}

async function control(cli: Cli, path: string, json: object): Promise<unknown> {
  const { demo: hint } = cli.server
  if (!hint) throw failed('No demo is running in this folder.', 'npm start')
  const call = { method: 'POST', path, token: hint.controlWord, json, timeoutMs: 60_000 } as const
  return parse(accept(await request(new URL(hint.controlUrl), call)))
}
