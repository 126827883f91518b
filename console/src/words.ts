/** The words for states, each with a glyph and a tone: never a colour alone, and unknown is never green. */
import type * as api from './api.ts'
import table from './states.json' with { type: 'json' }

export type Tone = 'ok' | 'wait' | 'bad' | 'off' | 'plain'

export interface Said {
  readonly glyph: string
  readonly tone: Tone
  readonly word: string
}

const said = (glyph: string, tone: Tone, word: string): Said => ({ glyph, tone, word })

/** Of apps, leases, things, requests, grants, decisions, hops, targets, teams, holds and findings. */
const states = table as unknown as Readonly<
  Record<string, [glyph: string, tone: Tone, word: string]>
>

/** What a state is called. One that is not known here is said as it is, and is not green. */
export function sayState(state: string): Said {
  const known = Object.hasOwn(states, state) ? states[state] : undefined
  return said(...(known ?? ['▲', 'plain', state]))
}

/** `3 leases`, `1 lease`. */
export function many(count: number, one: string, more = `${one}s`): string {
  return `${count.toLocaleString('en')} ${noun(count, one, more)}`
}

/** The word beside a count that stands by itself. */
export function noun(count: number | undefined, one: string, more = `${one}s`): string {
  return count === 1 ? one : more
}

const letters: Readonly<Record<string, string>> = {
  ls: 'L',
  tk: 'T',
  gr: 'G',
  rq: 'R',
  dc: 'D',
  fi: 'F',
  th: 'U',
}

/** A thing without a name by the short id people see; what has a name keeps it. */
export function shortName(name: string): string {
  const [, kind = '', rest = ''] = /^([a-z]{2})_([0-9a-z]{26})$/.exec(name) ?? []
  if (rest === '') return name
  const letter = letters[kind]
  return letter === undefined
    ? `${kind}_${rest.slice(0, 5)}…`
    : `${letter}-${rest.slice(0, 5).toUpperCase()}`
}

/** The page of a thing somebody named by this text; undefined for what has none. */
export function placeOf(thing: api.ThingView, text: string): string | undefined {
  const last = decodeURIComponent(thing.path.split('/').at(-1) ?? '')
  switch (thing.type) {
    case 'app':
      return `/apps/${last}`
    case 'request':
      return `/requests/${text}`
    case 'decision':
      return `/decisions/${text}`
    case 'thing':
      return `/found/${text}`
    case 'lease':
    case 'task':
      return `/trace/${text}`
    case 'finding':
      return `/findings/${text}`
    default:
      return undefined
  }
}
