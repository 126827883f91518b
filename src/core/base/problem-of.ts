/**
 * Problems by name: what each says stands in `sentences.json`, one place to read and to translate.
 * `{word}` in a sentence is filled from what is given; `{command}` and `{product}` are known. That
 * every word of a sentence is given where it is used, a test of all sources holds.
 */
import { Problem, type ProblemCode, type ProblemText } from './problem.ts'
import { product } from './product.ts'
import table from './sentences.json' with { type: 'json' }

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

const known = new Map([
  ['command', product.command],
  ['product', product.name],
])

/** What a caller sent is filled in as it is: braces within it are no words. */
function fill(sentence: string, words: Words): string {
  return sentence.replaceAll(
    /\{(\w+)\}/g,
    (_, name: string) => known.get(name) ?? String(words[name]),
  )
}
