/** What every word is given: the host, the server of this call, what was typed. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { isAgent } from './agent.ts'
import type { Answer } from './answer.ts'
import type { Api } from './api.ts'
import type { Host } from './host.ts'
import type { Presenter } from './present.ts'
import { problem, usage } from './problem.ts'
import { above, type Server } from './server.ts'

export type Cli = { host: Host; server: Server; api: Api; out: Presenter; options: Options }

export type Verb = (cli: Cli, ...args: string[]) => Promise<Answer>

/** Options as typed: a text, or that it was there. */
export class Options {
  readonly #values: Readonly<Record<string, unknown>>

  constructor(values: Readonly<Record<string, unknown>>) {
    this.#values = values
  }

  is(name: string): boolean {
    return this.#values[name] === true
  }

  text(name: string): string | undefined {
    const value = this.#values[name]
    return typeof value === 'string' ? value : undefined
  }

  /** What may be repeated, or separated by commas; undefined where it was not given. */
  list(name: string, separator = ','): string[] | undefined {
    const value = this.#values[name] as string | string[] | undefined
    return value === undefined ? value : [value].flat().flatMap(part => part.split(separator))
  }

  count(name: string): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    if (/^\d{1,6}$/.test(text)) return Number(text)
    throw usage(`--${name} must be a number, not \`${text}\`.`, `For example: --${name} 7`)
  }
}

/**
 * The one place that asks a person. INVARIANT: where nobody can answer it throws, so nothing hangs:
 * no terminal, `--no-input`, or an agent at the keys. `instead` is what to type to be asked nothing.
 */
export async function ask(cli: Cli, question: string, instead: string): Promise<string> {
  const typed = cli.host.argv.map(word => (/\s/.test(word) ? `"${word}"` : word)).join(' ')
  const why = 'Nobody to ask: no terminal, --no-input, or an agent.'
  const next = `leasehold ${typed} ${instead}`
  if (!canAsk(cli)) throw problem('LH-HUMAN-09', { what: question, why, next })
  const input = cli.host.stdin
  const terminal = createInterface({ input, output: process.stderr, terminal: true })
  try {
    return (await terminal.question(`? ${question} `)).trim()
  } finally {
    terminal.close()
  }
}

export function canAsk({ host, options }: Cli): boolean {
  const isTerminal = host.stdin.isTTY === true && host.stderr.isTTY === true
  return isTerminal && options.is('input') && !isAgent(host.env)
}

/** True for yes; `--yes` answers before. */
export async function confirm(cli: Cli, question: string): Promise<boolean> {
  return cli.options.is('yes') || /^y(es)?$/i.test(await ask(cli, `${question} [y/N]`, '--yes'))
}

/** An agent never agrees for a person, not even with --yes. */
export function refuseAgent({ host }: Cli): void {
  const why = 'An agent may ask for things; it never says yes or no for a person.'
  const next = `leasehold ${host.argv.join(' ')}`
  if (isAgent(host.env)) throw problem('LH-HUMAN-09', { what: 'A person must do this.', why, next })
}

/** The app that was named, `--as`, or the one of this folder (`leasehold.yaml`, upwards). */
export function appOf(cli: Cli, named?: string): string {
  const slug = named ?? cli.options.text('as')?.split('/')[0] ?? folderApp(cli.host.cwd)
  if (slug !== undefined) return slug
  throw usage('Which app? None was named, and no leasehold.yaml is here.', 'leasehold ls')
}

/** What `leasehold.yaml` of this folder, or of one around it, says. */
export function folderApp(start: string): string | undefined {
  for (const folder of above(start))
    try {
      const text = readFileSync(join(folder, 'leasehold.yaml'), 'utf8')
      return /^app:\s*["']?([a-z][a-z0-9-]*)/m.exec(text)?.[1]
    } catch {}
  return undefined
}
