/**
 * The one error people and programs meet. A denial is a value (policy), a bug is an assertion; a
 * `Problem` is an inability: it says what, and the next step.
 */
import { limits } from './limits.ts'
import { product } from './product.ts'
import table from './sentences.json' with { type: 'json' }
import type { Word } from './words.ts'

/** What can be the matter, as programs know it; how each goes over a wire, the doors say. */
export type ProblemCode = Word<
  // what the caller sent
  | 'bad-json bad-request invalid-field too-large not-found method-not-allowed'
  | 'unsupported-media-type already-exists conflict wrong-state'
  // who the caller is
  | 'not-signed-in not-attested token-refused human-required'
  // what was decided
  | 'denied approval-needed hash-mismatch over-budget'
  // OAuth
  | 'unsupported-grant invalid-scope invalid-target'
  // what we can not do now
  | 'rate-limited stale store-unavailable target-unavailable target-busy target-refused'
  | 'issuer-unavailable address-refused ledger-regressed bad-configuration not-verified'
  | 'internal'
>

export interface ProblemText {
  /** For the caller: quotes their input in back-ticks, no internals. */
  detail: string
  /** The next step, if not part of the detail: a command or a sentence. */
  next?: string | undefined
  /** The member of the input at fault, as a JSON pointer or a parameter name. */
  field?: string | undefined
  /** For us: never shown to a caller, never a secret. */
  log?: string | undefined
  cause?: unknown
}

export class Problem extends Error {
  readonly code: ProblemCode
  readonly detail: string
  readonly next: string | undefined
  readonly field: string | undefined
  readonly log: string | undefined

  constructor(code: ProblemCode, text: ProblemText) {
    super(`${code}: ${text.detail}`, text.cause === undefined ? undefined : { cause: text.cause })
    this.name = 'Problem'
    this.code = code
    this.detail = text.detail
    this.next = text.next
    this.field = text.field
    this.log = text.log
  }
}

// Problems by name: what each says stands in `sentences.json`, one place to read and to translate.
// `{word}` in a sentence is filled from what is given; `{command}`, `{product}` and the limits are known. That every
// word of a sentence is given where it is used, a test of all sources holds.

export type Sentence = keyof typeof table

/** `field`, `log` and `cause` are the problem's own; every other member fills a word. */
type Words = Pick<ProblemText, 'field' | 'log'> & {
  readonly cause?: unknown
  readonly [word: string]: unknown
}

const sentences: Readonly<Record<Sentence, { code: string; detail: string; next?: string }>> = table

export function problemOf(id: Sentence, words: Words = {}): Problem {
  const { code, detail, next } = sentences[id]
  const { field, log, cause } = words
  const filled = next === undefined ? undefined : fill(next, words)
  return new Problem(code as ProblemCode, {
    detail: fill(detail, words),
    next: filled,
    field,
    log,
    cause,
  })
}

const known: Readonly<Record<string, unknown>> = {
  ...limits,
  command: product.command,
  product: product.name,
}

/** What a caller sent is filled in as it is: braces within it are no words. */
function fill(sentence: string, words: Words): string {
  return sentence.replaceAll(/\{(\w+)\}/g, (_, name: string) => String(words[name] ?? known[name]))
}

/** Problems that differ in what is wrong, and share the next step. */
export const problemsWith = (code: ProblemCode, next: string) => (detail: string, field?: string) =>
  new Problem(code, { detail, next, field })

/** Problems that are the same to every caller: which of many things failed is for us alone. */
export const problemsAlike =
  (code: ProblemCode, text: Pick<ProblemText, 'detail' | 'next'>) =>
  (log: string, cause?: unknown) =>
    new Problem(code, { ...text, log, cause })

/** Narrow look at what was thrown. */
export function isProblem(thrown: unknown, code?: ProblemCode): thrown is Problem {
  return thrown instanceof Problem && (code === undefined || thrown.code === code)
}

/** A branch that can not happen, or a bug: stops here, loudly. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`)
}
