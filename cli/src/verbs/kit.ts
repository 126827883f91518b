/** How words look and how they are made: lists, cards, and the words that change one thing. */
import type { AppDetail } from '../../../src/doors/api/contract.ts'
import { type Answer, glyph } from '../answer.ts'
import { appOf, ask, type Cli, type Verb } from '../cli.ts'
import { exits, usage } from '../problem.ts'
import { named } from '../text.ts'
import { moment } from '../time.ts'

/** What a word says in the end: its lines, the next command (our name is put before it), whether it is good. */
export type Said = readonly [lines: string | readonly string[], next: string, exit?: Exit]
type Exit = boolean | number

/** The members of a thing that are shown: the compiler notices one that went away. */
type Keys<T> = readonly (keyof T & string)[]

const marks: readonly (readonly [mark: string, states: string])[] = [
  [glyph.ok, ' active graduated live living agreed passed verified-gone '],
  [glyph.bad, ' denied failed still-there '],
  [glyph.held, ' paused set '],
  [glyph.off, ' ended gone left dropped lifted withdrawn expired revoked '],
]

/** Glyph and word; what is neither good, bad nor over is waited for. */
export function stateWord(state: string): string {
  const known = marks.find(([, states]) => states.includes(` ${state} `))
  return `${known?.[0] ?? glyph.wait} ${state.replaceAll('-', ' ')}`
}

/** The end of every word. */
export function said(result: unknown, [lines, next, good = true]: Said): Answer {
  const exit = typeof good === 'number' ? good : good ? exits.ok : exits.failed
  return { result, lines: [lines].flat(), next: named(next), exit }
}

/** A word that lists things; `next` is made of the first. */
export function lists<T extends object>(
  path: string,
  keys: Keys<T>,
  next: (first: T) => string,
): Verb {
  return async ({ api, options, host }) => {
    const query = ['state', 'app', 'day', 'template'].map(name => [name, options.text(name) ?? ''])
    const filter = new URLSearchParams(query.filter(([, value]) => value !== ''))
    const { items } = (await api.get(`/v1/${path}${String(filter)}`)) as { items: T[] }
    const step = items[0] ? next(items[0]) : path === 'apps?' ? 'new "what it should do"' : 'ls'
    return { result: { items }, table: tableOf(items, keys, host.now()), next: `leasehold ${step}` }
  }
}

export function tableOf<T extends object>(items: T[], keys: Keys<T>, now: number): string[][] {
  const rows = items.map(item => keys.map(key => cellOf(key, item[key], now)))
  return [keys.map(key => labelOf(key).toUpperCase()), ...rows]
}

/**
 * A word that changes one thing: sends `body` to `path`. In it `:1` is the first argument, `:app` the
 * app it names or else the folder's, `:folder` the folder's. `PUT ` before the path is the method.
 * `says` gets what the contract promises for that path.
 */
export function changes(
  path: string,
  body: (cli: Cli, ...args: string[]) => object | Promise<object>,
  says: (thing: never, cli: Cli) => Said,
): Verb {
  return async (cli, ...args) => {
    const fill = (name: string) =>
      segment(name === ':1' ? args[0] : appOf(cli, name === ':app' ? args[0] : undefined))
    const [where = '', method = 'POST'] = path.split(' ').reverse()
    const json = await body(cli, ...args)
    const more = { method: method as 'POST', timeoutMs: 20_000 }
    const thing = await cli.api.post(`/v1/${where.replace(/:\w+/, fill)}`, json, more)
    return said(thing, says(thing as never, cli))
  }
}

/** What people type is one segment of a path, whatever it holds. */
export function segment(text = ''): string {
  if (/^\.*$/.test(text)) throw usage(`\`${text}\` names nothing.`, 'leasehold ls')
  return encodeURIComponent(text)
}

export async function readApp(cli: Cli, named?: string): Promise<AppDetail> {
  return (await cli.api.get(`/v1/apps/${segment(appOf(cli, named))}`)) as AppDetail
}

export async function reasonOf(cli: Cli, option = 'reason'): Promise<string> {
  return (
    cli.options.text(option) ?? ask(cli, 'Why? (for the log, and who answers)', `--${option} "…"`)
  )
}

/** A card's lines: one member each, several values below each other; what is not there is left out. */
export function fields<T extends object>(thing: T, keys: Keys<T>, now: number): string[] {
  return keys.flatMap(key => {
    const values = [thing[key]].flat().filter(value => (value ?? '') !== '')
    return values.map((value, i) => field(i === 0 ? labelOf(key) : '', cellOf(key, value, now)))
  })
}

export function field(label: string, value: string): string {
  return `  ${label.padEnd(13)} ${value}`
}

function cellOf(key: string, value: unknown, now: number): string {
  if (value === null || value === undefined || value === '') return '–'
  if (Array.isArray(value)) return value.map(each => cellOf(key, each, now)).join(', ') || '–'
  if (typeof value === 'object') return cellOf(key, (value as { name?: string }).name, now)
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (typeof value !== 'string') return JSON.stringify(value)
  return key === 'state' ? stateWord(value) : /^at$|At$/.test(key) ? moment(value, now) : value
}

/** `termEndsAt` is `Term ends`, `shortId` is `Id`. */
function labelOf(key: string): string {
  const words = key
    .replace(/(?<=.)At$|^short(?=Id$)/g, '')
    .replace(/(?<=.)[A-Z]/g, each => ` ${each.toLowerCase()}`)
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}`
}
