/** What a word found out: one value for programs, one form for people, one next step. */
export interface Answer {
  /** As the contract says it. Undefined: stdout was somebody else's. */
  readonly result: unknown
  /** A card… */
  readonly lines?: readonly string[]
  /** …or a list, its heads first: columns at a terminal, tab-separated in a pipe. */
  readonly table?: readonly (readonly string[])[]
  /** One command to copy, or one sentence. */
  readonly next?: string | undefined
  /** Not 0 where the answer itself is bad news, e.g. a certificate that is not green. */
  readonly exit?: number
}

/** A glyph never comes without a word after it; only the first two are ever coloured. */
export const glyph = { ok: '●', bad: '✕', done: '✓', wait: '▲', held: '■', off: '○' } as const

export function mark(isGood: boolean): string {
  return isGood ? glyph.ok : glyph.bad
}
