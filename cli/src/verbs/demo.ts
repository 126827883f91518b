/** What runs in the clone: the server, the demo, and its two devices, the thief and the liar. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Answer } from '../answer.ts'
import { accept, parse, request } from '../api.ts'
import type { Cli, Verb } from '../cli.ts'
import type { DemoAnswer } from '../demo-control.ts'
import { exits, failed, usage } from '../problem.ts'
import { segment } from './kit.ts'

const clone = resolve(import.meta.dirname, '..', '..', '..')

export const serve = starts('src/main.ts')
const start = starts('demo/start.ts')
/** Without a story: the demo itself. Which there are, it says. */
export const demo: Verb = (cli, story) => (story === undefined ? start(cli) : ask(cli, story))

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

async function ask(cli: Cli, story: string): Promise<Answer> {
  const { demo: hint } = cli.server
  if (!hint) throw failed('No demo is running in this folder.', 'npm start')
  const json = { honest: cli.options.is('honest') }
  const path = `/${segment(story)}`
  const call = { method: 'POST', path, token: hint.controlWord, json, timeoutMs: 60_000 } as const
  const reply = accept(await request(new URL(hint.controlUrl), call))
  const { ok, ...answer } = parse(reply) as DemoAnswer
  return { ...answer, exit: ok ? exits.ok : exits.failed }
}
