/** One command from its words to its exit code. Everything is an argument, so tests run it whole. */
import { existsSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { isAgent } from './agent.ts'
import { makeApi } from './api.ts'
import { Options, type Verb } from './cli.ts'
import type { Host } from './host.ts'
import { Presenter } from './present.ts'
import { exits, Problem, problem } from './problem.ts'
import { helpLines, parseArgv } from './program.ts'
import { chooseServer } from './server.ts'
import { modules } from './words.ts'

export async function runCli(given: Host): Promise<number> {
  let out = presenterOf(given, new Options({ json: given.argv.includes('--json') }))
  try {
    const parsed = parseArgv(given.argv)
    if ('help' in parsed) {
      const lines = helpLines(parsed.help)
      return out.answer({ result: { help: lines }, lines })
    }
    const options = new Options(parsed.options)
    const host = { ...given, cwd: resolve(given.cwd, options.text('cwd') ?? '.') }
    out = presenterOf(host, options)
    const server = chooseServer(host, options.text('server'))
    const token = async (force: boolean) =>
      (await import('./session.ts')).currentToken(server, force)
    const api = makeApi(server.url, options.is('dryRun'), token)
    const verb = await loadVerb(parsed.word.verb)
    return out.answer(await verb({ host, server, api, out, options }, ...parsed.args))
  } catch (error) {
    const told = error instanceof Problem ? error : ourBug(error, given)
    // Where nobody can be asked, programs are told what a person must do.
    const isOpen = told.text.exit === exits.needsPerson || told.text.exit === exits.waiting
    return out.problem(told, isOpen && (given.stdout.isTTY !== true || isAgent(given.env)))
  }
}

async function loadVerb(path: string): Promise<Verb> {
  const [file = '', name = ''] = path.split('.')
  const verb = ((await modules[file]?.()) as Readonly<Record<string, Verb>> | undefined)?.[name]
  if (verb === undefined) throw new Error(`there is no verb ${path}`)
  return verb
}

function presenterOf(host: Host, options: Options): Presenter {
  return new Presenter(host, {
    isJson: options.is('json'),
    isPlain: options.is('plain') || (host.env['LEASEHOLD_ACCESSIBLE'] ?? '') !== '',
    isQuiet: options.is('quiet'),
    command: commandName(host.cwd),
  })
}

/** `./lh` as it is reached from here; installed apart, `leasehold`. */
function commandName(cwd: string): string {
  const script = resolve(import.meta.dirname, '..', '..', 'lh')
  if (!existsSync(script)) return 'leasehold'
  const near = relative(cwd, script)
  const path = near.startsWith('.') ? near : `./${near}`
  return path.length < script.length ? path : script
}

/** What is no Problem is a bug of ours: said so, without its insides. */
function ourBug(error: unknown, { env }: Host): Problem {
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return problem('LH-BUG-99', { why: env['LEASEHOLD_DEBUG'] === undefined ? '' : detail }, error)
}
