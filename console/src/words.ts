/** The words for states, each with a glyph and a tone: never a colour alone, and unknown is never green. */
import type * as api from './api.ts'

export type Tone = 'ok' | 'wait' | 'bad' | 'off' | 'plain'

export interface Said {
  readonly glyph: string
  readonly tone: Tone
  readonly word: string
}

const said = (glyph: string, tone: Tone, word: string): Said => ({ glyph, tone, word })

const states: Readonly<Record<string, Said>> = {
  // apps
  active: said('●', 'ok', 'active'),
  paused: said('■', 'wait', 'paused'),
  ending: said('▲', 'wait', 'ending'),
  ended: said('○', 'off', 'ended'),
  graduated: said('○', 'off', 'graduated'),
  watched: said('▲', 'wait', 'watched'),
  // leases
  intended: said('◌', 'wait', 'intended'),
  live: said('●', 'ok', 'live'),
  contained: said('■', 'wait', 'contained'),
  gone: said('○', 'off', 'gone'),
  // what became of things
  'verified-gone': said('●', 'ok', 'verified gone'),
  transferred: said('●', 'ok', 'transferred'),
  kept: said('●', 'ok', 'kept'),
  'manual-attested': said('▲', 'wait', 'manual-attested'),
  'revoked-unverified': said('▲', 'bad', 'revoked, unverified'),
  unreachable: said('▲', 'bad', 'unreachable'),
  'still-there': said('✕', 'bad', 'still there'),
  'to-do': said('◌', 'plain', 'to do'),
  'never-made': said('○', 'off', 'never made'),
  planned: said('◌', 'plain', 'planned'),
  running: said('▲', 'wait', 'running'),
  'not-green': said('▲', 'bad', 'not green'),
  // requests
  open: said('▲', 'wait', 'open'),
  agreed: said('●', 'ok', 'agreed'),
  denied: said('✕', 'bad', 'denied'),
  withdrawn: said('○', 'off', 'withdrawn'),
  expired: said('○', 'off', 'expired'),
  used: said('●', 'ok', 'used'),
  // grants
  resting: said('◌', 'wait', 'resting'),
  dropped: said('○', 'off', 'dropped'),
  revoked: said('○', 'off', 'revoked'),
  // decisions
  permit: said('●', 'ok', 'permit'),
  deny: said('✕', 'bad', 'deny'),
  // hops
  proven: said('●', 'ok', 'proven'),
  asserted: said('▲', 'wait', 'asserted'),
  missing: said('✕', 'bad', 'missing'),
  // things found
  found: said('▲', 'bad', 'unknown'),
  claimed: said('▲', 'wait', 'claimed'),
  leased: said('●', 'ok', 'leased'),
  // targets
  passed: said('●', 'ok', 'passed'),
  failed: said('✕', 'bad', 'failed'),
  never: said('▲', 'wait', 'not tried yet'),
  // teams of a day
  held: said('■', 'wait', 'held'),
  refused: said('✕', 'bad', 'refused'),
  waits: said('▲', 'wait', 'waits'),
  offered: said('▲', 'wait', 'offered'),
  idle: said('◌', 'plain', 'idle'),
  runs: said('●', 'ok', 'runs'),
  over: said('○', 'off', 'over'),
  // holds
  set: said('■', 'wait', 'set'),
  lifted: said('○', 'off', 'lifted'),
  // findings
  high: said('✕', 'bad', 'high'),
  medium: said('▲', 'wait', 'medium'),
  low: said('◌', 'plain', 'low'),
}

/** What a state is called. One that is not known here is said as it is, and is not green. */
export function sayState(state: string): Said {
  const known = Object.hasOwn(states, state) ? states[state] : undefined
  return known ?? said('▲', 'plain', state)
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
